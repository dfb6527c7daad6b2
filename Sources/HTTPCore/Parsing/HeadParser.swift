/// Reads a request's head (RFC 9112 §2 to §6) from bytes that may come in any pieces.
///
/// `parse` is given all bytes from the head's first one, each time with more at the end. It makes the head and returns
/// how many bytes it took, or nil while the head is not whole, or throws at the first byte that no valid head could have
/// there. What it says depends on the bytes alone, and its cost in all is linear in them.
struct HeadParser: Sendable {
  private var scanner = LineScanner()
  private var skippedLines = 0
  private var line: RequestLine?
  private var section = FieldSection()

  /// Whether the request starts with the method HEAD, whatever is wrong with the rest: its answer has no body, an
  /// error's neither (RFC 9110 §9.3.2).
  private(set) var isHead = false

  /// Empty lines that may precede a request (§2.2): some clients send one or two behind a body.
  private static let maximumEmptyLines = 2

  /// Whether `bytes`, all so far, hold more than the empty lines that may precede a request, or a part of them.
  func hasBegun(_ bytes: Span<UInt8>) -> Bool {
    let rest = bytes.extracting((2 * skippedLines)...)
    return rest.count > 1
      || !rest.isEmpty
        && (rest[0] != ASCII.carriageReturn || skippedLines == Self.maximumEmptyLines)
  }

  mutating func parse(
    _ bytes: Span<UInt8>, limits: HTTPLimits, into head: inout RequestHead?
  ) throws(ParseFailure) -> Int? {
    if line == nil {
      guard try parseRequestLine(bytes, limits) else { return nil }
    }
    while true {
      guard let range = try scanner.nextLine(in: bytes, before: limits.headBytes, else: .headTooLarge) else {
        return nil
      }
      guard !range.isEmpty else { break }
      try section.take(bytes, range, limit: limits.fieldCount, else: .tooManyFields)
    }
    head = try wholeHead(bytes.extracting(first: scanner.lineStart))
    return scanner.lineStart
  }

  /// False until the line is whole.
  private mutating func parseRequestLine(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(ParseFailure) -> Bool {
    // Room for the target, a method and a version.
    let bound =
      limits.targetBytes < limits.headBytes ? min(limits.headBytes, limits.targetBytes + 64) : limits.headBytes
    while true {
      let start = scanner.lineStart
      isHead = bytes.word(from: start, to: min(start + 5, bytes.count)) == ASCII.word("HEAD ")
      guard
        let range = try scanner.nextLine(
          in: bytes, before: bound, else: RequestLine.overlong(bytes.extracting(first: bound - 1)))
      else { return false }
      if range.isEmpty, skippedLines < Self.maximumEmptyLines {
        skippedLines += 1
        continue
      }
      line = try RequestLine(bytes, range, targetLimit: limits.targetBytes)
      return true
    }
  }

  /// Judges the head as a whole: what its fields say together.
  private mutating func wholeHead(_ bytes: Span<UInt8>) throws(ParseFailure) -> RequestHead? {
    guard let line = line.take() else { return nil }
    let facts = section.framing
    if line.version == .http11, !facts.hasHost { throw ParseFailure(.hostMissing, at: bytes.count) }
    if facts.isChunked {
      guard line.version == .http11 else { throw ParseFailure(.transferEncodingInHTTP10, at: bytes.count) }
      guard facts.contentLength == nil else { throw ParseFailure(.transferEncodingWithContentLength, at: bytes.count) }
    }
    if line.version == .http11, let offset = facts.unknownExpectation {
      throw ParseFailure(.expectationUnknown, at: offset)
    }
    let framing: BodyFraming =
      if facts.isChunked { .chunked } else if let length = facts.contentLength { .length(length) } else { .none }
    let lines = [UInt8](copying: bytes.extracting(droppingLast: 2))
    return RequestHead(line, fields: Fields(head: lines, section.index), framing: framing, facts: facts)
  }
}
