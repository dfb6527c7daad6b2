internal import VectorKernels

/// The shortest decimal that reads back to the same number, and of the shortest the closest, for the numbers that the
/// vector loops leave undecided. After R. Giulietti, "The Schubfach way to render doubles" (2020).
struct ShortestDecimal {
  /// The value is digits · 10^exponent. Trailing zeros are not removed.
  var digits: UInt64
  var exponent: Int

  init(digits: UInt64, exponent: Int) {
    self.digits = digits
    self.exponent = exponent
  }

  /// For c · 2^e, where 0 < c < 2^53 and e is in -1074...971, with the neighbours c - 1 and c + 1 times 2^e. A decimal
  /// half-way to a neighbour reads back if c is even.
  ///
  /// If `isRegular` is false, c is the least number of its length in bits, so that the lower neighbour is half as far
  /// away.
  ///
  /// Let k be the floor of log10 of the length of the interval that reads back. It holds a multiple of 10^k, and
  /// perhaps one of 10^(k+1), which is then shorter. Both ends and the value are compared with the candidates. Each of
  /// them is n · 2^(e-2) · 10^-k for an integer n ≤ 2^55 + 2. Its double is either an integer or further than 2^-65
  /// from one (scripts/proof/number-text computes the least distance for every e), so that the product, which is off by
  /// less than 2^-70, decides.
  @inline(never)
  init(of c: UInt64, _ e: Int, isRegular: Bool) {
    let k = isRegular ? Self.floorLog10(ofTwoTo: e) : Self.floorLog10(ofThreeFourthsOfTwoTo: e)
    let (power, shift) = Self.scale(e, k)
    let tolerance = UInt128(1) << 59
    func doubled(_ n: UInt64) -> (integer: UInt64, isExact: Bool) {
      let scaled = n &<< shift
      let upper = scaled.multipliedFullWidth(by: power.high)
      let lower = scaled.multipliedFullWidth(by: power.low)
      let (fraction, carry) = (UInt128(upper.low) << 64).addingReportingOverflow(
        UInt128(lower.high) << 64 | UInt128(lower.low))
      let (rounded, secondCarry) = fraction.addingReportingOverflow(tolerance)
      return (upper.high &+ (carry ? 1 : 0) &+ (secondCarry ? 1 : 0), rounded < 2 * tolerance)
    }
    let lower = doubled(4 &* c &- (isRegular ? 2 : 1))
    let value = doubled(4 &* c)
    let upper = doubled(4 &* c &+ 2)
    let isClosed = c & 1 == 0
    func readsBack(_ candidate: UInt64) -> Bool {
      let twice = 2 &* candidate
      let isAboveLower = twice > lower.integer || (twice == lower.integer && lower.isExact && isClosed)
      let isBelowUpper = twice < upper.integer || (twice == upper.integer && (!upper.isExact || isClosed))
      return isAboveLower && isBelowUpper
    }
    let below = value.integer / 2
    let tens = below / 10 &* 10
    exponent = k
    digits = tens
    if readsBack(tens) { return }
    digits = tens &+ 10
    if readsBack(digits) { return }
    // An odd doubled integer is half-way or more. Exactly half-way, the even candidate is taken.
    let isUp = value.integer & 1 == 1 && (!value.isExact || below & 1 == 1)
    let closest = below &+ (isUp ? 1 : 0)
    digits = readsBack(closest) ? closest : isUp ? below : below &+ 1
  }

  /// The 128 bits of 10^-k, and the shift for which 2^e · 10^-k = power · 2^(shift - 127). It is 0...3, since
  /// 2^e · 10^-k is in [1, 13.4).
  @inline(__always)
  private static func scale(_ e: Int, _ k: Int) -> (power: (high: UInt64, low: UInt64), shift: Int) {
    let q = 0 &- k
    let index = 2 &* (q &- PowersOfTen.exponents.lowerBound)
    let shift = e &+ (217_706 &* q) &>> 16  // floor(log2 10^q), over the table's range
    return ((PowersOfTen.significands[index], PowersOfTen.significands[index &+ 1]), shift)
  }

  /// Right for |e| < 1,650.
  @inline(__always)
  private static func floorLog10(ofTwoTo e: Int) -> Int { (315_653 &* e) &>> 20 }

  /// floor(log10(3/4 · 2^e)); right over binary64's exponents.
  @inline(__always)
  private static func floorLog10(ofThreeFourthsOfTwoTo e: Int) -> Int { (315_653 &* e &- 131_008) &>> 20 }
}

extension BinaryFormat {
  /// The shortest decimal of a number's magnitude, rounded to this format, padded with zeros to 16 or 17 digits. Zero
  /// is 0 · 10^-15; what is infinite in this format, or no number, has none.
  func exactDecimal(of value: Double) -> ShortestDecimal? {
    let magnitude = nearest(to: value.magnitude)
    guard magnitude.isFinite else { return nil }
    if magnitude == 0 { return ShortestDecimal(digits: 0, exponent: -15) }
    // Small probabilities are subnormal in binary16, which has few of them.
    if self == .binary16, magnitude < powerOfTwo(leastNormalExponent) {
      return Self.subnormalsOfBinary16[Int(magnitude / powerOfTwo(leastExponent)) - 1]
    }
    return exactDecimal(ofNumber: magnitude)
  }

  /// The decimals of 2^-24 times 1 to 1,023.
  private static let subnormalsOfBinary16 = (1..<1024).map {
    BinaryFormat.binary16.exactDecimal(ofNumber: Double($0) * powerOfTwo(BinaryFormat.binary16.leastExponent))
  }

  /// The same for a number of this format above zero.
  private func exactDecimal(ofNumber magnitude: Double) -> ShortestDecimal {
    // The number is an integer below 2^precision times the distance between neighbours.
    let exponent = max(Int(magnitude.exponent), leastNormalExponent) - (precision - 1)
    let significand = UInt64(Double(sign: .plus, exponent: -exponent, significand: magnitude))
    let isRegular = significand != 1 << UInt64(precision - 1) || exponent == leastExponent
    var decimal = ShortestDecimal(of: significand, exponent, isRegular: isRegular)
    while decimal.digits < 1_000_000_000_000_000 {
      decimal.digits *= 10
      decimal.exponent -= 1
    }
    return decimal
  }
}
