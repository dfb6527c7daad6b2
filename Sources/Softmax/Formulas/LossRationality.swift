internal import VectorKernels

/// When a loss or a derivative is rational, as far as it is proved (docs/numerics.md §5 and §6), and with how many bits
/// a result that is still open is taken for the number it then looks like: only where nobody has proved that more bits
/// must decide it.
extension LossRequest {
  var mostBitsOfMeasure: Int? {
    if problem.takesProbabilities { return measure == .klDivergence ? mostBitsWithoutTheorem : nil }
    if measure == .klDivergence { return mostBitsWithoutTheorem }
    if case .logits = problem.target { return mostBitsWithoutTheorem }
    return mostBitsOfDerivative
  }

  var mostBitsOfDerivative: Int? {
    problem.zLoss > 0 || problem.focalGamma > 0 || problem.softmax.softcap != nil ? mostBitsWithoutTheorem : nil
  }

  /// Whether a row's loss, or divergence, is known to be irrational, or to be zero, or taken for it.
  ///
  /// λ LSE² is rational where LSE is. The other terms are zero or irrational.
  func isMeasureIrrational(_ row: LogitsRow) -> Bool {
    isMeasureIrrationalWhateverTheRow || row.isIrrational(.logSumExp)
  }

  var isMeasureIrrationalWhateverTheRow: Bool { problem.zLoss == 0 || measure == .klDivergence }

  /// Whether the derivative's entry for class i is known to be irrational, or to be zero, or taken for it.
  func isDerivativeIrrational(_ i: Int, of row: LogitsRow, _ weights: TargetWeights) -> Bool {
    if problem.takesProbabilities { return false }
    switch derivative {
    case nil: return false
    // p_i (v_i - Σ p_j v_j): e^(2 min) and e^(2 max) are in the denominator alone.
    case .hessianProduct: return !row.isLevel && !row.isMasked(i)
    case .gradient:
      guard let teacher = weights.teacher else { return isGradientIrrational(i, of: row, weights) }
      return isGradientIrrational(i, of: row, weights, teacher)
    }
  }

  /// Where p is a fraction of a whole number, log p and LSE are irrational, and so is an entry that they are part of,
  /// or that a cap's slope multiplies.
  private func isGradientIrrational(_ i: Int, of row: LogitsRow, _ weights: TargetWeights) -> Bool {
    guard !row.isMasked(i) else { return false }
    if row.isCapped(i) { return true }
    guard row.finite > 1 else { return false }
    guard row.isLevel, problem.zLoss == 0 else { return true }
    // A masked target leaves nothing of the focal factor.
    guard problem.focalGamma > 0, case .index(let y) = weights.kind else { return false }
    return !row.isMasked(y)
  }

  /// w (p_i - t_i) is irrational or zero where either is irrational. Other weights are asked about later
  /// (``ExactDerivative``), but for those that a z-loss or a cap goes with.
  private func isGradientIrrational(
    _ i: Int, of row: LogitsRow, _ weights: TargetWeights, _ teacher: LogitsRow
  ) -> Bool {
    if isGradientIrrational(i, of: row, weights), mostBitsOfDerivative != nil { return true }
    let isRational = (row.isLevel || row.isMasked(i)) && (teacher.isLevel || teacher.isMasked(i))
    return weights.smoothing == 0 && weights.evenWeight != nil && !isRational
  }
}

extension LossProblem {
  /// e^loss where it is plainly a whole number, rounded: the mean of the rows' log C, all rows that count being level
  /// over as many classes; `nil` elsewhere.
  var wholePerplexity: Double? {
    guard case .indices(let indices) = target, reduction == .mean, divisor == nil, labelSmoothing == 0, zLoss == 0,
      focalGamma == 0, !takesProbabilities
    else { return nil }
    var classes: Int?
    for n in 0..<softmax.layout.batch where counts(row: n) && weight?[indices[n]] != 0 {
      let row = LogitsRow(softmax, number: n)
      guard row.isLevel, !row.isMasked(indices[n]), classes == nil || classes == row.finite else { return nil }
      classes = row.finite
    }
    return classes.map { softmax.format.nearest(to: Double($0)) }
  }
}
