internal import VectorKernels

/// All reals within a radius of a double-double number, times a power of two: the ball stage's enclosure.
///
/// The value is `(high + low ± radius) · 2^exponent`. The larger of |high| and the radius stays within 2^±200, so that
/// products and their errors stay normal; the exponent apart makes up for it. u = 2^-53; bounds of double-double
/// operations are those of Joldes, Muller and Popescu, "Tight and rigorous error bounds for basic building blocks of
/// double-word arithmetic" (ACM TOMS 44, 2017). Radii are themselves sums and products of a few positive terms, so that
/// a factor 1 + 2^-48 pays for their roundings.
struct Ball: Enclosure {
  var high: Double
  var low: Double
  var radius: Double
  var exponent: Int

  /// A binary64 exactly, in range.
  @inline(__always) init(_ value: Double) {
    high = value
    low = 0
    radius = 0
    exponent = 0
    normalise()
  }

  /// - Parameter radius: without the roundings of its own computation.
  @inline(__always) init(_ middle: DoubleDouble, radius: Double, exponent: Int) {
    high = middle.high
    low = middle.low
    self.radius = radius * (1 + 0x1p-48)
    self.exponent = exponent
    normalise()
  }

  @inline(__always) private init(exactly middle: DoubleDouble, exponent: Int) {
    high = middle.high
    low = middle.low
    radius = 0
    self.exponent = exponent
    normalise()
  }

  @inline(__always) var middle: DoubleDouble { DoubleDouble(high: high, low: low) }

  /// Whether this is one value, with nothing in its low part.
  @inline(__always) private var isShort: Bool { low == 0 && radius == 0 }

  @inline(__always) private var isZero: Bool { high == 0 && radius == 0 }

  /// Brings the larger of |high| and the radius back to [1, 2) when it has left 2^±200.
  @inline(__always) private mutating func normalise() {
    // In this order: a radius that is no number (∞ · 0) makes a size that is none.
    let size = max(radius, high.magnitude)
    if size < 0x1p200 && size > 0x1p-200 { return }
    bringBack(size)
  }

  @inline(never) private mutating func bringBack(_ size: Double) {
    guard size > 0, size.isFinite else {
      if size > 0 || size.isNaN { self = .unknown }
      return
    }
    let shift = Int(size.exponent)
    // Two factors, since one may be out of range for a subnormal.
    scale(by: -shift / 2)
    scale(by: -shift - -shift / 2)
    exponent &+= shift
  }

  @inline(__always) private mutating func scale(by shift: Int) {
    let factor = powerOfTwo(shift)
    high *= factor
    low *= factor
    radius *= factor
  }

  /// Any real at all.
  static var unknown: Ball {
    var ball = Ball(0)
    ball.radius = .infinity
    return ball
  }

  @inline(__always) prefix static func - (a: Ball) -> Ball {
    var result = a
    result.high = -a.high
    result.low = -a.low
    return result
  }

  @inline(__always) static func - (a: Ball, b: Ball) -> Ball { a + -b }

  /// Error: 3.1 u² of the sum, whatever the signs (AccurateDWPlusDW); none where both are binary64.
  @inline(__always) static func + (a: Ball, b: Ball) -> Ball {
    guard a.exponent == b.exponent else { return addApart(a, b) }
    if a.isShort && b.isShort {
      return Ball(exactly: DoubleDouble(sum: a.high, b.high), exponent: a.exponent)
    }
    let sum = a.middle + b.middle
    return Ball(sum, radius: a.radius + b.radius + sum.high.magnitude * 0x1.9p-105, exponent: a.exponent)
  }

  /// The sum where the exponents differ: the one with the lesser exponent is brought to the other's, or where it is
  /// nothing beside it, into the radius.
  @inline(never) private static func addApart(_ a: Ball, _ b: Ball) -> Ball {
    if a.isZero { return b }
    if b.isZero { return a }
    if a.radius == .infinity || b.radius == .infinity { return .unknown }
    let (large, small) = a.exponent > b.exponent ? (a, b) : (b, a)
    let shift = large.exponent &- small.exponent
    var moved = small
    // What scaling may cut off a low part.
    var cut = 0.0
    if shift > 700 {
      moved.high = 0
      moved.low = 0
      // |small| < 2^201 by its exponent.
      moved.radius = shift > 1200 ? 0x1p-999 : 0x1p-499
    } else {
      moved.scale(by: -shift)
      cut = 0x1p-1060
    }
    moved.exponent = large.exponent
    let sum = large.middle + moved.middle
    return Ball(
      sum, radius: large.radius + moved.radius + sum.high.magnitude * 0x1.9p-105 + cut, exponent: large.exponent)
  }

  /// Error: 7 u² of the product (DWTimesDW1), none where both are binary64; and what the radii make of it.
  @inline(__always) static func * (a: Ball, b: Ball) -> Ball {
    let exponent = a.exponent &+ b.exponent
    if a.isShort && b.isShort {
      let product = BaselineMultiplier.product(a.high, b.high)
      return Ball(exactly: DoubleDouble(high: product.high, low: product.low), exponent: exponent)
    }
    // An exact zero stays one, also times the unknown.
    if a.isZero { return a }
    if b.isZero { return b }
    let product = a.middle.times(b.middle, BaselineMultiplier.self)
    let radius =
      a.high.magnitude * b.radius + b.high.magnitude * a.radius + a.radius * b.radius
      + product.high.magnitude * 0x1.dp-104
    return Ball(product, radius: radius * (1 + 0x1p-50), exponent: exponent)
  }

  /// q = a.high / b.high and one step more. Error: the remainder's parts are each below 4 u |a| and rounded once or
  /// twice, 9 u²; dividing it by b.high for b, 4 u², and rounding that, 4 u²: less than 20 u² of the quotient. With ρ =
  /// radius / |b| at most 1/4, the radii add (ra + |q| rb) / (|b| - rb), at most 4/3 of what they would at its middle.
  static func / (a: Ball, b: Ball) -> Ball {
    if a.isZero { return a }
    let size = b.high.magnitude
    guard b.radius <= 0.25 * size, size > 0 else { return .unknown }
    let first = a.high / b.high
    let product = BaselineMultiplier.product(first, b.high)
    let rest = ((a.high - product.high) - product.low) + (a.low - first * b.low)
    let quotient = DoubleDouble(large: first, small: rest / b.high)
    let isExact = a.isShort && b.isShort && rest == 0
    let spread = b.radius == 0 ? a.radius / size : (a.radius + first.magnitude * b.radius) / size * 1.34
    return Ball(
      quotient, radius: isExact ? 0 : spread + quotient.high.magnitude * 0x1.4p-102,
      exponent: a.exponent &- b.exponent)
  }
}

extension Ball {
  /// Where the result is a normal binary64, both ends of the ball, moved out by 2^-103 of the value, which pays for the
  /// roundings of the test itself, decide by one addition each. All else, ties and subnormals included, is decided
  /// exactly.
  @inline(__always) func rounded(to format: BinaryFormat, isIrrational: Bool) -> Double? {
    let place = exponent &+ Int(truncatingIfNeeded: high.magnitude.bitPattern >> 52) &- 1023
    if format == .binary64, abs(place) < 1000, abs(exponent) < 1000 {
      let reach = (radius + high.magnitude * 0x1p-103) * (1 + 0x1p-48)
      let up = high + (low + reach)
      let down = high + (low - reach)
      if up == down {
        return exponent == 0 ? up : up * powerOfTwo(exponent)
      }
    }
    return roundedExactly(to: format, isIrrational)
  }

  @inline(never) private func roundedExactly(to format: BinaryFormat, _ isIrrational: Bool) -> Double? {
    radius == .infinity ? nil : interval.rounded(to: format, isIrrational: isIrrational)
  }

  /// The ball's ends. An unknown ball's are beyond everything that is ever added to it.
  var interval: Interval<FixedLimbs> {
    let zero = FixedLimbs()
    guard radius < .infinity else { return .unknown(like: zero) }
    let first = BigFloat(high, like: zero)
    let second = BigFloat(low, like: zero)
    let reach = BigFloat(radius, like: zero)
    let lower = BigFloat.sum(.sum(first, second, .down), -reach, .down)
    let upper = BigFloat.sum(.sum(first, second, .up), reach, .up)
    return Interval(lower.scaled(by: exponent), upper.scaled(by: exponent))
  }

  /// An e with |x| near or above 2^e for the middle x.
  var magnitudeExponent: Int { high == 0 ? .min / 2 : exponent + Int(high.exponent) }

  var ball: Ball { self }

  func ends(in format: BinaryFormat) -> (Double, Double) { interval.ends(in: format) }
}
