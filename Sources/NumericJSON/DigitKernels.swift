/// Numbers into bytes, eight digits at a time. All `unsafe` of the writing side is here.

/// The most bytes that a number takes ("-2.2250738585072014e-308"), and how many behind them and a comma may be written,
/// since digits go in whole words: of -1234567890123456.0 the last word ends 34 bytes from the sign.
enum NumberText {
  static var maximumLength: Int { 24 }
  static var slack: Int { 16 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends numbers with commas between them.
  ///
  /// - Precondition: room for `maximumLength` + 1 bytes a number and `slack` more.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func append(numbers values: Span<Double>, in range: Range<Int>, format: NumberFormat) {
    precondition(freeCapacity >= range.count * (NumberText.maximumLength + 1) + NumberText.slack)
    // Safe: each number takes at most `maximumLength` bytes and its comma one, the room for all was checked, and the
    // count that is set is of the bytes written; the range is checked against the values here.
    unsafe values.withUnsafeBufferPointer { values in
      let values = unsafe UnsafeBufferPointer(rebasing: values[range])
      unsafe withUnsafeMutableBufferPointer { buffer, count in
        guard let base = buffer.baseAddress else { return }
        let start = unsafe base + count
        switch format {
        case .binary64: count += unsafe writeNumbers(values, format: .binary64, to: start)
        case .binary32: count += unsafe writeNumbers(values, format: .binary32, to: start)
        }
      }
    }
  }
}

/// Writes numbers with commas between them and returns how many bytes they take.
///
/// A number's digits are found while those of the one before are written: each step waits for the last, and two chains
/// of steps fill the processor better than one.
@inline(__always)
private func writeNumbers(
  _ values: UnsafeBufferPointer<Double>, format: NumberFormat, to start: UnsafeMutablePointer<UInt8>
) -> Int {
  guard var value = unsafe values.first else { return 0 }
  var cursor = unsafe start
  var decimal = shortestDecimal(value, format)
  for index in 1..<values.count {
    let next = unsafe values[index]
    let nextDecimal = shortestDecimal(next, format)
    unsafe cursor += writeNumber(value, decimal, format, to: cursor)
    unsafe cursor.pointee = UInt8(ascii: ",")
    unsafe cursor += 1
    (value, decimal) = (next, nextDecimal)
  }
  unsafe cursor += writeNumber(value, decimal, format, to: cursor)
  return unsafe cursor - start
}

/// The digits of a normal number without its sign; nil for any other.
@inline(__always)
private func shortestDecimal(_ value: Double, _ format: NumberFormat) -> ShortestDecimal? {
  switch format {
  case .binary64:
    let biased = Int(value.exponentBitPattern)
    let fraction = value.significandBitPattern
    if UInt(bitPattern: biased &- 1) >= 0x7FE { return nil }
    return fraction != 0 || biased == 1
      ? ShortestDecimal(of: fraction | 1 &<< 52, biased &- 1075)
      : ShortestDecimal(ofPowerOfTwo: 1 &<< 52, biased &- 1075)
  case .binary32:
    let narrow = Float(value)
    let biased = Int(narrow.exponentBitPattern)
    let fraction = UInt64(narrow.significandBitPattern)
    if biased == 0 || biased == 0xFF { return nil }
    return fraction != 0 || biased == 1
      ? ShortestDecimal(of: fraction | 1 &<< 23, biased &- 150)
      : ShortestDecimal(ofPowerOfTwo: 1 &<< 23, biased &- 150)
  }
}

/// Writes a number and returns how many bytes it takes; up to 34 may be written.
///
/// From 1e-4 up to but not including 1e16 in plain notation, with at least one digit after the point; else one digit before
/// the point, and an exponent without a plus sign or leading zeros: as Python and Swift choose, but for those.
@inline(__always)
private func writeNumber(
  _ value: Double, _ decimal: ShortestDecimal?, _ format: NumberFormat, to start: UnsafeMutablePointer<UInt8>
) -> Int {
  guard let decimal else { return unsafe writeExtreme(value, format, to: start) }
  unsafe start.pointee = UInt8(ascii: "-")
  let sign = value.sign == .minus ? 1 : 0
  return unsafe sign &+ writeDecimal(decimal, to: start + sign)
}

/// Subnormal numbers; zero, whatever its sign; and what JSON has no numbers for.
@inline(never)
private func writeExtreme(_ value: Double, _ format: NumberFormat, to start: UnsafeMutablePointer<UInt8>) -> Int {
  let c = format == .binary64 ? value.significandBitPattern : UInt64(Float(value).significandBitPattern)
  guard value.isFinite, c != 0 else {
    let text: StaticString =
      value.isNaN ? "\"NaN\"" : value.isFinite ? "0.0" : value < 0 ? "\"-Infinity\"" : "\"Infinity\""
    for index in 0..<text.utf8CodeUnitCount { unsafe start[index] = text.utf8(at: index) }
    return text.utf8CodeUnitCount
  }
  unsafe start.pointee = UInt8(ascii: "-")
  let sign = value < 0 ? 1 : 0
  let decimal = ShortestDecimal(of: c, format == .binary64 ? -1074 : -149)
  return unsafe sign &+ writeDecimal(decimal, to: start + sign)
}

@inline(__always)
private func writeDecimal(_ decimal: ShortestDecimal, to p: UnsafeMutablePointer<UInt8>) -> Int {
  let number = SeventeenDigits(decimal)
  let power = number.power
  if power < 0, power >= -4 {
    unsafe store(0x3030_3030_3030_2E30, to: p)  // "0.000000"
    let q = unsafe p + (1 &- power)
    unsafe q.pointee = number.first
    unsafe store(number.high, to: q + 1)
    unsafe store(number.low, to: q + 9)
    return 1 &- power &+ number.count
  }
  unsafe p.pointee = number.first
  if power >= 0, power < 16 {
    unsafe store(number.high, to: p + 1)
    unsafe store(number.low, to: p + 9)
    // What stands behind the point, one place further.
    let rest = (UInt128(number.low) &<< 64 | UInt128(number.high)) &>> UInt128(truncatingIfNeeded: 8 &* power)
    let point = unsafe p + (1 &+ power)
    unsafe store(UInt64(truncatingIfNeeded: rest), to: point + 1)
    unsafe store(UInt64(truncatingIfNeeded: rest &>> 64), to: point + 9)
    unsafe point.pointee = UInt8(ascii: ".")
    return max(number.count, power &+ 2) &+ 1
  }
  unsafe p[1] = UInt8(ascii: ".")
  unsafe store(number.high, to: p + 2)
  unsafe store(number.low, to: p + 10)
  let length = number.count == 1 ? 1 : number.count &+ 1
  return unsafe length &+ writeExponent(power, to: p + length)
}

/// "e", a minus sign where there is one, and one to three digits.
@inline(__always)
private func writeExponent(_ power: Int, to start: UnsafeMutablePointer<UInt8>) -> Int {
  unsafe start.pointee = UInt8(ascii: "e")
  unsafe start[1] = UInt8(ascii: "-")
  var p = unsafe start + (power < 0 ? 2 : 1)
  let magnitude = UInt64(truncatingIfNeeded: abs(power))
  let (hundreds, rest) = (magnitude / 100, magnitude % 100)
  unsafe p.pointee = UInt8(truncatingIfNeeded: hundreds) &+ 0x30
  unsafe p += hundreds == 0 ? 0 : 1
  unsafe p.pointee = UInt8(truncatingIfNeeded: rest / 10) &+ 0x30
  unsafe p += magnitude < 10 ? 0 : 1
  unsafe p.pointee = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
  return unsafe p + 1 - start
}

@inline(__always)
private func store(_ word: UInt64, to p: UnsafeMutablePointer<UInt8>) {
  unsafe UnsafeMutableRawPointer(p).storeBytes(of: word.littleEndian, as: UInt64.self)
}

/// The digits of a number, filled up with zeros to 17, as text: the first, the next eight and the last eight.
private struct SeventeenDigits {
  var first: UInt8
  var high: UInt64
  var low: UInt64
  /// The power of ten of the first digit.
  var power: Int
  /// How many digits there are without trailing zeros; at least 1.
  var count: Int

  @inline(__always)
  init(_ decimal: ShortestDecimal) {
    var (digits, exponent) = (decimal.digits, decimal.exponent)
    let isShort = digits < 10_000_000_000_000_000
    digits = isShort ? digits &* 10 : digits
    exponent = isShort ? exponent &- 1 : exponent
    // Subnormal numbers and binary32 have fewer than 16.
    while digits < 10_000_000_000_000_000 {
      digits &*= 10
      exponent &-= 1
    }
    power = exponent &+ 16
    let upper = digits / 100_000_000  // nine digits
    let leading = upper / 100_000_000
    first = UInt8(truncatingIfNeeded: leading) &+ 0x30
    let highDigits = SeventeenDigits.bytes(upper &- leading &* 100_000_000)
    let lowDigits = SeventeenDigits.bytes(digits &- upper &* 100_000_000)
    let zeros =
      lowDigits != 0
      ? lowDigits.byteSwapped.trailingZeroBitCount &>> 3
      : 8 &+ highDigits.byteSwapped.trailingZeroBitCount &>> 3
    count = 17 &- zeros
    high = highDigits | Word.zeros
    low = lowDigits | Word.zeros
  }

  /// The eight digits of a number below 10^8, each in a byte, the first in the lowest place: halves, quarters, eighths. Each
  /// product with a shift is a division by 10,000, 100 and 10, for all parts at once.
  @inline(__always)
  static func bytes(_ number: UInt64) -> UInt64 {
    let four = (number &* 109_951_163) &>> 40
    let halves = four | (number &- four &* 10_000) &<< 32
    let two = ((halves &* 10_486) &>> 20) & 0x0000_007F_0000_007F
    let quarters = two | (halves &- two &* 100) &<< 16
    let one = ((quarters &* 103) &>> 10) & 0x000F_000F_000F_000F
    return one | (quarters &- one &* 10) &<< 8
  }
}
