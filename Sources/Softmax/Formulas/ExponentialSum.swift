/// Σ c_k e^(r_k / T) with rational c_k and r_k, exactly.
///
/// By Lindemann and Weierstrass's theorem, powers of e with different rational exponents are linearly independent over
/// the rational numbers: the sum is zero only if each coefficient is, once equal exponents are gathered, and one sum is
/// a rational multiple of another only if its coefficients are the same multiple of the other's.
struct ExponentialSum {
  /// Of so many bits that sums of products of three binary64 are exact, and products of such sums by whole numbers.
  typealias Coefficient = BigFloat<WideLimbs>
  typealias Ratio = (numerator: Coefficient, denominator: Coefficient)
  private static let zero = WideLimbs(count: 140)

  private var terms: [ExactPair: Coefficient] = [:]

  /// Adds c e^((x + y) / T).
  mutating func add(_ c: Coefficient, _ x: Double, _ y: Double = 0) {
    let exponent = ExactPair(x, y)
    terms[exponent] = terms[exponent].map { Self.sum($0, c) } ?? c
  }

  var isZero: Bool { terms.values.allSatisfy { $0.sign == 0 } }

  /// The ρ = numerator / denominator with which this sum is ρ times another, if there is one. The other is not zero.
  func ratio(to other: ExponentialSum) -> Ratio? {
    guard let (first, denominator) = other.terms.first(where: { $0.value.sign != 0 }) else { return nil }
    let numerator = terms[first] ?? Self.exact(0)
    guard terms.allSatisfy({ $0.value.sign == 0 || other.terms[$0.key] != nil }) else { return nil }
    for (exponent, coefficient) in other.terms {
      let own = terms[exponent] ?? Self.exact(0)
      if !(Self.product(own, denominator) == Self.product(coefficient, numerator)) { return nil }
    }
    return (numerator, denominator)
  }

  /// A finite binary64, as a coefficient.
  static func exact(_ value: Double) -> Coefficient { Coefficient(value, like: zero) }

  // Nothing of what these make is cut.
  static func sum(_ a: Coefficient, _ b: Coefficient) -> Coefficient { .sum(a, b, .down) }
  static func product(_ a: Coefficient, _ b: Coefficient) -> Coefficient { .product(a, b, .down) }
}

/// The sum of two binary64, exactly: the nearest binary64 and the rest, which no other sum has.
struct ExactPair: Hashable {
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
}
