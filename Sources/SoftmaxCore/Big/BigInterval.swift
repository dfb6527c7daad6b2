internal import Kernels

/// All reals between two big floating-point numbers, ends included; ends that coincide are the value itself.
struct BigInterval<L: Limbs>: Enclosure {
  var lower: BigFloat<L>
  var upper: BigFloat<L>

  init(_ lower: BigFloat<L>, _ upper: BigFloat<L>) {
    self.lower = lower
    self.upper = upper
  }

  init(exactly value: BigFloat<L>) {
    lower = value
    upper = value
  }

  /// Whether this is one value.
  var isExact: Bool { lower == upper }

  /// An e with a width below 2^e.
  var widthExponent: Int { isExact ? .min : BigFloat.sum(upper, -lower, .up).exponent }

  static func + (a: BigInterval, b: BigInterval) -> BigInterval {
    BigInterval(.sum(a.lower, b.lower, .down), .sum(a.upper, b.upper, .up))
  }

  static func - (a: BigInterval, b: BigInterval) -> BigInterval {
    BigInterval(.sum(a.lower, -b.upper, .down), .sum(a.upper, -b.lower, .up))
  }

  prefix static func - (a: BigInterval) -> BigInterval {
    BigInterval(-a.upper, -a.lower)
  }

  static func * (a: BigInterval, b: BigInterval) -> BigInterval {
    if a.lower.sign >= 0 {
      return b.lower.sign >= 0
        ? BigInterval(.product(a.lower, b.lower, .down), .product(a.upper, b.upper, .up)) : positive(a, b)
    }
    if b.lower.sign >= 0 { return positive(b, a) }
    if a.upper.sign <= 0 { return -positive(-a, b) }
    if b.upper.sign <= 0 { return -positive(-b, a) }
    // Both hold numbers of either sign.
    let low = BigFloat.product(a.lower, b.upper, .down)
    let otherLow = BigFloat.product(a.upper, b.lower, .down)
    let high = BigFloat.product(a.lower, b.lower, .up)
    let otherHigh = BigFloat.product(a.upper, b.upper, .up)
    return BigInterval(low < otherLow ? low : otherLow, high < otherHigh ? otherHigh : high)
  }

  /// `a · b` where a >= 0 throughout.
  private static func positive(_ a: BigInterval, _ b: BigInterval) -> BigInterval {
    BigInterval(
      .product(b.lower.sign < 0 ? a.upper : a.lower, b.lower, .down),
      .product(b.upper.sign < 0 ? a.lower : a.upper, b.upper, .up))
  }

  static func / (a: BigInterval, b: BigInterval) -> BigInterval {
    if b.lower.sign < 0 { return -(a / -b) }
    return BigInterval(
      .quotient(a.lower, a.lower.sign < 0 ? b.lower : b.upper, .down),
      .quotient(a.upper, a.upper.sign < 0 ? b.upper : b.lower, .up))
  }

  func rounded(to format: ResultFormat, isIrrational: Bool) -> Double? {
    if isExact { return format.nearest(to: lower, tie: .toEven) }
    let low = format.nearest(to: lower, tie: isIrrational ? .up : .toEven)
    let high = format.nearest(to: upper, tie: isIrrational ? .down : .toEven)
    return low == high ? low : nil
  }

  /// The lower end in units of the larger end's power of two, as two binary64 within 2^-106, and the width.
  var ball: Ball {
    if lower.sign == 0, upper.sign == 0 { return Ball(0) }
    let exponent = lower.isMagnitudeLess(than: upper) ? upper.exponent : lower.exponent
    let low = lower.scaled(by: 0 &- exponent)
    let width = BigFloat.sum(upper.scaled(by: 0 &- exponent), -low, .up)
    let high = ResultFormat.binary64.nearest(to: low, tie: .toEven)
    let rest = BigFloat.sum(low, BigFloat(-high, like: low.limbs), .down)
    let middle = DoubleDouble(large: high, small: ResultFormat.binary64.nearest(to: rest, tie: .toEven))
    // A width far below the last place has no binary64.
    return Ball(middle, radius: width.approximation * (1 + 0x1p-50) + 0x1p-105, exponent: exponent)
  }

  func nearest(in format: ResultFormat) -> Double {
    format.nearest(to: lower, tie: .toEven)
  }
}
