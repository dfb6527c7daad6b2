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
