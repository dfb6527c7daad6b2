/// Collects a request's body. Room grows with what has arrived, never with what was announced, so that a claim of
/// 64 MiB costs its sender 64 MiB.
struct BodyReader: Sendable {
  private let isChunked: Bool
  /// What a Content-Length has announced, and what of it is still to come.
  private let length: Int
  private var left: Int
  private var decoder = ChunkedDecoder()
  private(set) var bytes: [UInt8] = []

  /// Bytes of memory held.
  var memory: Int { bytes.capacity }

  /// How many of the body's bytes have come, with their transfer coding: where an error is.
  var position: Int { isChunked ? decoder.taken : length - left }

  init(_ framing: BodyFraming) {
    isChunked = framing == .chunked
    length = if case .length(let length) = framing { length } else { 0 }
    left = length
  }

  var isComplete: Bool { isChunked ? decoder.isFinished : left == 0 }

  /// How many bytes may be read straight into the body; small runs are not worth a read of their own.
  var directCount: Int {
    guard isChunked else { return left }
    return decoder.certainData >= 16 * 1024 ? decoder.certainData : 0
  }

  /// Takes the body's part of `bytes` and returns its length.
  mutating func take(_ input: Span<UInt8>, atMost limit: Int, _ limits: HTTPLimits) throws(ParseFailure) -> Int {
    if isChunked { return try decoder.decode(input, into: &bytes, atMost: limit, limits) }
    let count = min(left, input.count)
    if count > 0 {
      makeRoom(left: left, arrived: count)
      bytes.append(input.extracting(first: count))
      left -= count
    }
    return count
  }

  /// Lets `fill` append to the body as much as there is room and need for; returns how much it was.
  mutating func read<E: Error>(_ fill: (inout OutputSpan<UInt8>) throws(E) -> Void) throws(E) -> Int {
    let wanted = directCount
    let before = bytes.count
    if bytes.capacity == before { makeRoom(left: wanted, arrived: 0) }
    try bytes.append(addingCapacity: min(wanted, bytes.capacity - before)) {
      (out: inout OutputSpan<UInt8>) throws(E) in try fill(&out)
    }
    let count = bytes.count - before
    if isChunked {
      decoder.tookData(count)
    } else {
      left -= count
    }
    return count
  }

  /// How many bytes are still to come, as far as is known: a chunked body is taken to be half there.
  var bytesToCome: Int { isChunked ? bytes.count : left }

  /// Forgets what has come: only its framing counts.
  mutating func dropBytes() { bytes.removeAll(keepingCapacity: true) }

  /// Gives the body away.
  mutating func takeBytes() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &bytes)
    return taken
  }

  /// Four times what has arrived, at least 64 KiB, and no more than is still to come.
  private mutating func makeRoom(left: Int, arrived: Int) {
    guard bytes.capacity - bytes.count < max(arrived, 1) else { return }
    let target = max(64 * 1024, 4 * (bytes.count + arrived))
    bytes.reserveCapacity(bytes.count + min(left, max(arrived, target - bytes.count)))
  }
}
