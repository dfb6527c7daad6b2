/// From responses to bytes.
extension ConnectionState {
  /// The response to `.request`. Ignored if `id` is not the request in progress.
  public mutating func respond(to id: RequestID, with response: Response, at now: Moment) {
    guard phase == .responding, id == requestID else { return }
    queue(response, mayKeep: !peerHasFinished || pendingStart < pending.count, at: now)
  }

  /// The decision on `.head` to refuse the request.
  ///
  /// An error in a body's framing takes precedence over other client errors, whatever the path: a 4xx waits until the
  /// body has been read and dropped, if it is short or of unknown length (RFC 9112 §6.3). A 5xx never waits. Before a
  /// long body, or one that the client holds back, the response is sent at once and the connection closes (RFC 9112
  /// §9.3, RFC 9110 §10.1.1).
  public mutating func refuse(_ refusal: Refusal, at now: Moment) {
    guard phase == .deciding else { return }
    let (head, status) = (refusal.head, refusal.response.status)
    route = refusal.route
    // The owner may say so in its own response.
    guard limits.limitExceeded(by: head, isRefused: true) == nil || status == .contentTooLarge else {
      return breakRule(ParseFailure(.bodyTooLarge, at: 0))
    }
    self.head = nil
    let isClientError = status.code < 500
    discardLeft = limits.discardBytes
    switch head.framing {
    case .none, .length(0):
      queue(refusal, mayKeep: true, at: now)
      return
    case .length(let length) where length <= min(limits.discardBytes, limits.bodyBytes) && !head.expectsContinue:
      if isClientError { waitingRefusal = refusal } else { queue(refusal, mayKeep: true, before: length, at: now) }
      guard phase != .closing else { return }
    case .chunked where isClientError && !head.expectsContinue:
      waitingRefusal = refusal
    default:
      queue(refusal, mayKeep: false, at: now)
      return
    }
    beginBody(head, .discarding, at: now)
  }

  /// Refuses a request whose body is still arriving, with the connection's last response. Does nothing once the body is
  /// complete.
  public mutating func refuseBody(at now: Moment, with response: (RequestHead, Route) -> Response) {
    guard phase == .body, let head else { return }
    queue(Refusal(head, route, response(head, route)), mayKeep: false, at: now)
  }

  /// The response to `.reject`, which is the connection's last.
  public mutating func reject(with response: Response, at now: Moment) {
    guard phase == .rejecting else { return }
    queue(response, mayKeep: false, at: now)
  }

  /// Queues a refusal's response; `.refused` follows.
  mutating func queue(_ refusal: Refusal, mayKeep: Bool, before bodyBytes: Int = 0, at now: Moment) {
    queue(refusal.response, mayKeep: mayKeep, before: bodyBytes, at: now)
    queuedRefusal = refusal
  }

  /// Queues a response and decides whether another request may follow it.
  ///
  /// - Parameters:
  ///   - response: the response.
  ///   - mayKeep: whether another may.
  ///   - bodyBytes: how many bytes of the request's own body are still to be dropped.
  ///   - now: the time.
  private mutating func queue(_ response: Response, mayKeep: Bool, before bodyBytes: Int = 0, at now: Moment) {
    let keeps =
      mayKeep && keepsAlive && !response.closes && (!isStopping || hasMoreRequests(after: consumed + bodyBytes))
    startWriting(at: now)
    framing.closes = !keeps
    output.append(response, framing, date: now.date)
    writeRate.require(output.count, within: times.writeTotalTimeout)
    if keeps {
      awaitHead(at: now)
    } else {
      phase = .closing
      dropInput()
    }
  }

  /// Whether a request that has arrived before the server's last responses is complete or begun.
  private mutating func hasMoreRequests(after position: Int) -> Bool {
    if lastReceived == nil { lastReceived = received }
    return max(position, blankUpTo) < lastReceived ?? 0
  }

  mutating func queueContinue(at now: Moment) {
    startWriting(at: now)
    output.appendContinue()
  }

  /// The writing deadline runs while there is something to write.
  private mutating func startWriting(at now: Moment) {
    guard output.isEmpty else { return }
    writeRate = times.writeDeadline(from: now.instant)
    outputSince = now.instant
    outputWritten = 0
  }

  /// `count` bytes of the output's two pieces have been written.
  mutating func wrote(_ count: Int, at now: Moment) {
    guard count > 0 else { return }
    output.drop(count)
    outputWritten += count
    writtenSinceAsked += count
    if output.isEmpty, isIdle { since = now.instant }
  }
}
