internal import Allocation

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
