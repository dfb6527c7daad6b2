/// The hot path of reading: a number of everyday length from the text, a word at a time.

/// Reads the number at `position` and moves behind it, or returns NaN and stays: for what is no number, for more than
/// 19 significant digits, for one beyond binary64's range, and for the unusually long, which `readNumber` takes.
///
/// - Precondition: `position + fastNumberReach <= text.count`.
@inline(__always)
func fastNumber(_ text: Span<UInt8>, _ position: inout Int) -> Double {
  var cursor = position
  let isNegative = text[cursor] == UInt8(ascii: "-")
  if isNegative { cursor &+= 1 }

  // The integer part: eight bytes cover it nearly always.
  let integerWord = text.word(at: cursor) ^ Word.zeros
  var integerDigits = Word.countOfDigits(integerWord)
  var significand: UInt64
  if integerDigits == 1 {
    significand = integerWord & 0xFF
  } else {
    // No digit, or a zero before the first digit.
    if integerDigits == 0 || integerWord & 0xFF == 0 { return .nan }
    significand = Word.appending(integerWord, count: integerDigits, to: 0)
    if integerDigits == 8 {
      let next = text.word(at: cursor &+ 8) ^ Word.zeros
      let count = Word.countOfDigits(next)
      if count == 8 { return .nan }
      significand = Word.appending(next, count: count, to: significand)
      integerDigits = 8 &+ count
    }
  }
  cursor &+= integerDigits

  var exponent = 0
  if text[cursor] == UInt8(ascii: ".") {
    cursor &+= 1
    let start = cursor
    let first = text.word(at: cursor) ^ Word.zeros
    var count = Word.countOfDigits(first)
    if count == 8 {
      significand = significand &* 100_000_000 &+ Word.value(ofDigits: first)
      let second = text.word(at: cursor &+ 8) ^ Word.zeros
      count = Word.countOfDigits(second)
      cursor &+= 8
      if count == 8 {
        significand = significand &* 100_000_000 &+ Word.value(ofDigits: second)
        let third = text.word(at: cursor &+ 8) ^ Word.zeros
        count = Word.countOfDigits(third)
        if count == 8 { return .nan }
        cursor &+= 8
        significand = Word.appending(third, count: count, to: significand)
      } else {
        significand = Word.appending(second, count: count, to: significand)
      }
    } else if count == 0 {
      return .nan
    } else {
      significand = Word.appending(first, count: count, to: significand)
    }
    cursor &+= count
    exponent = start &- cursor
    // 64 bits hold 19 digits; with more, enough of them must be leading zeros.
    if integerDigits &- exponent > 19 {
      let zeros = first.trailingZeroBitCount &>> 3
      if integerWord & 0xFF != 0 || 0 &- exponent &- zeros > 19 { return .nan }
    }
  }

  if text[cursor] | 0x20 == UInt8(ascii: "e") {
    var digit = text[cursor &+ 1]
    let isExponentNegative = digit == UInt8(ascii: "-")
    if isExponentNegative || digit == UInt8(ascii: "+") {
      cursor &+= 1
      digit = text[cursor &+ 1]
    }
    guard isDigit(digit) else { return .nan }
    var written = Int(digit &- UInt8(ascii: "0"))
    cursor &+= 2
    digit = text[cursor]
    if isDigit(digit) {
      written = written &* 10 &+ Int(digit &- UInt8(ascii: "0"))
      cursor &+= 1
      digit = text[cursor]
      if isDigit(digit) {
        written = written &* 10 &+ Int(digit &- UInt8(ascii: "0"))
        cursor &+= 1
        if isDigit(text[cursor]) { return .nan }
      }
    }
    exponent &+= isExponentNegative ? 0 &- written : written
  }

  let magnitude: Double
  if significand < 1_000_000_000_000_000, exponent >= -22, exponent <= 22 {
    magnitude = exactOperation(significand, exponent)
  } else {
    let bits = nearestBinary64(significand, exponent: exponent)
    if bits == Binary64.infinity { return .nan }
    magnitude = Double(bitPattern: bits)
  }
  position = cursor
  return isNegative ? -magnitude : magnitude
}

/// How many bytes `fastNumber` may look at: a sign, 15 digits, a point, 23 digits, an exponent of 5 and one byte.
let fastNumberReach = 64

extension Word {
  /// `number` followed by the first `count` of a word's digits.
  @inline(__always)
  static func appending(_ digits: UInt64, count: Int, to number: UInt64) -> UInt64 {
    // In two steps, since for no digits the shift is by the whole word.
    let half = 32 &- 4 &* count
    let aligned = (digits &<< half) &<< half
    return number &* powersOfTen[count] &+ value(ofDigits: aligned)
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
