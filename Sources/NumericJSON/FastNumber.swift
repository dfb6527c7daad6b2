/// The hot path of reading: a number of everyday length from the text, a word at a time.

/// Reads the number that begins at `near`: its length and its bit pattern, or nil for what is no number, for more than 19
/// significant digits, for one beyond binary64's range, and for the unusually long, which `readAnyNumber` takes.
@inline(__always)
func fastNumber(_ near: borrowing NearText) -> (length: Int, pattern: UInt64)? {
  let isNegative = near.byte(0) == UInt8(ascii: "-")
  var cursor = isNegative ? 1 : 0

  var significand = UInt64(truncatingIfNeeded: near.byte(cursor) &- UInt8(ascii: "0"))
  var integerDigits = 1
  if near.byte(cursor &+ 1) != UInt8(ascii: ".") || significand > 9 {
    // Not one digit before a point: up to 15 digits, then, of which the first is no zero unless it is the only one.
    let first = near.word(cursor) ^ Word.zeros
    integerDigits = Word.countOfDigits(first)
    if integerDigits == 0 || (first & 0xFF == 0 && integerDigits > 1) { return nil }
    significand = Word.appending(first, count: integerDigits, to: 0)
    if integerDigits == 8 {
      let second = near.word(cursor &+ 8) ^ Word.zeros
      let count = Word.countOfDigits(second)
      if count == 8 { return nil }
      significand = Word.appending(second, count: count, to: significand)
      integerDigits = 8 &+ count
    }
  }
  cursor &+= integerDigits

  var exponent = 0
  if near.byte(cursor) == UInt8(ascii: ".") {
    let integer = significand
    cursor &+= 1
    let start = cursor
    let first = near.word(cursor) ^ Word.zeros
    var count = Word.countOfDigits(first)
    if count == 8 {
      significand = significand &* 100_000_000 &+ Word.value(ofDigits: first)
      cursor &+= 8
      var last = near.word(cursor) ^ Word.zeros
      count = Word.countOfDigits(last)
      if count == 8 {
        significand = significand &* 100_000_000 &+ Word.value(ofDigits: last)
        cursor &+= 8
        last = near.word(cursor) ^ Word.zeros
        count = Word.countOfDigits(last)
        if count == 8 { return nil }
      }
      significand =
        count <= 4
        ? Word.appendingFew(last, count: count, to: significand)
        : Word.appending(last, count: count, to: significand)
    } else {
      if count == 0 { return nil }
      significand = Word.appending(first, count: count, to: significand)
    }
    cursor &+= count
    exponent = start &- cursor
    // 64 bits hold 19 digits; with more, enough of them must be leading zeros.
    if integerDigits &- exponent > 19 {
      let zeros = first.trailingZeroBitCount &>> 3
      if integer != 0 || 0 &- exponent &- zeros > 19 { return nil }
    }
  }

  if near.byte(cursor) | 0x20 == UInt8(ascii: "e") {
    guard let written = fastExponent(near, &cursor) else { return nil }
    exponent &+= written
  }

  let magnitude: UInt64
  if significand < 1_000_000_000_000_000, exponent >= -22, exponent <= 22 {
    magnitude = exactOperation(significand, exponent).bitPattern
  } else {
    magnitude = nearestBinary64(significand, exponent: exponent)
    if magnitude == Binary64.infinity { return nil }
  }
  return (cursor, magnitude | (isNegative ? 1 &<< 63 : 0))
}

/// The exponent from its "e" on, of up to three digits; nil for another.
@inline(__always)
private func fastExponent(_ near: borrowing NearText, _ cursor: inout Int) -> Int? {
  var byte = near.byte(cursor &+ 1)
  let isNegative = byte == UInt8(ascii: "-")
  if isNegative || byte == UInt8(ascii: "+") {
    cursor &+= 1
    byte = near.byte(cursor &+ 1)
  }
  guard isDigit(byte) else { return nil }
  var written = Int(byte &- UInt8(ascii: "0"))
  cursor &+= 2
  byte = near.byte(cursor)
  if isDigit(byte) {
    written = written &* 10 &+ Int(byte &- UInt8(ascii: "0"))
    cursor &+= 1
    byte = near.byte(cursor)
    if isDigit(byte) {
      written = written &* 10 &+ Int(byte &- UInt8(ascii: "0"))
      cursor &+= 1
      if isDigit(near.byte(cursor)) { return nil }
    }
  }
  return isNegative ? 0 &- written : written
}

extension Word {
  /// `number` followed by the first `count` of a word's digits.
  @inline(__always)
  static func appending(_ digits: UInt64, count: Int, to number: UInt64) -> UInt64 {
    // In two steps, since for no digits the shift is by the whole word.
    let half = 32 &- 4 &* count
    let aligned = (digits &<< half) &<< half
    return number &* powersOfTen[count] &+ value(ofDigits: aligned)
  }

  /// `number` followed by the first `count` of a word's digits, of which there are at most four.
  @inline(__always)
  static func appendingFew(_ digits: UInt64, count: Int, to number: UInt64) -> UInt64 {
    let aligned = (digits &<< (32 &- 8 &* UInt64(truncatingIfNeeded: count))) & 0xFFFF_FFFF
    let pairs = ((aligned &* 10) &+ (aligned &>> 8)) & 0x00FF_00FF
    return number &* powersOfTen[count] &+ ((pairs &* 100) &+ (pairs &>> 16)) & 0xFFFF
  }

  private static let powersOfTen: InlineArray<9, UInt64> = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
  ]
}

/// W. D. Clinger's case ("How to Read Floating Point Numbers Accurately", 1990): both operands are exact, so one IEEE
/// operation rounds once.
@inline(__always)
private func exactOperation(_ significand: UInt64, _ exponent: Int) -> Double {
  let value = Double(Int64(truncatingIfNeeded: significand))
  return exponent < 0 ? value / exactPowersOfTen[0 &- exponent] : value * exactPowersOfTen[exponent]
}

private let exactPowersOfTen: InlineArray<23, Double> = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]
