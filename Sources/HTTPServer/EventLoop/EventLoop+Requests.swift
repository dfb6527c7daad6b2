internal import HTTP

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
    func refused(_ problem: ProblemDetails, closes: Bool = false) -> Routing {
      .refuse(Refusal(head, route, handler.response(to: head, of: route, with: problem, closes: closes)))
    }
    if connection.isBeyondCap, !route.isServedBeyondCap || head.framing != .none {
      observer.connectionRejected(.connectionCap)
      return refused(.tooManyConnections, closes: true)
    }
    if let limit = services.configuration.limits.limitExceeded(by: head, isRefused: routing.isRefusal) {
      return refused(.bodyTooLarge(limit, hasMeaning: head.method.takesBody))
    }
    if !routing.isRefusal, case .length(let count) = head.framing {
      if count > MemoryBudget.smallRequest, !hasRoom(forBody: count, on: connection) { return refused(.outOfMemory) }
      if route.body.usesWorkPool(bodyBytes: count), !services.workPool.hasRoom {
        return refused(ProblemType.overloaded.usual)
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
    // The next request of a connection whose last one took too long for the loop goes to the pool at once. If it would
    // wait there it is tried for a short time: behind a proxy it may be somebody else's, and small.
    let isDoubtful = connection.prefersWorkPool && bodyBytes > 0
    if request.route.body.usesWorkPool(bodyBytes: bodyBytes) || isDoubtful && services.workPool.hasFreeWorker {
      handOver(consume request, &metrics, id: id, on: connection, &state)
    } else if bodyBytes > 0, inlineBudget.isSpent(at: now.instant) {
      postpone(consume request, metrics, id: id, for: connection)
    } else if !runInline(request, &metrics, id: id, isDoubtful: isDoubtful, on: connection, &state) {
      handOver(consume request, &metrics, id: id, on: connection, &state)
    }
  }

  /// False when the request needs more time than a loop has: then it has no answer yet.
  private func runInline(
    _ request: Request, _ metrics: inout RequestMetrics, id: ConnectionState.RequestID, isDoubtful: Bool,
    on connection: Connection, _ state: inout ConnectionState
  ) -> Bool {
    inlineBudget.start(at: now.instant, isShort: isDoubtful)
    let response = handler.respond(to: request, in: inlineContext)
    refreshClock()
    let isInTime = !inlineBudget.didExpire
    if isInTime {
      complete(&metrics, id: id, with: consume response, on: connection, &state)
    } else {
      inlineBudget.failed(at: now.instant)
      connection.prefersWorkPool = true
    }
    inlineMemory.release()
    return isInTime
  }

  /// Keeps a request until all that has arrived meanwhile has been read, and what has no body answered.
  private func postpone(
    _ request: consuming Request, _ metrics: RequestMetrics, id: ConnectionState.RequestID, for connection: Connection
  ) {
    connection.work = Connection.Work(
      id: id, metrics: metrics, cancellation: CancellationToken(deadline: requestDeadline),
      memory: MemoryReservation(services.budget, bytes: request.memory), request: OneShotRequest(consume request))
    postponed.append(connection.token)
  }

  /// Answers requests that have been postponed, for some milliseconds.
  func runPostponed() {
    let end = now.instant.advanced(by: Self.postponedNanoseconds)
    var count = 0
    while count < postponed.count, now.instant < end {
      let token = postponed[count]
      count += 1
      // Its connection may have gone.
      guard let connection = table[token], var work = connection.work, let request = work.request.take() else {
        continue
      }
      connection.work = nil
      connection.withState { state in
        if work.cancellation.isCancelled {
          let response = handler.response(to: request.head, of: request.route, with: ProblemType.deadlineExceeded.usual)
          complete(&work.metrics, id: work.id, with: response, on: connection, &state)
        } else if !runInline(request, &work.metrics, id: work.id, isDoubtful: true, on: connection, &state) {
          handOver(request, &work.metrics, id: work.id, on: connection, &state)
        }
        work.memory.release()
        advance(connection, &state)
      }
    }
    postponed.removeFirst(count)
  }

  /// How long postponed requests keep others waiting that have just arrived.
  private static let postponedNanoseconds: UInt64 = 5_000_000

  /// A worker gets the request; where the pool is full nobody does.
  private func handOver(
    _ request: consuming Request, _ metrics: inout RequestMetrics, id: ConnectionState.RequestID,
    on connection: Connection, _ state: inout ConnectionState
  ) {
    let cancellation = CancellationToken(deadline: requestDeadline)
    let memory = MemoryReservation(services.budget, bytes: request.memory)
    let (handler, mailbox, pool) = (handler, mailbox, services.workPool)
    let (token, head, route) = (connection.token, request.head, request.route)
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
          handler.response(to: head, of: route, with: ProblemType.deadlineExceeded.usual)
        }
      // The handler was told to stop, and cannot know that it was not the deadline.
      if place.isRefused, !cancellation.isCancelled {
        response = handler.response(to: head, of: route, with: .tooManyExpensive)
      }
      mailbox.post(.finished(WorkResult(token: token, id: id, response: response, memory: memory)))
    } unlessAbandoned: {
      cancellation.isAbandoned
    }
    guard isTaken else {
      let response = handler.response(to: head, of: route, with: ProblemType.overloaded.usual)
      return complete(&metrics, id: id, with: response, on: connection, &state)
    }
    connection.work = Connection.Work(
      id: id, metrics: metrics, cancellation: cancellation, memory: memory, request: oneShot)
  }

  /// When a request that begins now is to be answered.
  private var requestDeadline: Instant { now.instant.advanced(by: services.configuration.requestTimeout) }

  /// A worker has an answer; its connection may have gone.
  func workFinished(_ result: WorkResult) {
    guard let connection = table[result.token], var work = connection.work, work.id == result.id else {
      result.memory.release()
      return
    }
    connection.work = nil
    refreshClock()
    let elapsed = now.instant.nanoseconds(since: connection.headCompletedAt)
    if elapsed < inlineBudget.longest / 2 { connection.prefersWorkPool = false }
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
    handler.decorate(&response, for: rejection.head, of: rejection.route, at: rejection.path)
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
  func response(
    to head: RequestHead, of route: Route, with problem: ProblemDetails, closes: Bool = false
  ) -> Response {
    var response = Response(problem, closes: closes)
    decorate(&response, for: head, of: route, at: head.path)
    return response
  }
}

extension ProblemDetails {
  /// The request came on a connection beyond the cap.
  static let tooManyConnections = ProblemType.overloaded.problem(
    "The server has as many connections as it takes (--max-connections); use one for many requests, or try again after "
      + "the seconds in Retry-After")

  /// The request's work has turned out to be of the kind that only a few may do at a time.
  static let tooManyExpensive = ProblemType.overloaded.problem(
    "This request takes far longer than its size tells, and the server has as many such requests as it takes on; "
      + "try again after the seconds in Retry-After")
}
