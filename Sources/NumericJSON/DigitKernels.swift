/// Numbers into bytes, eight digits at a time. All `unsafe` of the writing side is here.

/// The most bytes that a number takes ("-2.2250738585072014e-308"), and how many behind them and a comma may be written,
/// since digits go in whole words: of -1234567890123456.0 the last word ends 26 bytes from the sign.
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
  var index = 1
  while index < values.count {
    let next = unsafe values[index]
    let nextDecimal = shortestDecimal(next, format)
    unsafe cursor += writeNumber(value, decimal, format, to: cursor)
    unsafe cursor.pointee = UInt8(ascii: ",")
    unsafe cursor += 1
    (value, decimal) = (next, nextDecimal)
    index &+= 1
  }
  unsafe cursor += writeNumber(value, decimal, format, to: cursor)
  return unsafe cursor - start
}

extension NumberFormat {
  /// The fields of a number's magnitude, rounded to this format.
  @inline(__always)
  fileprivate func fields(of value: Double) -> (biased: Int, fraction: UInt64) {
    switch self {
    case .binary64: return (Int(value.exponentBitPattern), value.significandBitPattern)
    case .binary32:
      let narrow = Float(value)
      return (Int(narrow.exponentBitPattern), UInt64(narrow.significandBitPattern))
    }
  }

  fileprivate var leadingBit: UInt64 { self == .binary64 ? 1 &<< 52 : 1 &<< 23 }
  fileprivate var biasedInfinity: Int { self == .binary64 ? 0x7FF : 0xFF }
  /// A significand is an integer times 2^(biased - bias).
  fileprivate var bias: Int { self == .binary64 ? 1075 : 150 }
}

/// The digits of a normal number without its sign; none for any other.
@inline(__always)
private func shortestDecimal(_ value: Double, _ format: NumberFormat) -> ShortestDecimal {
  let (biased, fraction) = format.fields(of: value)
  if UInt(bitPattern: biased &- 1) >= UInt(bitPattern: format.biasedInfinity &- 1) { return .none }
  let (significand, exponent) = (fraction | format.leadingBit, biased &- format.bias)
  let decimal =
    fraction != 0
    ? ShortestDecimal(of: significand, exponent)
    : ShortestDecimal(ofPowerOfTwo: significand, exponent, isLeastNormal: biased == 1)
  return format == .binary64 ? decimal : decimal.padded()
}

/// Writes a number and returns how many bytes it takes; up to 26 may be written.
///
/// From 1e-4 up to but not including 1e16 in plain notation, with at least one digit after the point; else one digit before
/// the point, and an exponent without a plus sign or leading zeros: as Python and Swift choose, but for those.
@inline(__always)
private func writeNumber(
  _ value: Double, _ decimal: ShortestDecimal, _ format: NumberFormat, to start: UnsafeMutablePointer<UInt8>
) -> Int {
  if decimal.isNone { return unsafe writeRareNumber(value, format, to: start) }
  unsafe start.pointee = UInt8(ascii: "-")
  let sign = Int(truncatingIfNeeded: value.bitPattern &>> 63)
  return unsafe sign &+ writeDecimal(decimal, to: start + sign)
}

/// Subnormal numbers; zero, whatever its sign; and what JSON has no numbers for.
@inline(never)
private func writeRareNumber(_ value: Double, _ format: NumberFormat, to start: UnsafeMutablePointer<UInt8>) -> Int {
  let (biased, fraction) = format.fields(of: value)
  guard biased == 0, fraction != 0 else {
    let text: StaticString =
      biased == 0 ? "0.0" : fraction != 0 ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\""
    for index in 0..<text.utf8CodeUnitCount { unsafe start[index] = text.utf8(at: index) }
    return text.utf8CodeUnitCount
  }
  unsafe start.pointee = UInt8(ascii: "-")
  let sign = value < 0 ? 1 : 0
  let decimal = ShortestDecimal(of: fraction, 1 - format.bias).padded()
  return unsafe sign &+ writeDecimal(decimal, to: start + sign)
}

/// Writes the text of a positive number.
///
/// Its seventeen digits are sixteen in two words and the last. If they begin with a zero, they are written one place further
/// ahead: the point, or a digit before it, is written over that zero, and only the first word need be shifted for it.
@inline(__always)
private func writeDecimal(_ decimal: ShortestDecimal, to p: UnsafeMutablePointer<UInt8>) -> Int {
  let lead = Int(truncatingIfNeeded: (decimal.tens &- 1_000_000_000_000_000) &>> 63)
  let power = decimal.exponent &+ 16 &- lead  // of the first digit that is not zero
  let upper = decimal.tens / 100_000_000
  let highDigits = digits(upper)
  let lowDigits = digits(decimal.tens &- upper &* 100_000_000)
  // Trailing zeros are counted among the last eight digits, and only if all are zero among those before: one of these is
  // not, or else the first is all there is.
  let tail = lowDigits &<< 8 | decimal.last
  let zeros =
    tail != 0
    ? tail.trailingZeroBitCount &>> 3
    : 8 &+ (highDigits &<< 8 | lowDigits &>> 56).trailingZeroBitCount &>> 3
  let count = 17 &- zeros
  let high = highDigits.byteSwapped | Word.zeros
  let low = lowDigits.byteSwapped | Word.zeros
  let last = UInt8(truncatingIfNeeded: decimal.last) &+ 0x30

  @inline(__always)
  func write(_ layout: PointLayout) -> Int {
    let offset = layout.offset &- lead
    let q = unsafe p + offset
    unsafe store(high, to: q)
    unsafe store(low, to: q + 8)
    unsafe q[16] = last
    unsafe store(layout.firstWord(high &>> UInt64(truncatingIfNeeded: 8 &* lead)), to: p)
    return offset &+ count
  }
  if power >= -4, power < 7 {
    return max(write(PointLayout.all[power &+ 4]), power &+ 3)
  }
  if power >= 7, power < 16 {
    return unsafe max(writeLarge((high, low, last), lead, power, to: p) &+ count, power &+ 3)
  }
  let end = write(PointLayout.all[4])
  let length = end == 2 ? 1 : end  // "1e-5", not "1.e-5"
  return unsafe length &+ writeExponent(power, to: p + length)
}

/// Writes digits with the point behind 8 to 16 of them, and at least one behind it; returns how far the last is moved.
@inline(__always)
private func writeLarge(
  _ text: (high: UInt64, low: UInt64, last: UInt8), _ lead: Int, _ power: Int, to p: UnsafeMutablePointer<UInt8>
) -> Int {
  let isShort = lead == 1
  let high = isShort ? text.high &>> 8 | text.low &<< 56 : text.high
  let low = isShort ? text.low &>> 8 | UInt64(text.last) &<< 56 : text.low
  unsafe store(high, to: p)
  unsafe store(low, to: p + 8)
  // What stands behind the point, one place further; the seventeenth digit has its place whatever the power. If the power
  // is 15, it is all there is.
  let point = unsafe p + (1 &+ power)
  unsafe store(low &>> UInt64(truncatingIfNeeded: 8 &* (power &- 7)), to: point + 1)
  unsafe point.pointee = UInt8(ascii: ".")
  unsafe p[17] = isShort ? UInt8(ascii: "0") : text.last
  return 1 &- lead
}

/// How a number's first eight bytes come out of its first eight digits where the point is among them. Looked up and not
/// decided, since the powers of ten of a tensor's numbers cannot be predicted.
private struct PointLayout {
  /// The bytes before the point.
  private var before: UInt64
  /// Times this, the bytes behind the point move up to `offset`.
  private var factor: UInt64
  /// The point, and the zeros before it and behind it of a number below 1.
  private var marks: UInt64
  /// How far from the number's begin the digits are written, for those behind the point to be in their places.
  private(set) var offset: Int

  /// Where the first digit stands for 10^power.
  @inline(__always)
  private init(power: Int) {
    let places = UInt64(truncatingIfNeeded: 8 &* max(power &+ 1, 1))
    before = power < 0 ? 0 : 1 &<< places &- 1
    offset = max(1, 1 &- power)
    factor = 1 &<< UInt64(truncatingIfNeeded: 8 &* offset)
    let zeros = Word.zeros & (factor &- 1)
    let point = UInt64(UInt8(ascii: ".")) &<< places
    marks = power < 0 ? zeros & ~(0xFF &<< places) | point : point
  }

  /// For powers of ten from -4 on: "0.0001" to "1234567.8".
  static let all: InlineArray<11, PointLayout> = [
    PointLayout(power: -4), PointLayout(power: -3), PointLayout(power: -2), PointLayout(power: -1),
    PointLayout(power: 0), PointLayout(power: 1), PointLayout(power: 2), PointLayout(power: 3),
    PointLayout(power: 4), PointLayout(power: 5), PointLayout(power: 6),
  ]

  @inline(__always)
  func firstWord(_ digits: UInt64) -> UInt64 {
    let kept = digits & before
    return kept | (digits ^ kept) &* factor | marks
  }
}

/// "e", a minus sign where there is one, and one to three digits.
@inline(__always)
private func writeExponent(_ power: Int, to p: UnsafeMutablePointer<UInt8>) -> Int {
  let sign = power < 0 ? 1 : 0
  let text = WritingTables.exponents[abs(power)]
  unsafe p.pointee = UInt8(ascii: "e")
  unsafe p[1] = UInt8(ascii: "-")
  unsafe UnsafeMutableRawPointer(p + 1 + sign).storeBytes(of: text.littleEndian, as: UInt32.self)
  return 1 &+ sign &+ Int(truncatingIfNeeded: text &>> 24)
}

@inline(__always)
private func store(_ word: UInt64, to p: UnsafeMutablePointer<UInt8>) {
  unsafe UnsafeMutableRawPointer(p).storeBytes(of: word.littleEndian, as: UInt64.self)
}

/// The eight digits of a number below 10^8, each in a byte, the first in the highest place: halves, quarters, eighths. Each
/// product with a shift is a division by 10,000, 100 and 10, for all parts at once; a quotient q then adds q times the
/// higher part's place and takes away q times the divisor, in one product.
@inline(__always)
private func digits(_ number: UInt64) -> UInt64 {
  let halves = number &+ ((number &* 109_951_163) &>> 40) &* (1 &<< 32 &- 10_000)
  let quarters = halves &+ (((halves &* 10_486) &>> 20) & 0x0000_007F_0000_007F) &* (1 &<< 16 &- 100)
  return quarters &+ (((quarters &* 103) &>> 10) & 0x000F_000F_000F_000F) &* (1 &<< 8 &- 10)
}
