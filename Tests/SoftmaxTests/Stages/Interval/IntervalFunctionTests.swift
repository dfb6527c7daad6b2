import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// Exponentials and logarithms in 256 bits hold those in 1,024, and are as narrow as 256 bits ask for.
@Suite("Interval functions")
struct IntervalFunctionTests {
  private let short = IntervalArithmetic.standard

  private func check(
    _ name: String, _ found: Interval<FixedLimbs>, _ truth: Interval<WideLimbs>, good: Int = 256
  ) {
    let low = found.lower.cut(to: truth.lower.limbs, .down)
    let high = found.upper.cut(to: truth.lower.limbs, .down)
    #expect(!(truth.lower < low) && !(high < truth.upper), "\(name)")
    let width = BigFloat.sum(found.upper, -found.lower, .up)
    let size = max(found.upper.exponent, found.lower.exponent)
    #expect(width.sign == 0 || width.exponent <= size - good, "\(name): \(size - width.exponent) bits")
  }

  @Test func agreeWithMoreBits() throws {
    var random = SplitMix64(21)
    var poll = CancellationPoll()
    let long = try IntervalArithmetic<WideLimbs>.wide(bits: 1024, &poll)
    for round in repetitions(3_000) {
      let d = -random.double(in: 1...2) * powerOfTwo(random.int(in: round % 5 == 0 ? -1000...19 : -40...12))
      check("exp \(d)", try short.exponential(short.exact(d), &poll), try long.exponential(long.exact(d), &poll))
      if d >= -1 {
        check(
          "expm1 \(d)", try short.exponentialLessOne(short.exact(d), &poll),
          try long.exponentialLessOne(long.exact(d), &poll))
      }
      let third = short.exact(d) / short.exact(3)
      check(
        "exp \(d)/3", try short.exponential(third, &poll),
        try long.exponential(long.exact(d) / long.exact(3), &poll))
      check(
        "log1p \(-d)", try short.logOfOnePlus(short.exact(-d), &poll), try long.logOfOnePlus(long.exact(-d), &poll))
    }
  }

  /// Around 2^-32 one series takes over from the other, at any width; from 8,192 bits on there is no table.
  @Test(arguments: [1024, 2048, 4096, 8192]) func everyWidthHoldsTheNext(bits: Int) throws {
    var poll = CancellationPoll()
    let short = try IntervalArithmetic<WideLimbs>.wide(bits: bits, &poll)
    let long = try IntervalArithmetic<WideLimbs>.wide(bits: 2 * bits, &poll)
    #expect((short.inverseFactorials.count == 1) == (bits >= 8192))
    #expect((long.inverseFactorials.count == 1) == (bits >= 4096))
    for d in [-0x1.8p-32, -0x1p-32, (-0x1p-32).nextUp, -0x1.8p-33, -0x1.1p-37, -0x1.9p-40, -0x1p-60, -0.7, -0x1.1p17] {
      var found = try short.exponential(short.exact(d), &poll)
      var truth = try long.exponential(long.exact(d), &poll)
      for isLessOne in d >= -1 ? [false, true] : [false] {
        if isLessOne {
          found = try short.exponentialLessOne(short.exact(d), &poll)
          truth = try long.exponentialLessOne(long.exact(d), &poll)
        }
        let low = found.lower.cut(to: truth.lower.limbs, .down)
        let high = found.upper.cut(to: truth.lower.limbs, .down)
        #expect(!(truth.lower < low) && !(high < truth.upper), "\(d)")
        let width = BigFloat.sum(found.upper, -found.lower, .up)
        #expect(width.exponent <= found.lower.exponent - bits + 12, "\(d)")
      }
    }
  }

  /// However wide an interval is, its exponential holds those of both ends.
  @Test(arguments: [
    (-2.0, -0.25), (-0.3, -0.25), (-0x1p20, 0), (-700, -0x1p-90), (-0x1.4p10, -3), (-0x1p-30, 0),
    (-0x1p-200, -0x1p-260),
  ])
  func holdsBothEnds(lower: Double, upper: Double) throws {
    var poll = CancellationPoll()
    let d = Interval(short.exact(lower).lower, short.exact(upper).lower)
    for found in [try short.exponential(d, &poll), try short.power(d, &poll)] {
      for end in [lower, upper] {
        let truth = try short.exponential(short.exact(end), &poll)
        #expect(!(truth.upper < found.lower) && !(found.upper < truth.lower), "\(end)")
      }
    }
  }

  /// And so does e^d - 1, which is computed for d of at least -1.
  @Test(arguments: [(-0.3, -0.25), (-0x1p-30, 0), (-0x1p-200, -0x1p-260)])
  func holdsBothEndsLessOne(lower: Double, upper: Double) throws {
    var poll = CancellationPoll()
    let d = Interval(short.exact(lower).lower, short.exact(upper).lower)
    let found = try short.exponentialLessOne(d, &poll)
    for end in [lower, upper] {
      let truth = try short.exponentialLessOne(short.exact(end), &poll)
      #expect(!(truth.upper < found.lower) && !(found.upper < truth.lower), "\(end)")
    }
  }

  @Test func aQuotientByWhatMayBeZeroIsUnknown() {
    let one = short.whole(1)
    for divisor in [short.unit, Interval((-short.unit).lower, one.upper), -short.unit] {
      let quotient = one / divisor
      #expect(quotient.lower < short.exact(-1e300).lower && short.exact(1e300).lower < quotient.upper)
    }
  }

  /// log 2 and 1/e from mpmath, in units of 2^-320.
  @Test func agreeWithKnownDigits() throws {
    var poll = CancellationPoll()
    let logOfTwo: [UInt64] = [
      0xe7b8_7620_6deb_ac98, 0x8a0d_175b_8baa_fa2b, 0x40f3_4326_7298_b62d, 0xc9e3_b398_03f2_f6af, 0xb172_17f7_d1cf_79ab,
    ]
    for i in 1..<5 { #expect(short.logOfTwo[i] == logOfTwo[i]) }
    #expect(logOfTwo[0] - short.logOfTwo[0] <= 1)
    check("log 2", try short.logOfOnePlus(short.exact(1), &poll), number(logOfTwo))
    let inverse: [UInt64] = [
      0xb164_00bf_472b_4215, 0x3024_b9d0_a507_daed, 0xda98_05aa_b56c_7733, 0xbade_c782_9054_f90d, 0x5e2d_58d8_b3bc_df1a,
    ]
    check("1/e", try short.exponential(short.exact(-1), &poll), number(inverse))
  }

  /// A number known to 2^-320, from below.
  private func number(_ words: [UInt64]) -> Interval<WideLimbs> {
    var limbs = WideLimbs(count: 5)
    for i in 0..<5 { limbs[i] = words[i] }
    let value = BigFloat(fraction: limbs, exponent: 0)
    return Interval(exactly: value)
  }

  @Test func intervalsOfEitherSignMultiply() {
    let values = [-2.0, -0.5, 0, 1.5, 3].map { BigFloat($0, like: FixedLimbs()) }
    for a in values {
      for b in values where !(b < a) {
        for c in values {
          for d in values where !(d < c) {
            let product = Interval(a, b) * Interval(c, d)
            let corners = [(a, c), (a, d), (b, c), (b, d)].map { BigFloat.product($0.0, $0.1, .down) }
            #expect(product.lower == corners.reduce(corners[0]) { $1 < $0 ? $1 : $0 })
            #expect(product.upper == corners.reduce(corners[0]) { $0 < $1 ? $1 : $0 })
          }
        }
      }
    }
  }
}
