/// The relative error of e_i/S: 2^-80.3 + 2^-79.85 + 2^-102 < 2^-79.05 < 2^-78.91, which this is.
@inlinable @inline(__always)
public var probabilityError: Double { 0x1.1p-79 }

extension VectorLoops {
  /// Writes the correctly rounded `factor·e_i·2^exponent`, or NaN where this stage cannot prove it: probabilities with the
  /// factor 1/S, and an index target's gradient away from the target.
  ///
  /// - Parameters:
  ///   - high, low: from ``exponentials(_:top:shift:vanishing:table:into:)``.
  ///   - factor: positive, in [2^-30, 2^30].
  ///   - error: a bound of the factor's and the exponential's relative errors together, with 2^-102 to spare.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: the factor's error, the exponential's 2^-80.3, and 2^-103 for the product of the pairs and the test. For
  /// probabilities, with 1/S within 2^-79.85, that is below ``probabilityError``.
  @inlinable @inline(__always)
  public static func scaled(
    _ high: Span<Double>, _ low: Span<Double>, by factor: DoubleDouble, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
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
      var result = rounded(sum, error: sum.high * error, rounding)
      result.isProven = result.isProven .| isNothing
      result.value.replace(with: 0, where: isNothing)
      store(result.settled, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }
}
