internal import VectorKernels

/// The ball stage's arithmetic: balls around double-double numbers, good to about 2^-100 for exp and 2^-92 for log.
struct BallArithmetic: Arithmetic {
  /// e^(j/32) for j = -16 ... 16, within 2^-104.
  let coarse: [DoubleDouble]
  /// e^(j/2048) for j = -40 ... 40, within 2^-104.
  let fine: [DoubleDouble]
  /// 1/(n+1)! for n = 0 ... 10, within 2^-104.
  let inverseFactorials: [DoubleDouble]

  /// What computes a row's exponentials together.
  private var loops: any VectorLoops.Type = KernelLevel.baseline.loops

  static let coarseReach = 16
  static let fineReach = 40

  static let standard = BallArithmetic()

  /// The same with the instruction set that the processor has.
  static func standard(_ level: KernelLevel) -> BallArithmetic {
    var arithmetic = standard
    arithmetic.loops = level.loops
    return arithmetic
  }

  private init() {
    let big = IntervalArithmetic.standard
    func power(_ j: Int, _ divisor: Double) -> DoubleDouble {
      let value = withoutCancellation { poll throws(ComputationError) in
        try big.exponential(big.exact(-Double(abs(j)) / divisor), &poll)
      }
      return Self.near((j < 0 ? value : big.whole(1) / value).lower)
    }
    coarse = (-Self.coarseReach...Self.coarseReach).map { power($0, 32) }
    fine = (-Self.fineReach...Self.fineReach).map { power($0, 2048) }
    inverseFactorials = (1...11).map { Self.near(BigFloat(fraction: big.inverseFactorials[$0], exponent: 2)) }
  }

  let bits = 98
  let costOfExponential = 200
  let costOfOutput = 1000

  @inline(__always) func exact(_ value: Double) -> Ball { Ball(value) }

  @inline(__always) func whole(_ value: Int) -> Ball { Ball(Double(value)) }

  func exact(_ sum: ExactSum) -> Ball {
    if let whole = sum.whole { return self.whole(whole) }
    let lower = sum.rounded(.down, like: FixedLimbs())
    guard lower.sign > 0 else { return Ball(0) }
    let middle = Self.significand(lower)
    // Even an exact sum may be longer than two binary64.
    let back = BigFloat.sum(BigFloat(middle.high, like: lower.limbs), BigFloat(middle.low, like: lower.limbs), .down)
    let isExact = back.scaled(by: lower.exponent) == sum.rounded(.up, like: lower.limbs)
    return Ball(middle, radius: isExact ? 0 : 0x1p-104, exponent: lower.exponent)
  }

  func exact(_ value: BigFloat<WideLimbs>) -> Ball {
    let zero = FixedLimbs()
    return Interval(value.cut(to: zero, .down), value.cut(to: zero, .up)).ball
  }

  func widened(_ value: Interval<FixedLimbs>) -> Ball { value.ball }

  /// Any number in `(0, 2^-1000000)`.
  private var negligible: Ball { Ball(DoubleDouble(high: 0), radius: 0x1p-100, exponent: -1_000_000) }

  var unit: Ball { Ball(DoubleDouble(high: 0.5), radius: 0.5, exponent: 0) }

  /// The significand of a positive number, in [1/2, 1], as two binary64 within 2^-105.
  private static func significand(_ x: BigFloat<FixedLimbs>) -> DoubleDouble {
    let top = x.limbs[x.limbs.count - 1]
    let next = x.limbs[x.limbs.count - 2]
    // The lowest eleven bits do not fit the first.
    let high = Double(top & ~0x7ff) * 0x1p-64
    let low = Double(top & 0x7ff) * 0x1p-64 + Double(next) * 0x1p-128
    return DoubleDouble(large: high, small: low)
  }

  /// A positive number of moderate size as two binary64, within 2^-105 of itself.
  private static func near(_ x: BigFloat<FixedLimbs>) -> DoubleDouble {
    let significand = significand(x)
    let power = powerOfTwo(x.exponent)
    return DoubleDouble(high: significand.high * power, low: significand.low * power)
  }
}

extension BallArithmetic {
  /// e^d for -2^20 <= d <= 0, by d = k log 2 + i/32 + j/2048 + r with |r| <= 2^-12 (1 + 2^-40).
  ///
  /// Error bound, of e^r <= 1.0003 and u = 2^-53:
  ///  - log 2 is the sum of 32, 32 and 53 bits, within 2^-119: k times the first two is exact for k < 2^21, and so is
  ///    what is left of d's high part, a multiple of 2^-55 below 1/2. The rest is a sum of three small terms, each
  ///    rounded at most three times. These two errors, and d's radius, come as they are.
  ///  - e^r - 1 (``powerLessOne(_:)``): 2^-103.
  ///  - the table's entries 2^-104 each, their product 7 u², the product with e^r - 1 another 7 u² 2^-12, the sum 3.01
  ///    u²: 2^-103 + 2^-103.1 + 2^-104.4.
  ///
  /// Together less than 2^-101.2; it is taken for 2^-100.
  func exponential(_ d: Ball, _: inout CancellationPoll) -> Ball { exponential(d) }

  func power(_ d: Ball, _: inout CancellationPoll) -> Ball {
    let power = powerOfTwo(max(-1000, min(1000, d.exponent)))
    let radius = d.radius * power
    if d.high * power + radius < -0x1p20 { return negligible }
    guard radius < 0x1p-10, d.high * power >= -0x1p20 else { return unit }
    return exponential(d)
  }

  @inline(__always) private func exponential(_ d: Ball) -> Ball {
    let power = powerOfTwo(max(-1000, min(1000, d.exponent)))
    let high = d.high * power
    let low = d.low * power
    // A number below 2^-800 may be taken for one near that.
    let radius = d.radius * power + 0x1p-790

    let k = Approximation.nearestWhole(high * Approximation.log2OfE)
    let first = high - k * 0x1.62e42feep-1
    let second = DoubleDouble(sum: first, -(k * 0x1.a39ef356p-33))
    let third = DoubleDouble(sum: second.high, low)
    let last = k * 0x1.93c7673007e5fp-65
    let rest = (second.low + third.low) - last
    let error = (second.low.magnitude + third.low.magnitude + last.magnitude) * 0x1p-51 + k.magnitude * 0x1p-119

    let i = Approximation.nearestWhole(third.high * 32)
    let withoutCoarse = third.high - i * 0x1p-5
    let j = Approximation.nearestWhole(withoutCoarse * 2048)
    let r = DoubleDouble(sum: withoutCoarse - j * 0x1p-11, rest)
    let value = coarse[Int(i) &+ Self.coarseReach].times(
      fine[Int(j) &+ Self.fineReach], BaselineMultiplier.self)
    let result = value + value.times(Self.powerLessOne(r), BaselineMultiplier.self)
    let spread = result.high * (0x1p-100 + (error + radius) * 1.01)
    return Ball(result, radius: spread, exponent: Int(k))
  }

  /// By the vector kernels' triples, for rows that have no cap, and e^d from 2^-894 on. A maximum's tail, which is
  /// zero, and those of d above -2^-20, of whose e^d - 1 the triples say too little, are left to others.
  ///
  /// Error bound: e^d is within 2^-131 of itself, and its low part is in the radius: 2^-104 of it. Of e^d - 1 more than
  /// 2^-20.1 is left, so that 2^-131 is below 2^-110 of it; the head less 1 is exact, and so is its sum with the middle
  /// part; adding the low part to that sum's rest is one rounding of less than 2^-52 of the tail.
  func tails(of row: LogitsRow, in classes: Range<Int>) -> [Ball?] {
    guard row.softcap == nil, RowShift.temperatures.contains(row.temperature), classes.count >= 8 else { return [] }
    let count = paddedCount(classes.count)
    var triples = [Double](repeating: 0, count: 3 * count)
    let (logits, table, rests) = (row.logits, exponentialTable, exponentialRests)
    var span = triples.mutableSpan
    _ = loops.tripleExponentials(
      logits.span.extracting(classes), top: RowMaximum(value: row.maximum, index: -1),
      shift: RowShift(maximum: row.maximum, temperature: row.temperature), table: table.span, rests: rests.span,
      into: &span)
    return classes.map { i in
      let place = i - classes.lowerBound
      let (high, middle, low) = (triples[place], triples[count + place], triples[2 * count + place])
      guard high > 0 else { return nil }
      let error = 0x1.01p-131 * high
      guard row.isNear(i) else {
        return Ball(DoubleDouble(high: high, low: middle), radius: low.magnitude + error, exponent: 0)
      }
      guard row.roughDistance(i) < -0x1p-20 else { return nil }
      let difference = DoubleDouble(sum: high - 1, middle)
      let rest = difference.low + low
      return Ball(
        DoubleDouble(large: difference.high, small: rest), radius: rest.magnitude * 0x1p-53 + error, exponent: 0)
    }
  }

  /// e^(s+t) - 1 for |s| <= 2^-12 (1 + 2^-40) and |t| <= u |s|, within 2^-103.
  ///
  /// s and s²/2 are exact as pairs, s³/6 within 2^-38.5 · 3 u², the fourth to seventh powers within 2^-52.5 · 3 u, t's
  /// part up to t s³/6; what is left out is below 2^-111. The low parts are below 2^-52.4 in all and rounded at most
  /// seven times, mostly when they are far smaller: 1.5 u 2^-52.4 = 2^-104.8 for the last two and 2^-104 for the fourth
  /// power.
  private static func powerLessOne(_ r: DoubleDouble) -> DoubleDouble {
    let s = r.high
    let square = BaselineMultiplier.product(s, s)
    let cube = BaselineMultiplier.product(square.high, s)
    let sixth = BaselineMultiplier.product(cube.high, 0x1.5555555555555p-3)
    let sixthRest = sixth.low + (cube.high * 0x1.5555555555555p-57 + (cube.low + square.low * s) * 0x1.5555555555555p-3)
    let half = 0.5 * square.high
    let fourth = square.high * square.high * (1.0 / 24 + s * (1.0 / 120 + s * (1.0 / 720 + s * (1.0 / 5040))))
    let one = DoubleDouble(large: s, small: half)
    let two = DoubleDouble(large: one.high, small: sixth.high)
    let small = sixthRest + r.low * (s + (half + sixth.high))
    let low = ((one.low + two.low) + (r.low + (0.5 * square.low + small))) + fourth
    return DoubleDouble(large: two.high, small: low)
  }

  /// e^d - 1 for -1 <= d <= 0.
  ///
  /// Down to 2^-8 it is e^d less one, at a cost of eight bits; below, d times Σ d^n / (n+1)!, whose terms from the
  /// sixth on are below 2^-48/7! = 2^-60 and need no second part, and whose rest from the eleventh is below 2^-116.
  /// Horner's last steps cost 7 u² times 2^-9 and 3.01 u²: less than 2^-103 with the coefficients' errors.
  func exponentialLessOne(_ d: Ball, _: inout CancellationPoll) -> Ball {
    let power = powerOfTwo(max(-1000, min(1000, d.exponent)))
    let high = d.high * power
    guard high > -0x1p-8, d.radius <= d.high.magnitude * 0x1p-60 else { return exponential(d) - whole(1) }
    let x = DoubleDouble(high: high, low: d.low * power)
    var tail = inverseFactorials[10].high
    for n in stride(from: 9, through: 6, by: -1) { tail = inverseFactorials[n].high + high * tail }
    var sum = DoubleDouble(high: tail)
    for n in stride(from: 5, through: 0, by: -1) {
      sum = inverseFactorials[n] + sum.times(x, BaselineMultiplier.self)
    }
    return d * Ball(sum, radius: 0x1p-101 + d.radius * power, exponent: 0)
  }
}

extension BallArithmetic {
  /// log(1 + x) for x >= 0, as in the interval stage: y + 2 atanh t with t = (w - 1) / (w + 1), w = (1 + x) e^-y, exact
  /// for any y.
  ///
  /// For x >= 2^-6, y is the binary64 logarithm, t below 2^-40 and known to 2^-99, and the result at least 2^-6.1:
  /// 2^-92. Below, y = 0 and t = x / (2 + x) keeps its relative precision. Each step's error is in the balls; the
  /// series' rest is added.
  func logOfOnePlus(_ x: Ball, _ poll: inout CancellationPoll) -> Ball {
    if x.high == 0 && x.radius == 0 { return x }
    // The greatest of the ball: what is left out of the series grows with t.
    let most = x.high + x.radius
    let isSmall = x.exponent < -400 && most < .infinity || x.exponent < 400 && most * powerOfTwo(x.exponent) < 0x1p-6
    if isSmall { return doubleInverseTangent(x / (whole(2) + x), terms: 8) }
    guard x.radius <= x.high * 0x1p-45 else { return .unknown }
    let sum = whole(1) + x
    let y = exact(Approximation.log(sum.high * powerOfTwo(max(-400, min(400, sum.exponent)))))
    let w = sum * exponential(-y, &poll)
    return y + doubleInverseTangent((w - whole(1)) / (w + whole(1)), terms: 2)
  }

  /// log x = k log 2 + log(x 2^-k) with x 2^-k in [1, 2).
  func logarithm(_ x: Ball, _ poll: inout CancellationPoll) -> Ball {
    guard x.high > 0, x.radius < x.high else { return logOfOnePlus(x - whole(1), &poll) }
    let k = max(0, x.exponent &+ Int(x.high.exponent))
    var reduced = x
    reduced.exponent &-= k
    let rest = logOfOnePlus(reduced - whole(1), &poll)
    return k == 0 ? rest : whole(k) * Self.logOfTwo + rest
  }

  /// Within 2^-109.
  private static let logOfTwo = Ball(
    DoubleDouble(high: 0x1.62e42fefa39efp-1, low: 0x1.abc9e3b39803fp-56), radius: 0x1p-108, exponent: 0)

  /// 2 t Σ t^2n / (2n + 1) up to n = terms: |t| < 2^-7 and 8 terms, or |t| < 2^-40 and 2. The rest is less than twice
  /// the first term left out: 2^(-14 · 9) / 19, 2^(-80 · 3) / 7; both below 2^-129.
  private func doubleInverseTangent(_ t: Ball, terms: Int) -> Ball {
    let square = t * t
    var sum = whole(1) / whole(2 * terms + 1)
    for n in stride(from: terms - 1, through: 0, by: -1) {
      sum = whole(1) / whole(2 * n + 1) + square * sum
    }
    sum.radius += 0x1p-128
    return (t + t) * sum
  }
}
