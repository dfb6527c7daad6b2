internal import Allocation

/// Collects a request's body. Its buffer grows with what has arrived, never with what was announced: a client that
/// announces 64 MiB makes the server allocate them only by sending them.
struct BodyReader: Sendable {
  /// The Content-Length, and how much of it is still to come.
  private var length = 0
  private var left = 0
  /// Nil unless the body is chunked.
  private var decoder: ChunkedDecoder?
  private(set) var bytes: [UInt8] = []

  /// The memory held, in bytes.
  var memory: Int {
    // `mutating`, as in ConnectionState: the decoder would be copied.
    mutating get { bytes.capacity + (decoder?.memory ?? 0) }
  }

  /// How many of the body's bytes have arrived, with their transfer coding: an error's offset.
  var position: Int { decoder?.taken ?? (length - left) }

  /// Begins a body, and lets go of what is left of the one before. In place: a decoder is large, and seldom there.
  mutating func begin(_ framing: BodyFraming) {
    if framing == .chunked { decoder = ChunkedDecoder() } else if decoder != nil { decoder = nil }
    length = if case .length(let length) = framing { length } else { 0 }
    left = length
    bytes = []
  }

  var isComplete: Bool { decoder?.isFinished ?? (left == 0) }

  /// How many bytes may be read straight into the body; short runs are not worth a read of their own.
  var directCount: Int {
    guard let certain = decoder?.certainData else { return left }
    return certain >= 16 * 1024 ? certain : 0
  }

  /// Consumes the part of `input` that belongs to the body and returns its length.
  ///
  /// - Parameter limit: the most bytes that a chunked body may have.
  mutating func take(_ input: Span<UInt8>, atMost limit: Int, _ limits: HTTPLimits) throws(ParseFailure) -> Int {
    if let count = try decoder?.decode(input, into: &bytes, atMost: limit, limits) { return count }
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
    if decoder == nil { left -= count }
    decoder?.tookData(count)
    return count
  }

  /// How many bytes are still to come, as far as is known: a chunked body counts as half received.
  var bytesToCome: Int { decoder == nil ? left : bytes.count }

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

/// Decodes a chunked body (RFC 9112 §7.1) whose bytes may arrive in any pieces.
///
/// Strict where leniency has enabled request smuggling: lines end in CRLF only, without white space before it;
/// extensions and trailers are validated and bounded, then dropped.
struct ChunkedDecoder: Sendable {
  private enum State: Sendable {
    case sizeStart, size, sizeLineFeed
    case chunkExtension(ChunkExtension)
    case data, dataCarriageReturn, dataLineFeed
    case trailers
    case finished
  }

  private var state = State.sizeStart
  /// Bytes of the coded body consumed so far: an error's offset.
  private(set) var taken = 0
  /// Bytes of data decoded so far.
  private var bodyCount = 0
  private var digits = 0
  private var size: UInt64 = 0
  private var dataLeft = 0
  private var extensionBytes = 0
  private var extensionTotal = 0
  private var trailer: [UInt8] = []
  private var trailerScanner = LineScanner()
  private var trailerFields = FieldSection()

  /// The memory held, in bytes.
  var memory: Int { mutating get { trailer.capacity } }

  var isFinished: Bool { if case .finished = state { true } else { false } }

  /// How many bytes of data must come next: they may be read straight into the body.
  var certainData: Int { if case .data = state { dataLeft } else { 0 } }

  /// Accounts for `count` bytes of data, at most `certainData`, that were read straight into the body.
  mutating func tookData(_ count: Int) {
    dataLeft -= count
    bodyCount += count
    taken += count
    if dataLeft == 0 { state = .dataCarriageReturn }
  }

  /// Appends the data in `bytes` to `body`, which may have at most `limit` bytes. Returns how many of the bytes belong
  /// to this body: all, until its end.
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
      case .trailers:
        let count = try takeTrailers(bytes.extracting(index...), limits)
        taken += count
        index += count
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
      guard let digit = byte.hexadecimalValue else { throw failure(.chunkSizeInvalid) }
      (digits, size, extensionBytes) = (1, UInt64(digit), 0)
      state = .size
    case .size:
      if let digit = byte.hexadecimalValue {
        // 16 digits fill 64 bits exactly, so no bit is ever shifted out.
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

  /// Trailers obey the rules of a head's fields, are never merged into them (§7.1.2), and are dropped.
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
        guard trailerFields.semantics.isEmpty else { throw ParseFailure(.trailerForbidden, at: line.lowerBound) }
      }
    } catch {
      // Offsets are relative to the trailer section's start, `held` bytes back.
      throw ParseFailure(error.error, at: taken - held + error.offset)
    }
    return bytes.count
  }

  private func failure(_ error: ParseError) -> ParseFailure { ParseFailure(error, at: taken) }
}

/// The grammar of a chunk's extensions, which follow its size (RFC 9112 §7.1.1): `*( ";" name [ "=" ( token /
/// quoted-string ) ] )`. White space is allowed around semicolons and equals signs, but not before the end of the line.
struct ChunkExtension: Sendable {
  private enum State: Sendable {
    case beforeSemicolon, beforeName, name, afterName, beforeValue, token, quoted, escaped, afterQuote
  }

  private var state = State.beforeSemicolon

  /// Whether the line may end here.
  var mayEnd: Bool {
    switch state {
    case .name, .token, .afterQuote: true
    case .beforeSemicolon, .beforeName, .afterName, .beforeValue, .quoted, .escaped: false
    }
  }

  /// Consumes one byte; false if the grammar does not allow it here.
  mutating func take(_ byte: UInt8) -> Bool {
    let isBlank = byte == ASCII.space || byte == ASCII.tab
    switch state {
    case .beforeSemicolon:
      if isBlank { return true }
      state = .beforeName
      return byte == UInt8(ascii: ";")
    case .beforeName:
      if isBlank { return true }
      state = .name
      return ASCII.isToken(byte)
    case .name, .afterName:
      if isBlank {
        state = .afterName
      } else if byte == UInt8(ascii: "=") {
        state = .beforeValue
      } else if byte == UInt8(ascii: ";") {
        state = .beforeName
      } else {
        guard case .name = state else { return false }
        return ASCII.isToken(byte)
      }
      return true
    case .beforeValue:
      if isBlank { return true }
      state = byte == UInt8(ascii: "\"") ? .quoted : .token
      return byte == UInt8(ascii: "\"") || ASCII.isToken(byte)
    case .token, .afterQuote:
      if isBlank {
        state = .beforeSemicolon
      } else if byte == UInt8(ascii: ";") {
        state = .beforeName
      } else {
        guard case .token = state else { return false }
        return ASCII.isToken(byte)
      }
      return true
    case .quoted:
      if byte == UInt8(ascii: "\"") {
        state = .afterQuote
      } else if byte == UInt8(ascii: "\\") {
        state = .escaped
      }
      return !ASCII.isControl(byte)
    case .escaped:
      state = .quoted
      return !ASCII.isControl(byte)
    }
  }
}
