internal import Allocation

/// From bytes to heads and requests.
extension ConnectionState {
  /// Accounts for bytes that have just arrived. Returns how many of them need no `consume`, since they are kept or
  /// dropped.
  mutating func receive(_ bytes: Span<UInt8>, at now: Moment) -> Int {
    guard !bytes.isEmpty, !peerHasFinished else { return bytes.count }
    hasNewInput = true
    received += bytes.count
    if phase != .requestReady, phase != .responding { readRate.moved(bytes.count, at: now.instant) }
    // The common case: complete requests are parsed in the owner's buffer, and nothing is kept.
    guard pendingStart < pending.count else { return 0 }
    hold(bytes)
    return bytes.count
  }

  /// Whether to acknowledge what has just arrived: it neither completed a request nor led to output, which would carry
  /// the acknowledgement.
  mutating func takeAcknowledgement() -> Bool {
    guard hasNewInput else { return false }
    hasNewInput = false
    guard output.isEmpty else { return false }
    return phase == .head ? hasBegunHead : phase == .body || phase == .discarding
  }

  /// Whether input can still become a request.
  private var takesInput: Bool {
    switch phase {
    case .head, .headReady, .deciding, .body, .discarding, .requestReady, .responding: true
    case .rejectPending, .rejecting, .closing, .lingering, .closePending, .closed: false
    }
  }

  /// Consumes bytes until a head or a request is complete, a rule is broken, or more bytes are needed. Returns how many
  /// bytes it consumed.
  mutating func consume(_ bytes: Span<UInt8>, at now: Moment) -> Int {
    var index = 0
    do throws(ParseFailure) {
      while index < bytes.count {
        let rest = bytes.extracting(index...)
        switch phase {
        case .head:
          guard mayReadHead, queuedRefusal == nil else { return index }
          guard let count = try readHead(rest) else {
            if !hasBegunHead, parser.hasBegun(rest) {
              hasBegunHead = true
              since = now.instant
            }
            return index
          }
          index += count
          consumed += count
          headCompleted()
        case .body:
          let count = try body.take(rest, atMost: bodyLimit, limits)
          index += count
          consumed += count
          if body.isComplete { phase = .requestReady }
        case .discarding: index += try discard(rest, at: now)
        case .headReady, .deciding, .requestReady, .responding:
          noteEmptyLines(in: rest)
          return index
        case .rejectPending, .rejecting, .closing, .lingering, .closePending, .closed: return bytes.count
        }
      }
    } catch {
      breakRule(error, path: phase == .head ? RequestTarget.path(inHead: bytes.extracting(index...)) : nil)
      return bytes.count
    }
    return index
  }

  /// Reads a head, all of whose bytes so far these are, into `head`; nil until it is whole.
  private mutating func readHead(_ bytes: Span<UInt8>) throws(ParseFailure) -> Int? {
    if !hasBegunHead, let (repeated, count) = lastHead?.repeated(in: bytes, limit: limits.headBytes) {
      head = repeated
      return count
    }
    return try parser.parse(bytes, limits: limits, into: &head)
  }

  /// Old clients end a body with an empty line or two, which are no request (RFC 9112 §2.2).
  private mutating func noteEmptyLines(in rest: Span<UInt8>) {
    guard rest.count <= 4 else { return }
    for index in rest.indices where rest[index] != (index % 2 == 0 ? ASCII.carriageReturn : ASCII.lineFeed) { return }
    blankUpTo = consumed + rest.count
  }

  /// The path of a head of which a part has arrived.
  var pendingPath: String? { RequestTarget.path(inHead: pending.span.extracting(pendingStart...)) }

  mutating func consumePending(at now: Moment) {
    var held: [UInt8] = []
    swap(&held, &pending)
    let used = consume(held.span.extracting(pendingStart...), at: now)
    guard takesInput else { return }
    swap(&held, &pending)
    pendingStart += used
    if pendingStart == pending.count { releasePending() }
  }

  /// Keeps bytes for later. Consumed bytes are removed first, at most once per doubling, so the cost stays linear.
  mutating func hold(_ bytes: Span<UInt8>) {
    guard takesInput else { return }
    if pendingStart > 0, pendingStart >= pending.count - pendingStart {
      pending.removeFirst(pendingStart)
      pendingStart = 0
    }
    pending.append(bytes)
  }

  /// Frees the buffer, so that ten thousand idle connections hold none.
  private mutating func releasePending() {
    pendingStart = 0
    pending = []
  }

  private mutating func headCompleted() {
    guard let head else { return }
    framing = ResponseFraming(isHead: head.method == .head, isHTTP10: head.version == .http10)
    keepsAlive = head.keepsAlive
    if lastHead !== head { lastHead = head.mayRepeat ? head : nil }
    requestID += 1
    phase = .headReady
  }

  mutating func awaitHead(at now: Moment) {
    phase = .head
    parser = HeadParser()
    hasBegunHead = false
    bodyLimit = limits.bodyBytes
    since = now.instant
  }

  /// Drops everything received: no further request is read.
  mutating func dropInput() {
    releasePending()
    head = nil
    lastHead = nil
    waitingRefusal = nil
    body.begin(.none)
    parser = HeadParser()
  }

  // MARK: Bodies

  /// The decision on `.head` to read the body. Then `.request` follows.
  public mutating func proceed(to route: Route, at now: Moment) {
    guard phase == .deciding, let head else { return }
    self.route = route
    bodyLimit = limits.bodyBytes(for: head.method)
    guard limits.limitExceeded(by: head, isRefused: false) == nil else {
      return breakRule(ParseFailure(.bodyTooLarge, at: 0))
    }
    switch head.framing {
    case .none, .length(0): phase = .requestReady
    case .length, .chunked:
      if head.expectsContinue { queueContinue(at: now) }
      beginBody(head, .body, at: now)
    }
  }

  mutating func beginBody(_ head: RequestHead, _ phase: Phase, at now: Moment) {
    readRate = times.bodyDeadline(from: now.instant)
    since = now.instant
    body.begin(head.framing)
    self.phase = phase
  }

  /// Reads the rest of a body straight into its buffer, which grows with what has arrived, never with what was
  /// announced: `fill` appends what one `read` returns, or nothing if it throws. Call it only while `readInterest` is
  /// `.body`.
  public mutating func readBody<E: Error>(
    at now: Moment, _ fill: (inout OutputSpan<UInt8>) throws(E) -> Void
  ) throws(E) {
    guard phase == .body, body.directCount > 0 else { return }
    let count = try body.read(fill)
    if count > 0 { hasNewInput = true }
    received += count
    consumed += count
    readRate.moved(count, at: now.instant)
    if body.isComplete { phase = .requestReady }
  }

  /// Drops the part of `bytes` that belongs to a refused body, up to the bound, and returns its length.
  private mutating func discard(_ bytes: Span<UInt8>, at now: Moment) throws(ParseFailure) -> Int {
    let count = try body.take(
      bytes.extracting(first: min(discardLeft, bytes.count)), atMost: bodyLimit, limits)
    discardLeft -= count
    consumed += count
    body.dropBytes()
    guard body.isComplete || discardLeft == 0 else { return count }
    let isWhole = body.isComplete
    body.begin(.none)
    if let refusal = waitingRefusal.take() {
      noteEmptyLines(in: bytes.extracting(count...))
      queue(refusal, mayKeep: isWhole, at: now)
    } else {
      awaitHead(at: now)
    }
    return count
  }

  /// Stores which rule was broken: `.reject` follows, and nothing more is parsed.
  ///
  /// - Parameter path: of a head that is not whole, as far as it could be read.
  mutating func breakRule(_ failure: ParseFailure, path: String? = nil) {
    if phase == .head { framing = ResponseFraming(isHead: parser.isHead) }
    let head = phase == .head ? nil : head ?? waitingRefusal?.head
    rejection = Rejection(
      ProblemDetails(failure, limits: limits, bodyLimit: bodyLimit), head, head == nil ? .unmatched : route,
      path: head?.path ?? path)
    phase = .rejectPending
  }
}
