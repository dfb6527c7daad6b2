extension VectorLoops {
  /// Writes the correctly rounded `(slope·e_i - factor·u_i)·2^exponent`, or NaN where this stage cannot prove it: the
  /// gradient of Σ u_c (-log p_c), with slope = factor·U/S.
  ///
  /// - Parameters:
  ///   - high, low: e, from ``exponentials(_:top:shift:vanishing:table:into:)``.
  ///   - shareHigh, shareLow: u, within 2^-98 relatively; [padded classes].
  ///   - slope, factor: within 2^-79.8 and 2^-98; positive; the slope in [2^-60, 2^60], the factor in [2^-310, 2^310].
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: e·slope within 2^-79.0 of its own size, as in ``scaled(_:_:by:within:_:into:)``, so 0x1.2p-79 of it; u·factor within 2^-96.9,
  /// so 2^-96; the sum of the pairs adds 2^-103 of both. Where they cancel, these absolute errors fail the test.
  @inlinable @inline(__always)
  public static func gradient(
    _ high: Span<Double>, _ low: Span<Double>,
    shareHigh: Span<Double>, shareLow: Span<Double>,
    slope: DoubleDouble, factor: DoubleDouble, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(high.count == paddedCount(out.count) && low.count == high.count)
    precondition(shareHigh.count == high.count && shareLow.count == high.count)
    let slopeHigh = Vector(repeating: slope.high)
    let factorHigh = Vector(repeating: factor.high)
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let eHigh = load(high, start)
      let eLow = load(low, start)
      let uHigh = load(shareHigh, start)
      let uLow = load(shareLow, start)
      let p = Arithmetic.product(eHigh, slopeHigh)
      let pRest = p.low + Arithmetic.multiplyAdd(eHigh, Vector(repeating: slope.low), eLow * slope.high)
      let t = Arithmetic.product(uHigh, factorHigh)
      let tRest = t.low + Arithmetic.multiplyAdd(uHigh, Vector(repeating: factor.low), uLow * factor.high)
      let s = VectorPair(sum: p.high, -t.high)
      let sum = VectorPair(ordered: s.high, s.low + (pRest - tRest))
      // An exponential left out is below 2^-894, so its term is below 2^-834.
      let leftOut = Vector(repeating: 0).replacing(with: 0x1p-830, where: eHigh .== 0)
      let error = p.high * 0x1.2p-79 + (t.high * 0x1p-96 + leftOut)
      let isNothing = (eHigh .== 0) .& (eLow .== 0) .& (uHigh .== 0)
      // A product that underflowed has lost its rest; a share that is not zero must not count as one.
      let isLost = (t.high .< Vector(repeating: 0x1p-960)) .& (uHigh .> 0)
      var result = rounded(sum, error: error, rounding)
      result.isProven = (result.isProven .& .!isLost) .| isNothing
      result.value.replace(with: 0, where: isNothing)
      store(result.settled, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }
}
