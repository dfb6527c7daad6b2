/// A number as read: the binary64 nearest to the decimal, ties to even.
public struct JSONNumber: Sendable, Hashable {
  /// Finite; zero for a decimal that rounds to zero; ±the greatest finite value when `isOutOfRange`.
  public let value: Double
  /// Whether the decimal rounds beyond binary64's range.
  public let isOutOfRange: Bool
}

extension JSONReader {
  /// Reads a number (RFC 8259 §6), correctly rounded.
  @_lifetime(self: copy self)
  public mutating func readNumber() throws(JSONSyntaxError) -> JSONNumber {
    guard try peekKind() == .number else { throw failure(.expectedValue) }
    let start = position
    try skipNumber()
    var digits: [UInt8] = []
    for index in start..<position { digits.append(text[index]) }
    let value = Double(String(decoding: digits, as: UTF8.self)) ?? 0
    guard value.isFinite else {
      let greatest = Double.greatestFiniteMagnitude
      return JSONNumber(value: value < 0 ? -greatest : greatest, isOutOfRange: true)
    }
    return JSONNumber(value: value, isOutOfRange: false)
  }

  /// Passes over a number whose first byte, `-` or a digit, is at the position.
  @_lifetime(self: copy self)
  mutating func skipNumber() throws(JSONSyntaxError) {
    if currentByte == UInt8(ascii: "-") {
      position += 1
      if currentByte == UInt8(ascii: "I") {
        position -= 1
        throw nonFiniteOrElse(.expectedDigit, at: position + 1)
      }
    }
    if currentByte == UInt8(ascii: "0") {
      position += 1
      if let byte = currentByte, isDigit(byte) { throw failure(.leadingZero) }
    } else {
      try skipDigits()
    }
    if currentByte == UInt8(ascii: ".") {
      position += 1
      try skipDigits()
    }
    if let byte = currentByte, byte | 0x20 == UInt8(ascii: "e") {
      position += 1
      if currentByte == UInt8(ascii: "+") || currentByte == UInt8(ascii: "-") { position += 1 }
      try skipDigits()
    }
  }

  /// One digit or more.
  @_lifetime(self: copy self)
  private mutating func skipDigits() throws(JSONSyntaxError) {
    let start = position
    while position < text.count, isDigit(text[position]) { position += 1 }
    if position == start { throw failureHere(.expectedDigit) }
  }
}

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
