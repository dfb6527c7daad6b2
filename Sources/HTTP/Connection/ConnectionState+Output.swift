internal import Allocation

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

/// Responses that wait to be written, in order. Heads and small bodies share one buffer, which is reused. A large body,
/// or part of one, stays in its own array and is never copied: a head and its body go out in one `writev`.
struct OutputQueue: Sendable {
  private struct Body: Sendable {
    /// How many bytes of the buffer precede it.
    var position: Int
    let part: BodyPart
  }

  /// A body below this size costs less to copy than to write as a second piece.
  static let smallBody = 4096

  private(set) var buffer: [UInt8] = []
  private var bufferStart = 0
  private var bodies: [Body] = []
  private var bodyStart = 0
  /// Bytes that wait to be written.
  private(set) var count = 0
  /// Memory of the large bodies: each is held whole until its last byte is written.
  private var bodyMemory = 0

  var isEmpty: Bool { count == 0 }

  /// Bytes of memory held.
  var memory: Int { buffer.capacity + bodyMemory }

  /// Appends an interim response without fields (RFC 9110 §15.2.1).
  mutating func appendContinue() {
    let before = buffer.count
    buffer.append("HTTP/1.1 100 Continue\r\n\r\n".utf8.span)
    count += buffer.count - before
  }

  mutating func append(_ response: Response, _ framing: ResponseFraming, date: HTTPDate) {
    let before = buffer.count
    buffer.appendHead(of: response, framing, date: date)
    count += buffer.count - before
    guard response.status.mayHaveBody, !framing.isHead else { return }
    append(BodyPart(response.body))
    for part in response.bodyParts { append(part) }
  }

  private mutating func append(_ part: BodyPart) {
    count += part.bytes.count
    guard part.bytes.count >= Self.smallBody else { return buffer.append(part.bytes.span) }
    bodyMemory += part.memory
    bodies.append(Body(position: buffer.count, part: part))
  }

  /// The next bytes in order: from the buffer, then from a large body. Both are empty only if nothing waits.
  func withPieces<R, E: Error>(_ body: (Span<UInt8>, Span<UInt8>) throws(E) -> R) throws(E) -> R {
    guard let large = bodies.first else { return try body(buffer.span.extracting(bufferStart...), Span()) }
    return try body(
      buffer.span.extracting(bufferStart..<large.position), large.part.bytes.span.extracting(bodyStart...))
  }

  /// `written` bytes of the two pieces have been written.
  mutating func drop(_ written: Int) {
    let written = min(max(0, written), count)
    count -= written
    let end = bodies.first?.position ?? buffer.count
    let fromBuffer = min(written, end - bufferStart)
    bufferStart += fromBuffer
    bodyStart += written - fromBuffer
    if let large = bodies.first, bodyStart >= large.part.bytes.count {
      bodyMemory -= large.part.memory
      bodies.removeFirst()
      bodyStart = 0
    }
    if count == 0 { reset() } else { reclaim() }
  }

  /// A client that never reads everything would make the buffer grow for ever: written bytes are removed once they are
  /// half of it, so all moves together cost no more than the writes.
  private mutating func reclaim() {
    guard bufferStart >= 64 * 1024, bufferStart >= buffer.count - bufferStart else { return }
    buffer.removeFirst(bufferStart)
    for index in bodies.indices { bodies[index].position -= bufferStart }
    bufferStart = 0
  }

  /// Keeps the buffer for the next response, unless it is larger than what ten thousand idle connections may hold.
  private mutating func reset() {
    bufferStart = 0
    if buffer.capacity > 8192 { buffer = [] } else { buffer.removeAll(keepingCapacity: true) }
  }
}
