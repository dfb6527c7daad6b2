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
