/// The request target, in the forms that a server that is no proxy accepts (RFC 9112 §3.2).
struct RequestTarget: Sendable {
  var path: String
  /// Where the query lies, if there is one.
  var query: Range<Int>?
  /// Where absolute-form's authority lies; it wins over Host (§3.2.2).
  var authority: Range<Int>?

  /// Parses `bytes[range]`, which is not empty and holds no space and no control character.
  init(_ bytes: Span<UInt8>, _ range: Range<Int>, method: Method) throws(ParseFailure) {
    let start = range.lowerBound
    if bytes[start] == UInt8(ascii: "/") {
      (path, query) = try Self.pathAndQuery(bytes, range)
    } else if bytes[start] == UInt8(ascii: "*") {
      guard method == .options, range.count == 1 else { throw ParseFailure(.targetInvalid, at: start) }
      path = "*"
    } else {
      let authorityStart = try Self.afterScheme(bytes, range)
      var pathStart = authorityStart
      while pathStart < range.upperBound, bytes[pathStart] != UInt8(ascii: "/"), bytes[pathStart] != UInt8(ascii: "?") {
        pathStart += 1
      }
      guard Authority.isValid(bytes, authorityStart..<pathStart) else {
        throw ParseFailure(.targetInvalid, at: authorityStart)
      }
      authority = authorityStart..<pathStart
      (path, query) = try Self.pathAndQuery(bytes, pathStart..<range.upperBound)
      // OPTIONS on a URI without a path asks about the server as a whole (§3.2.4).
      if path.isEmpty { path = method == .options && query == nil ? "*" : "/" }
    }
  }

  /// A path of RFC 3986 characters, none of them a control in disguise, and, after a question mark, a query. In the query any
  /// visible ASCII may stand but `#`, because browsers' URL parsers leave braces, brackets and quotes there as they are.
  private static func pathAndQuery(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(ParseFailure) -> (path: String, query: Range<Int>?) {
    var index = bytes.endOfPath(from: range.lowerBound, to: range.upperBound)
    while Authority.isVisibleEscape(bytes, index, range.upperBound) {
      index = bytes.endOfPath(from: index + 3, to: range.upperBound)
    }
    let path = String(ascii: bytes.extracting(range.lowerBound..<index))
    guard index < range.upperBound else { return (path, nil) }
    guard bytes[index] == UInt8(ascii: "?") else { throw ParseFailure(.targetInvalid, at: index) }
    let queryStart = index + 1
    index = queryStart
    while index < range.upperBound {
      let byte = bytes[index]
      let isAllowed =
        byte == UInt8(ascii: "%")
        ? Authority.escape(bytes, index, range.upperBound) != nil
        : byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#")
      guard isAllowed else { throw ParseFailure(.targetInvalid, at: index) }
      index += 1
    }
    return (path, queryStart..<range.upperBound)
  }

  /// Past `http://` or `https://`, in any case.
  private static func afterScheme(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ParseFailure) -> Int {
    let wanted = "https://".utf8.span
    var index = range.lowerBound
    for position in wanted.indices {
      // The `s` may be missing.
      if position == 4, index < range.upperBound, ASCII.lowercased(bytes[index]) != wanted[position] { continue }
      guard index < range.upperBound, ASCII.lowercased(bytes[index]) == wanted[position] else {
        throw ParseFailure(.targetInvalid, at: range.lowerBound)
      }
      index += 1
    }
    return index
  }
}

extension String {
  /// A copy of bytes that have been found to be ASCII. Others would come out as the empty string.
  init(ascii bytes: Span<UInt8>) {
    if let text = try? UTF8Span(validating: bytes) { self.init(copying: text) } else { self = "" }
  }
}
