internal import Allocation

/// Collects a request's body. Its buffer grows with what has arrived, never with what was announced: a client that
/// announces 64 MiB makes the server allocate them only by sending them.
struct BodyReader: Sendable {
  private let isChunked: Bool
  /// The Content-Length, and how much of it is still to come.
  private let length: Int
  private var left: Int
  private var decoder = ChunkedDecoder()
  private(set) var bytes: [UInt8] = []

  /// The memory held, in bytes.
  var memory: Int { bytes.capacity }

  /// How many of the body's bytes have arrived, with their transfer coding: an error's offset.
  var position: Int { isChunked ? decoder.taken : length - left }

  init(_ framing: BodyFraming) {
    isChunked = framing == .chunked
    length = if case .length(let length) = framing { length } else { 0 }
    left = length
  }

  var isComplete: Bool { isChunked ? decoder.isFinished : left == 0 }

  /// How many bytes may be read straight into the body; short runs are not worth a read of their own.
  var directCount: Int {
    guard isChunked else { return left }
    return decoder.certainData >= 16 * 1024 ? decoder.certainData : 0
  }

  /// Consumes the part of `input` that belongs to the body and returns its length.
  ///
  /// - Parameter limit: the most bytes that a chunked body may have.
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

  /// Lets `fill` append to the body, as far as the buffer has room; returns how many bytes it appended.
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

  /// How many bytes are still to come, as far as is known: a chunked body counts as half received.
  var bytesToCome: Int { isChunked ? bytes.count : left }

  /// Drops what has arrived: only the framing of a refused body matters.
  mutating func dropBytes() { bytes.removeAll(keepingCapacity: true) }

  /// Moves the body out.
  mutating func takeBytes() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &bytes)
    return taken
  }

  /// Grows to four times what has arrived, at least 64 KiB, but to no more than is still to come; and to all that is
  /// once a sixteenth of it has arrived, so that no more than that is copied again.
  private mutating func makeRoom(left: Int, arrived: Int) {
    guard bytes.capacity - bytes.count < max(arrived, 1) else { return }
    let count = bytes.count + arrived
    let isNearEnd = 16 * count >= bytes.count + left
    let target = isNearEnd ? bytes.count + left : max(64 * 1024, 4 * count)
    bytes.reserveLargeCapacity(bytes.count + min(left, max(arrived, target - bytes.count)))
  }
}
