/// The interval stage's arithmetic: intervals between big floating-point numbers.
///
/// Fixed-point numbers in it are of two kinds, N limbs each, F = 64 N: a *fraction* counts units of 2^-F, in [0, 1); a
/// *fixed* number counts units of 2^(2-F), in [0, 4). Error bounds below are in the latter units, "ulps".
struct IntervalArithmetic<L: Limbs>: Arithmetic {
  /// N zero limbs.
  let zero: L
  /// log 2 as a fraction, rounded down.
  let logOfTwo: L
  /// 1/n! as fixed numbers, rounded down, for n = 0 ... lastTerm; for n = 0 alone where they would take megabytes.
  let inverseFactorials: [L]
  /// The greatest n of the series' terms x^n / n!.
  private let lastTerm: Int
  /// How often an exponential's argument is halved, and the result squared.
  let halvings: Int
  let costOfExponential: Int
  var costOfOutput: Int { costOfExponential / 4 }
  /// About how many nanoseconds a product of two significands takes.
  let costOfProduct: Int
  /// Whether an exponential takes so long that it has to ask in between whether to go on.
  let isLong: Bool

  var bits: Int { 64 * (zero.count - 1) }

  /// - Parameter zero: as many limbs as wanted: at least two.
  init(zero: L, _ poll: inout CancellationPoll) throws(ComputationError) {
    self.zero = zero
    let bits = 64 * zero.count
    // Each squaring doubles the error; a limb that holds 64 guard bits bounds their number. Terms and squarings are
    // about as many when it grows with the square root. Beyond 32 the table of coefficients would end too soon for the
    // series of e^h - 1, whose arguments go up to 2^-32.
    var halvings = 8
    while halvings < 32, 3 * halvings * halvings < bits { halvings += 1 }
    self.halvings = halvings
    logOfTwo = try Self.logOfTwo(zero, &poll)
    var term = zero
    term[zero.count - 1] = 1 << 62
    var inverses = [term]
    let isTabled = bits <= 8192
    var count = 1
    var magnitude = halvings
    // 2^(-halvings n) / n! < 2^-F ends the series: the rest is less than the last term.
    while magnitude <= bits {
      if isTabled {
        try poll.spend(10 * zero.count)
        term.divide(by: UInt64(count))
        inverses.append(term)
      }
      count += 1
      magnitude += halvings + (Int.bitWidth - 1 - count.leadingZeroBitCount)
    }
    inverseFactorials = inverses
    lastTerm = count - 1
    costOfProduct = 3 * zero.count * (zero.count + 4)
    costOfExponential = (count + halvings) * costOfProduct
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
  static let standard = withoutCancellation { poll throws(ComputationError) in
    try IntervalArithmetic(zero: FixedLimbs(), &poll)
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

    private static func make(_ bits: Int) -> IntervalArithmetic {
      withoutCancellation { poll throws(ComputationError) in
        try IntervalArithmetic(zero: WideLimbs(count: bits / 64 + 1), &poll)
      }
    }
  }
}

extension IntervalArithmetic {
  /// e^-h as `fixed · 2^-k`, the fixed number in [1, 2] short of the truth by at most `error` ulps.
  private struct Exponential {
    var significand: L
    var k: Int
    var error: UInt64
  }

  /// e^-h for 0 <= h <= 2^21.
  ///
  /// With k = ⌊h / log 2⌋ + 1 the rest r = k log 2 - h lies in (0, 0.6932). r 2^-s is small enough for a short Taylor
  /// series, which is then squared s times. All cuts are downward, so that the truth is never below the result. Error
  /// bound:
  ///  - log 2 is known to one unit of 2^-F, h to another and one is taken off for it: r is short by at most k + 2
  ///    units, r 2^-s by (k + 2) 2^(-s-2) + 1 ulps.
  ///  - The series is within 2.1 ulps (``series(_:from:through:alternates:_:)``). Its rest is less than 1.
  ///  - Together less than E = ⌊k 2^(-s-2)⌋ + 6 before the squarings. Squaring v (short by e, and cut by 1.01) is short
  ///    by at most 2 v e + 1.01; the product of all s factors v is at most e^r <= 2.0001, so that the result is short
  ///    by at most 2^(s+1) · 1.0001 (E + 1.02), less than 2^(s+1) (E + 2).
  private func exponential(
    ofMinus h: BigFloat<L>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Exponential {
    // Within 2^-30 of h / log 2: the margin keeps r positive.
    let k = Int(h.approximation * Approximation.log2OfE + 0x1p-20) + 1
    // k log 2 - h as a whole part, which ends at zero, and a fraction.
    var r = logOfTwo
    _ = r.multiply(by: UInt64(k))
    _ = r.subtract(fraction(of: h))
    _ = r.subtract(1)
    r = r.shiftedRight(by: halvings + 2)
    var sum = try series(r, from: 0, through: lastTerm, alternates: false, &poll)
    for _ in 0..<halvings {
      if isLong { try poll.spend(costOfProduct) }
      sum = FixedPoint.product(sum, sum)
    }
    let error = (UInt64(k) >> UInt64(halvings + 2) + 8) << UInt64(halvings + 1)
    return Exponential(significand: sum, k: k, error: error)
  }

  /// Σ (±x)^(n - first) / n! for n = first ... last, with first 0 or 1, and x below 2^-8.
  ///
  /// By Horner's scheme with the table of 1/n!, or without one by 1 ± x/n (1 ± x/(n+1) (…)). Each step cuts a product
  /// (1.01 ulps) and a coefficient or a quotient (1 ulp), and multiplies what came before by less than 2^-8: 2.1 ulps.
  private func series(
    _ x: L, from first: Int, through last: Int, alternates: Bool, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> L {
    let isTabled = inverseFactorials.count > 1
    var sum = inverseFactorials[isTabled ? last : 0]
    for n in stride(from: last - 1, through: first, by: -1) {
      if isLong { try poll.spend(costOfProduct) }
      var term = FixedPoint.product(sum, x)
      if !isTabled { term.divide(by: UInt64(n + 1)) }
      if alternates {
        sum = inverseFactorials[isTabled ? n : 0]
        _ = sum.subtract(term)
      } else {
        _ = term.add(inverseFactorials[isTabled ? n : 0])
        sum = term
      }
    }
    return sum
  }

  /// What is below the point of a number in [0, 2^64), in units of 2^-F rounded down.
  private func fraction(of h: BigFloat<L>) -> L {
    guard h.sign != 0 else { return zero }
    guard h.exponent > 0 else { return h.limbs.shiftedRight(by: min(0 &- h.exponent, 64 &* zero.count)) }
    var shifted = h
    shifted.shiftLeft(by: h.exponent, guardLimb: 0)
    return shifted.limbs
  }

  /// e^d for -2^21 <= d <= 0.
  ///
  /// The lower end's exponential bounds both: e^upper <= e^lower (1 + 1.01 w), where the width w is far below 1, and
  /// the significand is at most 2.001: 2.1 w / 2^(2-F) ulps more. A wide interval's ends are raised one by one, and its
  /// upper end may have been rounded to above zero.
  func exponential(_ d: Interval<L>, _ poll: inout CancellationPoll) throws(ComputationError) -> Interval<L> {
    guard d.widthExponent &+ 64 &* zero.count <= 40 else {
      return Interval(
        try exponential(Interval(exactly: d.lower), &poll).lower, try exponentialOfUpper(d, &poll))
    }
    let value = try exponential(ofMinus: -d.lower, &poll)
    let above = value.error &+ ulps(d)
    return FixedPoint.interval(value.significand, below: 0, above: above, power: 0 &- value.k)
  }

  /// Not below e^upper, where that is at most 1.
  private func exponentialOfUpper(
    _ d: Interval<L>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> BigFloat<L> {
    d.upper.sign >= 0 ? BigFloat(1, like: zero) : try exponential(Interval(exactly: d.upper), &poll).upper
  }

  /// At least 2.1 times the width in ulps, of a width below 2^(40-F).
  private func ulps(_ d: Interval<L>) -> UInt64 {
    if d.isExact { return 0 }
    let exponent = d.widthExponent &+ 64 &* zero.count &- 2
    return exponent <= 0 ? 3 : 3 &<< UInt64(exponent)
  }

  /// e^d for any d <= 0, though an upper end may have been rounded to above zero.
  func power(_ d: Interval<L>, _ poll: inout CancellationPoll) throws(ComputationError) -> Interval<L> {
    let farthest = BigFloat(-0x1p20, like: zero)
    if d.upper < farthest { return far(d) }
    if d.upper.sign >= 0, d.isExact { return whole(1) }
    guard d.lower < farthest else { return try exponential(d, &poll) }
    return Interval(BigFloat(like: zero), try exponentialOfUpper(d, &poll))
  }

  /// e^d for d < -2^20, of which the exponent alone is known, within a few units: it tells the greater of two. Below
  /// 2^-2^55 only the sign is, so that exponents of products do not overflow.
  ///
  /// Four roundings take d's ends to their multiples of 1/log 2, within 2^-50 of themselves.
  private func far(_ d: Interval<L>) -> Interval<L> {
    let least = -0x1p55
    let low = d.lower.approximation * Approximation.log2OfE * (1 + 0x1p-50)
    let high = max(least, d.upper.approximation * Approximation.log2OfE * (1 - 0x1p-50))
    let one = BigFloat(1, like: zero)
    return Interval(
      low < least ? BigFloat(like: zero) : one.scaled(by: Int(low.rounded(.down))),
      one.scaled(by: Int(high.rounded(.up))))
  }

  /// e^d - 1 for -1 <= d <= 0.
  ///
  /// Down to 2^-32 it is e^d less one, which costs up to 32 bits beside those that the squarings cost; below, -h ψ(h)
  /// with ψ(h) = (1 - e^-h) / h = Σ (-h)^n / (n+1)!.
  func exponentialLessOne(_ d: Interval<L>, _ poll: inout CancellationPoll) throws(ComputationError) -> Interval<L> {
    let h = -d.lower
    guard h.sign > 0 else { return Interval(exactly: BigFloat(like: zero)) }
    guard h.exponent > -32 else {
      // Each end by itself, where the width might move ψ.
      guard d.widthExponent < -64 &* zero.count else {
        let upper = try exponentialLessOne(Interval(exactly: d.upper), &poll).upper
        return Interval(try exponentialLessOne(Interval(exactly: d.lower), &poll).lower, upper)
      }
      let small = Interval(-d.upper, h)
      return -(small * (try quotientOfLessOne(h, &poll)))
    }
    return try exponential(d, &poll) - whole(1)
  }

  /// ψ(h) for 0 < h < 2^-32. The series is within 2.1 ulps, the cut of h adds half an ulp, and an interval's width
  /// moves ψ by less than an ulp. The series' rest is less than an ulp too: either so many terms are taken that h^n is,
  /// or all up to where 2^(-halvings n) / n! is, with halvings <= 32. Together less than 8, either way.
  private func quotientOfLessOne(
    _ h: BigFloat<L>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Interval<L> {
    // h < 2^exponent: the smaller it is, the fewer terms there are to sum.
    let last = min(lastTerm, 64 * zero.count / max(32, 0 &- h.exponent) + 1)
    let sum = try series(FixedPoint.fixed(h), from: 1, through: last, alternates: true, &poll)
    return FixedPoint.interval(sum, below: 8, above: 8, power: 0)
  }
}

extension IntervalArithmetic {
  /// log(1 + x) for x >= 0.
  ///
  /// With y near log(1 + x) and w = (1 + x) e^-y, log(1 + x) = y + 2 atanh t, t = (w - 1) / (w + 1), is exact for any
  /// y. y is the binary64 logarithm, or for x below 2^-20 zero, so that t = x / (2 + x) keeps its relative precision.
  /// From the interval's lower end; over its width the logarithm grows by no more than the width.
  func logOfOnePlus(_ x: Interval<L>, _ poll: inout CancellationPoll) throws(ComputationError) -> Interval<L> {
    let one = whole(1)
    let low = Interval(exactly: x.lower)
    var result: Interval<L>
    if x.lower.sign <= 0 {
      result = Interval(exactly: BigFloat(like: zero))
    } else if x.lower.exponent < -20 {
      result = try doubleInverseTangent(low / (whole(2) + low), &poll)
    } else {
      let sum = low + one
      let near = Approximation.log(sum.lower.approximation)
      let y = exact(near)
      let w = sum * (try exponential(-y, &poll))
      result = try y + doubleInverseTangent((w - one) / (w + one), &poll)
    }
    if !x.isExact {
      let width = BigFloat.sum(x.upper, -x.lower, .up)
      result.upper = .sum(result.upper, width, .up)
    }
    return result
  }

  /// log x = k log 2 + log(x 2^-k) with x 2^-k from 1 on, and below 2 at its lower end.
  func logarithm(_ x: Interval<L>, _ poll: inout CancellationPoll) throws(ComputationError) -> Interval<L> {
    let k = x.lower.sign > 0 ? max(0, x.lower.exponent &- 1) : 0
    let reduced = Interval(x.lower.scaled(by: 0 &- k), x.upper.scaled(by: 0 &- k))
    let rest = try logOfOnePlus(reduced - whole(1), &poll)
    return k == 0 ? rest : whole(k) * FixedPoint.interval(logOfTwo, below: 0, above: 1, power: -2) + rest
  }

  /// 2 atanh t = 2 t Σ t^2n / (2n + 1), for |t| < 2^-20.
  ///
  /// Each step of Horner's scheme cuts a product and a coefficient and multiplies what came before by less than 2^-40;
  /// t² is cut once, and a t anywhere in its interval moves it by less than an ulp: together less than 8 ulps, either
  /// way.
  private func doubleInverseTangent(
    _ t: Interval<L>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Interval<L> {
    let magnitude = t.lower.isMagnitudeLess(than: t.upper) ? t.upper : t.lower
    guard magnitude.sign != 0 else { return t }
    let square = FixedPoint.fixed(BigFloat.product(magnitude, magnitude, .down))
    // t^2n < 2^-F ends the series.
    let terms = UInt64(64 * zero.count / max(1, -2 * magnitude.exponent) + 1)
    var sum = FixedPoint.inverse(of: 2 * terms + 1, like: zero)
    for n in stride(from: Int(terms) - 1, through: 0, by: -1) {
      if isLong { try poll.spend(costOfProduct) }
      sum = FixedPoint.product(sum, square)
      _ = sum.add(FixedPoint.inverse(of: UInt64(2 * n + 1), like: zero))
    }
    let series = FixedPoint.interval(sum, below: 8, above: 8, power: 1)
    return t * series
  }
}
