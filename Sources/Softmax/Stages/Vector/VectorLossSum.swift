internal import VectorKernels

/// Σ s (row's loss) over rows, as a pair with a bound on its error.
struct VectorLossSum {
  private(set) var value = DoubleDouble(high: 0)
  private var error = 0.0
  private var terms = 0.0

  /// Adds factor·loss, unless it is out of the range where pairs are good.
  /// - Returns: whether it was added.
  mutating func add(_ loss: VectorValue, _ factor: ScaledDoubleDouble) -> Bool {
    guard abs(factor.exponent) <= 300, loss.value.high >= 0x1p-600, loss.value.high <= 0x1p600 else { return false }
    let power = Double(sign: .plus, exponent: factor.exponent, significand: 1)
    let scaled = DoubleDouble(high: factor.mantissa.high * power, low: factor.mantissa.low * power)
    let term = loss.value.times(scaled, BaselineMultiplier.self)
    value = value + term
    // Twice the exact factor's head covers its rest; the roundings of this sum of positive numbers stay below 2^-50 of
    // it.
    error += (loss.error + loss.value.high * 0x1p-98) * (scaled.high * 0x1.0000001p0)
    terms += 1
    return true
  }

  /// Adds losses that were added up elsewhere.
  mutating func add(_ rows: borrowing ShortRows) {
    guard let sum = rows.sum else { return }
    value = value + sum.loss.value
    error += sum.loss.error
    terms += Double(sum.terms)
  }

  /// What the sum certainly lies in, scaled as the other stages' terms are; `nil` if nothing was added.
  ///
  /// Error Bounds: the terms' own, and for each addition 3.01u² of the sum so far.
  func term(scaledFor request: LossRequest) -> LossTerm? {
    guard terms > 0 else { return nil }
    let bound = error * 0x1.01p0 + value.high * (terms * 0x1p-103)
    return .finite(Ball(value, radius: bound, exponent: 0) * request.scale(BallArithmetic.standard))
  }
}
