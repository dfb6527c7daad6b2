/// Reads a request's head (RFC 9112 §2 to §6) from bytes that may come in any pieces.
///
/// `parse` is given all bytes from the head's first one, each time with more at the end. It makes the head and returns
/// how many bytes it took, or nil while the head is not whole, or throws at the first byte that no valid head could have
/// there. What it says depends on the bytes alone, and its cost in all is linear in them.
struct HeadParser: Sendable {
  private var scanner = LineScanner()
  private var hasSkippedLine = false
  private var line: RequestLine?
  private var section = FieldSection()

  /// The method, once the request line has been read: an error's answer to HEAD has no body either.
  private(set) var method: Method?

  /// Whether `bytes`, all so far, hold more than the empty line that may precede a request (§2.2), or a part of it.
  func hasBegun(_ bytes: Span<UInt8>) -> Bool {
    hasSkippedLine ? bytes.count > 2 : bytes.count > 1 || bytes[0] != ASCII.carriageReturn
  }

  mutating func parse(
    _ bytes: Span<UInt8>, limits: HTTPLimits, into head: inout RequestHead?
  ) throws(ParseFailure) -> Int? {
    if method == nil {
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

  /// False until the line is whole. One empty line before it is skipped, no more.
  private mutating func parseRequestLine(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(ParseFailure) -> Bool {
    // Room for the target, a method and a version; a method longer than any of ours is refused all the same (§3).
    let bound =
      limits.targetBytes < limits.headBytes ? min(limits.headBytes, limits.targetBytes + 64) : limits.headBytes
    while true {
      guard
        let range = try scanner.nextLine(
          in: bytes, before: bound, else: RequestLine.overlong(bytes.extracting(first: bound - 1)))
      else { return false }
      if range.isEmpty, !hasSkippedLine {
        hasSkippedLine = true
        continue
      }
      let line = try RequestLine(bytes, range, targetLimit: limits.targetBytes)
      method = line.method
      self.line = line
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
