internal import HTTPCore

/// Who answers a request: nobody, the loop itself, or the lane.
extension EventLoop {
  /// A head is whole: its body is read, unless the handler or the server itself has a reason to refuse it.
  func decide(on head: RequestHead, of connection: Connection, _ state: inout ConnectionState, _ now: Moment) {
    connection.began = now.instant
    switch routing(of: head, on: connection) {
    case .accept(let route): state.proceed(to: route, at: now)
    case .reject(let response, let route): state.refuse(at: route, with: response, at: now)
    }
  }

  private func routing(of head: RequestHead, on connection: Connection) -> Routing {
    let routing = handler.route(head)
    let route = routing.route
    if connection.isReserve, !route.isServedBeyondCap || head.framing != .none {
      return .reject(handler.answer(.overloaded, to: head, closes: true), route)
    }
    if case .length(let count) = head.framing, count > limits.bodyBytes {
      return .reject(handler.answer(.bodyTooLarge(count, limit: limits.bodyBytes), to: head), route)
    }
    if case .reject = routing { return routing }
    switch head.framing {
    case .length(let count) where count > limits.discardBytes && !head.method.takesBody:
      return .reject(handler.answer(.bodyTooLarge(count, limit: limits.discardBytes), to: head), route)
    case .length(let count):
      let isLarge = count > MemoryBudget.smallRequest
      guard !isLarge || services.budget.hasRoom(for: count),
        !route.body.usesWorkPool(bodyBytes: count) || services.lane.hasRoom
      else {
        return .reject(handler.answer(.overloaded, to: head), route)
      }
    case .chunked, .none: break
    }
    return routing
  }

  /// A request is whole.
  func answer(
    _ id: ConnectionState.RequestID, _ request: Request, on connection: Connection, _ state: inout ConnectionState,
    _ now: Moment
  ) {
    let metrics = RequestMetrics(
      request.head, request.route, bodyBytes: request.body.count, began: connection.began)
    observer.requestBegan(metrics, loop: index)
    guard !request.route.body.usesWorkPool(bodyBytes: request.body.count),
      !connection.prefersLane || request.body.isEmpty
    else {
      handToLane(id, request, metrics, connection, &state, now)
      return
    }
    slice.begin(at: lastClock, nanoseconds: sliceNanoseconds)
    let response = handler.respond(to: request, in: loopContext)
    lastClock = Clock.now()
    if slice.wasOver {
      connection.prefersLane = true
      handToLane(id, request, metrics, connection, &state, now)
    } else {
      answered(id, metrics, consume response, connection, &state, now)
    }
  }

  private func answered(
    _ id: ConnectionState.RequestID, _ metrics: RequestMetrics, _ response: consuming Response,
    _ connection: Connection, _ state: inout ConnectionState, _ now: Moment
  ) {
    var metrics = metrics
    metrics.ended = lastClock
    observer.requestAnswered(metrics, response, loop: index)
    if connection.isReserve { response.closes = true }
    state.respond(to: id, with: response, at: now)
  }

  private func handToLane(
    _ id: ConnectionState.RequestID, _ request: Request, _ metrics: RequestMetrics, _ connection: Connection,
    _ state: inout ConnectionState, _ now: Moment
  ) {
    let cancel = CancelFlag(deadline: now.instant.advanced(by: services.configuration.requestDeadline))
    let lane = services.lane
    inlineMemory.release()
    let memory = MemoryReservation(services.budget, bytes: request.body.count + request.head.memory)
    let handler = handler
    let inbox = inbox
    let token = connection.token
    let head = request.head
    let handed = HandedRequest(request)
    let isTaken = lane.submit { place in
      let context = RequestContext(
        isCancelled: { cancel.isRaised || place.isRefused }, parallel: { place.parallel($0, $1) },
        becameExpensive: { place.becameExpensive { cancel.isRaised } },
        reserveMemory: { memory.resize(to: $0) })
      // It may have waited until nobody wants it any more; then not even its text is read.
      let response =
        if !cancel.isRaised, let request = handed.take() {
          handler.respond(to: consume request, in: context)
        } else {
          handler.answer(.deadlineExceeded, to: head)
        }
      inbox.post(.answer(token, id, response, memory))
    } unless: {
      cancel.isAbandoned
    }
    guard isTaken else {
      answered(id, metrics, handler.answer(.overloaded, to: head), connection, &state, now)
      return
    }
    connection.current = Connection.Current(id: id, metrics: metrics, cancel: cancel, handed: handed, memory: memory)
  }

  /// The lane has an answer; its connection may have gone.
  func laneAnswered(_ token: Token, _ id: ConnectionState.RequestID, _ response: Response, _ now: Moment) {
    guard let connection = table[token], let current = connection.current, current.id == id else { return }
    connection.current = nil
    connection.withState { state in
      lastClock = Clock.now()
      if lastClock.nanoseconds &- connection.began.nanoseconds < sliceNanoseconds / 2 { connection.prefersLane = false }
      answered(id, current.metrics, response, connection, &state, now)
      turn(connection, &state, now)
    }
  }
}

extension RequestHandler {
  /// The server's own answer, with what the handler adds to its own.
  func answer(_ problem: Problem, to head: RequestHead, closes: Bool = false) -> Response {
    var response = Response(problem, closes: closes)
    decorate(&response, for: head)
    return response
  }
}

extension Problem {
  /// More is asked of the server than it takes on at once.
  static let overloaded = ProblemType.overloaded.problem(
    "The server has as much work waiting as it takes on; try again after the seconds in Retry-After")

  /// A body's announced length is beyond the limit.
  static func bodyTooLarge(_ count: Int, limit: Int) -> Problem {
    ProblemType.bodyTooLarge.problem(
      "The body has \(count) bytes; this server reads at most \(limit); send several requests")
  }

  /// The request waited in the queue until its time was up.
  static let deadlineExceeded = ProblemType.deadlineExceeded.problem(
    "The request waited in the queue until its deadline; try again after the seconds in Retry-After")
}

extension Instant {
  /// `span` later, never wrapping.
  func advanced(by span: Duration) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(span.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }
}
