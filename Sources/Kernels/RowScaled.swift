extension Kernel {
  /// Writes the correctly rounded `factor·e_i·2^exponent`, or NaN where this stage cannot prove it: probabilities with the
  /// factor 1/S, and an index target's gradient away from the target.
  ///
  /// - Parameters:
  ///   - high, low: from ``exponentials(_:top:shift:vanishing:table:high:low:)``.
  ///   - factor: positive, in [2^-30, 2^30], within 2^-79.85 of the real factor, relatively.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: 2^-79.07 relative, for 0x1.1p-79 = 2^-78.91: e_i is within 2^-80.3, the factor within 2^-79.85; the product
  /// of the pairs within 2^-103. That also leaves the 2^-104 that ``rounded(_:error:_:)`` wants.
  @inlinable @inline(__always)
  public static func scaled(
    _ high: borrowing Span<Double>, _ low: borrowing Span<Double>, by factor: DoubleDouble, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(high.count == paddedCount(out.count) && low.count == high.count)
    let cHigh = Vector(repeating: factor.high)
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let eHigh = load(high, start)
      let eLow = load(low, start)
      let product = Arithmetic.product(eHigh, cHigh)
      let rest = product.low + Arithmetic.multiplyAdd(eHigh, Vector(repeating: factor.low), eLow * factor.high)
      let sum = VectorPair(ordered: product.high, rest)
      // Zeros stand for what surely rounds to zero, and NaN in the rest for what is not known.
      let isNothing = (eHigh .== 0) .& (eLow .== 0)
      var result = rounded(sum, error: sum.high * 0x1.1p-79, rounding)
      result.isProven = result.isProven .| isNothing
      result.value.replace(with: 0, where: isNothing)
      store(result.settled, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }
}
