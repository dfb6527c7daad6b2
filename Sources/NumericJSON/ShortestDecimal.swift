/// Binary to the shortest decimal that reads back, and among the shortest the closest.
///
/// After R. Giulietti, "The Schubfach way to render doubles" (2020), with one product in the ordinary case as in
/// V. Zverovich's żmij and Y. Guo's yy. The text of the argument is in `ordinary` and `careful`.
struct ShortestDecimal {
  /// The value is digits · 10^exponent; 0 < digits < 10^17. Trailing zeros are not removed.
  var digits: UInt64
  var exponent: Int

  @inline(__always)
  private init(_ digits: UInt64, _ exponent: Int) {
    self.digits = digits
    self.exponent = exponent
  }

  /// For c · 2^e, where 0 < c < 2^53 and e is in -1074...971, among neighbours c - 1 and c + 1 times 2^e. A decimal half-way to
  /// a neighbour reads back if c is even.
  @inline(__always)
  init(of c: UInt64, _ e: Int) {
    self = ShortestDecimal.ordinary(c, e) ?? ShortestDecimal.careful(c, e, isRegular: true)
  }

  /// The same where the lower neighbour is half as far away: c is the least with its number of bits.
  @inline(__always)
  init(ofPowerOfTwo c: UInt64, _ e: Int) {
    self = ShortestDecimal.careful(c, e, isRegular: false)
  }

  /// With k = floor(log10 2^e), the distance between neighbours in units of 10^k is 1 or more and less than 10. So in the
  /// interval that reads back there is at most one multiple of 10^(k+1), which then is the shortest, and else the multiple
  /// of 10^k closest to the value is in it.
  ///
  /// nil where the precision here does not decide: next to the interval's ends, or half-way between multiples of 10^k.
  @inline(__always)
  private static func ordinary(_ c: UInt64, _ e: Int) -> ShortestDecimal? {
    let k = floorLog10(ofTwoTo: e)
    let (power, shift) = scale(e, k)
    // c · 2^e · 10^-k = c 2^(shift+1) · power / 2^128. Of its fraction 64 bits are kept; the true one is above
    // `fraction` - 1 and below `fraction` + 2 (one for the bits dropped, one for the power's error).
    let scaled = c &<< (shift &+ 1)
    let (high, middle) = scaled.multipliedFullWidth(by: power.high)
    let (fraction, carry) = middle.addingReportingOverflow(scaled.multipliedFullWidth(by: power.low).high)
    let integer = high &+ (carry ? 1 : 0)
    let tens = integer / 10 &* 10
    // Distances from `tens`, and half the distance between neighbours, with 59 bits of fraction; all are below 2^63.
    let above = (integer &- tens) &<< 59 | fraction &>> 5
    let half = power.high &>> (5 &- UInt64(truncatingIfNeeded: shift))
    let fromLower = above &- half
    let toUpper = (10 &<< 59) &- above &- half
    if fromLower &+ 2 <= 4 || toUpper &+ 3 <= 6 || fraction &- (1 &<< 63) &+ 2 <= 4 { return nil }
    // By masks, since which it is cannot be predicted.
    let up = toUpper &>> 63
    let isShorter = 0 &- (fromLower &>> 63 | up)
    let closest = integer &+ fraction &>> 63
    return ShortestDecimal(closest ^ ((closest ^ (tens &+ up &* 10)) & isShorter), k)
  }

  /// The same exactly: both ends of the interval and the value are compared with the candidates.
  ///
  /// Each is n · 2^(e-2) · 10^-k for an integer n < 2^56. Doubled, it is either an integer or further than 2^-65 from one
  /// (scripts/prove-number-text computes the least distance for every e); the product, wrong by less than 2^-70, tells.
  @inline(never)
  private static func careful(_ c: UInt64, _ e: Int, isRegular: Bool) -> ShortestDecimal {
    let k = isRegular ? floorLog10(ofTwoTo: e) : floorLog10(ofThreeFourthsOfTwoTo: e)
    let (power, shift) = scale(e, k)
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
    if readsBack(tens) { return ShortestDecimal(tens, k) }
    if readsBack(tens &+ 10) { return ShortestDecimal(tens &+ 10, k) }
    // An odd doubled integer is half-way or beyond; exactly half-way, the even candidate is taken.
    let isUp = value.integer & 1 == 1 && (!value.isExact || below & 1 == 1)
    let closest = below &+ (isUp ? 1 : 0)
    if readsBack(closest) { return ShortestDecimal(closest, k) }
    return ShortestDecimal(isUp ? below : below &+ 1, k)
  }

  /// The 128 bits of 10^-k, and `shift` such that 2^e · 10^-k = power · 2^(shift - 127); 0...3 since it is in [1, 13.4).
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
