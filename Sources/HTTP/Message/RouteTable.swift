internal import Allocation

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
  @inlinable public var methods: MethodSet { declaration.methods }
  @inlinable public var body: BodyPolicy { declaration.body }
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
  public let methods: MethodSet
  public let body: BodyPolicy
  /// Whether the server answers it on connections beyond its cap too: what tells that the process is alive.
  public let isServedBeyondCap: Bool

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
