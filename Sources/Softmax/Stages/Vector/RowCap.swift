internal import VectorKernels

/// A cap c of a row's logits, c·tanh(a/c), as the loops need it.
struct RowCap: Sendable {
  /// c.
  let value: Double
  /// a by c/2: twice the argument of tanh.
  let shift: RowShift
  /// 2c/T.
  let scale: DoubleDouble
  /// How far each z may be from the real one: `VectorLoops.capped` says 2^-81.1 of 2c/T.
  let error: Double

  /// Whether the error is small enough to prove anything, and no product underflows.
  static func serves(_ cap: Double, temperature: Double) -> Bool {
    cap >= 0x1p-300 && cap <= 0x1p300 && cap <= temperature * 0x1p12
  }

  init(_ cap: Double, temperature: Double) {
    value = cap
    shift = RowShift(maximum: 0, temperature: 0.5 * cap)
    scale = VectorRow.quotient(DoubleDouble(high: 2 * cap), temperature)
    error = scale.high * 0x1p-81
  }
}
