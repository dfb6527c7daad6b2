/// Σ c_k e^(r_k / T) with rational c_k and r_k, exactly.
///
/// By Lindemann and Weierstrass's theorem, powers of e with different rational exponents are linearly independent over
/// the rational numbers: the sum is zero only if each coefficient is, once equal exponents are gathered.
struct ExponentialSum: Sendable {
  /// Of so many bits that sums of products of five binary64 are exact, times whole numbers.
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

  /// The sign of Σ c_k e^((r_k - r) / T), r the greatest exponent, if so many bits tell it.
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
      let distance = exponent.value(arithmetic) - top.value(arithmetic)
      let power = try arithmetic.power(distance / arithmetic.exact(temperature), &poll)
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
    let (a, b) = isHalved ? (x / 2, y / 2) : (x, y)
    let sum = a + b
    let part = sum - a
    // -0 is 0.
    high = sum + 0
    low = ((a - (sum - part)) + (b - part)) + 0
  }

  static func < (a: ExactPair, b: ExactPair) -> Bool {
    if a.isHalved != b.isHalved { return a.isHalved ? a.high < 0 : b.high > 0 }
    return (a.high, a.low) < (b.high, b.low)
  }

  /// The sum, enclosed.
  func value<A: Arithmetic>(_ arithmetic: A) -> A.Real {
    let sum = arithmetic.exact(high) + arithmetic.exact(low)
    return isHalved ? sum + sum : sum
  }
}
