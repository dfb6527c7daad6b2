/// How a row's logits become the arguments of exp: z = (a - maximum)/temperature.
@frozen
public struct RowShift: Sendable {
  public var maximum: Double
  public var temperature: Double
  public var inverse: Double  // 1/temperature, rounded
  /// z is within `relative·|z| + absolute`: exact at temperature 1 and at powers of two, but for what underflows.
  public var relative: Double
  public var absolute: Double

  /// - Parameter temperature: positive; 1, or in [2^-500, 2^500].
  @inlinable @inline(__always)
  public init(maximum: Double, temperature: Double) {
    self.maximum = maximum
    self.temperature = temperature
    inverse = 1 / temperature
    relative = temperature.significandBitPattern == 0 ? 0 : 0x1p-98
    absolute = relative == 0 ? (temperature > 1 ? 0x1p-1073 : 0) : 0x1p-1071 * max(1, inverse)
  }
}

extension VectorLoops {
  /// z = (a - maximum)/temperature as a pair, `|low| ≤ 2^-50 |high|`.
  ///
  /// Edge Cases: where a is -∞ or a - maximum overflows, the pair is not finite, and its callers sort it out by a mask.
  ///
  /// Error Bounds: exact at temperature 1, by TwoSum. Otherwise 2^-100 |z|, and at most 2^-570 where something underflows: z's
  /// parts, 2^-1074 each, or the product q·temperature, whose rest is then off by 2^-1073 and z by that over the temperature. The
  /// quotient q = d.high·inverse is within 2.01u; d.high - p, p the head of q·temperature, is exact (Sterbenz); taking
  /// away the product's rest and adding d.low are two roundings at most u·5u|d.high| each, and the correction's own
  /// factor and rounding 2u of at most 6u|z|: in all 22u² |z| < 2^-100 |z|.
  @inlinable @inline(__always)
  static func shifted(_ a: Vector, _ shift: RowShift) -> VectorPair {
    let d = VectorPair(sum: a, Vector(repeating: -shift.maximum))
    if shift.temperature == 1 { return d }
    let q = d.high * shift.inverse
    let p = Arithmetic.product(q, Vector(repeating: shift.temperature))
    return VectorPair(high: q, low: (((d.high - p.high) - p.low) + d.low) * shift.inverse)
  }
}
