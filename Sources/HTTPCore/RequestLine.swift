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
    index = targetStart
    while index < line.upperBound, bytes[index] != ASCII.space { index += 1 }
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

  /// What a line breaks whose end is not among `bytes`, the most that are read of it: its target is too long (§3), or, without
  /// a single space, it is no request line.
  static func overlong(_ bytes: Span<UInt8>) -> ParseError {
    for index in bytes.indices where bytes[index] == ASCII.space { return .targetTooLong }
    return .requestLineMalformed
  }

  /// Exactly `HTTP/` digit `.` digit, in capitals. A minor version above 1 is served as HTTP/1.1 (RFC 9110 §2.5).
  private static func version(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ParseFailure) -> HTTPVersion {
    let start = range.lowerBound
    guard range.count == 8, bytes[start] == UInt8(ascii: "H"), bytes[start + 1] == UInt8(ascii: "T"),
      bytes[start + 2] == UInt8(ascii: "T"), bytes[start + 3] == UInt8(ascii: "P"),
      bytes[start + 4] == UInt8(ascii: "/"), ASCII.isDigit(bytes[start + 5]),
      bytes[start + 6] == UInt8(ascii: "."), ASCII.isDigit(bytes[start + 7])
    else { throw ParseFailure(.versionMalformed, at: start) }
    guard bytes[start + 5] == UInt8(ascii: "1") else { throw ParseFailure(.versionUnsupported, at: start) }
    return bytes[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
  }
}

extension Method {
  /// The method whose name stands in `bytes[range]`, if it is one of ours.
  init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    let candidate: Method
    switch (range.count, bytes[range.lowerBound]) {
    case (3, UInt8(ascii: "G")): candidate = .get
    case (3, UInt8(ascii: "P")): candidate = .put
    case (4, UInt8(ascii: "P")): candidate = .post
    case (4, UInt8(ascii: "H")): candidate = .head
    case (5, UInt8(ascii: "P")): candidate = .patch
    case (5, UInt8(ascii: "T")): candidate = .trace
    case (5, UInt8(ascii: "Q")): candidate = .query
    case (6, UInt8(ascii: "D")): candidate = .delete
    case (7, UInt8(ascii: "O")): candidate = .options
    default: return nil
    }
    let name = candidate.rawValue.utf8.span
    for index in name.indices where bytes[range.lowerBound + index] != name[index] { return nil }
    self = candidate
  }
}
