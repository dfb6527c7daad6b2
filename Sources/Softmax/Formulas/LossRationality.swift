internal import VectorKernels

/// When a loss or an entry of its gradient is rational, as far as it is proved (docs/numerics.md §5).
extension LossProblem {
  /// With how many bits a result that is still open is taken for the number it then looks like: only where nobody has
  /// proved that more bits must decide it.
  var mostBits: Int? {
    zLoss > 0 || focalGamma > 0 || softmax.softcap != nil ? mostBitsWithoutTheorem : nil
  }

  /// Whether a row's loss is known to be irrational, or to be zero.
  ///
  /// λ LSE² is rational where LSE is. The other terms are zero or irrational.
  func isLossIrrational(_ row: LogitsRow) -> Bool { zLoss == 0 || row.isIrrational(.logSumExp) }

  /// Whether ``isLossIrrational(_:)`` holds of any row, so that none need be looked at.
  var isLossIrrationalWhateverTheRow: Bool { zLoss == 0 }

  /// e^loss where it is plainly a whole number, rounded: the mean of the rows' log C, all rows that count being level over as
  /// many classes; `nil` elsewhere.
  var wholePerplexity: Double? {
    guard case .indices(let indices) = target, reduction == .mean, divisor == nil, labelSmoothing == 0, zLoss == 0,
      focalGamma == 0
    else { return nil }
    var classes: Int?
    for n in 0..<softmax.layout.batch where counts(row: n) && weight?[indices[n]] != 0 {
      let row = LogitsRow(softmax, number: n)
      guard row.isLevel, !row.isMasked(indices[n]), classes == nil || classes == row.finite else { return nil }
      classes = row.finite
    }
    return classes.map { softmax.format.nearest(to: Double($0)) }
  }

  /// Whether the gradient's entry for class i is known to be irrational, or to be zero. Where p is a fraction of a whole
  /// number, log p and LSE are irrational, and so is an entry that they are part of, or that a cap's slope multiplies.
  func isGradientIrrational(_ i: Int, of row: LogitsRow, _ weights: TargetWeights) -> Bool {
    guard !row.isMasked(i) else { return false }
    if row.isCapped(i) { return true }
    guard row.finite > 1 else { return false }
    guard row.isLevel, zLoss == 0 else { return true }
    // A masked target leaves nothing of the focal factor.
    guard focalGamma > 0, case .index(let y) = weights.kind else { return false }
    return !row.isMasked(y)
  }
}
