internal import Allocation

/// The request target, in the forms that an origin server accepts (RFC 9112 §3.2).
struct RequestTarget: Sendable {
  var path: String
  /// Whether a question mark follows the path.
  var hasQuery = false
  /// The range of absolute-form's authority, which overrides Host (§3.2.2).
  var authority: Range<Int>?

  /// Parses `bytes[range]`, which is not empty and contains no space and no control character.
  init(_ bytes: Span<UInt8>, _ range: Range<Int>, method: Method) throws(ParseFailure) {
    let start = range.lowerBound
    if bytes[start] == UInt8(ascii: "/") {
      (path, hasQuery) = try Self.pathAndQuery(bytes, range)
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
        let hasUser = (authorityStart..<pathStart).contains { bytes[$0] == UInt8(ascii: "@") }
        throw ParseFailure(hasUser ? .targetHasUser : .targetInvalid, at: authorityStart)
      }
      authority = authorityStart..<pathStart
      (path, hasQuery) = try Self.pathAndQuery(bytes, pathStart..<range.upperBound)
      // OPTIONS on a URI without a path asks about the server as a whole (§3.2.4).
      if path.isEmpty { path = method == .options && !hasQuery ? "*" : "/" }
    }
  }

  /// The beginning of the path in a head that broke a rule: enough to tell in which form the answer is expected.
  ///
  /// - Parameter bytes: all of the head that has arrived, whatever is in it.
  static func path(inHead bytes: Span<UInt8>) -> String? {
    var start = bytes.endOfToken(from: 0, to: bytes.count)
    // Empty lines may precede the method.
    while start < bytes.count, bytes[start] == ASCII.carriageReturn || bytes[start] == ASCII.lineFeed {
      start = bytes.endOfToken(from: start + 1, to: bytes.count)
    }
    guard start < bytes.count, bytes[start] == ASCII.space else { return nil }
    start += 1
    if start < bytes.count, bytes[start] != UInt8(ascii: "/"),
      let afterScheme = try? afterScheme(bytes, start..<bytes.count)
    {
      start = afterScheme
      while start < bytes.count, bytes[start] > ASCII.space, bytes[start] != UInt8(ascii: "/") { start += 1 }
    }
    guard start < bytes.count, bytes[start] == UInt8(ascii: "/") else { return nil }
    return pathAsRead(bytes, start..<bytes.count).path
  }

  /// The path that begins the range, with what needs no escape read as it is: `/%6civez` is `/livez` (RFC 9110 §4.2.3,
  /// RFC 3986 §6.2.2.2); and where it ends.
  private static func pathAsRead(_ bytes: Span<UInt8>, _ range: Range<Int>) -> (path: String, end: Int) {
    let plainEnd = bytes.endOfPath(from: range.lowerBound, to: range.upperBound)
    var end = plainEnd
    while bytes.isVisibleEscape(at: end, before: range.upperBound) {
      end = bytes.endOfPath(from: end + 3, to: range.upperBound)
    }
    let written = bytes.extracting(range.lowerBound..<end)
    let path =
      end == plainEnd
      ? String(ascii: written) : String(ascii: written.percentDecoded(where: ASCII.isUnreserved).span)
    return (path, end)
  }

  /// A path of RFC 3986 characters without escaped control characters, then perhaps a question mark and a query. The
  /// query may contain any visible ASCII except `#`, because browsers' URL parsers leave braces, brackets and quotes in
  /// it as they are.
  private static func pathAndQuery(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(ParseFailure) -> (path: String, hasQuery: Bool) {
    let (path, end) = pathAsRead(bytes, range)
    var index = end
    guard index < range.upperBound else { return (path, false) }
    guard bytes[index] == UInt8(ascii: "?") else { throw failure(bytes, at: index, before: range.upperBound) }
    index += 1
    while index < range.upperBound {
      let byte = bytes[index]
      let isAllowed =
        byte == UInt8(ascii: "%")
        ? bytes.escape(at: index, before: range.upperBound) != nil
        : ASCII.isVisible(byte) && byte != UInt8(ascii: "#")
      guard isAllowed else { throw failure(bytes, at: index, before: range.upperBound) }
      index += 1
    }
    return (path, true)
  }

  /// What is wrong with the byte at `index` of a path or a query.
  private static func failure(_ bytes: Span<UInt8>, at index: Int, before end: Int) -> ParseFailure {
    let error: ParseError =
      switch bytes[index] {
      case UInt8(ascii: "#"): .targetHasFragment
      case UInt8(ascii: "%"):
        bytes.escape(at: index, before: end) == nil ? .targetEscapeMalformed : .targetEscapeOfControl
      default: .targetInvalid
      }
    return ParseFailure(error, at: index)
  }

  /// The index after `http://` or `https://`, in any case.
  private static func afterScheme(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ParseFailure) -> Int {
    let wanted = "https://".utf8.span
    var index = range.lowerBound
    for position in wanted.indices {
      // The `s` is optional.
      if position == 4, index < range.upperBound, ASCII.lowercased(bytes[index]) != wanted[position] { continue }
      guard index < range.upperBound, ASCII.lowercased(bytes[index]) == wanted[position] else {
        throw ParseFailure(.targetInvalid, at: range.lowerBound)
      }
      index += 1
    }
    return index
  }
}

/// Percent escapes (RFC 3986 §2.1).
extension Span<UInt8> {
  /// The byte that an escape at `index` stands for: a percent sign and two hexadecimal digits before `end`. Or nil.
  @inline(__always)
  fileprivate func escape(at index: Int, before end: Int) -> UInt8? {
    guard index + 2 < end, self[index] == UInt8(ascii: "%"), let high = self[index + 1].hexadecimalValue,
      let low = self[index + 2].hexadecimalValue
    else { return nil }
    return high << 4 | low
  }

  /// Whether there is an escape at `index` that does not stand for a control character: no path here contains one, and
  /// a program that unescapes it early would see the string or the line end there (RFC 3986 §7.3).
  @inline(__always)
  fileprivate func isVisibleEscape(at index: Int, before end: Int) -> Bool {
    guard let byte = escape(at: index, before: end) else { return false }
    return byte >= 0x20 && byte != 0x7F
  }

  /// The bytes, with the byte that it stands for in the place of each escape of such a byte.
  package func percentDecoded(where isWanted: (UInt8) -> Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    var index = 0
    while index < count {
      if let byte = escape(at: index, before: count), isWanted(byte) {
        bytes.append(byte)
        index += 3
      } else {
        bytes.append(self[index])
        index += 1
      }
    }
    return bytes
  }
}

extension String {
  /// A copy of bytes that are known to be ASCII. Any others give the empty string.
  init(ascii bytes: Span<UInt8>) {
    if let text = try? UTF8Span(validating: bytes) { self.init(copying: text) } else { self = "" }
  }
}

/// The `host [":" port]` of Host and of an absolute-form target (RFC 3986 §3.2, RFC 9110 §7.2).
package enum Authority {
  /// Whether `bytes[range]` is a non-empty host, optionally followed by a colon and a port, which may be empty. User
  /// information is refused (RFC 9110 §4.2.4), and so is a comma, which would turn the field into a list.
  static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool { endOfHost(bytes, range) != nil }

  /// The host, an IPv6 address in its brackets, and the port, if a colon comes before it; nil if the text is not an
  /// authority.
  package static func parts(of text: some StringProtocol) -> (host: String, port: String?)? {
    let bytes = Array(text.utf8)
    guard let end = endOfHost(bytes.span, bytes.indices) else { return nil }
    let port = end < bytes.count ? String(decoding: bytes[(end + 1)...], as: UTF8.self) : nil
    return (String(decoding: bytes[..<end], as: UTF8.self), port)
  }

  /// Where the host of an authority ends; nil if the text is not an authority.
  private static func endOfHost(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var index = range.lowerBound
    guard index < range.upperBound else { return nil }
    if bytes[index] == UInt8(ascii: "[") {
      guard let close = closingBracket(bytes, range),
        IPv6Literal.isValid(bytes, index + 1..<close)
      else { return nil }
      index = close + 1
    } else {
      index = bytes.endOfHostName(from: index, to: range.upperBound)
      while bytes.isVisibleEscape(at: index, before: range.upperBound) {
        index = bytes.endOfHostName(from: index + 3, to: range.upperBound)
      }
      guard index > range.lowerBound else { return nil }
    }
    return index == range.upperBound || isPort(bytes, index..<range.upperBound) ? index : nil
  }

  private static func closingBracket(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for index in range where bytes[index] == UInt8(ascii: "]") { return index }
    return nil
  }

  /// A colon, then nothing or a number of at most 65535.
  private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard bytes[range.lowerBound] == UInt8(ascii: ":"), range.count <= 6 else { return false }
    var port = 0
    for index in range.dropFirst() {
      guard ASCII.isDigit(bytes[index]) else { return false }
      port = port * 10 + Int(bytes[index] &- 0x30)
    }
    return port <= 65535
  }
}

/// The text of an IPv6 address (RFC 3986 §3.2.2). Zone identifiers and future versions are refused.
enum IPv6Literal {
  static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var groups = 0
    var elided = false
    var index = range.lowerBound
    if range.count >= 2, bytes[index] == UInt8(ascii: ":") {
      guard bytes[index + 1] == UInt8(ascii: ":") else { return false }
      elided = true
      index += 2
    }
    while index < range.upperBound {
      let start = index
      while index < range.upperBound, index - start < 4, bytes[index].hexadecimalValue != nil { index += 1 }
      guard index > start else { return false }
      if index < range.upperBound, bytes[index] == UInt8(ascii: ".") {
        guard isIPv4(bytes, start..<range.upperBound) else { return false }
        groups += 2
        index = range.upperBound
        break
      }
      groups += 1
      guard index < range.upperBound else { break }
      guard bytes[index] == UInt8(ascii: ":") else { return false }
      index += 1
      guard index < range.upperBound else { return false }
      if bytes[index] == UInt8(ascii: ":") {
        guard !elided else { return false }
        elided = true
        index += 1
      }
    }
    return elided ? groups <= 7 : groups == 8
  }

  private static func isIPv4(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var index = range.lowerBound
    for part in 0..<4 {
      let start = index
      var value = 0
      while index < range.upperBound, index - start < 3, ASCII.isDigit(bytes[index]) {
        value = value * 10 + Int(bytes[index] &- 0x30)
        index += 1
      }
      let count = index - start
      guard count > 0, value <= 255, count == 1 || bytes[start] != UInt8(ascii: "0") else { return false }
      guard part < 3 else { break }
      guard index < range.upperBound, bytes[index] == UInt8(ascii: ".") else { return false }
      index += 1
    }
    return index == range.upperBound
  }
}
