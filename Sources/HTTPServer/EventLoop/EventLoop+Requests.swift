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
    let trial: Connection.Trial
    if request.route.body.usesWorkPool(bodyBytes: bodyBytes) {
      trial = .full
    } else if bodyBytes > 0, connection.prefersWorkPool, services.workPool.hasFreeWorker {
      trial = .none
    } else if bodyBytes > 0, mustPostpone {
      return postpone(keep(consume request, metrics, id: id, after: .none), on: connection)
    } else {
      if runInline(request, &metrics, id: id, on: connection, &state) { return }
      trial = .full
    }
    handOver(keep(consume request, metrics, id: id, after: trial), on: connection, &state)
  }

  /// Whether requests with bodies are to wait until all that has arrived has been read, and what has no body answered:
  /// others wait already, this pass has gone on for long, or many requests take longer than a loop has for one.
  private var mustPostpone: Bool {
    !postponed.isEmpty || now.instant.nanoseconds(since: passBegan) >= Self.shareNanoseconds
      || inlineBudget.isSpent(at: now.instant)
  }

  /// How long requests that are answered at once, those not tried yet and those tried for a moment may each keep all
  /// others waiting.
  private static let shareNanoseconds: UInt64 = 5_000_000

  /// False when the request needs more time than it is given: then it has no answer yet.
  private func runInline(
    _ request: Request, _ metrics: inout RequestMetrics, id: ConnectionState.RequestID, isShort: Bool = false,
    on connection: Connection, _ state: inout ConnectionState
  ) -> Bool {
    inlineBudget.start(at: now.instant, isShort: isShort)
    let response = handler.respond(to: request, in: inlineContext)
    refreshClock()
    let isInTime = !inlineBudget.didExpire
    if isInTime {
      if !request.body.isEmpty { connection.prefersWorkPool = false }
      complete(&metrics, id: id, with: consume response, on: connection, &state)
    } else if !isShort {
      inlineBudget.failed(at: now.instant)
      connection.prefersWorkPool = true
    }
    inlineMemory.release()
    return isInTime
  }

  /// A request that has no answer yet.
  private func keep(
    _ request: consuming Request, _ metrics: RequestMetrics, id: ConnectionState.RequestID,
    after trial: Connection.Trial
  ) -> Connection.Work {
    Connection.Work(
      id: id, metrics: metrics,
      cancellation: CancellationToken(deadline: now.instant.advanced(by: services.configuration.requestTimeout)),
      memory: MemoryReservation(services.budget, bytes: request.memory), request: OneShotRequest(consume request),
      trial: trial)
  }

  private func postpone(_ work: Connection.Work, on connection: Connection) {
    connection.work = work
    if work.trial == .none { postponed.append(connection.token) } else { triedBriefly.append(connection.token) }
  }

  /// The connection's next requests wait until others have had their turn.
  func pause(_ connection: Connection, _ state: inout ConnectionState) {
    guard connection.work == nil, !state.isPaused, !connection.isClosed else { return }
    state.pause()
    postponed.append(connection.token)
  }

  var hasPostponed: Bool { !postponed.isEmpty || !triedBriefly.isEmpty }

  /// Answers requests that have been postponed, for some milliseconds. Where many take long, each that has not been
  /// tried is tried for a moment first, so that small ones need not wait for the others.
  func runPostponed() {
    let isShort = inlineBudget.isSpent(at: now.instant)
    postponed.removeFirst(runInOrder(postponed, isShort: isShort))
    triedBriefly.removeFirst(runInOrder(triedBriefly, isShort: false))
  }

  /// - Returns: how many of the connections had their turn.
  private func runInOrder(_ tokens: [Token], isShort: Bool) -> Int {
    let end = now.instant.advanced(by: Self.shareNanoseconds)
    var count = 0
    while count < tokens.count, now.instant < end {
      let token = tokens[count]
      count += 1
      // Its connection may have gone.
      guard let connection = table[token] else { continue }
      connection.withState { state in
        if state.isPaused {
          state.resume()
        } else if !runKept(on: connection, isShort: isShort, &state) {
          return
        }
        advance(connection, &state)
        refreshClock()
      }
    }
    return count
  }

  /// Answers the request that a connection has kept, or hands it over; false where it has none, or a worker has it.
  private func runKept(on connection: Connection, isShort: Bool, _ state: inout ConnectionState) -> Bool {
    guard var work = connection.work, let request = work.request.take() else { return false }
    connection.work = nil
    if work.cancellation.isCancelled {
      let response = handler.response(to: request.head, of: request.route, with: ProblemType.deadlineExceeded.usual)
      complete(&work, with: response, on: connection, &state)
    } else if runInline(request, &work.metrics, id: work.id, isShort: isShort, on: connection, &state) {
      work.memory.release()
    } else {
      work.request = OneShotRequest(request)
      work.trial = isShort ? .short : .full
      handOver(work, on: connection, &state)
    }
    return true
  }

  /// A worker gets the request. Where the pool is full the loop tries it for as long as it may, if it has not done so;
  /// then nobody gets it.
  private func handOver(_ work: Connection.Work, on connection: Connection, _ state: inout ConnectionState) {
    var work = work
    let (handler, mailbox, pool) = (handler, mailbox, services.workPool)
    let (token, id, head, route) = (connection.token, work.id, work.metrics.head, work.metrics.route)
    let (cancellation, memory, oneShot) = (work.cancellation, work.memory, work.request)
    let isTaken = pool.submit { place in
      let began = Clock.now()
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
      let duration = Clock.now().nanoseconds(since: began)
      mailbox.post(
        .finished(WorkResult(duration: duration, token: token, id: id, response: response, memory: memory)))
    } unlessAbandoned: {
      cancellation.isAbandoned
    }
    if isTaken {
      connection.work = work
    } else if work.trial == .full {
      let response = handler.response(to: head, of: route, with: ProblemType.overloaded.usual)
      complete(&work, with: response, on: connection, &state)
    } else {
      postpone(work, on: connection)
    }
  }

  /// A worker has an answer; its connection may have gone.
  func workFinished(_ result: WorkResult) {
    guard let connection = table[result.token], var work = connection.work, work.id == result.id else {
      result.memory.release()
      return
    }
    connection.work = nil
    refreshClock()
    if result.duration < inlineBudget.longest / 2 { connection.prefersWorkPool = false }
    connection.withState { state in
      complete(&work, with: result.response, on: connection, &state)
      advance(connection, &state)
    }
  }

  /// A request that was kept has its answer.
  private func complete(
    _ work: inout Connection.Work, with response: consuming Response, on connection: Connection,
    _ state: inout ConnectionState
  ) {
    complete(&work.metrics, id: work.id, with: response, on: connection, &state)
    // Before the answer is written, since its receiver may send as much again. The worker may hold on for longer.
    work.memory.release()
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
