/// The interval stage's arithmetic: intervals between big floating-point numbers.
///
/// Fixed-point numbers in it are of two kinds, N limbs each, F = 64 N: a *fraction* counts units of 2^-F, in [0, 1); a
/// *fixed* number counts units of 2^(2-F), in [0, 4). Error bounds below are in the latter units, "ulps".
struct IntervalArithmetic<L: Limbs>: Arithmetic {
  /// N zero limbs.
  let zero: L
  /// log 2 as a fraction, rounded down.
  let logOfTwo: L
  /// 1/n! as fixed numbers, rounded down, for n = 0 ... terms.
  let inverseFactorials: [L]
  /// How often an exponential's argument is halved, and the result squared.
  let halvings: Int
  let costOfExponential: Int
  /// About how many nanoseconds a product of two significands takes.
  let costOfProduct: Int
  /// Whether an exponential takes so long that it has to ask in between whether to go on.
  let isLong: Bool

  var bits: Int { 64 * (zero.count - 1) }

  /// - Parameter zero: as many limbs as wanted: at least two.
  init(zero: L, _ poll: inout CancellationPoll) throws(ComputationError) {
    self.zero = zero
    let bits = 64 * zero.count
    // Each squaring doubles the error; a limb that holds 64 guard bits bounds their number.
    // Terms and squarings are about as many when it grows with the square root. Beyond 32 the table of coefficients
    // would end too soon for the series of e^h - 1, whose arguments go up to 2^-32.
    var halvings = 8
    while halvings < 32, 3 * halvings * halvings < bits { halvings += 1 }
    self.halvings = halvings
    logOfTwo = try Self.logOfTwo(zero, &poll)
    var inverses: [L] = []
    var term = zero
    term[zero.count - 1] = 1 << 62
    var magnitude = 0
    var n: UInt64 = 0
    // 2^(-halvings n) / n! < 2^-F ends the series: the rest is less than the last term.
    while magnitude <= bits {
      try poll.spend(10 * zero.count)
      inverses.append(term)
      n += 1
      term.divide(by: n)
      magnitude += halvings + (63 - n.leadingZeroBitCount)
    }
    inverseFactorials = inverses
    costOfProduct = 3 * zero.count * (zero.count + 4)
    costOfExponential = (inverses.count + halvings) * costOfProduct
    isLong = costOfExponential > 200_000
  }

  func exact(_ value: Double) -> Interval<L> {
    Interval(exactly: BigFloat(value, like: zero))
  }

  func whole(_ value: Int) -> Interval<L> {
    Interval(exactly: BigFloat(UInt64(value.magnitude), exponent: 0, isNegative: value < 0, like: zero))
  }

  func exact(_ sum: ExactSum) -> Interval<L> {
    Interval(sum.rounded(.down, like: zero), sum.rounded(.up, like: zero))
  }

  func exact(_ value: BigFloat<WideLimbs>) -> Interval<L> {
    Interval(value.cut(to: zero, .down), value.cut(to: zero, .up))
  }

  func widened(_ value: Interval<FixedLimbs>) -> Interval<L> {
    Interval(value.lower.cut(to: zero, .down), value.upper.cut(to: zero, .up))
  }

  var negligible: Interval<L> {
    Interval(BigFloat(like: zero), BigFloat(1, like: zero).scaled(by: -1_000_000))
  }

  var unit: Interval<L> { Interval(BigFloat(like: zero), BigFloat(1, like: zero)) }

  /// log 2 = 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749) (Machin's way), in one limb more than is returned.
  ///
  /// Each term is cut once when it is divided by q² and once by its odd number: with fewer than 10 N terms each and
  /// factors of 18 at most, the error is below 2^12 N in the last place of the limb that is dropped, and taking that
  /// off first makes it a lower bound, less than one unit of the last limb kept below.
  private static func logOfTwo(_ zero: L, _ poll: inout CancellationPoll) throws(ComputationError) -> L {
    let count = zero.count + 1
    func inverseTangent(of q: UInt64, times factor: UInt64) throws(ComputationError) -> WideLimbs {
      var sum = WideLimbs(count: count)
      // factor / q, as a fraction.
      var power = WideLimbs(count: count)
      var remainder = factor
      for i in stride(from: count - 1, through: 0, by: -1) {
        (power[i], remainder) = q.dividingFullWidth((remainder, 0))
      }
      var odd: UInt64 = 1
      while power.leadingZeroBits < 64 * count {
        try poll.spend(20 * count)
        var term = power
        term.divide(by: odd)
        _ = sum.add(term)
        power.divide(by: q * q)
        odd += 2
      }
      return sum
    }
    var sum = try inverseTangent(of: 26, times: 18)
    _ = sum.subtract(try inverseTangent(of: 4801, times: 2))
    _ = sum.add(try inverseTangent(of: 8749, times: 8))
    _ = sum.subtract(UInt64(4096 * count))
    var result = zero
    for i in 0..<zero.count { result[i] = sum[i + 1] }
    return result
  }
}

extension IntervalArithmetic where L == FixedLimbs {
  /// 320 bits, 256 of them good.
  static let standard = IntervalArithmetic(zero: FixedLimbs())

  /// Short enough to ask nobody.
  private init(zero: FixedLimbs) {
    var poll = CancellationPoll()
    do throws(ComputationError) {
      try self.init(zero: zero, &poll)
    } catch {
      // This poll never cancels.
      preconditionFailure("\(error)")
    }
  }
}

extension IntervalArithmetic where L == WideLimbs {
  /// So many good bits, and 64 more. The constants of moderate widths are kept.
  static func wide(bits: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> IntervalArithmetic {
    let kept: IntervalArithmetic? =
      switch bits {
      case 512: Kept.bits512
      case 1024: Kept.bits1024
      case 2048: Kept.bits2048
      case 4096: Kept.bits4096
      default: nil
      }
    if let kept { return kept }
    return try IntervalArithmetic(zero: WideLimbs(count: bits / 64 + 1), &poll)
  }

  /// Each computed when first needed, in a millisecond at most.
  private enum Kept {
    static let bits512 = make(512)
    static let bits1024 = make(1024)
    static let bits2048 = make(2048)
    static let bits4096 = make(4096)

    private static func make(_ bits: Int) -> IntervalArithmetic? {
      var poll = CancellationPoll()
      return try? IntervalArithmetic(zero: WideLimbs(count: bits / 64 + 1), &poll)
    }
  }
}
