internal import HTTPCore

/// Who answers a request: nobody, the loop itself, or the lane.
extension EventLoop {
  /// A head is whole: a final answer without its body, or nil.
  func judge(_ head: RequestHead, _ connection: Connection, _ now: Moment) -> Response? {
    connection.began = now.instant
    guard let refusal = refusal(of: head, connection) else { return nil }
    observer.requestRefused(
      head, refusal, Exchange(requestBytes: 0, began: now.instant, ended: now.instant), loop: index)
    return refusal
  }

  private func refusal(of head: RequestHead, _ connection: Connection) -> Response? {
    if connection.isReserve, head.path != services.configuration.livenessPath {
      return Response(.overloaded, fields: [.retryAfter: "1"], closes: true)
    }
    if let refusal = handler.refusal(of: head) { return refusal }
    if case .length(let count) = head.framing, count >= laneBytes, !services.lane.hasRoom(for: count) {
      return Response(.overloaded, fields: [.retryAfter: "1"])
    }
    return nil
  }

  /// A request is whole.
  func answer(
    _ id: ConnectionState.RequestID, _ request: Request, on connection: Connection, _ state: inout ConnectionState,
    _ now: Moment
  ) {
    observer.requestBegan(request.head, loop: index)
    guard request.body.count < laneBytes else {
      handToLane(id, request, connection, &state, now)
      return
    }
    slice.begin(at: lastClock, nanoseconds: sliceNanoseconds)
    let response = handler.respond(to: request, in: loopContext)
    lastClock = Clock.now()
    if slice.wasOver {
      handToLane(id, request, connection, &state, now)
    } else {
      answered(id, request.head, request.body.count, response, connection, &state, now)
    }
  }

  private func answered(
    _ id: ConnectionState.RequestID, _ head: RequestHead, _ requestBytes: Int, _ response: consuming Response,
    _ connection: Connection, _ state: inout ConnectionState, _ now: Moment
  ) {
    observer.requestAnswered(
      head, response, Exchange(requestBytes: requestBytes, began: connection.began, ended: lastClock), loop: index)
    if connection.isReserve { response.closes = true }
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
    let isTaken = lane.submit(bytes: request.body.count) {
      inbox.post(.answer(token, id, handler.respond(to: request, in: context)))
    }
    guard isTaken else {
      let refusal = Response(.overloaded, fields: [.retryAfter: "1"])
      answered(id, request.head, request.body.count, refusal, connection, &state, now)
      return
    }
    connection.current = Connection.Current(
      id: id, head: request.head, requestBytes: request.body.count, cancel: cancel)
  }

  /// The lane has an answer; its connection may have gone.
  func laneAnswered(_ token: Token, _ id: ConnectionState.RequestID, _ response: Response, _ now: Moment) {
    guard let connection = table[token], let current = connection.current, current.id == id else { return }
    connection.current = nil
    connection.withState { state in
      lastClock = Clock.now()
      answered(id, current.head, current.requestBytes, response, connection, &state, now)
      turn(connection, &state, now)
    }
  }
}

extension Problem {
  /// More is asked of the server than it takes on at once.
  static let overloaded = Problem(
    "overloaded", title: "Overloaded", status: .serviceUnavailable,
    detail: "The server has as much work waiting as it takes on; ask again after the seconds in Retry-After")
}

extension Instant {
  /// `span` later, never wrapping.
  func advanced(by span: Duration) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(span.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }
}
