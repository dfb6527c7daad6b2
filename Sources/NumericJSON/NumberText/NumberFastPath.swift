// The fast path of reading: one number of everyday length, a word of text at a time.
//
// The number of digits is close to random, so a branch on it would be mispredicted. Therefore the digits, without the
// point, are padded with zeros to a fixed number, 8 or 19, and what follows is the same for all.

/// Reads the number that begins at `position`: where it ends and its bit pattern.
///
/// It returns nil for what is no number, and for numbers that `readAnyNumber` must read: those of about 40 bytes and
/// more, those whose digits after the nineteenth decide, and those beyond binary64's range.
@inline(__always)
func readNumberFast(_ text: borrowing LookaheadText, at position: Int) -> (end: Int, pattern: UInt64)? {
  guard text.byte(position) >= UInt8(ascii: "-") else { return nil }
  // Negative for "-" only, so that the highest bit is the sign's.
  let sign = UInt64(text.byte(position)) &- UInt64(UInt8(ascii: "-") + 1)
  let start = position &+ Int(truncatingIfNeeded: sign &>> 63)

  if let (first, integerDigits) = eightDigits(text, at: start) {
    let others = SWAR.nonDigits(first)
    if others != 0 {
      let count = SWAR.countBefore(others)
      if count <= integerDigits { return nil }
      let digits = first & SWAR.bitsThrough(others) &>> 8
      return shortNumber(text, to: start &+ 1 &+ count, digits: digits, integerDigits: integerDigits, sign: sign)
    }
    let second = text.word(start &+ 9) ^ SWAR.zeros
    guard let (significand, end) = nineteenDigits(text, first, second, at: start &+ 9) else {
      return longNumber(text, from: start, sign: sign) ?? numberOfManyDigits(text, from: start, sign: sign)
    }
    if text.byte(end) != UInt8(ascii: ",") {
      return scaledNumber(text, to: end, significand, exponent: integerDigits &- 19, sign: sign)
    }
    // The least such number that is not zero is 10^-18, and the exponent is at most -12.
    let magnitude = significand == 0 ? 0 : nearestNormalBinary64(significand, exponent: integerDigits &- 19)
    return (end, magnitude | sign & 1 &<< 63)
  }
  let head = text.word(start) ^ SWAR.zeros
  let others = SWAR.nonDigits(head)
  if others == 0 {
    return longNumber(text, from: start, sign: sign) ?? numberOfManyDigits(text, from: start, sign: sign)
  }
  let count = SWAR.countBefore(others)
  if count == 0 || (head & 0xFF == 0 && count > 1) { return nil }
  let digits = head & SWAR.bitsThrough(others) &>> 8
  return shortNumber(text, to: start &+ count, digits: digits, integerDigits: count, sign: sign)
}

/// The first eight bytes of a number without the point among them, XOR "0", and how many come before the point. Nil if
/// there is no point, no digit before it, or a zero before other digits.
@inline(__always)
private func eightDigits(
  _ text: borrowing LookaheadText, at start: Int
) -> (digits: UInt64, integerDigits: Int)? {
  if text.byte(start &+ 1) == UInt8(ascii: ".") {
    return ((text.word(start &+ 1) & ~0xFF | UInt64(text.byte(start))) ^ SWAR.zeros, 1)
  }
  let head = text.word(start) ^ SWAR.zeros
  let others = SWAR.nonDigits(head)
  let count = SWAR.countBefore(others)
  if others == 0 || count < 2 || head & 0xFF == 0 || text.byte(start &+ count) != UInt8(ascii: ".") { return nil }
  let integer = SWAR.bitsThrough(others) &>> 8
  return (head & integer | (text.word(start &+ 1) ^ SWAR.zeros) & ~integer, count)
}

/// A number of up to seven digits, padded to eight with zeros.
///
/// It is W. D. Clinger's case ("How to Read Floating Point Numbers Accurately", 1990): both operands are exact, so that
/// one IEEE operation rounds once.
@inline(__always)
private func shortNumber(
  _ text: borrowing LookaheadText, to end: Int, digits: UInt64, integerDigits: Int, sign: UInt64
) -> (end: Int, pattern: UInt64)? {
  let significand = SWAR.value(ofDigits: digits)
  if text.byte(end) | 0x20 == UInt8(ascii: "e") {
    return scaledNumber(text, to: end, significand, exponent: integerDigits &- 8, sign: sign)
  }
  let value = Double(Int64(truncatingIfNeeded: significand)) / exactPowerOfTen(8 &- integerDigits)
  return (end, value.bitPattern | sign & 1 &<< 63)
}

/// Up to 19 digits, padded to 19 with zeros, and where they end. `first` is eight of them; for the others see
/// `digitsAfterEight`.
@inline(__always)
private func nineteenDigits(
  _ text: borrowing LookaheadText, _ first: UInt64, _ second: UInt64, at position: Int
) -> (significand: UInt64, end: Int)? {
  guard let (second, third, end) = digitsAfterEight(text, second, at: position) else { return nil }
  let sixteen = SWAR.value(ofDigits: first) &* 100_000_000 &+ SWAR.value(ofDigits: second)
  return (sixteen &* 1000 &+ UInt64(SWAR.value(ofDigits: third)), end)
}

/// Eight digits, then three with a zero before them, zeros in place of those that are missing; and where the digits
/// end. `second` is the word at `position`, which begins with the digits. Nil if there are more than eleven.
@inline(__always)
private func digitsAfterEight(
  _ text: borrowing LookaheadText, _ second: UInt64, at position: Int
) -> (second: UInt64, third: UInt32, end: Int)? {
  let others = SWAR.nonDigits(second)
  if others != 0 { return (second & SWAR.bitsThrough(others) &>> 8, 0, position &+ SWAR.countBefore(others)) }
  let last = text.halfWord(position &+ 8) ^ UInt32(truncatingIfNeeded: SWAR.zeros)
  let lastOthers = SWAR.nonDigits(last)
  if lastOthers == 0 { return nil }
  // A zero comes before the three, to make four of them.
  return (second, last &<< 8 & SWAR.bitsThrough(lastOthers), position &+ 8 &+ SWAR.countBefore(lastOthers))
}

/// A number with eight to fifteen digits before its point or end, or with zeros after "0." and up to 19 digits after
/// those.
@inline(never)
private func longNumber(
  _ text: borrowing LookaheadText, from start: Int, sign: UInt64
) -> (end: Int, pattern: UInt64)? {
  let head = text.word(start) ^ SWAR.zeros
  let first, second: UInt64
  var position: Int
  let exponent: Int
  if SWAR.nonDigits(head) != 0 {
    // There is a point, and digits after it.
    guard head & 0xFF == 0 else { return nil }
    let zeros = (text.word(start &+ 2) ^ SWAR.zeros).trailingZeroBitCount &>> 3
    position = start &+ 2 &+ zeros
    first = text.word(position) ^ SWAR.zeros
    guard zeros < 8, SWAR.nonDigits(first) == 0 else { return nil }
    position &+= 8
    second = text.word(position) ^ SWAR.zeros
    exponent = -19 &- zeros
  } else {
    guard head & 0xFF != 0 else { return nil }
    first = head
    position = start &+ 8
    let next = text.word(position) ^ SWAR.zeros
    let others = SWAR.nonDigits(next)
    guard others != 0 else { return nil }
    let count = SWAR.countBefore(others)
    exponent = count &- 11
    if text.byte(position &+ count) == UInt8(ascii: ".") {
      guard isDigit(text.byte(position &+ count &+ 1)) else { return nil }
      let integer = SWAR.bitsThrough(others) &>> 8
      position &+= 1
      second = next & integer | (text.word(position) ^ SWAR.zeros) & ~integer
    } else if text.byte(position &+ count) | 0x20 != UInt8(ascii: "e") {
      // Below 10^15, so that every step is exact. The shift is done in two steps, because without a digit it is by 64.
      let half = 32 &- 4 &* count
      let rest = SWAR.value(ofDigits: (next &<< half) &<< half)
      let value =
        Double(Int64(truncatingIfNeeded: SWAR.value(ofDigits: head))) * exactPowerOfTen(count)
        + Double(Int64(truncatingIfNeeded: rest))
      return (position &+ count, value.bitPattern | sign & 1 &<< 63)
    } else {
      second = next
    }
  }
  guard let (significand, end) = nineteenDigits(text, first, second, at: position) else { return nil }
  return scaledNumber(text, to: end, significand, exponent: exponent, sign: sign)
}

/// A number of any kind with up to about 40 digits. Its first 19 decide, unless they and the next such number round
/// differently.
@inline(never)
private func numberOfManyDigits(
  _ text: borrowing LookaheadText, from start: Int, sign: UInt64
) -> (end: Int, pattern: UInt64)? {
  var digits = FirstDigits()
  var cursor = start
  guard let integerDigits = digits.take(text, &cursor, from: start), integerDigits > 0 else { return nil }
  if integerDigits > 1, text.byte(start) == UInt8(ascii: "0") { return nil }
  var fractionDigits = 0
  if text.byte(cursor) == UInt8(ascii: ".") {
    cursor &+= 1
    guard let count = digits.take(text, &cursor, from: start), count > 0 else { return nil }
    fractionDigits = count
  }
  let exponent = digits.leftOut &- fractionDigits
  guard let number = scaledNumber(text, to: cursor, digits.significand, exponent: exponent, sign: sign) else {
    return nil
  }
  if digits.hasRest {
    let next = scaledNumber(text, to: cursor, digits.significand &+ 1, exponent: exponent, sign: sign)
    guard next?.pattern == number.pattern else { return nil }
  }
  return number
}

/// The first 19 digits of a number as an integer, and what is known of the others.
private struct FirstDigits {
  var significand: UInt64 = 0
  private var count = 0
  /// How many digits there are after the nineteenth, and whether any of these is not zero.
  var leftOut = 0
  var hasRest = false

  /// Takes the digits from a place on, and returns how many there are; nil if they may go on beyond reach.
  @inline(__always)
  mutating func take(_ text: borrowing LookaheadText, _ cursor: inout Int, from start: Int) -> Int? {
    let first = cursor
    while true {
      // With the eight here these are 48 bytes.
      guard cursor &- start <= 40 else { return nil }
      let word = text.word(cursor) ^ SWAR.zeros
      let found = SWAR.countOfDigits(word)
      let taken = min(found, 19 &- count)
      if taken > 0 {
        // Zeros come before them, to make eight.
        let value = SWAR.value(ofDigits: word &<< UInt64(truncatingIfNeeded: 64 &- 8 &* taken))
        significand = significand &* powersOfTen[taken] &+ value
        count &+= taken
      }
      if found > taken {
        leftOut &+= found &- taken
        let others = word &>> UInt64(truncatingIfNeeded: 8 &* taken)
        if others &<< UInt64(truncatingIfNeeded: 64 &- 8 &* (found &- taken)) != 0 { hasRest = true }
      }
      cursor &+= found
      if found < 8 { return cursor &- first }
    }
  }
}

private let powersOfTen: InlineArray<9, UInt64> = [
  1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
]

@inline(__always)
private func exactPowerOfTen(_ exponent: Int) -> Double { Double(Int64(truncatingIfNeeded: powersOfTen[exponent])) }

/// significand · 10^exponent, times the power of ten written at `end` if there is one; nil beyond binary64's range.
@inline(__always)
private func scaledNumber(
  _ text: borrowing LookaheadText, to end: Int, _ significand: UInt64, exponent: Int, sign: UInt64
) -> (end: Int, pattern: UInt64)? {
  var end = end
  var exponent = exponent
  if text.byte(end) | 0x20 == UInt8(ascii: "e") {
    guard let written = readExponentFast(text, &end) else { return nil }
    exponent &+= written
  }
  let magnitude = nearestBinary64(significand, exponent: exponent)
  if magnitude == Binary64.infinity { return nil }
  return (end, magnitude | sign & 1 &<< 63)
}

/// The exponent from its "e" on, if it has at most three digits; otherwise nil.
@inline(__always)
private func readExponentFast(_ text: borrowing LookaheadText, _ cursor: inout Int) -> Int? {
  var byte = text.byte(cursor &+ 1)
  let isNegative = byte == UInt8(ascii: "-")
  if isNegative || byte == UInt8(ascii: "+") {
    cursor &+= 1
    byte = text.byte(cursor &+ 1)
  }
  guard isDigit(byte) else { return nil }
  var written = Int(byte &- UInt8(ascii: "0"))
  cursor &+= 2
  byte = text.byte(cursor)
  if isDigit(byte) {
    written = written &* 10 &+ Int(byte &- UInt8(ascii: "0"))
    cursor &+= 1
    byte = text.byte(cursor)
    if isDigit(byte) {
      written = written &* 10 &+ Int(byte &- UInt8(ascii: "0"))
      cursor &+= 1
      if isDigit(text.byte(cursor)) { return nil }
    }
  }
  return isNegative ? 0 &- written : written
}

/// Arithmetic on the bytes of a word, eight or four at once ("SIMD within a register").
enum SWAR {
  static var zeros: UInt64 { 0x3030_3030_3030_3030 }
  static var highBits: UInt64 { 0x8080_8080_8080_8080 }

  /// For bytes of text XOR "0": zero if all are digits. Otherwise the lowest bit set is the high bit of the first byte
  /// that is not a digit.
  ///
  /// A byte XOR "0" is below 10 exactly for a digit. Adding 0x76 sets the byte's high bit from 10 on, and the byte's
  /// own high bit is kept. Carries reach only bytes after the first that is not a digit.
  @inline(__always)
  static func nonDigits<Bytes: FixedWidthInteger>(_ digits: Bytes) -> Bytes {
    ((digits &+ Bytes(truncatingIfNeeded: 0x7676_7676_7676_7676)) | digits) & Bytes(truncatingIfNeeded: highBits)
  }

  /// How many bytes come before the first marked one; all of them if none is marked.
  @inline(__always)
  static func countBefore<Bytes: FixedWidthInteger>(_ mark: Bytes) -> Int { mark.trailingZeroBitCount &>> 3 }

  /// All bits up to the lowest one set: those of the bytes before the first marked one, and of that byte.
  @inline(__always)
  static func bitsThrough<Bytes: FixedWidthInteger>(_ mark: Bytes) -> Bytes { mark ^ (mark &- 1) }

  /// For eight bytes of text XOR `zeros`: how many digits come before the first byte that is not one.
  @inline(__always)
  static func countOfDigits(_ digits: UInt64) -> Int { countBefore(nonDigits(digits)) }

  /// How many of eight bytes come before the first that may not be in a JSON string as it is, or that needs a closer
  /// look: a quotation mark, a backslash, a control character, or a byte that is not ASCII.
  ///
  /// Subtracting 1 or 0x20 from a byte borrows into its high bit if the byte is less. Borrows reach only later bytes.
  @inline(__always)
  static func countOfPlain(_ text: UInt64) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = (text ^ ones &* UInt64(UInt8(ascii: "\""))) &- ones
    let backslashes = (text ^ ones &* UInt64(UInt8(ascii: "\\"))) &- ones
    let controls = text &- ones &* 0x20
    return countBefore((quotes | backslashes | controls | text) & highBits)
  }

  /// The number that eight digits write, each digit in a byte, the first in the lowest: pairs, fours, then all eight.
  @inline(__always)
  static func value(ofDigits digits: UInt64) -> UInt64 {
    let pairs = ((digits &* (1 + 10 << 8)) &>> 8) & 0x00FF_00FF_00FF_00FF
    let fours = ((pairs &* (1 + 100 << 16)) &>> 16) & 0x0000_FFFF_0000_FFFF
    return (fours &* (1 + 10_000 << 32)) &>> 32
  }

  /// The number that four digits write, likewise.
  @inline(__always)
  static func value(ofDigits digits: UInt32) -> UInt32 {
    let pairs = ((digits &* (1 + 10 << 8)) &>> 8) & 0x00FF_00FF
    return (pairs &* (1 + 100 << 16)) &>> 16
  }
}
