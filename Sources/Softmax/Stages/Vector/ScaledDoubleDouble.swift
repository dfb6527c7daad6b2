internal import VectorKernels

/// A product of binary64 numbers and their quotients, with its exponent apart so that nothing over- or underflows:
/// `±mantissa·2^exponent` with the mantissa in [1, 2], or zero.
///
/// Error Bounds: 2^-101 relative for each operation.
struct ScaledDoubleDouble: Sendable {
  var mantissa: DoubleDouble
  var exponent: Int
  var isNegative: Bool

  var isZero: Bool { mantissa.high == 0 }

  static var one: ScaledDoubleDouble { ScaledDoubleDouble(1) }

  /// - Parameter value: finite.
  init(_ value: Double) {
    isNegative = value < 0
    guard value != 0 else {
      mantissa = DoubleDouble(high: 0)
      exponent = 0
      return
    }
    mantissa = DoubleDouble(high: value.significand)
    exponent = Int(value.exponent)
  }

  /// - Parameter value: its head within 2^±1000, its rest not so small as to lose bits.
  init(_ value: DoubleDouble) {
    let isNegative = value.high < 0
    self.init(isNegative ? -value : value, exponent: 0, isNegative: isNegative)
  }

  /// A sum of products, within 2^-104.
  init(_ sum: ExactSum) {
    if let whole = sum.whole {
      self.init(Double(whole))
      return
    }
    let triple = ScaledTriple(sum)
    self.init(triple.mantissa.pair, exponent: triple.exponent, isNegative: false)
  }

  private init(_ product: DoubleDouble, exponent: Int, isNegative: Bool) {
    self.isNegative = isNegative
    guard product.high != 0 else {
      mantissa = product
      self.exponent = 0
      return
    }
    let extra = Int(product.high.exponent)
    let power = powerOfTwo(-extra)
    mantissa = DoubleDouble(high: product.high * power, low: product.low * power)
    self.exponent = exponent + extra
  }

  static func * (a: ScaledDoubleDouble, b: ScaledDoubleDouble) -> ScaledDoubleDouble {
    ScaledDoubleDouble(
      a.mantissa.times(b.mantissa, BaselineMultiplier.self), exponent: a.exponent + b.exponent,
      isNegative: a.isNegative != b.isNegative)
  }

  /// - Parameter b: not zero.
  static func / (a: ScaledDoubleDouble, b: ScaledDoubleDouble) -> ScaledDoubleDouble {
    ScaledDoubleDouble(
      a.mantissa.times(b.mantissa.reciprocal(BaselineMultiplier.self), BaselineMultiplier.self),
      exponent: a.exponent - b.exponent, isNegative: a.isNegative != b.isNegative)
  }
}

/// The same as a triple, for what pairs cannot tell from half-way between two results; with its sign.
///
/// Error Bounds: 2^-141 relative for each operation.
struct ScaledTriple {
  /// Short.
  private(set) var mantissa: TripleDouble
  private(set) var exponent: Int

  /// - Parameter value: finite, and not zero.
  init(_ value: Double) {
    mantissa = TripleDouble(value < 0 ? -value.significand : value.significand)
    exponent = Int(value.exponent)
  }

  /// A sum of products, within 2^-157: of its bits the first 159.
  init(_ sum: ExactSum) {
    let big = sum.rounded(.down, like: FixedLimbs())
    guard big.sign != 0 else {
      self.init(mantissa: TripleDouble(0), exponent: 0)
      return
    }
    let count = big.limbs.count
    let (top, next, last) = (big.limbs[count - 1], big.limbs[count - 2], big.limbs[count - 3])
    let parts = TripleDouble(
      high: Double(top >> 11) * 0x1p-52, middle: Double((top & 0x7FF) << 42 | next >> 22) * 0x1p-105,
      low: Double((next & 0x3F_FFFF) << 31 | last >> 33) * 0x1p-158)
    self.init(mantissa: parts.normalised, exponent: big.exponent - 1)
  }

  private init(mantissa: TripleDouble, exponent: Int) {
    self.mantissa = mantissa
    self.exponent = exponent
  }

  static func * (a: ScaledTriple, b: ScaledTriple) -> ScaledTriple {
    ScaledTriple(
      mantissa: a.mantissa.times(b.mantissa, BaselineMultiplier.self).normalised, exponent: a.exponent + b.exponent)
  }

  /// 1/self, by one step of Newton's from the reciprocal of a pair: that is within 2^-101, and what it lacks is known
  /// within 2^-142 and plainly rounded.
  /// - Precondition: it is not zero.
  var reciprocal: ScaledTriple {
    let first = mantissa.pair.reciprocal(BaselineMultiplier.self)
    let near = TripleDouble(high: first.high, middle: first.low, low: 0)
    let rest = (TripleDouble(1) + -mantissa.times(near, BaselineMultiplier.self)).normalised.high
    return ScaledTriple(
      mantissa: (near + TripleDouble(rest * first.high)).normalised, exponent: 0 - exponent)
  }

  /// The number times 2^-exponent.
  /// - Precondition: its own exponent is within 900 of that.
  func triple(over exponent: Int) -> TripleDouble {
    let power = powerOfTwo(self.exponent - exponent)
    return TripleDouble(high: mantissa.high * power, middle: mantissa.middle * power, low: mantissa.low * power)
  }
}
