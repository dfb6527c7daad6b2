/// Answers on their way out, in order. Heads and small bodies gather in one buffer, which is used again; a large body
/// keeps its own array and is never copied, so that a head and its body go out in one `writev`.
struct OutputQueue: Sendable {
  private struct Body: Sendable {
    /// How much of the buffer goes before it.
    var position: Int
    let bytes: [UInt8]
  }

  /// Below this, copying a body costs less than another piece in the write.
  static let smallBody = 4096

  private(set) var buffer: [UInt8] = []
  private var bufferStart = 0
  private var bodies: [Body] = []
  private var bodyStart = 0
  /// Bytes that wait.
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

  mutating func append(_ response: Response, _ exchange: Exchange, closes: Bool, date: HTTPDate) {
    let before = buffer.count
    buffer.appendHead(of: response, exchange, closes: closes, date: date)
    let hasBody = response.status.mayHaveBody && !exchange.isHead
    if hasBody, response.body.count < Self.smallBody { buffer.append(response.body.span) }
    count += buffer.count - before
    if hasBody, response.body.count >= Self.smallBody {
      count += response.body.count
      bodyMemory += response.body.capacity
      bodies.append(Body(position: buffer.count, bytes: response.body))
    }
  }

  /// The next bytes in order: from the buffer, then from a large body. Both are empty only if nothing waits.
  func withPieces<R, E: Error>(_ body: (Span<UInt8>, Span<UInt8>) throws(E) -> R) throws(E) -> R {
    guard let large = bodies.first else { return try body(buffer.span.extracting(bufferStart...), Span()) }
    return try body(buffer.span.extracting(bufferStart..<large.position), large.bytes.span.extracting(bodyStart...))
  }

  /// `written` bytes of the two pieces are out.
  mutating func drop(_ written: Int) {
    let written = min(max(0, written), count)
    count -= written
    let end = bodies.first?.position ?? buffer.count
    let fromBuffer = min(written, end - bufferStart)
    bufferStart += fromBuffer
    bodyStart += written - fromBuffer
    if let large = bodies.first, bodyStart >= large.bytes.count {
      bodyMemory -= large.bytes.capacity
      bodies.removeFirst()
      bodyStart = 0
    }
    if count == 0 { reset() } else { reclaim() }
  }

  /// A reader that never takes all would have the buffer grow for ever: what is out of it goes when it is half of it, so that
  /// all moves cost no more than the writes.
  private mutating func reclaim() {
    guard bufferStart >= 64 * 1024, bufferStart >= buffer.count - bufferStart else { return }
    buffer.removeFirst(bufferStart)
    for index in bodies.indices { bodies[index].position -= bufferStart }
    bufferStart = 0
  }

  /// Keeps the buffer for the next answer unless it has grown beyond what ten thousand idle connections may hold.
  private mutating func reset() {
    bufferStart = 0
    if buffer.capacity > 8192 { buffer = [] } else { buffer.removeAll(keepingCapacity: true) }
  }
}
