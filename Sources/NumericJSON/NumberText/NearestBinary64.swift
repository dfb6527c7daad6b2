/// Where the parts of a number are in the text. Its value is the digits in `digits`, without the point, times
/// 10^(exponent - the number of digits after the point).
struct DecimalLiteral {
  /// A text is far shorter than this, so no digits in it can make up for a greater exponent.
  static var greatestExponent: Int { 1 << 50 }

  /// From the first digit of the integer part to the end of the fraction.
  var digits: Range<Int>
  /// The end of the integer part: where the point is, if there is one.
  var point: Int
  var exponent: Int

  /// Where the first digit that is not zero is, and the power of ten that its place stands for.
  func leading(in text: Span<UInt8>) -> (start: Int, power: Int) {
    var start = digits.lowerBound
    while start < digits.upperBound, start == point || text[start] == UInt8(ascii: "0") { start += 1 }
    return (start, start < point ? exponent + point - start - 1 : exponent - (start - point))
  }
}

/// The bit pattern of the binary64 nearest to a decimal of any length, ties to even; infinity's beyond the range.
func nearestBinary64(_ decimal: DecimalLiteral, in text: Span<UInt8>) -> UInt64 {
  let (start, power) = decimal.leading(in: text)
  var significand: UInt64 = 0
  var count = 0
  var index = start
  while index < decimal.digits.upperBound, count < 19 {
    if index != decimal.point {
      significand = significand * 10 + UInt64(text[index] - UInt8(ascii: "0"))
      count += 1
    }
    index += 1
  }
  let exponent = power - count + 1
  let nearest = nearestBinary64(significand, exponent: exponent)
  if index == decimal.digits.upperBound { return nearest }
  // The number is between these 19 digits and the next 19-digit number, and rounding is monotone.
  let above = nearestBinary64(significand + 1, exponent: exponent)
  if above == nearest { return nearest }
  // The two are neighbours, since 10^-18, relatively, is less than half an ulp. The number half-way between them
  // decides.
  switch compareToHalfway(above: nearest, decimal, in: text) {
  case .below: return nearest
  case .above: return above
  case .equal: return nearest & 1 == 0 ? nearest : above
  }
}

/// Compares a decimal with the number half-way between a binary64 and the next above it, exactly.
private func compareToHalfway(above pattern: UInt64, _ decimal: DecimalLiteral, in text: Span<UInt8>) -> Comparison {
  let (significand, exponent) = Binary64.parts(of: pattern)
  return compare(decimal, in: text, to: 2 * significand + 1, exponent - 1)
}

/// Compares a decimal's magnitude with H · 2^t, a binary64 or half-way between two, exactly.
///
/// Such a number has at most 768 significant digits. So 800 of the decimal's digits decide, together with whether any
/// digit after them is not zero: a decimal that is less in 800 digits is less by at least a unit of the last.
///
/// With D the digits as an integer, the decimal is D · 10^p. Moving the negative powers to the other side makes both
/// integers. Neither has more than 2,800 bits, since the two must be close (their first 15 digits differ by at most
/// one) and |p| < 1,150.
func compare(_ decimal: DecimalLiteral, in text: Span<UInt8>, to significand: UInt64, _ t: Int) -> Comparison {
  let (start, power) = decimal.leading(in: text)
  var left = BigInteger(0)
  var count = 0
  var chunk: UInt64 = 0
  var scale: UInt64 = 1
  var index = start
  while index < decimal.digits.upperBound, count < 800 {
    if index != decimal.point {
      chunk = chunk * 10 + UInt64(text[index] - UInt8(ascii: "0"))
      scale *= 10
      count += 1
      if scale == 10_000_000_000_000_000_000 {
        left.multiply(by: scale, adding: chunk)
        (chunk, scale) = (0, 1)
      }
    }
    index += 1
  }
  left.multiply(by: scale, adding: chunk)
  let exponent = power - count + 1  // p

  var right = BigInteger(significand)  // H
  var twos = t - exponent  // t - p
  if exponent < 0 { right.multiply(byPowerOfFive: -exponent) } else { left.multiply(byPowerOfFive: exponent) }
  if twos < 0 {
    left.shiftLeft(by: -twos)
    twos = 0
  }
  right.shiftLeft(by: twos)

  switch left.compare(to: right) {
  case .below: return .below
  case .above: return .above
  case .equal:
    while index < decimal.digits.upperBound {
      if index != decimal.point, text[index] != UInt8(ascii: "0") { return .above }
      index += 1
    }
    return .equal
  }
}

// Decimal to binary64 with one product, after D. Lemire, "Number Parsing at a Gigabyte per Second" (2021), and
// N. Mushtak and D. Lemire, "Fast Number Parsing Without Fallback" (2023), whose theorem makes it complete.

/// The bit pattern of the binary64 nearest to significand · 10^exponent, ties to even; infinity's beyond the range.
///
/// Right for every significand below 2^64 and every exponent. By the theorem, w times the 128 bits of 10^q in
/// `PowersOfTen` has the same upper 64 bits as the exact product. The only exact half-way cases are in -4 <= q <= 23,
/// because 5^|q| must divide w, or w · 5^q must fit in 64 bits.
@inline(__always)
func nearestBinary64(_ significand: UInt64, exponent q: Int) -> UInt64 {
  let row = q &- PowersOfTen.exponents.lowerBound
  guard significand != 0, row >= 0 else { return 0 }
  guard q <= 308 else { return Binary64.infinity }
  let (m, biased, isExact) = leadingBits(significand, q)
  if UInt(bitPattern: biased &- 1) >= 0x7FE { return extremeBinary64(m, biased) }
  return rounded(isExact ? m &- tieCorrection(m, q) : m, biased)
}

/// `nearestBinary64` for a significand that is not zero and -288 <= `exponent` < -4: the result is a normal number, and
/// there is no half-way case.
@inline(__always)
func nearestNormalBinary64(_ significand: UInt64, exponent q: Int) -> UInt64 {
  let (m, biased, _) = leadingBits(significand, q)
  return rounded(m, biased)
}

/// The first 54 bits of significand · 10^q, the biased exponent of the 53-bit number that they round to if nothing
/// carries, and whether all bits after them may be zero.
@inline(__always)
private func leadingBits(_ significand: UInt64, _ q: Int) -> (m: UInt64, biased: Int, isExact: Bool) {
  let row = q &- PowersOfTen.exponents.lowerBound
  let leadingZeros = significand.leadingZeroBitCount
  let w = significand &<< leadingZeros
  var (high, low) = w.multipliedFullWidth(by: PowersOfTen.significands[2 &* row])
  // 55 bits are needed: 53, one to round, and one that the product may lack. The lower half of the power can carry into
  // them only if all bits below are ones.
  if high & 0x1FF == 0x1FF {
    let carry = w.multipliedFullWidth(by: PowersOfTen.significands[2 &* row &+ 1]).high
    low = low &+ carry
    if low < carry { high &+= 1 }
  }
  let upperBit = Int(truncatingIfNeeded: high &>> 63)
  let shift = upperBit &+ 9
  let m = high &>> shift
  // 217706 / 2^16 is so close to log2(10) that the shift gives the floor over the whole range.
  let biased = (217_706 &* q) &>> 16 &+ (63 &+ 1023) &+ upperBit &- leadingZeros
  return (m, biased, low <= 1 && m &<< shift == high)
}

/// The pattern of 54 bits rounded to 53, half-way cases up. Where they round up to 2^53, the carry into the exponent
/// makes it the next power of two, or infinity.
@inline(__always)
private func rounded(_ m: UInt64, _ biased: Int) -> UInt64 {
  (UInt64(truncatingIfNeeded: biased &- 1) &<< 53 &+ m &+ 1) &>> 1
}

/// 1 for a number exactly half-way above an even one, which must be rounded down.
@inline(never)
private func tieCorrection(_ m: UInt64, _ q: Int) -> UInt64 {
  q >= -4 && q <= 23 && m & 3 == 1 ? 1 : 0
}

/// For 54 bits whose biased exponent is not that of a normal number: a subnormal number, zero or infinity.
@inline(never)
private func extremeBinary64(_ m: UInt64, _ biased: Int) -> UInt64 {
  if biased > 0 { return Binary64.infinity }
  if biased <= -63 { return 0 }
  // There is no exact half-way case, so the bit below the last decides. If it rounds up to 2^52, that is the pattern of
  // the least normal number.
  let shifted = m &>> (1 &- biased)
  return (shifted &+ (shifted & 1)) &>> 1
}

/// binary64's bits (IEEE 754-2019, table 3.5).
enum Binary64 {
  static var infinity: UInt64 { 0x7FF0_0000_0000_0000 }
  static var fractionMask: UInt64 { 0x000F_FFFF_FFFF_FFFF }

  /// A positive number's significand as an integer, and the power of two that it is multiplied by.
  static func parts(of pattern: UInt64) -> (significand: UInt64, exponent: Int) {
    let biased = Int(pattern >> 52)
    let fraction = pattern & fractionMask
    return (biased == 0 ? fraction : fraction | 1 << 52, max(biased, 1) - 1075)
  }
}

/// A natural number below 2^3072, without a heap allocation. It is large enough to compare any decimal with any
/// binary64.
struct BigInteger {
  private static var capacity: Int { 48 }

  /// Base 2^64, lowest first; those from `count` on are unused.
  private var limbs = InlineArray<48, UInt64>(repeating: 0)
  private var count = 0

  init(_ value: UInt64) {
    append(value)
  }

  mutating func multiply(by factor: UInt64, adding addend: UInt64) {
    var carry = addend
    for index in 0..<count {
      let product = limbs[index].multipliedFullWidth(by: factor)
      let (low, overflow) = product.low.addingReportingOverflow(carry)
      limbs[index] = low
      carry = product.high &+ (overflow ? 1 : 0)
    }
    append(carry)
  }

  mutating func multiply(byPowerOfFive exponent: Int) {
    var rest = exponent
    while rest >= 27 {
      multiply(by: 7_450_580_596_923_828_125, adding: 0)  // 5^27, the greatest below 2^64
      rest -= 27
    }
    var factor: UInt64 = 1
    for _ in 0..<rest { factor *= 5 }
    multiply(by: factor, adding: 0)
  }

  mutating func shiftLeft(by distance: Int) {
    if count == 0 { return }
    let (words, bits) = distance.quotientAndRemainder(dividingBy: 64)
    let old = count
    let top = bits == 0 ? 0 : limbs[old - 1] >> UInt64(64 - bits)
    for index in stride(from: old - 1, through: 0, by: -1) {
      let below = bits == 0 || index == 0 ? 0 : limbs[index - 1] >> UInt64(64 - bits)
      limbs[index + words] = limbs[index] << UInt64(bits) | below
    }
    for index in 0..<words { limbs[index] = 0 }
    count += words
    append(top)
  }

  func compare(to other: BigInteger) -> Comparison {
    if count != other.count { return count < other.count ? .below : .above }
    for index in stride(from: count - 1, through: 0, by: -1) where limbs[index] != other.limbs[index] {
      return limbs[index] < other.limbs[index] ? .below : .above
    }
    return .equal
  }

  /// Adds a highest limb, unless it is zero.
  private mutating func append(_ limb: UInt64) {
    if limb == 0 { return }
    limbs[count] = limb
    count += 1
  }
}

enum Comparison { case below, equal, above }
