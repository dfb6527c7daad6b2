/// What answers requests: pure functions of a request, so that a test drives them without a socket.
public protocol RequestHandler: Sendable {
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
  ///   - path: the request's path, or nil when not even that could be read.
  func decorate(_ response: inout Response, for head: RequestHead?, at path: String?)
}

/// What becomes of a request, decided on its head alone.
public enum Routing: Sendable {
  /// The body is read, and `respond` called.
  case accept(Route)
  /// A final answer (404, 405, 413, 415 …); the route is ``Route/unmatched`` where nothing stands at the path.
  case refuse(Refusal)

  public var isRefusal: Bool { if case .refuse = self { true } else { false } }

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
  public let head: RequestHead
  public let route: Route
  public let response: Response

  public init(_ head: RequestHead, _ route: Route, _ response: Response) {
    self.head = head
    self.route = route
    self.response = response
  }
}

extension RequestHandler {
  public func decorate(_ response: inout Response, for head: RequestHead?, at path: String?) {}
}

/// What a request may ask of the server that runs it.
///
/// A class, because it is handed on often: that costs one reference count, not one for each closure.
public final class RequestContext: Sendable {
  /// True once the client has gone or the deadline has passed; long work asks about every millisecond.
  public let isCancelled: @Sendable () -> Bool
  /// Runs `body(0)` … `body(count - 1)`, possibly on several threads, and returns when all are done.
  public let parallel: @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void
  /// The most threads that `parallel` uses.
  public let threads: Int
  /// Asks the server to set aside `bytes` for this request's work, in place of what it set aside before. Work that
  /// needs more than 64 KiB asks before it begins, and gives up with 503 or 413 where the server refuses.
  public let reserveMemory: @Sendable (_ bytes: Int) -> MemoryGrant
  /// Work whose length no bound on the request's size limits calls it about every millisecond, with the nanoseconds
  /// since its last call. The server may make it wait, or end it by ``isCancelled``, so that it keeps no other request
  /// waiting.
  public let reportUnboundedWork: @Sendable (_ nanoseconds: Int) -> Void

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
