/// The `host [":" port]` of Host and of an absolute-form target (RFC 3986 §3.2, RFC 9110 §7.2).
enum Authority {
  /// Whether `bytes[range]` is a host that is not empty and, optionally, a colon and a port, itself possibly empty.
  /// User information is refused (RFC 9110 §4.2.4), and so is a comma, which would make a list of it.
  static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var index = range.lowerBound
    guard index < range.upperBound else { return false }
    if bytes[index] == UInt8(ascii: "[") {
      guard let close = closingBracket(bytes, range),
        IPv6Literal.isValid(bytes, index + 1..<close)
      else { return false }
      index = close + 1
    } else {
      index = bytes.endOfHostName(from: index, to: range.upperBound)
      while isVisibleEscape(bytes, index, range.upperBound) {
        index = bytes.endOfHostName(from: index + 3, to: range.upperBound)
      }
      guard index > range.lowerBound else { return false }
    }
    return index == range.upperBound || isPort(bytes, index..<range.upperBound)
  }

  /// The byte that a percent sign and two hexadecimal digits at `index` stand for (RFC 3986 §2.1), or nil.
  @inline(__always)
  static func escape(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> UInt8? {
    guard index + 2 < end, bytes[index] == UInt8(ascii: "%"), let high = ASCII.hexValue(bytes[index + 1]),
      let low = ASCII.hexValue(bytes[index + 2])
    else { return nil }
    return high << 4 | low
  }

  /// Whether an escape stands at `index` that hides no control character: nothing here has one in its name, and whoever
  /// unescapes it early would see the string or the line end there (RFC 3986 §7.3).
  @inline(__always)
  static func isVisibleEscape(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Bool {
    guard let byte = escape(bytes, index, end) else { return false }
    return byte >= 0x20 && byte != 0x7F
  }

  private static func closingBracket(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for index in range where bytes[index] == UInt8(ascii: "]") { return index }
    return nil
  }

  /// A colon and at most 65535, or nothing after it.
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
      while index < range.upperBound, index - start < 4, ASCII.hexValue(bytes[index]) != nil { index += 1 }
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
