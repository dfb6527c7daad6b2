/// Takes the chunked coding off a body (RFC 9112 §7.1), whose bytes may come in any pieces.
///
/// Strict where leniency has let requests be smuggled: no line end but CRLF, no white space before it; extensions and
/// trailers are validated and bounded, then dropped.
struct ChunkedDecoder: Sendable {
  private enum State: Sendable {
    case sizeStart, size, sizeLineFeed
    case chunkExtension(ChunkExtension)
    case data, dataCarriageReturn, dataLineFeed
    case trailers
    case finished
  }

  private var state = State.sizeStart
  /// Bytes of the coded body taken so far: where an error is.
  private(set) var taken = 0
  /// Bytes of data taken so far.
  private var bodyCount = 0
  private var digits = 0
  private var size: UInt64 = 0
  private var dataLeft = 0
  private var extensionBytes = 0
  private var extensionTotal = 0
  private var trailer: [UInt8] = []
  private var trailerScanner = LineScanner()
  private var trailerFields = FieldSection()

  var isFinished: Bool { if case .finished = state { true } else { false } }

  /// How many bytes of data are certain to come next: they may be read straight into the body.
  var certainData: Int { if case .data = state { dataLeft } else { 0 } }

  /// Accounts for `count` bytes of data, at most `certainData`, that were read straight into the body.
  mutating func tookData(_ count: Int) {
    dataLeft -= count
    bodyCount += count
    taken += count
    if dataLeft == 0 { state = .dataCarriageReturn }
  }

  /// Appends the data in `bytes` to `body`, which may have `limit` bytes. Returns how many of the bytes belong to this
  /// body: all, unless it ends.
  mutating func decode(
    _ bytes: Span<UInt8>, into body: inout [UInt8], atMost limit: Int, _ limits: HTTPLimits
  ) throws(ParseFailure) -> Int {
    var index = 0
    while index < bytes.count {
      switch state {
      case .data:
        let count = min(dataLeft, bytes.count - index)
        body.append(bytes.extracting(index..<index + count))
        index += count
        tookData(count)
        continue
      case .trailers:
        let count = try takeTrailers(bytes.extracting(index...), limits)
        taken += count
        index += count
        continue
      case .finished:
        return index
      default:
        try take(bytes[index], atMost: limit, limits)
        index += 1
        taken += 1
      }
    }
    return index
  }

  /// One byte of a chunk's framing.
  private mutating func take(_ byte: UInt8, atMost limit: Int, _ limits: HTTPLimits) throws(ParseFailure) {
    switch state {
    case .sizeStart:
      guard let digit = ASCII.hexValue(byte) else { throw failure(.chunkSizeInvalid) }
      (digits, size, extensionBytes) = (1, UInt64(digit), 0)
      state = .size
    case .size:
      if let digit = ASCII.hexValue(byte) {
        // 16 digits fill 64 bits exactly, so none is ever shifted out.
        guard digits < 16 else { throw failure(.chunkSizeInvalid) }
        digits += 1
        size = size << 4 | UInt64(digit)
      } else if byte == ASCII.carriageReturn {
        state = .sizeLineFeed
      } else if byte == UInt8(ascii: ";") || byte == ASCII.space || byte == ASCII.tab {
        var grammar = ChunkExtension()
        _ = grammar.take(byte)
        state = .chunkExtension(grammar)
      } else {
        throw failure(.chunkSizeInvalid)
      }
    case .chunkExtension(var grammar):
      if byte == ASCII.carriageReturn, grammar.mayEnd {
        state = .sizeLineFeed
      } else {
        guard grammar.take(byte) else { throw failure(.chunkExtensionInvalid) }
        extensionBytes += 1
        extensionTotal += 1
        guard extensionBytes <= limits.chunkExtensionBytes,
          extensionTotal <= limits.chunkExtensionAllowance + bodyCount / 8
        else { throw failure(.chunkExtensionsTooLarge) }
        state = .chunkExtension(grammar)
      }
    case .sizeLineFeed:
      guard byte == ASCII.lineFeed else { throw failure(.chunkSizeInvalid) }
      guard size <= UInt64(max(0, limit - bodyCount)) else { throw failure(.bodyTooLarge) }
      dataLeft = Int(size)
      state = size == 0 ? .trailers : .data
    case .dataCarriageReturn:
      guard byte == ASCII.carriageReturn else { throw failure(.chunkUnterminated) }
      state = .dataLineFeed
    case .dataLineFeed:
      guard byte == ASCII.lineFeed else { throw failure(.chunkUnterminated) }
      state = .sizeStart
    case .data, .trailers, .finished:
      break
    }
  }

  /// Trailers are held to the rules of a head's fields, never merged into them (§7.1.2), and dropped.
  private mutating func takeTrailers(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(ParseFailure) -> Int {
    let held = trailer.count
    var section: [UInt8] = []
    swap(&section, &trailer)
    defer { swap(&section, &trailer) }
    section.append(bytes)
    do throws(ParseFailure) {
      while let line = try trailerScanner.nextLine(in: section.span, before: limits.headBytes, else: .trailersTooLarge)
      {
        if line.isEmpty {
          state = .finished
          return trailerScanner.lineStart - held
        }
        try trailerFields.take(section.span, line, limit: limits.fieldCount, else: .trailersTooLarge)
        guard trailerFields.framing.isEmpty else { throw ParseFailure(.trailerForbidden, at: line.lowerBound) }
      }
    } catch {
      // Counted from the trailer section's start, which lies `held` bytes back.
      throw ParseFailure(error.error, at: taken - held + error.offset)
    }
    return bytes.count
  }

  private func failure(_ error: ParseError) -> ParseFailure { ParseFailure(error, at: taken) }
}
