internal import VectorKernels

/// Σ c_k e^(r_k / T) with rational c_k and r_k, exactly.
///
/// By Lindemann and Weierstrass's theorem, powers of e with different rational exponents are linearly independent over
/// the rational numbers: the sum is zero only if each coefficient is, once equal exponents are gathered.
struct ExponentialSum: Sendable {
  /// Of enough bits that sums of products of five binary64 are exact, times whole numbers.
  typealias Coefficient = BigFloat<WideLimbs>
  private static let zero = WideLimbs(count: 208)

  private var terms: [ExactPair: Coefficient] = [:]

  /// Adds c e^((x + y) / T).
  mutating func add(_ c: Coefficient, _ x: Double, _ y: Double = 0) { add(c, ExactPair(x, y)) }

  mutating func add(_ c: Coefficient, _ exponent: ExactPair) {
    terms[exponent] = terms[exponent].map { Self.sum($0, c) } ?? c
  }

  func coefficient(of exponent: ExactPair) -> Coefficient { terms[exponent] ?? Self.exact(0) }

  var isZero: Bool { terms.values.allSatisfy { $0.sign == 0 } }

  /// The sum's sign: 1, 0 or -1.
  ///
  /// The term with the greatest exponent is made its own coefficient, so that the sum is told from zero however small
  /// it is, and what is then below 2^-1000000 counts by its sign. It ends, since a sum with a coefficient that is not
  /// zero is not zero.
  func sign(temperature: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> Int {
    let terms = terms.filter { $0.value.sign != 0 }
    guard let top = terms.keys.max() else { return 0 }
    if terms.count == 1 { return terms[top]?.sign ?? 0 }
    var bits = 256
    var sign = try Self.sign(of: terms, from: top, temperature, IntervalArithmetic.standard, &poll)
    while sign == nil {
      bits *= 2
      sign = try Self.sign(of: terms, from: top, temperature, IntervalArithmetic.wide(bits: bits, &poll), &poll)
    }
    return sign ?? 0
  }

  /// The sign of Σ c_k e^((r_k - r) / T), r the greatest exponent, if the arithmetic's bits tell it.
  private static func sign<L: Limbs>(
    of terms: [ExactPair: Coefficient], from top: ExactPair, _ temperature: Double, _ arithmetic: IntervalArithmetic<L>,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int? {
    var sum = arithmetic.whole(0)
    for (exponent, coefficient) in terms {
      try poll.spend(arithmetic.costOfExponential)
      guard exponent != top else {
        sum = sum + arithmetic.exact(coefficient)
        continue
      }
      // Exactly: exponents may be so far apart that few bits of either are left.
      let distance = Self.sum(exponent.exactly, -top.exactly)
      let power = try arithmetic.power(arithmetic.exact(distance) / arithmetic.exact(temperature), &poll)
      sum = sum + arithmetic.exact(coefficient) * power
    }
    if sum.lower.sign > 0 { return 1 }
    return sum.upper.sign < 0 ? -1 : nil
  }

  /// A finite binary64, as a coefficient.
  static func exact(_ value: Double) -> Coefficient { Coefficient(value, like: zero) }
  static func exact(_ sum: ExactSum) -> Coefficient { sum.rounded(.down, like: zero) }

  // Nothing of what these make is cut.
  static func sum(_ a: Coefficient, _ b: Coefficient) -> Coefficient { .sum(a, b, .down) }
  static func product(_ a: Coefficient, _ b: Coefficient) -> Coefficient { .product(a, b, .down) }
}

/// The sum of two binary64, exactly: the nearest binary64 and the rest, which no other sum has.
struct ExactPair: Hashable, Comparable {
  private let high: Double
  private let low: Double
  /// Whether both are halves, the sum being beyond binary64.
  private let isHalved: Bool

  init(_ x: Double, _ y: Double) {
    isHalved = !(x + y).isFinite
    let sum = isHalved ? DoubleDouble(sum: x / 2, y / 2) : DoubleDouble(sum: x, y)
    // -0 is 0.
    high = sum.high + 0
    low = sum.low + 0
  }

  static func < (a: ExactPair, b: ExactPair) -> Bool {
    if a.isHalved != b.isHalved { return a.isHalved ? a.high < 0 : b.high > 0 }
    return (a.high, a.low) < (b.high, b.low)
  }

  /// The sum.
  var exactly: ExponentialSum.Coefficient {
    ExponentialSum.sum(ExponentialSum.exact(high), ExponentialSum.exact(low)).scaled(by: isHalved ? 1 : 0)
  }
}

/// A result that is a quotient of exponential sums, `(N / (S S') - κ) / d` with d > 0, in exact numbers; S and S' are
/// sums of the powers e^(a/T) of one or two rows.
///
/// Whether it is above, below or on a boundary m between two numbers is the sign of one exponential sum,
/// `N - (κ + m d) S S'`, and that is always found. So the result is rounded right whatever cancels: rational values
/// that are boundaries, zeros, and parts below every width, of whatever signs. Asked of values that 256 bits leave
/// open.
struct ExponentialQuotient {
  typealias Coefficient = ExponentialSum.Coefficient

  var numerator = ExponentialSum()
  var offset = ExponentialSum.exact(0)
  var divisor = ExponentialSum.exact(1)
  /// S S'; `nil` where it has another factor, so that only zeros are found.
  var denominator: PowerProduct?
  /// Whether it is irrational or zero where `denominator` is `nil`.
  var isElseIrrational = false
  /// T.
  var temperature: Double

  /// With this many bits an enclosure has shown what it can of a result that is not on a boundary.
  private static let enoughBits = 2048

  /// The number of a format nearest to the result, where an enclosure of `bits` holds one boundary, or it is
  /// zero.
  func nearest<Real: Enclosure>(
    to value: Real, bits: Int, in format: BinaryFormat, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Double? {
    let ends = value.ends(in: format)
    guard let middle = format.boundary(between: ends.0, ends.1) else {
      return ends.0 <= 0 && ends.1 >= 0 ? try zero(&poll) : nil
    }
    if differs(from: middle) {
      // An end of the enclosure may be the boundary itself.
      if let result = value.rounded(to: format, isIrrational: true) { return result }
      guard bits >= Self.enoughBits else { return nil }
    }
    guard let sign = try sign(less: middle, &poll) else {
      return isElseIrrational ? value.rounded(to: format, isIrrational: true) : nil
    }
    return sign == 0 ? format.nearest(to: middle, tie: .toEven) : sign < 0 ? ends.0 : ends.1
  }

  /// The sign of the result less m, if it is found.
  func sign(less m: Coefficient, _ poll: inout CancellationPoll) throws(ComputationError) -> Int? {
    try difference(from: m, &poll)?.sign(temperature: temperature, &poll)
  }

  /// Zero, if the result is that.
  private func zero(_ poll: inout CancellationPoll) throws(ComputationError) -> Double? {
    try difference(from: ExponentialSum.exact(0), &poll)?.isZero == true ? 0 : nil
  }

  /// κ + m d.
  private func factor(_ m: Coefficient) -> Coefficient {
    ExponentialSum.sum(offset, ExponentialSum.product(m, divisor))
  }

  /// N - (κ + m d) S S', if that has not too many terms.
  private func difference(
    from m: Coefficient, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> ExponentialSum? {
    let factor = -factor(m)
    guard factor.sign != 0 else { return numerator }
    guard let counts = denominator?.counts else { return nil }
    var sum = numerator
    for (exponent, count) in counts {
      try poll.spend(2_000)
      sum.add(ExponentialSum.product(factor, ExponentialSum.exact(Double(count))), exponent)
    }
    return sum
  }

  /// Whether the result is certainly not m: it has another multiple of the greatest or the least power of S S'.
  private func differs(from m: Coefficient) -> Bool {
    guard let denominator else { return false }
    let factor = factor(m)
    return denominator.ends.contains { exponent, count in
      let product = ExponentialSum.product(factor, ExponentialSum.exact(Double(count)))
      return !(product == numerator.coefficient(of: exponent))
    }
  }
}

/// A product of two rows' sums of powers e^(a/T).
struct PowerProduct {
  /// How often each logit stands in a row.
  private let first: [Double: Int]
  private let second: [Double: Int]
  /// The greatest and the least exponent, and how often each stands in the product.
  let ends: [(ExactPair, Int)]

  /// How many pairs of different logits are multiplied out, if neither row is level.
  private static let mostPairs = 1 << 16

  init(_ first: [Double], _ second: [Double] = [0]) { self.init(Self.counted(first), Self.counted(second)) }

  private init(_ first: [Double: Int], _ second: [Double: Int]) {
    func end(_ isBefore: (Double, Double) -> Bool) -> (ExactPair, Int)? {
      guard let a = first.min(by: { isBefore($0.key, $1.key) }), let b = second.min(by: { isBefore($0.key, $1.key) })
      else { return nil }
      return (ExactPair(a.key, b.key), a.value * b.value)
    }
    self.first = first
    self.second = second
    ends = [end(>), end(<)].compactMap { $0 }
  }

  private static func counted(_ logits: [Double]) -> [Double: Int] {
    var counts: [Double: Int] = [:]
    for logit in logits where logit > -.infinity { counts[logit, default: 0] += 1 }
    return counts
  }

  /// S², of a product that is S.
  var squared: PowerProduct { PowerProduct(first, first) }

  /// How often each exponent stands in the product; `nil` where there are too many.
  var counts: [ExactPair: Int]? {
    guard min(first.count, second.count) == 1 || first.count * second.count <= Self.mostPairs else { return nil }
    var counts: [ExactPair: Int] = [:]
    for (x, n) in first {
      for (y, m) in second { counts[ExactPair(x, y), default: 0] += n * m }
    }
    return counts
  }
}

/// The values of a row as quotients of exponential sums.
struct RowQuotients {
  private let row: LogitsRow
  /// S and S².
  private let sum: PowerProduct
  private let square: PowerProduct

  init(_ row: LogitsRow) {
    self.row = row
    sum = PowerProduct(row.logits)
    square = sum.squared
  }

  /// The value as a quotient, if it is one.
  func quotient(_ value: RowValue) -> ExponentialQuotient? {
    guard row.softcap == nil else { return nil }
    let (logits, one, T) = (row.logits, ExponentialSum.exact(1), ExponentialSum.exact(row.temperature))
    var result = ExponentialQuotient(denominator: nil, temperature: row.temperature)
    /// Adds c e^((a_i + y) / T).
    func add(_ c: ExponentialSum.Coefficient, _ i: Int, _ y: Double = 0) {
      if !row.isMasked(i) { result.numerator.add(c, logits[i], y) }
    }
    switch value {
    case .logProbability, .logSumExp, .entropy, .argmax, .index: return nil
    case .probability(let i):
      add(one, i)
      result.denominator = sum
    case .lossByProbability(let l):
      for j in logits.indices { add(-one, j) }
      result.denominator = PowerProduct([logits[l]])
    case .quotientFirst(let l):
      add(one, l)
      (result.denominator, result.divisor) = (sum, T)
    case .lossByLogit(let l, let i):
      add(one, i)
      if l == i { for j in logits.indices { add(-one, j) } }
      (result.denominator, result.divisor) = (sum, T)
    case .quotientSecond(let l, let i), .jacobian(let l, let i):
      (result.denominator, result.divisor) = (square, T)
      guard !row.isMasked(l) else { break }
      if case .quotientSecond = value {
        add(one, i, logits[l])
      } else {
        add(-one, i, logits[l])
        if l == i { for j in logits.indices { add(one, j, logits[l]) } }
      }
    }
    return result
  }
}

extension BinaryFormat {
  /// Half-way between two numbers of the format, infinity standing for the first beyond its range; `nil` where they are
  /// not neighbours.
  func boundary(between a: Double, _ b: Double) -> ExponentialSum.Coefficient? {
    func exact(_ x: Double) -> ExponentialSum.Coefficient {
      x.isInfinite ? ExponentialSum.exact(x < 0 ? -1 : 1).scaled(by: greatestExponent + 1) : ExponentialSum.exact(x)
    }
    let middle = ExponentialSum.sum(exact(a), exact(b)).scaled(by: -1)
    return nearest(to: middle, tie: .down) == a && nearest(to: middle, tie: .up) == b ? middle : nil
  }
}
