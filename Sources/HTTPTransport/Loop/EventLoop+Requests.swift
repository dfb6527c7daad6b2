internal import HTTPCore

/// Who answers a request: nobody, the loop itself, or the lane.
extension EventLoop {
  /// A head is whole: a final answer without its body, or nil.
  func judge(_ head: RequestHead, _ connection: Connection, _ now: Moment) -> Response? {
    connection.began = now.instant
    if connection.isReserve, head.path != services.configuration.livenessPath {
      return refused(head, Response(.overloaded, fields: [.retryAfter: "1"], closes: true), now)
    }
    if let refusal = handler.refusal(of: head) { return refused(head, refusal, now) }
    if case .length(let count) = head.framing, count >= services.configuration.laneBytes,
      !services.lane.hasRoom(for: count)
    {
      return refused(head, Response(.overloaded, fields: [.retryAfter: "1"]), now)
    }
    return nil
  }

  private func refused(_ head: RequestHead, _ response: Response, _ now: Moment) -> Response {
    observer.requestRefused(
      Exchange(head: head, response: response, requestBytes: 0, began: now.instant, ended: now.instant), loop: index)
    return response
  }

  /// A request is whole.
  func answer(
    _ id: ConnectionState.RequestID, _ request: Request, on connection: Connection, _ now: Moment
  ) {
    observer.requestBegan(request.head, loop: index)
    if request.body.count >= services.configuration.laneBytes {
      handToLane(id, request, connection, now)
      return
    }
    slice.begin(at: Clock.now(), nanoseconds: sliceNanoseconds)
    let response = handler.respond(to: request, in: loopContext)
    if slice.wasOver {
      handToLane(id, request, connection, now)
    } else {
      answered(id, request.head, request.body.count, response, connection, now)
    }
  }

  private func answered(
    _ id: ConnectionState.RequestID, _ head: RequestHead, _ requestBytes: Int, _ response: Response,
    _ connection: Connection, _ now: Moment
  ) {
    var response = response
    if connection.isReserve { response.closes = true }
    observer.requestAnswered(
      Exchange(
        head: head, response: response, requestBytes: requestBytes, began: connection.began, ended: Clock.now()),
      loop: index)
    connection.state.respond(to: id, with: response, at: now)
  }

  private func handToLane(
    _ id: ConnectionState.RequestID, _ request: Request, _ connection: Connection, _ now: Moment
  ) {
    let requestDeadline = services.configuration.requestDeadline.nanoseconds
    let (sum, overflow) = now.instant.nanoseconds.addingReportingOverflow(requestDeadline)
    let cancel = CancelFlag(deadline: Instant(nanoseconds: overflow ? .max : sum))
    let lane = services.lane
    let context = RequestContext(isCancelled: { cancel.isRaised }, parallel: { lane.parallel($0, $1) })
    let handler = handler
    let inbox = inbox
    let token = connection.token
    let isTaken = lane.submit(bytes: request.body.count) {
      inbox.post(.answer(token, id, handler.respond(to: request, in: context)))
    }
    guard isTaken else {
      answered(
        id, request.head, request.body.count, Response(.overloaded, fields: [.retryAfter: "1"]), connection, now)
      return
    }
    connection.current = Connection.Current(
      id: id, head: request.head, requestBytes: request.body.count, began: connection.began, cancel: cancel)
  }

  /// The lane has an answer; its connection may have gone.
  func laneAnswered(_ token: Token, _ id: ConnectionState.RequestID, _ response: Response, _ now: Moment) {
    guard let connection = table[token], let current = connection.current, current.id == id else { return }
    connection.current = nil
    connection.began = current.began
    answered(id, current.head, current.requestBytes, response, connection, now)
    turn(connection, now)
  }
}

extension Problem {
  /// More is asked of the server than it takes on at once.
  static let overloaded = Problem(
    "overloaded", title: "Overloaded", status: .serviceUnavailable,
    detail: "The server has as much work waiting as it takes on; ask again after the seconds in Retry-After")
}
