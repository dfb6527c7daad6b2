internal import VectorKernels

extension ShortRows {
  /// What a row's gradient and its loss are multiplied by, the weight of its target included.
  struct Factors {
    let gradient: ScaledDoubleDouble
    let loss: ScaledDoubleDouble
    /// The target's weight alone.
    let weight: Double
  }

  /// The exponents of the factors of gradients and losses, apart from those of ``InterleavedRows``.
  struct Exponents {
    let gradient: Int
    let loss: Int
    /// How far a row's own may be from them.
    static let reach = 16

    /// Those of some factors.
    init(_ factors: Factors) {
      gradient = factors.gradient.exponent
      loss = factors.loss.exponent
    }

    /// What a row's factors are without these exponents, and λ over its weight; `nil` where they are too far from them,
    /// or zero.
    func pairs(
      _ factors: Factors, zLoss: Double
    ) -> (gradient: DoubleDouble, loss: DoubleDouble, penalty: DoubleDouble)? {
      guard !factors.gradient.isZero, abs(factors.gradient.exponent - gradient) <= Exponents.reach,
        abs(gradient) <= 800, !factors.loss.isZero, abs(factors.loss.exponent - loss) <= Exponents.reach,
        abs(loss) <= 280
      else { return nil }
      var penalty = DoubleDouble(high: 0)
      if zLoss > 0 {
        let scaled = ScaledDoubleDouble(zLoss) / ScaledDoubleDouble(factors.weight)
        guard abs(scaled.exponent) <= 300 else { return nil }
        penalty = scaled.pair(timesPowerOf: 0)
      }
      return (factors.gradient.pair(timesPowerOf: -gradient), factors.loss.pair(timesPowerOf: -loss), penalty)
    }
  }
}

extension ScaledDoubleDouble {
  /// The number times 2^exponent, with its sign.
  /// - Precondition: its own exponent and that add up to at most ±900.
  fileprivate func pair(timesPowerOf exponent: Int) -> DoubleDouble {
    let power = isNegative ? -powerOfTwo(self.exponent + exponent) : powerOfTwo(self.exponent + exponent)
    return DoubleDouble(high: mantissa.high * power, low: mantissa.low * power)
  }
}
