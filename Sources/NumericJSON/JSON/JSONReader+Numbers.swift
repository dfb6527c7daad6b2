/// A number as read: the binary64 nearest to the decimal, ties to even.
public struct JSONNumber: Sendable, Hashable {
  /// Finite, unless it was one of the words for what is not; zero for a decimal that rounds to zero; ± the greatest
  /// finite value when `isOutOfRange`.
  public let value: Double
  /// Whether the decimal rounds beyond binary64's range.
  public let isOutOfRange: Bool
}

extension JSONReader {
  /// Reads a number (RFC 8259 §6), correctly rounded whatever its length and exponent.
  @_lifetime(self: copy self)
  public mutating func readNumber() throws(JSONSyntaxError) -> JSONNumber {
    skipWhitespace()
    if position <= text.count - LookaheadText.reach,
      let (end, pattern) = readNumberFast(LookaheadText(text, at: position), at: position)
    {
      position = end
      return JSONNumber(value: Double(bitPattern: pattern), isOutOfRange: false)
    }
    guard try peekKind() == .number else { throw failure(.expectedValue) }
    if let value = readNonFiniteWord() { return JSONNumber(value: value, isOutOfRange: false) }
    return try readAnyNumber()
  }

  /// Whether one of the words that stand for numbers here is at the position.
  var beginsNonFiniteWord: Bool {
    guard takesNonFiniteWords else { return false }
    return text.matches("-Infinity", at: position) || text.matches("NaN", at: position)
      || text.matches("Infinity", at: position)
  }

  /// Reads NaN, Infinity or -Infinity, where they are numbers.
  @_lifetime(self: copy self)
  mutating func readNonFiniteWord() -> Double? {
    guard beginsNonFiniteWord else { return nil }
    let (value, length): (Double, Int) =
      switch text[position] {
      case UInt8(ascii: "-"): (-.infinity, 9)
      case UInt8(ascii: "I"): (.infinity, 8)
      default: (.nan, 3)
      }
    position += length
    return value
  }

  /// Reads a number of any length, whose first byte, `-` or a digit, is at the position.
  @_lifetime(self: copy self)
  mutating func readAnyNumber() throws(JSONSyntaxError) -> JSONNumber {
    let isNegative = text[position] == UInt8(ascii: "-")
    let decimal = try scanNumber()
    let bits = nearestBinary64(decimal, in: text)
    let isOutOfRange = bits == Binary64.infinity
    let magnitude = isOutOfRange ? Double.greatestFiniteMagnitude : Double(bitPattern: bits)
    return JSONNumber(value: isNegative ? -magnitude : magnitude, isOutOfRange: isOutOfRange)
  }

  /// Checks and skips a number whose first byte, `-` or a digit, is at the position, and returns where its parts are.
  @_lifetime(self: copy self)
  @discardableResult
  mutating func scanNumber() throws(JSONSyntaxError) -> DecimalLiteral {
    if currentByte == UInt8(ascii: "-") {
      position += 1
      if currentByte == UInt8(ascii: "I") {
        position -= 1
        throw nonFiniteOrElse(.expectedDigit, at: position + 1)
      }
    }
    let integerStart = position
    if currentByte == UInt8(ascii: "0") {
      position += 1
      if let byte = currentByte, isDigit(byte) { throw failure(.leadingZero) }
    } else {
      try skipDigits()
    }
    var decimal = DecimalLiteral(digits: integerStart..<position, point: position, exponent: 0)
    if currentByte == UInt8(ascii: ".") {
      position += 1
      try skipDigits()
      decimal.digits = integerStart..<position
    }
    if let byte = currentByte, byte | 0x20 == UInt8(ascii: "e") {
      position += 1
      decimal.exponent = try scanExponent()
    }
    return decimal
  }

  /// The exponent after `e`, limited to ±`DecimalLiteral.greatestExponent`.
  @_lifetime(self: copy self)
  private mutating func scanExponent() throws(JSONSyntaxError) -> Int {
    let isNegative = currentByte == UInt8(ascii: "-")
    if isNegative || currentByte == UInt8(ascii: "+") { position += 1 }
    let start = position
    try skipDigits()
    var exponent = 0
    for index in start..<position {
      exponent = min(exponent * 10 + Int(text[index] - UInt8(ascii: "0")), DecimalLiteral.greatestExponent)
    }
    return isNegative ? -exponent : exponent
  }

  /// Skips one digit or more.
  @_lifetime(self: copy self)
  private mutating func skipDigits() throws(JSONSyntaxError) {
    let start = position
    while position + 8 <= text.count {
      let count = SWAR.countOfDigits(text.word(at: position) ^ SWAR.zeros)
      position += count
      if count < 8 { break }
    }
    while position < text.count, isDigit(text[position]) { position += 1 }
    if position == start { throw failureHere(.expectedDigit) }
  }
}

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
