internal import VectorKernels

/// Target weights of more than one class.
extension VectorRow {
  /// Takes a row's targets and computes its target weights u.
  mutating func readTargetWeights(_ target: Span<Double>, _ weights: VectorTargetWeights) {
    targetWeights.makeRoom(for: target.count)
    let loops = loops
    var pairs = targetWeights.numbers.mutableSpan
    loops.shares(
      of: target, slopeHigh: weights.slopeHigh.span, slopeLow: weights.slopeLow.span,
      baseHigh: weights.baseHigh.span, baseLow: weights.baseLow.span, into: &pairs)
  }

  /// Takes a row's class and computes its target weights u: `(1-ε) w` more at the class than elsewhere.
  mutating func readTargetWeights(_ target: Int, _ weights: VectorTargetWeights) {
    targetWeights.makeRoom(for: weights.baseHigh.count)
    for i in weights.baseHigh.indices {
      targetWeights[i] = DoubleDouble(high: weights.baseHigh[i], low: weights.baseLow[i])
    }
    targetWeights[target] =
      targetWeights[target] + DoubleDouble(high: weights.slopeHigh[target], low: weights.slopeLow[target])
  }

  /// U and Σ u (-z) of the target weights read, or `nil` where they are not good enough: zero, tiny or huge.
  ///
  /// - Returns: the second is not finite where a masked class has a weight.
  func targetWeightSums(_ row: Span<Double>) -> ShareSums? {
    let sums = crossSum(targetWeights, row)
    guard sums.total.high >= 0x1p-300, sums.total.high <= 0x1p300, !sums.total.low.isNaN else { return nil }
    return sums
  }

  /// Σ u_c (-log p_c) = U·log S + Σ u (-z) of the target weights read, or `nil`.
  ///
  /// Error Bounds: both terms are ≥ 0: 2^-79.75 and 2^-89 of each, 2^-79.7 of the sum. What underflows stays below
  /// 2^-1050. A cap's error is in log S, and as z's own in the second, but for the maximum's.
  func loss(_ weights: ShareSums) -> VectorValue? {
    let cross = weights.cross.high
    guard !sums.isFaint, !weights.cross.low.isNaN, cross == 0 || (cross >= 0x1p-700 && cross <= 0x1p900)
    else { return nil }
    let value = weights.total.times(logSum.value, BaselineMultiplier.self) + weights.cross
    let elsewhere = (weights.total + -targetWeights[top.index]).high.magnitude + weights.total.high * 0x1p-80
    return VectorValue(value: value, error: value.high * (0x1.4p-80 + argumentError) + elsewhere * argumentError)
  }
}
