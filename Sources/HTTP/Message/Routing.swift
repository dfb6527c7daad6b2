internal import Allocation

/// What answers requests, without a socket.
public protocol RequestHandler: AnyObject, Sendable {
  /// What a head leads to, found before any byte of the body is read, and only here: whoever needs the route later is
  /// handed this one.
  func route(_ head: RequestHead) -> Routing

  /// The answer to a whole request, which is the handler's to keep or let go. May run on an event loop (small bodies)
  /// or on another thread (large ones).
  func respond(to request: consuming Request, in context: RequestContext) -> Response

  /// Gives an answer that the server makes in the handler's stead (a body too large, too much to do, a broken rule)
  /// the form that the handler gives its own, and adds what it adds to them, such as a request id.
  ///
  /// - Parameters:
  ///   - response: the server's answer.
  ///   - head: the request's head, or nil when the head itself broke a rule.
  ///   - route: what the head leads to; ``Route/unmatched`` where it is nil.
  ///   - path: the request's path, or nil when not even that could be read.
  func decorate(_ response: inout Response, for head: RequestHead?, of route: Route, at path: String?)
}

/// What becomes of a request, decided on its head alone.
public enum Routing: Sendable {
  /// The body is read, and `respond` called.
  case accept(Route)
  /// A final answer (404, 405, 413, 415 …); the route is ``Route/unmatched`` where nothing stands at the path.
  case refuse(Refusal)

  /// Whether the head is refused.
  public var isRefusal: Bool { if case .refuse = self { true } else { false } }

  /// The route of the head, refused or not.
  public var route: Route {
    switch self {
    case .accept(let route): route
    case .refuse(let refusal): refusal.route
    }
  }
}

/// A final answer to a head, given before its body is read.
///
/// A class, so that a decision is one word, and a connection spends one on what it seldom has; the box of an indirect
/// case is read after its end in what Swift 6.3 compiles without optimisation, as the address sanitizer shows.
public final class Refusal: Sendable {
  /// The head that is refused.
  public let head: RequestHead
  /// What it leads to; ``Route/unmatched`` where nothing stands at the path.
  public let route: Route
  /// What the client gets.
  public let response: Response

  /// A refusal of a head, by a response.
  public init(_ head: RequestHead, _ route: Route, _ response: Response) {
    self.head = head
    self.route = route
    self.response = response
  }
}

extension RequestHandler {
  /// Adds nothing.
  public func decorate(_ response: inout Response, for head: RequestHead?, of route: Route, at path: String?) {}
}

/// What a request may ask of the server that runs it.
///
/// A class, because it is handed on often: that costs one reference count, not one for each closure.
public final class RequestContext: Sendable {
  /// What work may take without asking: the server leaves room for as much on each loop.
  public static let unaskedBytes = 512 * 1024
  /// True once the client has gone or the deadline has passed; long work asks about every 0.1 ms.
  public let isCancelled: @Sendable () -> Bool
  /// Runs `body(0)` … `body(count - 1)`, possibly on several threads, and returns when all are done.
  public let parallel: @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void
  /// The most threads that `parallel` uses.
  public let threads: Int
  /// Asks the server to set aside `bytes` for this request's work, in place of what it set aside before. Work that
  /// needs more than ``unaskedBytes`` asks before it begins, and gives up with 503 or 413 where the server refuses.
  public let reserveMemory: @Sendable (_ bytes: Int) -> MemoryGrant
  /// Work whose length the request's size does not tell calls it about every 0.1 ms, with the nanoseconds since
  /// its last call. The server may make it wait, or end it by ``isCancelled``, so that it keeps no other request
  /// waiting.
  public let reportUnboundedWork: @Sendable (_ nanoseconds: Int) -> Void

  /// What nobody cancels, one thread computes and no memory bounds, unless said otherwise.
  public init(
    isCancelled: @escaping @Sendable () -> Bool = { false },
    parallel: @escaping @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void = { count, body in
      for index in 0..<max(0, count) { body(index) }
    },
    threads: Int = 1,
    reportUnboundedWork: @escaping @Sendable (_ nanoseconds: Int) -> Void = { _ in },
    reserveMemory: @escaping @Sendable (_ bytes: Int) -> MemoryGrant = { _ in .granted }
  ) {
    self.isCancelled = isCancelled
    self.parallel = parallel
    self.threads = threads
    self.reportUnboundedWork = reportUnboundedWork
    self.reserveMemory = reserveMemory
  }
}

/// What the server says to a request that asks for memory.
public enum MemoryGrant: Sendable {
  case granted
  /// There will be room when other requests are done.
  case notNow
  /// It is more than the server ever sets aside.
  case never
}

/// What a path leads to: found once for each head, then carried by the request, the events, the metrics and the log.
///
/// Made of constants alone, so that carrying it costs no reference count. Only a ``RouteTable`` makes one.
public struct Route: Sendable {
  /// The place in the table that made it; 0 for ``unmatched``.
  public let id: Int
  @usableFromInline let declaration: RouteDeclaration

  /// The name for metrics and logs, one of few whatever clients ask for: `/softmax`, `/problems/{name}`; "" for
  /// ``unmatched``.
  @inlinable public var label: StaticString { declaration.template }
  /// The methods that the path takes.
  @inlinable public var methods: MethodSet { declaration.methods }
  /// What becomes of a request's body.
  @inlinable public var body: BodyPolicy { declaration.body }
  /// Whether it is answered on connections beyond the server's cap too.
  @inlinable public var isServedBeyondCap: Bool { declaration.isServedBeyondCap }

  /// Where nothing stands: the same value in every table.
  public static var unmatched: Route { Route(id: 0, RouteDeclaration("", [])) }

  init(id: Int, _ declaration: RouteDeclaration) {
    self.id = id
    self.declaration = declaration
  }
}

/// What a route does with a request's body, and what a request costs.
public struct BodyPolicy: Sendable {
  /// The media types that are read, as the field Accept-Post lists them; "" where a body means nothing.
  public let mediaTypes: StaticString
  /// A request whose body has this many bytes is run on the work pool, a smaller one on the event loop.
  public let workPoolBytes: Int

  /// A policy of its parts; see the properties.
  public init(mediaTypes: StaticString, workPoolBytes: Int) {
    self.mediaTypes = mediaTypes
    self.workPoolBytes = workPoolBytes
  }

  /// A body means nothing, and the answer costs little whatever its length.
  public static var ignored: BodyPolicy { BodyPolicy(mediaTypes: "", workPoolBytes: .max) }

  /// Whether a request with a body of `bodyBytes` is run on the work pool.
  public func usesWorkPool(bodyBytes: Int) -> Bool { bodyBytes >= workPoolBytes }
}

/// A route before it has its place in a table.
public struct RouteDeclaration: Sendable {
  /// The path, in which `{name}` stands for one segment of any text.
  public let template: StaticString
  /// The methods that are taken.
  public let methods: MethodSet
  /// What becomes of a body.
  public let body: BodyPolicy
  /// Whether the server answers it on connections beyond its cap too: what tells that the process is alive.
  public let isServedBeyondCap: Bool

  /// A route of its parts; see the properties.
  public init(
    _ template: StaticString, _ methods: MethodSet, body: BodyPolicy = .ignored, isServedBeyondCap: Bool = false
  ) {
    self.template = template
    self.methods = methods
    self.body = body
    self.isServedBeyondCap = isServedBeyondCap
  }
}

/// All routes of a handler, each at the place that its id names.
public struct RouteTable: Sendable {
  /// ``Route/unmatched``, then the routes in the order declared.
  public private(set) var routes: [Route] = [.unmatched]
  private var paths: [(path: String, route: Route)] = []
  private var templates: [Route] = []

  /// - Parameters:
  ///   - base: a table whose routes keep their ids in this one.
  ///   - declarations: the routes that come after them.
  public init(extending base: RouteTable? = nil, _ declarations: [RouteDeclaration]) {
    if let base { self = base }
    for declaration in declarations {
      let route = Route(id: routes.count, declaration)
      routes.append(route)
      if declaration.template.span.contains(UInt8(ascii: "{")) {
        templates.append(route)
      } else {
        paths.append((declaration.template.description, route))
      }
    }
  }

  /// What stands at a path, or ``Route/unmatched``.
  public func route(of path: String) -> Route {
    // Lengths first: comparing them costs less than comparing the texts.
    let length = path.utf8.count
    for entry in paths where entry.path.utf8.count == length && entry.path == path { return entry.route }
    return templates.first { Self.matches(path.utf8.span, $0.label.span) } ?? .unmatched
  }

  /// Whether a path is the template with a segment of at least one byte for each name in braces.
  private static func matches(_ path: Span<UInt8>, _ template: Span<UInt8>) -> Bool {
    var (at, index) = (0, 0)
    while index < template.count {
      if template[index] == UInt8(ascii: "{") {
        let start = at
        while at < path.count, path[at] != UInt8(ascii: "/") { at += 1 }
        guard at > start else { return false }
        while index < template.count, template[index] != UInt8(ascii: "}") { index += 1 }
      } else {
        guard at < path.count, path[at] == template[index] else { return false }
        at += 1
      }
      index += 1
    }
    return at == path.count
  }
}

extension Span<UInt8> {
  fileprivate func contains(_ byte: UInt8) -> Bool { indices.contains { self[$0] == byte } }
}
