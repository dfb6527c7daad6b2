/// Binary to the shortest decimal that reads back, and among the shortest the closest.
///
/// After R. Giulietti, "The Schubfach way to render doubles" (2020), with one product in the ordinary case as in
/// V. Zverovich's żmij and Y. Guo's yy. The text of the argument is in `ordinary` and `careful`.
struct ShortestDecimal {
  /// The value is (10 tens + last) · 10^exponent; tens < 10^16, last < 10. Trailing zeros are not removed.
  ///
  /// Since the last digit is found apart from the others, and sixteen fill two words, they are not put together.
  var tens: UInt64
  var last: UInt64
  /// The power of ten of the last digit.
  var exponent: Int

  @inline(__always)
  private init(tens: UInt64, last: UInt64, exponent: Int) {
    (self.tens, self.last, self.exponent) = (tens, last, exponent)
  }

  private init(_ digits: UInt64, _ exponent: Int) {
    self.init(tens: digits / 10, last: digits % 10, exponent: exponent)
  }

  /// What stands for a number that has none; an optional would cost the hot loop a flag.
  static var none: ShortestDecimal { ShortestDecimal(tens: 0, last: 0, exponent: 0) }
  @inline(__always)
  var isNone: Bool { tens == 0 }

  /// The same with zeros behind it, so that `tens` has 15 or 16 digits, as a normal binary64's always has: for binary32 and
  /// subnormal numbers.
  @inline(__always)
  func padded() -> ShortestDecimal {
    var padded = self
    if tens < 100_000_000 {
      padded = ShortestDecimal(tens: (tens &* 10 &+ last) &* 10_000_000, last: 0, exponent: exponent &- 8)
    }
    while padded.tens < 100_000_000_000_000 {
      padded = ShortestDecimal(tens: padded.tens &* 10 &+ padded.last, last: 0, exponent: padded.exponent &- 1)
    }
    return padded
  }

  /// For c · 2^e, where 0 < c < 2^53 and e is in -1074...971, among neighbours c - 1 and c + 1 times 2^e. A decimal half-way to
  /// a neighbour reads back if c is even.
  @inline(__always)
  init(of c: UInt64, _ e: Int) {
    self = ShortestDecimal.ordinary(c, e) ?? ShortestDecimal.careful(c, e, isRegular: true)
  }

  /// The same for c that is the least with its number of bits: the lower neighbour is half as far away, but for the least
  /// normal number, below which there are subnormal ones.
  @inline(__always)
  init(ofPowerOfTwo c: UInt64, _ e: Int, isLeastNormal: Bool) {
    self = ShortestDecimal.careful(c, e, isRegular: isLeastNormal)
  }

  /// With k = floor(log10 2^e) + 1, the distance between neighbours in units of 10^k is 1/10 or more and less than 1. So in
  /// the interval that reads back there is at most one multiple of 10^k, which then is the shortest, and else the multiple of
  /// 10^(k-1) closest to the value is in it.
  ///
  /// nil where the precision here does not decide: next to the interval's ends, or half-way between multiples of 10^(k-1).
  @inline(__always)
  private static func ordinary(_ c: UInt64, _ e: Int) -> ShortestDecimal? {
    let scale = Int(WritingTables.scales[e &+ 1074])
    let index = 2 &* (scale &>> 6)
    let shift = UInt64(truncatingIfNeeded: scale)  // its low six bits count
    let power = WritingPowers.significands[index]
    // c · 2^e · 10^-k = c 2^shift · G / 2^128, with G the 124 bits of 10^-k. Of its fraction 63 bits are kept; the true one is
    // above `fraction` - 1 and below `fraction` + 1, and half the distance between neighbours is above `half` - 1 and below
    // `half` + 5, since of G only the upper word counts.
    let scaled = c &<< shift
    let (high, middle) = scaled.multipliedFullWidth(by: power)
    let (lower, carry) = middle.addingReportingOverflow(
      scaled.multipliedFullWidth(by: WritingPowers.significands[index &+ 1]).high)
    let fraction = lower &>> 1
    let half = (power &<< shift) &>> 2
    let fromLower = fraction &- half
    let toUpper = fraction &+ half
    let (digit, rest) = fraction.multipliedFullWidth(by: 20)
    if fromLower &+ 8 <= 16 || toUpper &<< 1 &+ 16 <= 32 || rest &- (1 &<< 63 &- 32) <= 64 { return nil }
    // By the sign bits and not by branches, since which it is cannot be predicted. A digit of 10 never stays: then the
    // next multiple of 10^k is within half a unit of 10^(k-1), which is no more than half the distance between neighbours.
    let closest = digit &+ rest &>> 63
    let isLonger = ~UInt64(bitPattern: Int64(bitPattern: fromLower | toUpper) &>> 63)
    let q = scale &>> 6 &+ WritingPowers.exponents.lowerBound
    return ShortestDecimal(
      tens: high &+ (carry ? 1 : 0) &+ toUpper &>> 63, last: closest & isLonger, exponent: 0 &- q &- 1)
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
