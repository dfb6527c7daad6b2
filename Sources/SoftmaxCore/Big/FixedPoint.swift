/// Fixed-point arithmetic on limbs that count units of 2^(2-F), F = 64 N: numbers in [0, 4), a unit an "ulp".
enum FixedPoint<L: Limbs> {
  /// `a · b` rounded down, short of the exact product by less than 1 + N 2^-60 ulps.
  ///
  /// Columns of the product below N-2 are left out: each of them adds less than N 2^-62 ulps, a carry included.
  @inline(__always) static func product(_ a: L, _ b: L) -> L { L.fixedProduct(a, b) }

  /// `1 / n` rounded down.
  static func inverse(of n: UInt64, like zero: L) -> L {
    var result = zero
    result[zero.count - 1] = 1 << 62
    result.divide(by: n)
    return result
  }

  /// A number in [0, 4), rounded down.
  static func fixed(_ x: BigFloat<L>) -> L {
    x.sign == 0 ? x.limbs.zeros : x.limbs.shiftedRight(by: min(2 &- x.exponent, 64 &* x.limbs.count))
  }

  /// The interval `[x - below, x + above]` times 2^power; it lies in [0, 4).
  static func interval(_ x: L, below: UInt64, above: UInt64, power: Int) -> BigInterval<L> {
    var low = x
    if low.subtract(below) { low = x.zeros }
    var high = x
    // Bounds are far below the top limb, whose two leading bits are zero or one: nothing runs over.
    _ = high.add(above)
    return BigInterval(
      BigFloat(fraction: low, exponent: power &+ 2), BigFloat(fraction: high, exponent: power &+ 2))
  }
}
