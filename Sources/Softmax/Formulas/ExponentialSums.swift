internal import VectorKernels

/// Σ c_k e^(r_k / T) with rational c_k and r_k, exactly.
///
/// By Lindemann and Weierstrass's theorem, powers of e with different rational exponents are linearly independent over
/// the rational numbers: the sum is zero only if each coefficient is, once equal exponents are gathered.
struct ExponentialSum: Sendable {
  /// Of as many bits as it has: nothing is ever cut.
  typealias Coefficient = BigFloat<WideLimbs>

  /// None of them zero.
  private var terms: [ExactPair: Coefficient] = [:]

  /// Adds c e^((x + y) / T).
  mutating func add(_ c: Coefficient, _ x: Double, _ y: Double = 0) { add(c, ExactPair(x, y)) }

  mutating func add(_ c: Coefficient, _ exponent: ExactPair) {
    guard c.sign != 0 else { return }
    let sum = terms[exponent].map { Self.sum($0, c) } ?? c
    terms[exponent] = sum.sign == 0 ? nil : sum
  }

  var isZero: Bool { terms.isEmpty }

  /// How many exponents are left.
  var count: Int { terms.count }

  /// The sum's sign: 1, 0 or -1.
  ///
  /// The term with the greatest exponent is made its own coefficient, so that the sum is told from zero however small
  /// it is, and what is then below 2^-1000000 counts by its sign. It ends, since a sum with a coefficient that is not
  /// zero is not zero.
  func sign(temperature: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> Int {
    // Sorted, so that each time the same widths are asked for.
    let terms = terms.sorted { $0.key > $1.key }
    guard let top = terms.first else { return 0 }
    if terms.count == 1 { return top.value.sign }
    var bits = 256
    var sign = try Self.sign(of: terms, temperature, IntervalArithmetic.standard, &poll)
    while sign == nil {
      bits *= 2
      sign = try Self.sign(of: terms, temperature, IntervalArithmetic.wide(bits: bits, &poll), &poll)
    }
    return sign ?? 0
  }

  /// The sign of Σ c_k e^((r_k - r) / T), if the arithmetic's bits tell it; r is the greatest exponent, the first.
  private static func sign<L: Limbs>(
    of terms: [(key: ExactPair, value: Coefficient)], _ temperature: Double, _ arithmetic: IntervalArithmetic<L>,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int? {
    var sum = arithmetic.exact(terms[0].value)
    let top = -terms[0].key.exactly
    for (exponent, coefficient) in terms.dropFirst() {
      try poll.spend(arithmetic.costOfExponential)
      // Exactly: exponents may be so far apart that few bits of either are left.
      let distance = Self.sum(exponent.exactly, top)
      let power = try arithmetic.power(arithmetic.exact(distance) / arithmetic.exact(temperature), &poll)
      sum = sum + arithmetic.exact(coefficient) * power
    }
    if sum.lower.sign > 0 { return 1 }
    return sum.upper.sign < 0 ? -1 : nil
  }
}

extension ExponentialSum {
  /// A finite binary64, as a coefficient.
  static func exact(_ value: Double) -> Coefficient { Coefficient(value, like: WideLimbs(count: 1)) }
  static func exact(_ value: Int) -> Coefficient {
    Coefficient(UInt64(value.magnitude), exponent: 0, isNegative: value < 0, like: WideLimbs(count: 1))
  }
  static func exact(_ sum: ExactSum) -> Coefficient { sum.rounded(.down, like: WideLimbs(count: 68)).trimmed }

  static func sum(_ a: Coefficient, _ b: Coefficient) -> Coefficient {
    if a.sign == 0 { return b }
    if b.sign == 0 { return a }
    let top = max(a.exponent, b.exponent) + 1
    let bottom = min(a.exponent - 64 * a.limbs.count, b.exponent - 64 * b.limbs.count)
    let room = WideLimbs(count: (top - bottom + 63) / 64)
    return Coefficient.sum(a.cut(to: room, .down), b.cut(to: room, .down), .down).trimmed
  }

  static func product(_ a: Coefficient, _ b: Coefficient) -> Coefficient {
    let room = WideLimbs(count: a.limbs.count + b.limbs.count)
    return Coefficient.product(a.cut(to: room, .down), b.cut(to: room, .down), .down).trimmed
  }
  static func product(_ a: Coefficient, _ b: Int) -> Coefficient { product(a, exact(b)) }
}

extension BigFloat where L == WideLimbs {
  /// The same number without the limbs below it that are zero.
  fileprivate var trimmed: BigFloat {
    let unused = limbs.firstNonzero
    return unused == 0 ? self : cut(to: WideLimbs(count: limbs.count - unused), .down)
  }
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
