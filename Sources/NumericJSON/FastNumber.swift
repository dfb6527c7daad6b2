/// The hot path of reading: a number of everyday length from the text, a word at a time.
///
/// How many digits a number has is as good as random, and a branch on it would be mispredicted. So the digits, with the
/// point taken out, are made up to a fixed number with zeros, 8 or 19, and what follows is the same for all.

/// Reads the number that begins at `position`: where it ends and its bit pattern, or nil for what is no number, for more
/// than 19 digits, for one beyond binary64's range, and for the unusually long, which `readAnyNumber` takes.
@inline(__always)
func fastNumber(_ near: borrowing NearText, at position: Int) -> (end: Int, pattern: UInt64)? {
  guard near.byte(position) >= UInt8(ascii: "-") else { return nil }
  // Negative for "-" alone, so that the uppermost bit is the sign's.
  let sign = UInt64(near.byte(position)) &- UInt64(UInt8(ascii: "-") + 1)
  let start = position &+ Int(truncatingIfNeeded: sign &>> 63)

  if let (first, integerDigits) = eightDigits(near, at: start) {
    let others = Word.markOfOthers(first)
    if others != 0 {
      let count = Word.countBefore(others)
      if count <= integerDigits { return nil }
      let digits = first & Word.bitsThrough(others) &>> 8
      return shortNumber(near, to: start &+ 1 &+ count, digits: digits, integerDigits: integerDigits, sign: sign)
    }
    guard let (significand, end) = nineteenDigits(near, first, near.word(start &+ 9) ^ Word.zeros, at: start &+ 9)
    else {
      return longNumber(near, from: start, sign: sign)
    }
    if near.byte(end) != UInt8(ascii: ",") {
      return scaledNumber(near, to: end, significand, exponent: integerDigits &- 19, sign: sign)
    }
    // 10^-18 is the least that is not zero, and the exponent is -12 at most.
    let magnitude = significand == 0 ? 0 : nearestNormalBinary64(significand, exponent: integerDigits &- 19)
    return (end, magnitude | sign & 1 &<< 63)
  }
  let head = near.word(start) ^ Word.zeros
  let others = Word.markOfOthers(head)
  if others == 0 { return longNumber(near, from: start, sign: sign) }
  let count = Word.countBefore(others)
  if count == 0 || (head & 0xFF == 0 && count > 1) { return nil }
  let digits = head & Word.bitsThrough(others) &>> 8
  return shortNumber(near, to: start &+ count, digits: digits, integerDigits: count, sign: sign)
}

/// The first eight bytes of a number but for the point among them, XOR "0", and how many stand before it; nil if there is
/// none, or no digit before it, or more than one of which the first is zero.
@inline(__always)
private func eightDigits(_ near: borrowing NearText, at start: Int) -> (digits: UInt64, integerDigits: Int)? {
  if near.byte(start &+ 1) == UInt8(ascii: ".") {
    return ((near.word(start &+ 1) & ~0xFF | UInt64(near.byte(start))) ^ Word.zeros, 1)
  }
  let head = near.word(start) ^ Word.zeros
  let others = Word.markOfOthers(head)
  let count = Word.countBefore(others)
  if others == 0 || count < 2 || head & 0xFF == 0 || near.byte(start &+ count) != UInt8(ascii: ".") { return nil }
  let integer = Word.bitsThrough(others) &>> 8
  return (head & integer | (near.word(start &+ 1) ^ Word.zeros) & ~integer, count)
}

/// A number of up to seven digits, which stand in eight with zeros behind.
///
/// It is W. D. Clinger's case ("How to Read Floating Point Numbers Accurately", 1990): both operands are exact, so one IEEE
/// operation rounds once.
@inline(__always)
private func shortNumber(
  _ near: borrowing NearText, to end: Int, digits: UInt64, integerDigits: Int, sign: UInt64
) -> (end: Int, pattern: UInt64)? {
  let significand = Word.value(ofDigits: digits)
  if near.byte(end) | 0x20 == UInt8(ascii: "e") {
    return scaledNumber(near, to: end, significand, exponent: integerDigits &- 8, sign: sign)
  }
  let value = Double(Int64(truncatingIfNeeded: significand)) / powersOfTen[8 &- integerDigits]
  return (end, value.bitPattern | sign & 1 &<< 63)
}

private let powersOfTen: InlineArray<9, Double> = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]

/// Up to 19 digits as 19 with zeros behind, and where they end: `first` is eight of them, the others as in `digitsBehindEight`.
@inline(__always)
private func nineteenDigits(
  _ near: borrowing NearText, _ first: UInt64, _ second: UInt64, at position: Int
) -> (significand: UInt64, end: Int)? {
  guard let (second, third, end) = digitsBehindEight(near, second, at: position) else { return nil }
  let sixteen = Word.value(ofDigits: first) &* 100_000_000 &+ Word.value(ofDigits: second)
  return (sixteen &* 1000 &+ UInt64(Word.value(ofDigits: third)), end)
}

/// Eight digits and three behind a zero, zeros for those that are not there, and where they end: `second` is the word at
/// `position`, of which a part or all and up to three behind may be digits; nil if there are more.
@inline(__always)
private func digitsBehindEight(
  _ near: borrowing NearText, _ second: UInt64, at position: Int
) -> (second: UInt64, third: UInt32, end: Int)? {
  let others = Word.markOfOthers(second)
  if others != 0 { return (second & Word.bitsThrough(others) &>> 8, 0, position &+ Word.countBefore(others)) }
  let last = near.halfWord(position &+ 8) ^ UInt32(truncatingIfNeeded: Word.zeros)
  let lastOthers = Word.markOfOthers(last)
  if lastOthers == 0 { return nil }
  // A zero comes before the three, to make four of them.
  return (second, last &<< 8 & Word.bitsThrough(lastOthers), position &+ 8 &+ Word.countBefore(lastOthers))
}

/// A number with eight to fifteen digits before its point or end, or with zeros behind "0." and up to 19 digits behind them.
@inline(never)
private func longNumber(_ near: borrowing NearText, from start: Int, sign: UInt64) -> (end: Int, pattern: UInt64)? {
  let head = near.word(start) ^ Word.zeros
  let first, second: UInt64
  var position: Int
  let exponent: Int
  if Word.markOfOthers(head) != 0 {
    // There is a point, and digits behind it.
    guard head & 0xFF == 0 else { return nil }
    let zeros = (near.word(start &+ 2) ^ Word.zeros).trailingZeroBitCount &>> 3
    position = start &+ 2 &+ zeros
    first = near.word(position) ^ Word.zeros
    guard zeros < 8, Word.markOfOthers(first) == 0 else { return nil }
    position &+= 8
    second = near.word(position) ^ Word.zeros
    exponent = -19 &- zeros
  } else {
    guard head & 0xFF != 0 else { return nil }
    first = head
    position = start &+ 8
    let next = near.word(position) ^ Word.zeros
    let others = Word.markOfOthers(next)
    guard others != 0 else { return nil }
    let count = Word.countBefore(others)
    exponent = count &- 11
    if near.byte(position &+ count) == UInt8(ascii: ".") {
      guard isDigit(near.byte(position &+ count &+ 1)) else { return nil }
      let integer = Word.bitsThrough(others) &>> 8
      position &+= 1
      second = next & integer | (near.word(position) ^ Word.zeros) & ~integer
    } else if near.byte(position &+ count) | 0x20 != UInt8(ascii: "e") {
      // Below 10^15, so that every step is exact. The shift is in two steps, since for no digits it is by the whole word.
      let half = 32 &- 4 &* count
      let behind = Word.value(ofDigits: (next &<< half) &<< half)
      let value =
        Double(Int64(truncatingIfNeeded: Word.value(ofDigits: head))) * powersOfTen[count]
        + Double(Int64(truncatingIfNeeded: behind))
      return (position &+ count, value.bitPattern | sign & 1 &<< 63)
    } else {
      second = next
    }
  }
  guard let (significand, end) = nineteenDigits(near, first, second, at: position) else { return nil }
  return scaledNumber(near, to: end, significand, exponent: exponent, sign: sign)
}

/// significand · 10^exponent, times the power of ten written at `end` if there is one; nil beyond binary64's range.
@inline(__always)
private func scaledNumber(
  _ near: borrowing NearText, to end: Int, _ significand: UInt64, exponent: Int, sign: UInt64
) -> (end: Int, pattern: UInt64)? {
  var end = end
  var exponent = exponent
  if near.byte(end) | 0x20 == UInt8(ascii: "e") {
    guard let written = fastExponent(near, &end) else { return nil }
    exponent &+= written
  }
  let magnitude = nearestBinary64(significand, exponent: exponent)
  if magnitude == Binary64.infinity { return nil }
  return (end, magnitude | sign & 1 &<< 63)
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
