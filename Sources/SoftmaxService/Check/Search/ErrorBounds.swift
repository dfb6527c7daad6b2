/// How far a right computation may be from the exact number, in units u of its format (2^-p for p bits): for three ways
/// to compute, each of which excuses all that the one before it does.
///
/// The terms are those of P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
/// functions", IMA J. Numer. Anal. 41 (2021): an exponential is off by the error of its argument, and a sum by one u
/// for each term at worst, by the root of that as a rule.
struct ErrorBounds {
  /// Nothing cancels: a few u of the number itself.
  var careful = 0.0
  /// The textbook formula, exp(x - max x) / Σ: the difference is rounded, 1 - p and log p near p = 1 cancel.
  var usual = 0.0
  /// Any order of operations: logits rounded or divided before the largest is subtracted, a log-sum-exp with it added,
  /// sums one term after the other.
  var lenient = 0.0

  @inline(__always)
  static func * (bounds: ErrorBounds, factor: Double) -> ErrorBounds {
    let size = factor.magnitude
    return ErrorBounds(careful: bounds.careful * size, usual: bounds.usual * size, lenient: bounds.lenient * size)
  }

  @inline(__always)
  static func + (a: ErrorBounds, b: ErrorBounds) -> ErrorBounds {
    ErrorBounds(careful: a.careful + b.careful, usual: a.usual + b.usual, lenient: a.lenient + b.lenient)
  }

  subscript(way: Way) -> Double {
    switch way {
    case .careful: careful
    case .usual: usual
    case .lenient: lenient
    }
  }

  /// A way to compute, the most exact first.
  enum Way: Int, Sendable, CaseIterable { case careful, usual, lenient }
}

/// How many operations an output is made of, as bounds count them.
struct OperationCount {
  /// What a few factors and a sum over the items, or their mean, add up to as a rule: roundings have either sign.
  private let factors: Double
  /// And with a sum over the classes, and its exponentials.
  let typical: Double
  /// The same at worst.
  let worst: Double
  /// The largest |a/T| of the slice, which any order of operations but the textbook's rounds too.
  var shift = 0.0
  /// The same for probabilities; 0 where they are 1 and 0 whatever is rounded.
  var shiftOfProbability = 0.0

  /// - Parameters: classes in a slice, and items in a sum or a mean.
  init(classes: Int, items: Int) {
    factors = 4 + 2 * Double(items).squareRoot()
    typical = factors + 8 + 2 * Double(classes).squareRoot()
    worst = 12 + 2 * (Double(classes) + Double(items))
  }

  /// No bound of p, or of a gradient's terms, is a larger multiple of them: -log p is less than 753.
  var most: Double { worst + 2 * 753 + 2 * shift }

  /// What rounding makes of p.
  @inline(__always)
  func probability(_ p: Double) -> ErrorBounds {
    let argument = Self.logarithm(of: p)
    let usual = p.magnitude * (typical + argument)
    return ErrorBounds(
      careful: usual, usual: usual, lenient: p.magnitude * (worst + 2 * argument + 2 * shiftOfProbability))
  }

  /// What rounding makes of log p, and of a log-sum-exp or an entropy.
  @inline(__always)
  func logarithm(_ value: Double) -> ErrorBounds {
    let size = value.magnitude
    let usual = size * factors + typical
    return ErrorBounds(
      careful: min(size * typical, usual), usual: usual, lenient: logarithms(size: size, factors: 1))
  }

  /// What rounding makes at worst of a sum Σ f log p, of which Σ |f log p| and Σ |f| are known.
  @inline(__always)
  func logarithms(size: Double, factors sum: Double) -> Double {
    sum * (worst + 2 * shift) + 2 * size * (factors + factors * factors / 4)
  }

  /// What rounding makes of a gradient factor · (U p - u).
  @inline(__always)
  func gradient(_ value: Double, factor: Double, whole: Double, p: Double, share: Double) -> ErrorBounds {
    let size = factor.magnitude
    let argument = Self.logarithm(of: p)
    let product = size * whole * p.magnitude
    let usual = product * (typical + argument) + size * share.magnitude * 4
    return ErrorBounds(
      careful: min(usual, value.magnitude * (typical + Self.logarithm(of: value, over: factor))), usual: usual,
      lenient: product * (worst + 2 * argument + 2 * shiftOfProbability) + size * share.magnitude * 8)
  }

  /// What rounding makes of p times something, less something else, in any order: no mistake is excused by more.
  @inline(__always)
  func product(_ size: Double, p: Double, less other: Double) -> ErrorBounds {
    let bound = size * (typical + Self.logarithm(of: p)) + other.magnitude * typical
    return ErrorBounds(careful: bound, usual: bound, lenient: bound)
  }

  /// -log of a number to a bit, and 0 for those from 1 on.
  @inline(__always)
  private static func logarithm(of x: Double) -> Double {
    let exponent = Int(x.exponentBitPattern)
    // Subnormal numbers are taken for the least.
    return exponent == 0 ? 753 : 0.7 * Double(max(0, 1023 - exponent))
  }

  /// -log of a quotient to two bits, without dividing.
  @inline(__always)
  private static func logarithm(of x: Double, over y: Double) -> Double {
    0.7 * Double(max(0, 1 + Int(y.exponentBitPattern) - Int(x.exponentBitPattern)))
  }
}
