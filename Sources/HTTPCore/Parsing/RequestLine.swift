/// A request's first line (RFC 9112 §3): method, target and version, with single spaces between them.
struct RequestLine: Sendable {
  let method: Method
  let target: RequestTarget
  let version: HTTPVersion

  /// Parses `bytes[line]`, which holds no control character but perhaps HTAB.
  init(_ bytes: Span<UInt8>, _ line: Range<Int>, targetLimit: Int) throws(ParseFailure) {
    var index = bytes.endOfToken(from: line.lowerBound, to: line.upperBound)
    let methodRange = line.lowerBound..<index
    guard !methodRange.isEmpty, index < line.upperBound, bytes[index] == ASCII.space else {
      throw ParseFailure(.requestLineMalformed, at: index)
    }
    let targetStart = index + 1
    index = bytes.firstSpace(from: targetStart, to: line.upperBound)
    let target = targetStart..<index
    guard !target.isEmpty, index < line.upperBound else { throw ParseFailure(.requestLineMalformed, at: index) }
    guard target.count <= targetLimit else { throw ParseFailure(.targetTooLong, at: targetStart) }
    version = try Self.version(bytes, index + 1..<line.upperBound)
    guard let method = Method(bytes, methodRange) else {
      throw ParseFailure(.methodUnknown, at: methodRange.lowerBound)
    }
    self.method = method
    self.target = try RequestTarget(bytes, target, method: method)
  }

  /// Why a line is refused whose end is not among `bytes`, the most that are read of it: its target is too long, or its
  /// method is longer than any that is known (§3). Without either it is no request line.
  static func overlong(_ bytes: Span<UInt8>) -> ParseError {
    if bytes.firstSpace(from: 0, to: bytes.count) < bytes.count { return .targetTooLong }
    return bytes.endOfToken(from: 0, to: bytes.count) == bytes.count ? .methodUnknown : .requestLineMalformed
  }

  /// Exactly `HTTP/` digit `.` digit, in capitals. A minor version above 1 is served as HTTP/1.1 (RFC 9110 §2.5).
  private static func version(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ParseFailure) -> HTTPVersion {
    let start = range.lowerBound
    let word = bytes.word(from: start, to: range.upperBound)
    if range.count == 8, word == ASCII.word("HTTP/1.1") { return .http11 }
    guard range.count == 8, word & ~versionDigits == ASCII.word("HTTP/0.0") & ~versionDigits,
      ASCII.isDigit(bytes[start + 5]), ASCII.isDigit(bytes[start + 7])
    else { throw ParseFailure(.versionMalformed, at: start) }
    guard bytes[start + 5] == UInt8(ascii: "1") else { throw ParseFailure(.versionUnsupported, at: start) }
    return bytes[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
  }

  /// Where the digits of a version stand.
  private static var versionDigits: UInt64 { 0xFF00_FF00_0000_0000 }
}

extension Method {
  /// The method whose name stands in `bytes[range]`, if it is one of ours.
  init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    // The longest has seven letters.
    guard range.count < 8 else { return nil }
    switch bytes.word(from: range.lowerBound, to: range.upperBound) {
    case ASCII.word("GET"): self = .get
    case ASCII.word("HEAD"): self = .head
    case ASCII.word("POST"): self = .post
    case ASCII.word("PUT"): self = .put
    case ASCII.word("DELETE"): self = .delete
    case ASCII.word("OPTIONS"): self = .options
    case ASCII.word("TRACE"): self = .trace
    case ASCII.word("PATCH"): self = .patch
    case ASCII.word("QUERY"): self = .query
    default: return nil
    }
  }
}
