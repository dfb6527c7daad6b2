/// What the fields that decide a message's end, and a connection's, have said so far.
///
/// Each of Host, Content-Length and Transfer-Encoding may be sent once (RFC 9112 §3.2, §6.3): two of them are how one
/// server is made to read another message than the next. So may Content-Type (RFC 9110 §5.3, §8.3), which says what the
/// body's bytes are.
struct FramingFields: Sendable {
  private(set) var hasHost = false
  private(set) var hasContentType = false
  private(set) var contentLength: Int?
  private(set) var isChunked = false
  private(set) var closes = false
  private(set) var keepsAlive = false
  private(set) var expectsContinue = false
  /// Where an expectation other than 100-continue stands.
  private(set) var unknownExpectation: Int?
  /// Whether any of the fields above was there at all.
  private(set) var isEmpty = true

  /// Takes note of a field line, if it is one of these.
  @inline(__always)
  mutating func note(_ bytes: Span<UInt8>, name: Range<Int>, value: Range<Int>) throws(ParseFailure) {
    switch name.count {
    case 4, 6, 10, 12...: try noteByName(bytes, name: name, value: value)
    default: return
    }
  }

  private mutating func noteByName(
    _ bytes: Span<UInt8>, name: Range<Int>, value: Range<Int>
  ) throws(ParseFailure) {
    switch name.count {
    case 4 where bytes.holds("host", in: name):
      guard !hasHost else { throw ParseFailure(.hostRepeated, at: name.lowerBound) }
      guard Authority.isValid(bytes, value) else { throw ParseFailure(.hostInvalid, at: value.lowerBound) }
      hasHost = true
    case 6 where bytes.holds("expect", in: name):
      noteExpectations(bytes, value)
    case 10 where bytes.holds("connection", in: name):
      noteConnection(bytes, value)
    case 12 where bytes.holds("content-type", in: name):
      guard !hasContentType else { throw ParseFailure(.contentTypeRepeated, at: name.lowerBound) }
      hasContentType = true
    case 14 where bytes.holds("content-length", in: name):
      guard contentLength == nil else { throw ParseFailure(.contentLengthRepeated, at: name.lowerBound) }
      contentLength = try Self.length(bytes, value)
    case 17 where bytes.holds("transfer-encoding", in: name):
      guard !isChunked else { throw ParseFailure(.transferEncodingRepeated, at: name.lowerBound) }
      guard bytes.holds("chunked", in: value) else {
        throw ParseFailure(Self.transferEncodingError(bytes, value), at: value.lowerBound)
      }
      isChunked = true
    case 13... where Self.isDisguised(bytes, name):
      throw ParseFailure(.framingFieldDisguised, at: name.lowerBound)
    default: return
    }
    isEmpty = false
  }

  /// Whether a name has the letters of Content-Length or Transfer-Encoding and other characters between or around them.
  /// Gateways that hand fields on as CGI variables read some of these as the real ones (`Content_Length`), and servers
  /// that drop what they do not know read others so; no field in use looks like that.
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
  private mutating func noteConnection(_ bytes: Span<UInt8>, _ value: Range<Int>) {
    var start = value.lowerBound
    while let option = bytes.nextElement(&start, of: value) {
      if bytes.holds("close", in: option) { closes = true }
      if bytes.holds("keep-alive", in: option) { keepsAlive = true }
    }
  }

  /// The list of an Expect field (RFC 9110 §10.1.1), which may be empty and name one expectation twice.
  private mutating func noteExpectations(_ bytes: Span<UInt8>, _ value: Range<Int>) {
    var start = value.lowerBound
    while let expectation = bytes.nextElement(&start, of: value) {
      if bytes.holds("100-continue", in: expectation) {
        expectsContinue = true
      } else if !expectation.isEmpty, unknownExpectation == nil {
        unknownExpectation = expectation.lowerBound
      }
    }
  }

  /// `1*DIGIT` (RFC 9112 §6.2) within Int's range: no sign, space, prefix or list. Nor a zero before other digits: the grammar
  /// has it, no client sends it, and a reader that takes `010` for octal would end the message elsewhere.
  private static func length(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(ParseFailure) -> Int {
    let invalid = ParseFailure(.contentLengthInvalid, at: value.lowerBound)
    guard !value.isEmpty, value.count == 1 || bytes[value.lowerBound] != UInt8(ascii: "0") else { throw invalid }
    var length = 0
    for index in value {
      guard ASCII.isDigit(bytes[index]) else { throw invalid }
      let (product, overflow) = length.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(bytes[index] &- 0x30))
      guard !overflow, !carry else { throw invalid }
      length = sum
    }
    return length
  }

  /// A list of other codings, with chunked at most as its last, is well-formed but not implemented (RFC 9112 §6.1);
  /// anything else is an attempt to be read in two ways.
  private static func transferEncodingError(_ bytes: Span<UInt8>, _ value: Range<Int>) -> ParseError {
    var start = value.lowerBound
    var hasChunked = false
    while let coding = bytes.nextElement(&start, of: value) {
      // No coding may follow chunked.
      guard !hasChunked, !coding.isEmpty else { return .transferEncodingInvalid }
      for index in coding where !ASCII.isToken(bytes[index]) { return .transferEncodingInvalid }
      hasChunked = bytes.holds("chunked", in: coding)
    }
    return .transferEncodingUnknown
  }
}

extension Span<UInt8> {
  /// The element of the comma-separated list `bytes[list]` that begins at `start`, without white space around it; moves
  /// `start` behind its comma. It may be empty (RFC 9110 §5.6.1). Nil behind the last one.
  fileprivate func nextElement(_ start: inout Int, of list: Range<Int>) -> Range<Int>? {
    guard start <= list.upperBound else { return nil }
    var end = start
    while end < list.upperBound, self[end] != UInt8(ascii: ",") { end += 1 }
    defer { start = end + 1 }
    return trimmed(start..<end)
  }
}
