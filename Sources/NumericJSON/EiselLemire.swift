/// Decimal to binary64 with one product, after D. Lemire, "Number Parsing at a Gigabyte per Second" (2021), and
/// N. Mushtak and D. Lemire, "Fast Number Parsing Without Fallback" (2023), whose theorem makes it complete.

/// The bit pattern of the binary64 nearest to significand · 10^exponent, ties to even; infinity's beyond the range.
///
/// Right for every significand below 2^64 and every exponent: w · 10^q with the 128 bits of 10^q in `PowersOfTen` yields
/// the product's upper 64 bits exactly as the infinitely precise one has them (the theorem), and the only exact
/// half-way cases lie in -4 <= q <= 23, because 5^|q| must divide w, or w · 5^q must fit in 64 bits.
@inline(__always)
func nearestBinary64(_ significand: UInt64, exponent q: Int) -> UInt64 {
  guard significand != 0, q >= PowersOfTen.exponents.lowerBound else { return 0 }
  guard q <= 308 else { return Binary64.infinity }
  let leadingZeros = significand.leadingZeroBitCount
  let w = significand &<< leadingZeros
  let index = 2 &* (q &- PowersOfTen.exponents.lowerBound)
  var (high, low) = w.multipliedFullWidth(by: PowersOfTen.significands[index])
  // 55 bits are needed: 53, one to round, one that the product may lack. Only if all bits below are ones can the
  // lower half of the power carry into them.
  if high & 0x1FF == 0x1FF {
    let carry = w.multipliedFullWidth(by: PowersOfTen.significands[index &+ 1]).high
    low = low &+ carry
    if low < carry { high &+= 1 }
  }
  let upperBit = Int(truncatingIfNeeded: high &>> 63)
  let shift = upperBit &+ 9
  var m = high &>> shift  // 54 bits
  // 217706 / 2^16 is log2(10) closely enough that the shift gives its floor over the whole range.
  let power = (217_706 &* q) &>> 16
  var biased = power &+ 63 &+ upperBit &- leadingZeros &+ 1023
  if biased <= 0 {
    // Subnormal, where no exact half-way case exists: the bit below the last decides.
    guard biased > -63 else { return 0 }
    m &>>= 1 &- biased
    m = (m &+ (m & 1)) &>> 1
    return m  // 2^52, when it rounds up so far, is the least normal number's pattern.
  }
  if low <= 1, q >= -4, q <= 23, m & 3 == 1, m &<< shift == high { m &-= 1 }
  m = (m &+ (m & 1)) &>> 1
  if m >= 1 &<< 53 {
    m = 1 &<< 52
    biased &+= 1
  }
  guard biased < 0x7FF else { return Binary64.infinity }
  return (m & Binary64.fractionMask) | UInt64(truncatingIfNeeded: biased) &<< 52
}

/// binary64's bits (IEEE 754-2019, table 3.5).
enum Binary64 {
  static var infinity: UInt64 { 0x7FF0_0000_0000_0000 }
  static var fractionMask: UInt64 { 0x000F_FFFF_FFFF_FFFF }
}
