extension VectorLoops {
  /// The least argument of ``exponential(_:_:_:)``: e^-620 = 2^-894.47, so that its rest stays a normal number.
  @inlinable @inline(__always) static var leastExponent: Double { -620 }

  /// e^(high + low), lane by lane, as a pair with `|low| ≤ ulp(high)/2`; exactly 1 for 0.
  ///
  /// Method: with k the whole number nearest to z·256/ln 2, z = k·ln 2/256 + r and e^z = 2^(k/256)·(1 + p), p = e^r - 1,
  /// |r| ≤ ρ = 0.0013539 = 2^-9.528; 2^(k/256) is a power of two times an entry of the table (Tang, *Table-driven
  /// implementation of the exponential function*, 1989).
  ///
  /// Edge Cases: `-620 ≤ high ≤ 0`; `|low| ≤ 2^-50 |high|`.
  ///
  /// Error Bounds: relative error at most 2^-80. Here is why, with u = 2^-53, all in parts of e^z:
  /// - *Reduction.* |k| < 2^18 and the first two parts of ln 2/256 have 34 bits, so their products with k are exact;
  ///   z.high - k·first is exact (Sterbenz, or k = 0); the Fast2Sum with k·second is exact because its first term is a
  ///   multiple of 2^-62 while |k·second| < 2^-25. low - k·third has |low| ≤ 2^-40.7: two roundings, 2^-92.7. The last
  ///   Fast2Sum may have its terms in the wrong order when r is below 2^-40: it is then off by u·2^-39.7 = 2^-92.7.
  ///   The third part leaves 2^-133·2^18. Together below 2^-91 in r, so 2^-91 in e^z. It leaves |r.low| ≤ u·ρ + 2^-92.
  /// - *Polynomial.* e^r = 1 + r + r²/2 + r³P(r), P the Taylor polynomial of degree 4. Remainder ρ^8/8! < 2^-91. The first
  ///   and second terms are exact pairs but for r.low²/2 < 2^-124 and the rounding of r.high·r.low (2^-125).
  ///   r³P ≤ 2^-31.16 in size is computed from r.high in plain binary64: r² (1 rounding), r³ (1), P (2 from its last step, its
  ///   lower terms and coefficients less than ρ·3u + u), the product (1): 6.1u·2^-31.16 ≤ 2^-81.54; dropping r.low from it
  ///   costs r.low·ρ²/2 ≤ 2^-82.58.
  /// - *Assembly.* p.low, at most 2^-31.15 in size, takes 2 roundings of at most 2^-85 each; Th·p.low with the sums around
  ///   it takes 4, of at most 2^-84 each, since no partial sum exceeds 2^-30.1 Th: 5·2^-84 = 2^-81.67. Products of the
  ///   table's rest: 2^-53-9.5-53 and less. The table: 2^-106.
  /// - Sum: 2^-81.54 + 2^-82.58 + 2^-81.67 + 3·2^-91 < 2^-80.3. The final pair and the power of two are exact.
  @inlinable @inline(__always)
  static func exponential(_ high: Vector, _ low: Vector, _ table: Span<Double>) -> VectorPair {
    // Adding 1.5·2^52 rounds to a whole number and leaves it in the lowest bits.
    let magic = Vector(repeating: 0x1.8p52)
    let shifted = Arithmetic.multiplyAdd(high, Vector(repeating: 0x1.71547652b82fep8), magic)
    let k = shifted - magic
    let bits = unsafe unsafeBitCast(shifted, to: SIMD8<Int64>.self)
    let entry = (bits & 255) &<< 1
    let power = unsafe unsafeBitCast(
      ((bits & ~255) &<< 44) &+ SIMD8<Int64>(repeating: 0x3FF0_0000_0000_0000), to: Vector.self)

    let r0 = high - k * 0x1.62e42fef8p-9
    let w = k * 0x1.1cf79abc8p-44
    let s = VectorPair(ordered: r0, -w)
    let r = VectorPair(ordered: s.high, s.low + (low - k * 0x1.e3b39803f2f6bp-80))

    let half = r.high * 0.5
    let square = Arithmetic.product(half, r.high)
    var P = Vector(repeating: 0x1.a01a01a01a01ap-13)
    P = Arithmetic.multiplyAdd(P, r.high, Vector(repeating: 0x1.6c16c16c16c17p-10))
    P = Arithmetic.multiplyAdd(P, r.high, Vector(repeating: 0x1.1111111111111p-7))
    P = Arithmetic.multiplyAdd(P, r.high, Vector(repeating: 0x1.5555555555555p-5))
    P = Arithmetic.multiplyAdd(P, r.high, Vector(repeating: 0x1.5555555555555p-3))
    let cubic = (square.high + square.high) * r.high * P
    let p = VectorPair(ordered: r.high, square.high)
    let rest = p.low + (cubic + (r.low + Arithmetic.multiplyAdd(r.high, r.low, square.low)))

    let tableHigh = gather(table, entry)
    let tableLow = gather(table, entry | 1)
    let product = Arithmetic.product(tableHigh, p.high)
    let sum = VectorPair(ordered: tableHigh, product.high)
    let tail = Arithmetic.multiplyAdd(
      tableHigh, rest, Arithmetic.multiplyAdd(tableLow, p.high, tableLow + product.low))
    let e = VectorPair(ordered: sum.high, sum.low + tail)
    return VectorPair(high: e.high * power, low: e.low * power)
  }

  /// Eight entries of the table; unchecked, because each index is below 512 by its mask and callers check the table.
  @inlinable @inline(__always)
  static func gather(_ table: Span<Double>, _ i: SIMD8<Int64>) -> Vector {
    unsafe Vector(
      table[unchecked: Int(i[0])], table[unchecked: Int(i[1])], table[unchecked: Int(i[2])],
      table[unchecked: Int(i[3])], table[unchecked: Int(i[4])], table[unchecked: Int(i[5])],
      table[unchecked: Int(i[6])], table[unchecked: Int(i[7])])
  }
}
