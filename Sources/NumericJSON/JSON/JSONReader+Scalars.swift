internal import Allocation

/// A number as read: the binary64 nearest to the decimal, ties to even.
public struct JSONNumber: Sendable, Hashable {
  /// Finite, unless it was one of the words for what is not; zero for a decimal that rounds to zero; ± the greatest
  /// finite value when `isOutOfRange`.
  public let value: Double
  /// Whether the decimal rounds beyond binary64's range.
  public let isOutOfRange: Bool
}

extension JSONNumber {
  /// The number that a text is; nil where it is no number of JSON.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    do throws(JSONSyntaxError) {
      guard try reader.peekKind() == .number else { return nil }
      self = try reader.readNumber()
      try reader.finish()
    } catch {
      return nil
    }
  }
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

  /// NaN, Infinity or -Infinity at the position, where they are numbers, and how many bytes it has.
  var nonFiniteWord: (value: Double, length: Int)? {
    guard takesNonFiniteWords else { return nil }
    if text.matches("NaN", at: position) { return (.nan, 3) }
    if text.matches("Infinity", at: position) { return (.infinity, 8) }
    return text.matches("-Infinity", at: position) ? (-.infinity, 9) : nil
  }

  /// Reads such a word.
  @_lifetime(self: copy self)
  mutating func readNonFiniteWord() -> Double? {
    guard let (value, length) = nonFiniteWord else { return nil }
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

/// A string in a text, already checked.
public struct JSONString: ~Escapable {
  private let contents: Span<UInt8>
  private let hasEscapes: Bool

  @_lifetime(copy contents)
  init(_ contents: Span<UInt8>, hasEscapes: Bool) {
    self.contents = contents
    self.hasEscapes = hasEscapes
  }

  /// No name that anyone looks for has more bytes. Of a text that has, this many are copied and one to four more:
  /// copies of whole texts could take several times a body's memory.
  public static var longestText: Int { 4096 }

  /// A copy with the escapes resolved, cut after the scalar that makes it longer than ``longestText``; an escaped
  /// surrogate without its partner becomes U+FFFD.
  public var text: String {
    if hasEscapes { return unescaped(contents, atMost: Self.longestText) }
    var end = min(contents.count, Self.longestText + 1)
    // Up to the first byte of a scalar (RFC 3629 §3).
    while end < contents.count, contents[end] >> 6 == 0b10 { end += 1 }
    return String(contents.extracting(..<end))
  }

  /// Whether the text is `other`, byte by byte.
  public func equals(_ other: String) -> Bool {
    if hasEscapes { return text.utf8.elementsEqual(other.utf8) }
    let bytes = other.utf8.span
    guard bytes.count == contents.count else { return false }
    for index in contents.indices where contents[index] != bytes[index] { return false }
    return true
  }
}

extension JSONReader {
  /// Reads a string: ``JSONString/text``.
  @_lifetime(self: copy self)
  public mutating func readString() throws(JSONSyntaxError) -> String {
    skipWhitespace()
    guard currentByte == UInt8(ascii: "\"") else { throw failureHere(.expectedValue) }
    return try scanString().text
  }

  /// Checks and skips a string whose opening quote is at the position, and returns it.
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  mutating func scanString() throws(JSONSyntaxError) -> JSONString {
    let start = position + 1
    let hasEscapes = try skipString()
    return JSONString(text.extracting(start..<(position - 1)), hasEscapes: hasEscapes)
  }

  /// Checks the UTF-8 and the escapes of a string whose opening quote is at the position, and skips it. Returns whether
  /// it has any escape.
  @_lifetime(self: copy self)
  mutating func skipString() throws(JSONSyntaxError) -> Bool {
    position += 1
    var hasEscapes = false
    while position < text.count {
      if position + 8 <= text.count {
        let count = SWAR.countOfPlain(text.word(at: position))
        position += count
        if count == 8 { continue }
      }
      let byte = text[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return hasEscapes
      } else if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        try skipEscape()
      } else if byte < 0x20 {
        throw failure(.controlCharacter)
      } else if byte < 0x80 {
        position += 1
      } else {
        position += try lengthOfMultibyteScalar()
      }
    }
    throw failure(.unexpectedEnd)
  }

  @_lifetime(self: copy self)
  private mutating func skipEscape() throws(JSONSyntaxError) {
    position += 1
    switch currentByte {
    case UInt8(ascii: "u"):
      position += 1
      for _ in 0..<4 {
        guard let byte = currentByte, byte.hexadecimalValue != nil else { throw failureHere(.invalidEscape) }
        position += 1
      }
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 1
    default: throw failureHere(.invalidEscape)
    }
  }

  /// The length of the UTF-8 sequence at the position, whose first byte is not ASCII. RFC 3629 §4, row by row.
  private func lengthOfMultibyteScalar() throws(JSONSyntaxError) -> Int {
    let lead = text[position]
    let (length, second): (Int, ClosedRange<UInt8>) =
      switch lead {
      case 0xC2...0xDF: (2, 0x80...0xBF)
      case 0xE0: (3, 0xA0...0xBF)
      case 0xED: (3, 0x80...0x9F)
      case 0xE1...0xEF: (3, 0x80...0xBF)
      case 0xF0: (4, 0x90...0xBF)
      case 0xF1...0xF3: (4, 0x80...0xBF)
      case 0xF4: (4, 0x80...0x8F)
      default: throw failure(.invalidUTF8)
      }
    for index in 1..<length {
      guard position + index < text.count else {
        throw JSONSyntaxError(offset: text.count, reason: .unexpectedEnd)
      }
      let allowed = index == 1 ? second : 0x80...0xBF
      guard allowed.contains(text[position + index]) else { throw failure(.invalidUTF8) }
    }
    return length
  }
}

/// The contents of a string that `skipString` has checked, with the escapes resolved, up to the scalar that makes them
/// longer than `limit`.
private func unescaped(_ contents: Span<UInt8>, atMost limit: Int) -> String {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(min(contents.count, limit + 4))
  var index = 0
  while index < contents.count {
    if bytes.count > limit, contents[index] >> 6 != 0b10 { break }
    let byte = contents[index]
    guard byte == UInt8(ascii: "\\") else {
      bytes.append(byte)
      index += 1
      continue
    }
    let escape = contents[index + 1]
    index += 2
    switch escape {
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var scalar = codeUnit(contents, at: index)
      index += 4
      // RFC 8259 §7: a pair of escaped surrogates stands for one scalar beyond U+FFFF.
      if scalar >> 10 == 0xD800 >> 10, index + 6 <= contents.count, contents[index] == UInt8(ascii: "\\"),
        contents[index + 1] == UInt8(ascii: "u")
      {
        let low = codeUnit(contents, at: index + 2)
        if low >> 10 == 0xDC00 >> 10 {
          scalar = 0x10000 + (scalar & 0x3FF) << 10 + low & 0x3FF
          index += 6
        }
      }
      bytes.append(contentsOf: Array(String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8))
    default: bytes.append(escape)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// The value of four hexadecimal digits.
private func codeUnit(_ contents: Span<UInt8>, at index: Int) -> UInt32 {
  var value: UInt32 = 0
  for offset in 0..<4 { value = value << 4 | UInt32(contents[index + offset].hexadecimalValue ?? 0) }
  return value
}

extension String {
  /// A copy of bytes, or U+FFFD alone if they are not UTF-8.
  init(_ bytes: Span<UInt8>) {
    if let valid = try? UTF8Span(validating: bytes) {
      self.init(copying: valid)
    } else {
      self = "\u{FFFD}"
    }
  }
}
