internal import VectorKernels

/// All reals between two big floating-point numbers, ends included; ends that coincide are the value itself.
struct Interval<L: Limbs>: Enclosure {
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

  /// Any real that anything is ever added to or compared with.
  static func unknown(like limbs: L) -> Interval {
    let bound = BigFloat(1, like: limbs).scaled(by: 1 << 40)
    return Interval(-bound, bound)
  }

  /// Whether this is one value.
  var isExact: Bool { lower == upper }

  /// An e with a width below 2^e.
  var widthExponent: Int { isExact ? .min : BigFloat.sum(upper, -lower, .up).exponent }

  static func + (a: Interval, b: Interval) -> Interval {
    Interval(.sum(a.lower, b.lower, .down), .sum(a.upper, b.upper, .up))
  }

  static func - (a: Interval, b: Interval) -> Interval {
    Interval(.sum(a.lower, -b.upper, .down), .sum(a.upper, -b.lower, .up))
  }

  prefix static func - (a: Interval) -> Interval {
    Interval(-a.upper, -a.lower)
  }

  static func * (a: Interval, b: Interval) -> Interval {
    if a.lower.sign >= 0 {
      return b.lower.sign >= 0
        ? Interval(.product(a.lower, b.lower, .down), .product(a.upper, b.upper, .up)) : positive(a, b)
    }
    if b.lower.sign >= 0 { return positive(b, a) }
    if a.upper.sign <= 0 { return -positive(-a, b) }
    if b.upper.sign <= 0 { return -positive(-b, a) }
    // Both hold numbers of either sign.
    let low = BigFloat.product(a.lower, b.upper, .down)
    let otherLow = BigFloat.product(a.upper, b.lower, .down)
    let high = BigFloat.product(a.lower, b.lower, .up)
    let otherHigh = BigFloat.product(a.upper, b.upper, .up)
    return Interval(low < otherLow ? low : otherLow, high < otherHigh ? otherHigh : high)
  }

  /// `a · b` where a >= 0 throughout.
  private static func positive(_ a: Interval, _ b: Interval) -> Interval {
    Interval(
      .product(b.lower.sign < 0 ? a.upper : a.lower, b.lower, .down),
      .product(b.upper.sign < 0 ? a.lower : a.upper, b.upper, .up))
  }

  static func / (a: Interval, b: Interval) -> Interval {
    if b.upper.sign < 0 { return -(a / -b) }
    guard b.lower.sign > 0 else { return unknown(like: b.lower.limbs) }
    return Interval(
      .quotient(a.lower, a.lower.sign < 0 ? b.lower : b.upper, .down),
      .quotient(a.upper, a.upper.sign < 0 ? b.upper : b.lower, .up))
  }

  func rounded(to format: BinaryFormat, isIrrational: Bool) -> Double? {
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
    let high = BinaryFormat.binary64.nearest(to: low, tie: .toEven)
    let rest = BigFloat.sum(low, BigFloat(-high, like: low.limbs), .down)
    let middle = DoubleDouble(large: high, small: BinaryFormat.binary64.nearest(to: rest, tie: .toEven))
    // A width far below the last place has no binary64.
    return Ball(middle, radius: width.approximation * (1 + 0x1p-50) + 0x1p-105, exponent: exponent)
  }

  func ends(in format: BinaryFormat) -> (Double, Double) {
    (format.nearest(to: lower, tie: .down), format.nearest(to: upper, tie: .up))
  }
}

/// Where a number exactly half-way between two numbers of a format goes.
enum Tie {
  /// To the one with an even significand (IEEE 754-2019 §4.3.1).
  case toEven
  /// Up: the number stands for one just above it.
  case up
  /// Down: the number stands for one just below it.
  case down
}

extension BinaryFormat {
  /// The number of this format nearest to a big one: subnormals included, beyond the range infinite, zero never
  /// negative.
  func nearest<L: Limbs>(to x: BigFloat<L>, tie: Tie) -> Double {
    guard x.sign != 0 else { return 0 }
    // 2^(exponent-1) <= |x| < 2^exponent; below the normal range fewer bits are kept.
    let exponent = x.exponent
    if exponent > greatestExponent + 1 { return Double(x.sign) * .infinity }
    let kept = min(precision, precision + exponent - 1 - leastNormalExponent)
    if kept < 0 { return 0 }
    let top = x.limbs[x.limbs.count - 1]
    var significand = kept == 0 ? 0 : top &>> UInt64(64 - kept)
    let rest = top &<< UInt64(kept)
    let half: UInt64 = 1 &<< 63
    var isSticky = rest & (half - 1) != 0
    if !isSticky { for i in 0..<(x.limbs.count - 1) where x.limbs[i] != 0 { isSticky = true } }
    if rest & half != 0 {
      let isUp: Bool
      if isSticky {
        isUp = true
      } else {
        switch tie {
        case .toEven: isUp = significand & 1 == 1
        case .up: isUp = x.sign > 0
        case .down: isUp = x.sign < 0
        }
      }
      if isUp { significand &+= 1 }
    }
    guard significand != 0 else { return 0 }
    let magnitude = Double(sign: .plus, exponent: exponent - kept, significand: Double(significand))
    return Double(x.sign) * (magnitude > greatestFinite ? .infinity : magnitude)
  }
}
