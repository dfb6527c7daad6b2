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

  /// A sum of products, within 2^-104: of its bits the first 106.
  init(_ sum: ExactSum) {
    if let whole = sum.whole {
      self.init(Double(whole))
      return
    }
    let big = sum.rounded(.down, like: FixedLimbs())
    guard big.sign != 0 else {
      self.init(0)
      return
    }
    let top = big.limbs[big.limbs.count - 1]
    let next = big.limbs[big.limbs.count - 2]
    let high = Double(top >> 11) * 0x1p-52
    let low = Double((top & 0x7FF) << 42 | next >> 22) * 0x1p-105
    self.init(DoubleDouble(large: high, small: low), exponent: big.exponent - 1, isNegative: false)
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
