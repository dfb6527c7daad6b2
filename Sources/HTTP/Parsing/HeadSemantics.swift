/// What a head's fields say about the message's end, the connection's end, and the host.
///
/// Host, Content-Length and Transfer-Encoding may be sent once each (RFC 9112 §3.2, §6.3): when they are repeated, two
/// servers can read two different messages. Content-Type too may be sent once (RFC 9110 §5.3, §8.3), but it does not
/// touch the message's end: whoever reads the body by it refuses a repeated one.
struct HeadSemantics: Sendable {
  private(set) var hasHost = false
  /// Where Content-Type's value is.
  private(set) var contentType: Range<Int>?
  private(set) var repeatsContentType = false
  private(set) var contentLength: Int?
  /// Where Content-Length's value is.
  private(set) var contentLengthRange: Range<Int>?
  private(set) var isChunked = false
  private(set) var closes = false
  private(set) var keepsAlive = false
  private(set) var expectsContinue = false
  /// The offset of an expectation other than 100-continue.
  private(set) var unknownExpectation: Int?
  /// Whether none of the fields above was sent.
  private(set) var isEmpty = true

  /// Evaluates a field line, if it is one of these.
  mutating func add(_ bytes: Span<UInt8>, name: Range<Int>, value: Range<Int>) throws(ParseFailure) {
    switch name.count {
    case 4 where bytes.equalsIgnoringCase("host", in: name):
      guard !hasHost else { throw ParseFailure(.hostRepeated, at: name.lowerBound) }
      guard Authority.isValid(bytes, value) else { throw ParseFailure(.hostInvalid, at: value.lowerBound) }
      hasHost = true
    case 6 where bytes.equalsIgnoringCase("expect", in: name):
      addExpectations(bytes, value)
    case 10 where bytes.equalsIgnoringCase("connection", in: name):
      addConnectionOptions(bytes, value)
    case 12 where bytes.equalsIgnoringCase("content-type", in: name):
      repeatsContentType = contentType != nil
      contentType = contentType ?? value
    case 14 where bytes.equalsIgnoringCase("content-length", in: name):
      guard contentLength == nil else { throw ParseFailure(.contentLengthRepeated, at: name.lowerBound) }
      contentLength = try Self.length(bytes, value)
      contentLengthRange = value
    case 17 where bytes.equalsIgnoringCase("transfer-encoding", in: name):
      guard !isChunked else { throw ParseFailure(.transferEncodingRepeated, at: name.lowerBound) }
      guard bytes.equalsIgnoringCase("chunked", in: value) else {
        throw ParseFailure(Self.transferEncodingError(bytes, value), at: value.lowerBound)
      }
      isChunked = true
    case 13... where Self.isDisguised(bytes, name):
      throw ParseFailure(.framingFieldDisguised, at: name.lowerBound)
    default: return
    }
    isEmpty = false
  }

  /// Whether a name has the letters of Content-Length or Transfer-Encoding with other characters between or around
  /// them. Gateways that turn fields into CGI variables read some of these as the real fields (`Content_Length`), and
  /// servers that drop unknown characters read others so. No field in use looks like that.
  private static func isDisguised(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
    var letters = 0
    let length = "contentlength".utf8.span
    let encoding = "transferencoding".utf8.span
    var isLength = true
    var isEncoding = true
    for index in name {
      let byte = ASCII.lowercased(bytes[index])
      guard byte >= 0x61, byte <= 0x7A else { continue }
      isLength = isLength && letters < length.count && length[letters] == byte
      isEncoding = isEncoding && letters < encoding.count && encoding[letters] == byte
      guard isLength || isEncoding else { return false }
      letters += 1
    }
    return isLength ? letters == length.count : letters == encoding.count
  }

  /// The options of a Connection field (RFC 9110 §7.6.1): a list of tokens without regard to case.
  private mutating func addConnectionOptions(_ bytes: Span<UInt8>, _ value: Range<Int>) {
    var start = value.lowerBound
    while let option = bytes.nextElement(&start, of: value) {
      if bytes.equalsIgnoringCase("close", in: option) { closes = true }
      if bytes.equalsIgnoringCase("keep-alive", in: option) { keepsAlive = true }
    }
  }

  /// The list of an Expect field (RFC 9110 §10.1.1), which may be empty and name one expectation twice.
  private mutating func addExpectations(_ bytes: Span<UInt8>, _ value: Range<Int>) {
    var start = value.lowerBound
    while let expectation = bytes.nextElement(&start, of: value) {
      if bytes.equalsIgnoringCase("100-continue", in: expectation) {
        expectsContinue = true
      } else if !expectation.isEmpty, unknownExpectation == nil {
        unknownExpectation = expectation.lowerBound
      }
    }
  }

  /// `1*DIGIT` (RFC 9110 §8.6): no sign, space, prefix or list. No leading zero either: the grammar allows it, no
  /// client sends it, and a server that reads `010` as octal would end the message elsewhere. Beyond Int's range the
  /// body is too large.
  static func length(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(ParseFailure) -> Int {
    let invalid = ParseFailure(.contentLengthInvalid, at: value.lowerBound)
    guard !value.isEmpty, value.count == 1 || bytes[value.lowerBound] != UInt8(ascii: "0") else { throw invalid }
    for index in value where !ASCII.isDigit(bytes[index]) { throw invalid }
    var length = 0
    for index in value {
      let (product, overflow) = length.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(bytes[index] &- 0x30))
      guard !overflow, !carry else { throw ParseFailure(.bodyTooLarge, at: value.lowerBound) }
      length = sum
    }
    return length
  }

  /// Why a value other than `chunked` is refused: other codings, with chunked at most as the last, are not implemented
  /// (RFC 9112 §6.1); anything else could be read in two ways.
  private static func transferEncodingError(_ bytes: Span<UInt8>, _ value: Range<Int>) -> ParseError {
    var start = value.lowerBound
    var hasChunked = false
    while let coding = bytes.nextElement(&start, of: value) {
      // No coding may follow chunked.
      guard !hasChunked, !coding.isEmpty else { return .transferEncodingInvalid }
      for index in coding where !ASCII.isToken(bytes[index]) { return .transferEncodingInvalid }
      hasChunked = bytes.equalsIgnoringCase("chunked", in: coding)
    }
    return .transferEncodingUnknown
  }
}

extension Span<UInt8> {
  /// The element that begins at `start` in the comma-separated list `bytes[list]`, without white space around it; moves
  /// `start` past its comma. Elements may be empty (RFC 9110 §5.6.1). Nil after the last one.
  fileprivate func nextElement(_ start: inout Int, of list: Range<Int>) -> Range<Int>? {
    guard start <= list.upperBound else { return nil }
    var end = start
    while end < list.upperBound, self[end] != UInt8(ascii: ",") { end += 1 }
    defer { start = end + 1 }
    return trimmed(start..<end)
  }
}

/// The field lines of a head or of a trailer section: where they begin, and what they mean.
struct FieldSection: Sendable {
  private(set) var index = FieldIndex()
  private(set) var semantics = HeadSemantics()

  /// Validates the field line `bytes[line]` (RFC 9112 §5) and adds it.
  ///
  /// The name is a token directly followed by a colon (§5.1). White space around the value is not part of it. The
  /// scanner has already refused control characters.
  @inline(__always)
  mutating func take(
    _ bytes: Span<UInt8>, _ line: Range<Int>, limit: Int, else tooMany: ParseError
  ) throws(ParseFailure) {
    guard index.count < limit else { throw ParseFailure(tooMany, at: line.lowerBound) }
    let colon = bytes.endOfToken(from: line.lowerBound, to: line.upperBound)
    guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else {
      // A line that starts with white space is a folded one (§5.2), or follows the start line (§2.2).
      let first = bytes[line.lowerBound]
      let isFolded = first == ASCII.space || first == ASCII.tab
      throw ParseFailure(isFolded ? .foldedLine : .fieldNameInvalid, at: colon)
    }
    let name = line.lowerBound..<colon
    try semantics.add(bytes, name: name, value: bytes.trimmed(colon + 1..<line.upperBound))
    index.append(bytes.extracting(name), at: line.lowerBound)
  }
}

extension Span<UInt8> {
  /// `range` without the spaces and tabs at its ends (RFC 9110 §5.6.3).
  @inline(__always)
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, self[start] == ASCII.space || self[start] == ASCII.tab { start += 1 }
    while end > start, self[end - 1] == ASCII.space || self[end - 1] == ASCII.tab { end -= 1 }
    return start..<end
  }
}
