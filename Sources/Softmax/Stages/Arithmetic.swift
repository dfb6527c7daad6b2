internal import VectorKernels

/// A set of reals that provably holds the exact value of some expression.
///
/// Each operation's result holds every value that the operation takes on its operands. Exponents do not overflow. Zero
/// that is exact stays so, and times anything is exact zero.
protocol Enclosure: Sendable {
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  /// If `b` may be zero, nothing is known of the quotient.
  static func / (a: Self, b: Self) -> Self
  prefix static func - (a: Self) -> Self

  /// The number of the format nearest to the value, or `nil` where more than one still may be.
  ///
  /// - Parameter isIrrational: the value is known to be irrational, so that it is no number or midpoint of a format,
  ///   and lies strictly inside. Then an end that is exactly half-way between two numbers tells on which side of it the
  ///   value is.
  func rounded(to format: BinaryFormat, isIrrational: Bool) -> Double?

  /// The same set, or a little more, as a ball.
  var ball: Ball { get }

  /// The numbers of the format nearest to the set's ends.
  func ends(in format: BinaryFormat) -> (Double, Double)
}

/// What computes with one kind of enclosure. The formulas are written once, over this protocol.
protocol Arithmetic: Sendable {
  associatedtype Real: Enclosure

  /// A finite binary64, exactly.
  func exact(_ value: Double) -> Real
  /// A whole number, exactly.
  func whole(_ value: Int) -> Real
  /// A sum that was accumulated exactly.
  func exact(_ sum: ExactSum) -> Real
  /// A number of any width, or what surrounds it.
  func exact(_ value: BigFloat<WideLimbs>) -> Real
  /// A number that was computed with 256 bits.
  func widened(_ value: Interval<FixedLimbs>) -> Real
  /// `e^d` for d <= 0.
  func exponential(_ d: Real, _ poll: inout CancellationPoll) throws(ComputationError) -> Real
  /// `e^d - 1` for -1 <= d <= 0, with a small relative error however small d is.
  func exponentialLessOne(_ d: Real, _ poll: inout CancellationPoll) throws(ComputationError) -> Real
  /// `e^d` for any d <= 0, however small d is, and however little is known of it. Below -2^20 it is some number in
  /// `(0, 2^-1000000)`, of which at most the exponent is known.
  func power(_ d: Real, _ poll: inout CancellationPoll) throws(ComputationError) -> Real
  /// Any number in [0, 1].
  var unit: Real { get }
  /// The tails x_i of some classes (``SoftmaxSums``), where it computes them together, for less than one by one: nil
  /// for those that it does not, and empty where it does none.
  func tails(of row: LogitsRow, in classes: Range<Int>) -> [Real?]
  /// `log(1 + x)` for x >= 0, with a small relative error however small x is.
  func logOfOnePlus(_ x: Real, _ poll: inout CancellationPoll) throws(ComputationError) -> Real
  /// `log x` for x >= 1, however large x is.
  func logarithm(_ x: Real, _ poll: inout CancellationPoll) throws(ComputationError) -> Real
  /// How many bits are good, about.
  var bits: Int { get }
  /// About how many nanoseconds an exponential takes, for ``CancellationPoll``.
  var costOfExponential: Int { get }
  /// The same of an output, beside its exponential.
  var costOfOutput: Int { get }
}

extension Arithmetic {
  func tails(of row: LogitsRow, in classes: Range<Int>) -> [Real?] { [] }
}

/// Elementary functions in plain binary64, as starting points: no result depends on their being right.
enum Approximation {
  /// log 2, and the logarithm of e to base 2.
  static var log2: Double { 0.6931471805599453 }
  static var log2OfE: Double { 1.4426950408889634 }

  /// log x for finite x >= 1, within about 2^-48.
  ///
  /// log(2^e m) = e log 2 + 2 atanh((m - 1) / (m + 1)) with √½ <= m < √2, where the argument is below 0.172.
  static func log(_ x: Double) -> Double {
    guard x > 1, x.isFinite else { return 0 }
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.4142135623730951 {
      m *= 0.5
      exponent += 1
    }
    let t = (m - 1) / (m + 1)
    let square = t * t
    var sum = 0.0
    for odd in stride(from: 21, through: 1, by: -2) { sum = 1 / Double(odd) + square * sum }
    return max(0, exponent * log2 + 2 * t * sum)
  }

  /// e^-h for h >= 0, infinity included, within about 2^-30, as a significand near 1 and an exponent.
  static func power(_ h: Double) -> (significand: Double, exponent: Int, value: Double) {
    guard h < 0x1p22 else { return (1, -(1 << 23), 0) }
    let k = nearestWhole(h * log2OfE)
    let r = k * log2 - h
    var sum = 1.0
    for n in stride(from: 12, through: 1, by: -1) { sum = 1 + r / Double(n) * sum }
    return (sum, -Int(k), Double(sign: .plus, exponent: -Int(k), significand: sum))
  }

  /// The whole number nearest to x, |x| < 2^51: adding 2^52 and a half rounds away what is below the point.
  @inline(__always) static func nearestWhole(_ x: Double) -> Double { (x + 0x1.8p52) - 0x1.8p52 }
}
