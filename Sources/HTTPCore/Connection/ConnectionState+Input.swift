/// From bytes to heads and requests.
extension ConnectionState {
  /// Takes note of bytes that have just arrived and returns how many of them are dealt with; the others are for `consume`.
  mutating func receive(_ bytes: Span<UInt8>, at now: Moment) -> Int {
    guard !bytes.isEmpty, !peerHasFinished else { return bytes.count }
    hasNewInput = true
    if phase != .requestReady, phase != .answering { readPace.moved(bytes.count, at: now.instant) }
    // The common case: whole requests are parsed where the owner read them, and nothing is kept.
    guard pendingStart < pending.count else { return 0 }
    hold(bytes)
    return bytes.count
  }

  /// Whether to acknowledge what has just arrived: it neither completed a request nor led to output, which would carry the
  /// acknowledgement.
  mutating func takeAcknowledgement() -> Bool {
    guard hasNewInput else { return false }
    hasNewInput = false
    guard output.isEmpty else { return false }
    return phase == .head ? hasBegunHead : phase == .body || phase == .discarding
  }

  /// Whether bytes that come in can still become requests.
  private var takesInput: Bool {
    switch phase {
    case .head, .headReady, .deciding, .body, .discarding, .requestReady, .answering: true
    case .rejectPending, .rejecting, .closing, .lingering, .closePending, .closed: false
    }
  }

  /// Takes bytes until a head or a request is whole, a rule is broken, or more bytes are needed; returns how many it took.
  mutating func consume(_ bytes: Span<UInt8>, at now: Moment) -> Int {
    var index = 0
    do throws(ParseFailure) {
      while index < bytes.count {
        let rest = bytes.extracting(index...)
        switch phase {
        case .head:
          guard output.count < limits.outputBytes, queuedRefusal == nil else { return index }
          guard let count = try parser.parse(rest, limits: limits, into: &head) else {
            if !hasBegunHead, parser.hasBegun(rest) {
              hasBegunHead = true
              since = now.instant
            }
            return index
          }
          index += count
          headCompleted()
        case .body:
          index += try body.take(rest, atMost: bodyLimit, limits)
          if body.isComplete { phase = .requestReady }
        case .discarding: index += try discard(rest, at: now)
        case .headReady, .deciding, .requestReady, .answering: return index
        case .rejectPending, .rejecting, .closing, .lingering, .closePending, .closed: return bytes.count
        }
      }
    } catch {
      breakRule(error)
      return bytes.count
    }
    return index
  }

  mutating func consumePending(at now: Moment) {
    var held: [UInt8] = []
    swap(&held, &pending)
    let used = consume(held.span.extracting(pendingStart...), at: now)
    guard takesInput else { return }
    swap(&held, &pending)
    pendingStart += used
    if pendingStart == pending.count { releasePending() }
  }

  /// Keeps bytes for later. What has been taken is dropped first, at most once per doubling, so cost stays linear.
  mutating func hold(_ bytes: Span<UInt8>) {
    guard takesInput else { return }
    if pendingStart > 0, pendingStart >= pending.count - pendingStart {
      pending.removeFirst(pendingStart)
      pendingStart = 0
    }
    pending.append(bytes)
  }

  /// Ten thousand idle connections hold no input buffers.
  private mutating func releasePending() {
    pendingStart = 0
    pending = []
  }

  private mutating func headCompleted() {
    guard let head else { return }
    exchange = Exchange(isHead: head.method == .head, isHTTP10: head.version == .http10)
    keepsAlive = head.keepsAlive
    requestID += 1
    phase = .headReady
  }

  mutating func awaitHead(at now: Moment) {
    phase = .head
    parser = HeadParser()
    hasBegunHead = false
    since = now.instant
  }

  /// Nothing more is read as a request.
  mutating func dropInput() {
    releasePending()
    head = nil
    waitingRefusal = nil
    body = BodyReader(.none)
    parser = HeadParser()
  }

  // MARK: Bodies

  /// The answer to `.head`: the body is read, and then the request is `route`'s to answer.
  public mutating func proceed(to route: Route, at now: Moment) {
    guard phase == .deciding, let head else { return }
    self.route = route
    bodyLimit = limits.bodyBytes(for: head.method)
    guard !isTooLarge(head) else { return breakRule(ParseFailure(.bodyTooLarge, at: 0)) }
    switch head.framing {
    case .none, .length(0): phase = .requestReady
    case .length, .chunked:
      if head.expectsContinue { queueContinue(at: now) }
      beginBody(head, .body, at: now)
    }
  }

  mutating func beginBody(_ head: RequestHead, _ phase: Phase, at now: Moment) {
    readPace = timing.bodyPace(from: now.instant)
    since = now.instant
    body = BodyReader(head.framing)
    self.phase = phase
  }

  func isTooLarge(_ head: RequestHead) -> Bool {
    if case .length(let length) = head.framing { length > limits.bodyBytes } else { false }
  }

  /// Reads the rest of a body straight into its place: `fill` appends what one `read` brings, or nothing if it throws;
  /// room grows with what has arrived, never with what was announced. Call it only while `readInterest` is `.body`.
  public mutating func readBody<E: Error>(
    at now: Moment, _ fill: (inout OutputSpan<UInt8>) throws(E) -> Void
  ) throws(E) {
    guard phase == .body, body.directCount > 0 else { return }
    let count = try body.read(fill)
    if count > 0 { hasNewInput = true }
    readPace.moved(count, at: now.instant)
    if body.isComplete { phase = .requestReady }
  }

  /// Takes the refused body's part of `bytes`, up to the bound, and returns its length.
  private mutating func discard(_ bytes: Span<UInt8>, at now: Moment) throws(ParseFailure) -> Int {
    let count = try body.take(
      bytes.extracting(first: min(discardLeft, bytes.count)), atMost: limits.bodyBytes, limits)
    discardLeft -= count
    body.dropBytes()
    guard body.isComplete || discardLeft == 0 else { return count }
    let isWhole = body.isComplete
    body = BodyReader(.none)
    if let refusal = waitingRefusal.take() {
      queue(refusal, mayKeep: isWhole, at: now)
    } else {
      awaitHead(at: now)
    }
    return count
  }

  /// Remembers which rule was broken: `.reject` comes next, and nothing more is parsed.
  mutating func breakRule(_ failure: ParseFailure) {
    if phase == .head { exchange = Exchange(isHead: parser.isHead) }
    var limits = limits
    if phase == .body { limits.bodyBytes = bodyLimit }
    rejection = Rejection(Problem(failure, limits: limits), phase == .head ? nil : head ?? waitingRefusal?.head)
    phase = .rejectPending
  }
}
