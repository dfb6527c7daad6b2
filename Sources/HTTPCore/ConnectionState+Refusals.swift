/// Answers without a handler: to a head that is not wanted, and to what breaks a rule.
extension ConnectionState {
  /// Answers a request whose body nobody wants.
  ///
  /// What is wrong with a body's framing is wrong whatever the path, and wins over the client's other errors: a 4xx waits
  /// until the body has been read and dropped, if it is short or of unknown length (RFC 9112 §6.3). The server's own
  /// errors never wait. Before a long body, or one that the client holds back, the answer comes at once and the connection
  /// closes (RFC 9112 §9.3, RFC 9110 §10.1.1).
  mutating func refuse(_ head: RequestHead, with response: consuming Response, at now: Moment) {
    let refusal = Refusal(head, route, response)
    let isClientError = refusal.response.status.code < 500
    discardLeft = limits.discardBytes
    switch head.framing {
    case .none, .length(0):
      answer(refusal, mayKeep: true, at: now)
      return
    case .length(let length) where length <= min(limits.discardBytes, limits.bodyBytes) && !head.expectsContinue:
      if isClientError { self.refusal = refusal } else { answer(refusal, mayKeep: true, at: now) }
      guard takesInput else { return }
    case .chunked where isClientError && !head.expectsContinue:
      self.refusal = refusal
    default:
      answer(refusal, mayKeep: false, at: now)
      return
    }
    readPace = timing.bodyPace(from: now.instant)
    since = now.instant
    body = BodyReader(head.framing)
    phase = .discarding
  }

  /// Takes the refused body's part of `bytes`, up to the bound, and returns its length.
  mutating func discard(_ bytes: Span<UInt8>, at now: Moment) throws(ParseFailure) -> Int {
    let count = try body.take(
      bytes.extracting(first: min(discardLeft, bytes.count)), atMost: limits.bodyBytes, limits)
    discardLeft -= count
    body.dropBytes()
    guard body.isComplete || discardLeft == 0 else { return count }
    let isWhole = body.isComplete
    body = BodyReader(.none)
    if let refusal = refusal.take() {
      answer(refusal, mayKeep: isWhole, at: now)
    } else {
      awaitHead(at: now)
    }
    return count
  }

  /// Queues a refusal, and remembers to tell of it.
  mutating func answer(_ refusal: Refusal, mayKeep: Bool, at now: Moment) {
    enqueue(refusal.response, mayKeep: mayKeep, at: now)
    notices.append(.refused(refusal))
  }

  /// One answer to a broken rule, then no more parsing.
  mutating func reject(_ failure: ParseFailure, at now: Moment) {
    if phase == .head { exchange = Exchange(isHead: parser.isHead) }
    var limits = limits
    if phase == .body { limits.bodyBytes = bodyLimit }
    let problem = Problem(failure, limits: limits)
    notices.append(.rejected(problem))
    enqueue(Response(problem), mayKeep: false, at: now)
  }
}
