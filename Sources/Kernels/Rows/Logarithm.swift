extension VectorLoops {
  /// log(1 + x) for `|x| ≤ 2^-9`.
  ///
  /// Error Bounds: 2^-87 relative. log(1 + x)/x = 1 + x(-1/2 + x(1/3 + x(-1/4 + x·Q))), Q = 1/5 - x/6 + … - x^6/11 in binary64 from x.high,
  /// the rest in pairs. Series cut off: x^11/12 < 2^-102. Q is within 3u of its value, x.low being dropped from it, so
  /// x^4 Q is within 2^-38.3·2^-51.4 = 2^-89.7. The pairs' products and sums, 10u² each and shrunk by x below the top, cost
  /// less than 2^-101.
  @inlinable @inline(__always)
  static func logarithm(onePlus x: DoubleDouble) -> DoubleDouble {
    let y = x.high
    var Q = 0x1.745d1745d1746p-4
    Q = -0x1.999999999999ap-4 + y * Q
    Q = 0x1.c71c71c71c71cp-4 + y * Q
    Q = -0x1p-3 + y * Q
    Q = 0x1.2492492492492p-3 + y * Q
    Q = -0x1.5555555555555p-3 + y * Q
    Q = 0x1.999999999999ap-3 + y * Q
    var sum = DoubleDouble(sum: -0.25, y * Q)
    sum = DoubleDouble(high: 0x1.5555555555555p-2, low: 0x1.5555555555555p-56) + sum.times(x, Arithmetic.self)
    sum = DoubleDouble(high: -0.5) + sum.times(x, Arithmetic.self)
    sum = DoubleDouble(high: 1) + sum.times(x, Arithmetic.self)
    return sum.times(x, Arithmetic.self)
  }

  /// log S = log(1 + R).
  ///
  /// Edge Cases: R at least 2^-700, so that nothing underflows; at most 2^23.
  ///
  /// Error Bounds: 2^-79.8 relative. R's own 2^-79.9 moves log S by no more, since d log(1+R)/log(1+R) ≤ dR/R. The rest is
  /// 2^-86: below 2^-9 by ``logarithm(onePlus:)``; above, S = 2^x·m, the atanh series to s^7, s ≤ 1/3, gives log2 m within
  /// 2^-15.7, so j/256 within 0.505/256, and f = m·2^(-j/256) - 1 lies in ±2^-9.5 and is known within 12u². In
  /// log S = (256x + j)·ln 2/256 + log(1+f) the terms are off by at most 2^-102 and 2^-9.5-87, and log S ≥ 2^-9.01.
  @inlinable @inline(__always)
  public static func logSum(_ sums: RowSums, table: Span<Double>) -> DoubleDouble {
    precondition(table.count >= 512)
    guard sums.others.high >= 0x1p-9 else { return logarithm(onePlus: sums.others) }
    let bits = sums.sum.high.bitPattern
    let exponent = Int(truncatingIfNeeded: bits >> 52) &- 1023
    let power = KernelRounding.power(-exponent)
    let m = DoubleDouble(high: sums.sum.high * power, low: sums.sum.low * power)

    let s = (m.high - 1) / (m.high + 1)
    let s2 = s * s
    let cubic = 0.9617966939259756 + s2 * (0.5770780163555854 + s2 * 0.4121985831111324)
    let log2 = s * (2.8853900817779268 + s2 * cubic)
    let j = Int(log2 * 256 + 0.5)
    var scaled = m
    if j > 0 {
      let entry = (256 &- j) &* 2 & 511
      let root = unsafe DoubleDouble(high: table[unchecked: entry] * 0.5, low: table[unchecked: entry &+ 1] * 0.5)
      scaled = m.times(root, Arithmetic.self)
    }
    let f = DoubleDouble(high: -1) + scaled
    let steps = DoubleDouble(high: Double(exponent &* 256 &+ j) * 0x1p-8)
    let ln2 = DoubleDouble(high: 0x1.62e42fefa39efp-1, low: 0x1.abc9e3b39803fp-56)
    return steps.times(ln2, Arithmetic.self) + logarithm(onePlus: f)
  }
}
