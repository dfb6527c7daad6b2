/// A row's largest logit and the lowest index that holds it.
@frozen
public struct RowMaximum: Sendable, Hashable {
  public var value: Double
  public var index: Int

  @inlinable @inline(__always)
  public init(value: Double, index: Int) {
    self.value = value
    self.index = index
  }
}

/// How a row's logits become the arguments of exp: z = (a - maximum)/temperature.
@frozen
public struct RowShift: Sendable {
  public var maximum: Double
  public var temperature: Double
  public var inverse: Double  // 1/temperature, rounded
  /// z is within `relative·|z| + absolute`: exact at temperature 1; at other powers of two too, unless it underflows.
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
  /// The row's maximum.
  ///
  /// - Parameter row: [classes], not empty, no NaN.
  @inlinable @inline(__always)
  public static func maximum(_ row: Span<Double>) -> RowMaximum {
    guard row.count > 0 else { return RowMaximum(value: -.infinity, index: 0) }
    var best = load(row, 0, absent: -.infinity)
    var places = indices(from: 0)
    var start = 8
    while start < row.count {
      let next = load(row, start, absent: -.infinity)
      let above = next .> best
      best.replace(with: next, where: above)
      places.replace(with: indices(from: start), where: above)
      start &+= 8
    }
    var value = best[0]
    var place = places[0]
    var lane = 1
    while lane < 8 {
      if best[lane] > value || (best[lane] == value && places[lane] < place) {
        value = best[lane]
        place = places[lane]
      }
      lane &+= 1
    }
    return RowMaximum(value: value, index: Int(place))
  }

  /// z = (a - maximum)/temperature as a pair with `|low| ≤ 2^-50 |high|`.
  ///
  /// Edge Cases: where a is -∞ or a - maximum overflows, the pair is not finite. The callers mask such lanes.
  ///
  /// Error Bounds: exact at temperature 1, by TwoSum. Otherwise 22u² |z| < 2^-100 |z|:
  /// - the quotient q = d.high·inverse is within 2.01u of d.high/temperature;
  /// - d.high - p is exact (Sterbenz), p being the high part of q·temperature;
  /// - subtracting the product's low part and adding d.low are two roundings of at most u·5u|d.high| each;
  /// - the correction's own factor and its rounding are 2u of at most 6u|z|.
  ///
  /// Where something underflows, at most 2^-570: each part of z may lose 2^-1074, and the product q·temperature
  /// 2^-1073, so that z loses that over the temperature.
  @inlinable @inline(__always)
  static func shifted(_ a: Vector, _ shift: RowShift) -> VectorPair {
    let d = VectorPair(sum: a, Vector(repeating: -shift.maximum))
    if shift.temperature == 1 { return d }
    let q = d.high * shift.inverse
    let p = Multiplier.product(q, Vector(repeating: shift.temperature))
    return VectorPair(high: q, low: (((d.high - p.high) - p.low) + d.low) * shift.inverse)
  }
}
