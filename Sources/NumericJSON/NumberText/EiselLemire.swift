/// Decimal to binary64 with one product, after D. Lemire, "Number Parsing at a Gigabyte per Second" (2021), and
/// N. Mushtak and D. Lemire, "Fast Number Parsing Without Fallback" (2023), whose theorem makes it complete.

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
