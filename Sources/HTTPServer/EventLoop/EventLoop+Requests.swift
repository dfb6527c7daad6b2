internal import HTTP
internal import Synchronization

/// Who answers a request: nobody, the loop itself, or the work pool.
extension EventLoop {
  /// Answers at least this large are counted before they are written.
  private static let largeResponse = 64 * 1024

  /// A head is whole: its body is read, unless the handler or the server itself has a reason to refuse it.
  func decide(on head: RequestHead, of connection: Connection, _ state: inout ConnectionState) {
    connection.headCompletedAt = now.instant
    switch routing(of: head, on: connection) {
    case .accept(let route): state.proceed(to: route, at: now)
    case .refuse(let refusal): state.refuse(refusal, at: now)
    }
  }

  private func routing(of head: RequestHead, on connection: Connection) -> Routing {
    let routing = handler.route(head)
    let route = routing.route
    if connection.isBeyondCap, !route.isServedBeyondCap || head.framing != .none {
      observer.connectionRejected(.connectionCap)
      return .refuse(Refusal(head, route, handler.response(to: head, with: .tooManyConnections, closes: true)))
    }
    if let limit = services.configuration.limits.limitExceeded(by: head, isRefused: routing.isRefusal) {
      let problem = ProblemDetails.bodyTooLarge(limit, hasMeaning: head.method.takesBody)
      return .refuse(Refusal(head, route, handler.response(to: head, with: problem)))
    }
    if !routing.isRefusal, case .length(let count) = head.framing {
      let isLarge = count > MemoryBudget.smallRequest
      guard !isLarge || hasRoom(forBody: count, on: connection),
        !route.body.usesWorkPool(bodyBytes: count) || services.workPool.hasRoom
      else {
        return .refuse(Refusal(head, route, handler.response(to: head, with: .overloaded)))
      }
    }
    return routing
  }

  /// A request is whole.
  func run(
    _ request: consuming Request, id: ConnectionState.RequestID, on connection: Connection,
    _ state: inout ConnectionState
  ) {
    let bodyBytes = request.body.count
    var metrics = RequestMetrics(
      request.head, request.route, bodyBytes: bodyBytes, began: connection.headCompletedAt)
    observer.requestBegan(metrics, loop: index)
    // The next request of a connection whose last one took too long for the loop goes to the pool at once; unless it
    // would wait there: behind a proxy it may be somebody else's, and small.
    let isForPool =
      request.route.body.usesWorkPool(bodyBytes: bodyBytes)
      || connection.prefersWorkPool && bodyBytes > 0 && services.workPool.hasFreeWorker
    if !isForPool, runInline(request, &metrics, id: id, on: connection, &state) { return }
    if !isForPool { connection.prefersWorkPool = true }
    if !runOnWorkPool(consume request, metrics, id: id, for: connection) {
      let response = handler.response(to: metrics.head, with: .overloaded)
      complete(&metrics, id: id, with: response, on: connection, &state)
    }
  }

  /// False when the request needs more time than a loop has: then it has no answer yet.
  private func runInline(
    _ request: Request, _ metrics: inout RequestMetrics, id: ConnectionState.RequestID, on connection: Connection,
    _ state: inout ConnectionState
  ) -> Bool {
    inlineBudget.start(at: now.instant, nanoseconds: inlineNanoseconds)
    let response = handler.respond(to: request, in: inlineContext)
    refreshClock()
    let isInTime = !inlineBudget.didExpire
    if isInTime { complete(&metrics, id: id, with: consume response, on: connection, &state) }
    inlineMemory.release()
    return isInTime
  }

  /// False when the pool is full.
  private func runOnWorkPool(
    _ request: consuming Request, _ metrics: RequestMetrics, id: ConnectionState.RequestID, for connection: Connection
  ) -> Bool {
    let cancellation = CancellationToken(
      deadline: now.instant.advanced(by: services.configuration.requestTimeout))
    let memory = MemoryReservation(services.budget, bytes: request.body.capacity + request.head.memory)
    let (handler, mailbox, pool) = (handler, mailbox, services.workPool)
    let (token, head) = (connection.token, request.head)
    let oneShot = OneShotRequest(consume request)
    let isTaken = pool.submit { place in
      let context = RequestContext(
        isCancelled: { cancellation.isCancelled || place.isRefused }, parallel: { place.parallel($0, $1) },
        threads: pool.workers,
        reportUnboundedWork: { place.workedUnbounded($0) { cancellation.isCancelled } },
        reserveMemory: { memory.resizeOrMakeRoom(to: $0) })
      // It may have waited until nobody wants it any more; then not even its text is read.
      var response =
        if !cancellation.isCancelled, let request = oneShot.take() {
          handler.respond(to: consume request, in: context)
        } else {
          handler.response(to: head, with: .deadlineExceeded)
        }
      // The handler was told to stop, and cannot know that it was not the deadline.
      if place.isRefused, !cancellation.isCancelled { response = handler.response(to: head, with: .tooManyExpensive) }
      mailbox.post(.finished(WorkResult(token: token, id: id, response: response, memory: memory)))
    } unlessAbandoned: {
      cancellation.isAbandoned
    }
    if isTaken {
      connection.work = Connection.Work(
        id: id, metrics: metrics, cancellation: cancellation, request: oneShot, memory: memory)
    }
    return isTaken
  }

  /// A worker has an answer; its connection may have gone.
  func workFinished(_ result: WorkResult) {
    guard let connection = table[result.token], var work = connection.work, work.id == result.id else {
      result.memory.release()
      return
    }
    connection.work = nil
    refreshClock()
    let elapsed = now.instant.nanoseconds(since: connection.headCompletedAt)
    if elapsed < inlineNanoseconds / 2 { connection.prefersWorkPool = false }
    connection.withState { state in
      complete(&work.metrics, id: work.id, with: result.response, on: connection, &state)
      // Before the answer is written, since its receiver may send as much again. The worker may hold on for longer.
      result.memory.release()
      advance(connection, &state)
    }
  }

  private func complete(
    _ metrics: inout RequestMetrics, id: ConnectionState.RequestID, with response: consuming Response,
    on connection: Connection, _ state: inout ConnectionState
  ) {
    metrics.ended = now.instant
    observer.requestCompleted(metrics, response, loop: index)
    if connection.isBeyondCap { response.closes = true }
    let isLarge = response.bodyCount >= Self.largeResponse
    state.respond(to: id, with: response, at: now)
    if isLarge { updateMemory(of: connection, &state) }
  }

  // MARK: Answers without a handler

  /// A request broke a rule or a deadline: the connection's last answer.
  func reject(
    _ rejection: ConnectionState.Rejection, of connection: Connection, _ state: inout ConnectionState
  ) {
    var response = Response(rejection.problem)
    handler.decorate(&response, for: rejection.head, at: rejection.path)
    let metrics = rejection.head.map { head in
      RequestMetrics(head, rejection.route, bodyBytes: 0, began: connection.headCompletedAt, ended: now.instant)
    }
    observer.requestRejected(rejection.problem, metrics, response, loop: index)
    state.reject(with: response, at: now)
  }

  /// A refused head has its answer.
  func report(_ refusal: Refusal, of connection: Connection) {
    refreshClock()
    let metrics = RequestMetrics(
      refusal.head, refusal.route, bodyBytes: 0, began: connection.headCompletedAt, ended: now.instant)
    observer.requestRefused(metrics, refusal.response, loop: index)
  }
}

extension RequestHandler {
  /// The server's own answer, with what the handler adds to its own.
  func response(to head: RequestHead, with problem: ProblemDetails, closes: Bool = false) -> Response {
    var response = Response(problem, closes: closes)
    decorate(&response, for: head, at: head.path)
    return response
  }
}

extension ProblemDetails {
  /// More is asked of the server than it takes on at once.
  static let overloaded = ProblemType.overloaded.usual

  /// The request came on a connection beyond the cap.
  static let tooManyConnections = ProblemType.overloaded.problem(
    "The server has as many connections as it takes (--max-connections); use one for many requests, or try again after "
      + "the seconds in Retry-After")

  /// The request's work has turned out to be of the kind that only a few may do at a time.
  static let tooManyExpensive = ProblemType.overloaded.problem(
    "This request takes far longer than its size tells, and the server has as many such requests as it takes on; "
      + "try again after the seconds in Retry-After")

  /// The request waited for a worker until its deadline.
  static let deadlineExceeded = ProblemType.deadlineExceeded.usual
}

/// Tells work on another thread to stop: its client has disconnected, or its time is up.
final class CancellationToken: Sendable {
  private let abandoned = Atomic<Bool>(false)
  private let deadline: Instant

  init(deadline: Instant) { self.deadline = deadline }

  /// The client has disconnected.
  func abandon() { abandoned.store(true, ordering: .relaxed) }

  var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

  /// Whether the client has disconnected or the deadline has passed.
  var isCancelled: Bool { isAbandoned || Clock.now() >= deadline }
}

/// The short time for which an event loop may compute by itself. A request that needs more is run again on the work
/// pool, so that it does not delay the loop's other connections.
final class InlineTimeBudget: Sendable {
  private let end = Atomic<UInt64>(0)
  private let expired = Atomic<Bool>(false)

  func start(at now: Instant, nanoseconds: UInt64) {
    end.store(now.nanoseconds &+ nanoseconds, ordering: .relaxed)
    expired.store(false, ordering: .relaxed)
  }

  /// Asked by the work itself, about every millisecond: whether to stop.
  func checkExpired() -> Bool {
    guard Clock.now().nanoseconds >= end.load(ordering: .relaxed) else { return false }
    expired.store(true, ordering: .relaxed)
    return true
  }

  /// The work needs what only a worker has: its answer is void.
  func expire() { expired.store(true, ordering: .relaxed) }

  /// Whether the work was told to stop, or could not go on, so that its answer is void.
  var didExpire: Bool { expired.load(ordering: .relaxed) }
}
