internal import HTTPCore

/// Who answers a request: nobody, the loop itself, or the lane.
extension EventLoop {
  /// A head is whole: a final answer without its body, or nil.
  func judge(_ head: RequestHead, _ connection: Connection, _ now: Moment) -> Response? {
    connection.began = now.instant
    if connection.isReserve, head.path != services.configuration.livenessPath || head.framing != .none {
      return handler.answer(.overloaded, to: head, closes: true)
    }
    if case .length(let count) = head.framing, count > limits.bodyBytes {
      return handler.answer(.bodyTooLarge(count, limit: limits.bodyBytes), to: head)
    }
    if let refusal = handler.refusal(of: head) { return refusal }
    switch head.framing {
    case .length(let count) where count > limits.discardBytes && !head.method.takesBody:
      return handler.answer(.bodyTooLarge(count, limit: limits.discardBytes), to: head)
    case .length(let count) where count >= laneBytes:
      guard services.lane.hasRoom, services.budget.hasRoom(for: count) else {
        return handler.answer(.overloaded, to: head)
      }
      connection.meter = Connection.Meter(most: count)
    case .chunked: connection.meter = Connection.Meter(most: limits.bodyBytes)
    default: connection.meter = nil
    }
    return nil
  }

  /// Has the server's budget hold `bytes` for this connection, instead of what it held before; false when there is no
  /// room for them.
  @discardableResult
  func charge(_ connection: Connection, _ bytes: Int) -> Bool {
    guard bytes != connection.charged else { return true }
    services.budget.release(connection.charged)
    connection.charged = 0
    guard bytes == 0 || services.budget.take(bytes) else { return false }
    connection.charged = bytes
    return true
  }

  /// Charges a body as it comes; false when the budget is used up.
  func meter(_ connection: Connection, _ meter: Connection.Meter, _ count: Int) -> Bool {
    let received = min(meter.received + count, meter.most)
    connection.meter?.received = received
    guard received >= laneBytes, received > connection.charged else { return true }
    return charge(connection, min(received + BodyBudget.step, meter.most))
  }

  /// A request is whole.
  func answer(
    _ id: ConnectionState.RequestID, _ request: Request, on connection: Connection, _ state: inout ConnectionState,
    _ now: Moment
  ) {
    observer.requestBegan(request.head, loop: index)
    connection.meter = nil
    // Its answer may be a thousand times as large.
    guard request.body.isEmpty || !services.budget.isFull(without: connection.charged) else {
      overloaded(id, request.head, request.body.count, connection, &state, now)
      return
    }
    guard request.body.count < laneBytes, !connection.prefersLane || request.body.isEmpty else {
      handToLane(id, request, connection, &state, now)
      return
    }
    slice.begin(at: lastClock, nanoseconds: sliceNanoseconds)
    let response = handler.respond(to: request, in: loopContext)
    lastClock = Clock.now()
    if slice.wasOver {
      connection.prefersLane = true
      handToLane(id, request, connection, &state, now)
    } else {
      answered(id, request.head, request.body.count, consume response, connection, &state, now)
    }
  }

  /// A whole request is refused, since there is too much to do.
  private func overloaded(
    _ id: ConnectionState.RequestID, _ head: RequestHead, _ requestBytes: Int, _ connection: Connection,
    _ state: inout ConnectionState, _ now: Moment
  ) {
    answered(id, head, requestBytes, handler.answer(.overloaded, to: head), connection, &state, now)
  }

  private func answered(
    _ id: ConnectionState.RequestID, _ head: RequestHead, _ requestBytes: Int, _ response: consuming Response,
    _ connection: Connection, _ state: inout ConnectionState, _ now: Moment
  ) {
    observer.requestAnswered(
      head, response, Exchange(requestBytes: requestBytes, began: connection.began, ended: lastClock), loop: index)
    if connection.isReserve { response.closes = true }
    // The request's body is done with; a large answer holds memory until it has been written.
    if connection.charged > 0 || response.body.count >= BodyBudget.step {
      charge(connection, 0)
      connection.charged = response.body.count
      services.budget.takeAnyway(response.body.count)
    }
    state.respond(to: id, with: response, at: now)
  }

  private func handToLane(
    _ id: ConnectionState.RequestID, _ request: Request, _ connection: Connection, _ state: inout ConnectionState,
    _ now: Moment
  ) {
    let cancel = CancelFlag(deadline: now.instant.advanced(by: services.configuration.requestDeadline))
    let lane = services.lane
    let context = RequestContext(isCancelled: { cancel.isRaised }, parallel: { lane.parallel($0, $1) })
    let handler = handler
    let inbox = inbox
    let token = connection.token
    let (head, requestBytes) = (request.head, request.body.count)
    let handed = HandedRequest(request)
    let isTaken = lane.submit {
      // It may have waited until nobody wants it any more; then not even its text is read.
      let response =
        if !cancel.isRaised, let request = handed.take() {
          handler.respond(to: consume request, in: context)
        } else {
          handler.answer(.deadlineExceeded, to: head)
        }
      inbox.post(.answer(token, id, response))
    } unless: {
      cancel.isAbandoned
    }
    guard isTaken else {
      overloaded(id, head, requestBytes, connection, &state, now)
      return
    }
    connection.current = Connection.Current(
      id: id, head: head, requestBytes: requestBytes, cancel: cancel, handed: handed)
  }

  /// The lane has an answer; its connection may have gone.
  func laneAnswered(_ token: Token, _ id: ConnectionState.RequestID, _ response: Response, _ now: Moment) {
    guard let connection = table[token], let current = connection.current, current.id == id else { return }
    connection.current = nil
    connection.withState { state in
      lastClock = Clock.now()
      if lastClock.nanoseconds &- connection.began.nanoseconds < sliceNanoseconds / 2 { connection.prefersLane = false }
      answered(id, current.head, current.requestBytes, response, connection, &state, now)
      turn(connection, &state, now)
    }
  }
}

extension RequestHandler {
  /// The server's own answer, with what the handler adds to its own.
  func answer(_ problem: Problem, to head: RequestHead, closes: Bool = false) -> Response {
    var response = Response(problem, closes: closes)
    if problem.status == .serviceUnavailable { response.fields.append(.retryAfter, "1") }
    decorate(&response, for: head)
    return response
  }
}

extension Problem {
  /// More is asked of the server than it takes on at once.
  static let overloaded = Problem(
    "overloaded", title: "Overloaded", status: .serviceUnavailable,
    detail: "The server has as much work waiting as it takes on; ask again after the seconds in Retry-After")

  /// A body's announced length is beyond the limit.
  static func bodyTooLarge(_ count: Int, limit: Int) -> Problem {
    let kind = ParseError.Kind.bodyTooLarge
    return Problem(
      kind.rawValue, title: kind.title, status: kind.status,
      detail: "The body has \(count) bytes; this server reads at most \(limit); split the batch over several requests")
  }

  /// The request waited for the lane until its time was up.
  static let deadlineExceeded = Problem(
    "deadline-exceeded", title: "Not computed in time", status: .serviceUnavailable,
    detail: "The request waited for its turn until its deadline; ask again after the seconds in Retry-After")
}

extension Instant {
  /// `span` later, never wrapping.
  func advanced(by span: Duration) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(span.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }
}
