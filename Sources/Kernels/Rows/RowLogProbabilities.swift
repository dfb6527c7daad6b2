extension VectorLoops {
  /// Writes the correctly rounded `z_i - log S`, or NaN where this stage cannot prove it; -∞ for a masked class.
  ///
  /// - Parameters:
  ///   - row: [classes].
  ///   - logSum: log S, within `error`.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: both terms are ≤ 0, so nothing cancels. z is within 2^-100 |z|, the rest of the sum takes 4 roundings of
  /// at most u(|z| + log S)·2u: 2^-99 of the result and `error`, for 2^-98 and `error` twice rounded up.
  @inlinable @inline(__always)
  public static func logProbabilities(
    _ row: Span<Double>, shift: RowShift, logSum: DoubleDouble, error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(row.count == out.count)
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let a = load(row, start, absent: -.infinity)
      let z = shifted(a, shift)
      let s = VectorPair(sum: z.high, Vector(repeating: -logSum.high))
      let sum = VectorPair(ordered: s.high, s.low + (z.low - logSum.low))
      var result = rounded(sum, error: magnitude(sum.high) * 0x1p-98 + error, rounding)
      let isMasked = a .== Vector(repeating: -.infinity)
      result.isProven = result.isProven .| isMasked
      result.value.replace(with: -.infinity, where: isMasked)
      store(result.settled, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }
}
