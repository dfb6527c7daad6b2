internal import VectorKernels

/// The derivatives of one row as quotients of exponential sums, where they are such.
struct DerivativeQuotients {
  private typealias Sum = ExponentialSum
  private typealias Coefficient = ExponentialSum.Coefficient

  private let row: LogitsRow
  private let weights: TargetWeights
  /// v of the Hessian's product.
  private let vector: [Double]?
  /// Whether there is nothing but cross-entropy of softmax.
  private let isPlain: Bool
  /// q s.
  private let factor: Coefficient
  /// scale T D, and T again for the Hessian.
  private let divisor: Coefficient
  /// scale U where it is rational: U of a teacher is, if its weights are even.
  private let total: Coefficient?
  /// W = Σ w.
  private let totalWeight: Coefficient
  /// Of the row's sum and a teacher's, of the row's with itself, or of the row's alone.
  private let denominator: PowerProduct?

  init(
    _ request: LossRequest, row n: Int, _ row: LogitsRow, weights: TargetWeights, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let problem = request.problem
    self.row = row
    self.weights = weights
    isPlain = row.softcap == nil && problem.zLoss == 0 && problem.focalGamma == 0
    factor = Sum.product(
      Sum.exact(request.upstream(row: n)), Sum.exact(problem.sampleWeight?[n] ?? 1))
    var divisor = Sum.product(Sum.exact(Double(weights.scale)), Sum.exact(row.temperature))
    if let normaliser = request.normaliser { divisor = Sum.product(divisor, Sum.exact(normaliser)) }
    var (totalWeight, total) = (Sum.exact(0), Sum.exact(0))
    for c in 0..<weights.classes where !weights.isZero(c) {
      try poll.spend(4_000)
      totalWeight = Sum.sum(totalWeight, Sum.exact(weights.weight?[c] ?? 1))
      total = Sum.sum(total, weights.exact(c))
    }
    self.totalWeight = totalWeight
    self.total =
      weights.teacher == nil
      ? total : weights.evenWeight.map { Sum.product(Sum.exact(Double(weights.scale)), Sum.exact($0)) }
    if case .hessianProduct(let all) = request.derivative {
      vector = request.layout.row(n, of: all)
      divisor = Sum.product(divisor, Sum.exact(row.temperature))
      denominator = self.total == nil ? nil : PowerProduct(row.logits, row.logits)
    } else {
      vector = nil
      denominator = PowerProduct(row.logits, weights.teacher?.logits ?? [0])
    }
    self.divisor = divisor
  }

  /// The derivative's entry for class i.
  func quotient(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> ExponentialQuotient? {
    var result = ExponentialQuotient(divisor: divisor, denominator: denominator, temperature: row.temperature)
    if let vector {
      try addHessian(i, vector, to: &result.numerator, &poll)
    } else if let teacher = weights.teacher {
      // A class with p = 0 has the teacher's part alone, whatever is beside cross-entropy.
      let isMasked = row.isMasked(i)
      guard isPlain || isMasked else { return nil }
      if isMasked { result.denominator = PowerProduct(teacher.logits) }
      result.offset = Sum.product(factor, Sum.product(Sum.exact(weights.smoothing), weight(i)))
      try addGradient(i, teacher, to: &result.numerator, &poll)
    } else {
      guard isPlain, let total else { return nil }
      result.offset = Sum.product(factor, weights.exact(i))
      if !row.isMasked(i) { result.numerator.add(Sum.product(factor, total), row.logits[i]) }
    }
    return result
  }

  private func weight(_ c: Int) -> Coefficient { Sum.exact(weights.weight?[c] ?? 1) }

  /// q s scale U p_i (v_i - Σ p_j v_j) S² = q s scale U e_i Σ_j e_j (v_i - v_j).
  private func addHessian(
    _ i: Int, _ vector: [Double], to numerator: inout ExponentialSum, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    guard !row.isMasked(i) else { return }
    let factor = Sum.product(factor, total ?? Sum.exact(1))
    for j in vector.indices where !row.isMasked(j) {
      try poll.spend(4_000)
      let difference = Sum.sum(Sum.exact(vector[i]), Sum.exact(-vector[j]))
      numerator.add(Sum.product(factor, difference), row.logits[i], row.logits[j])
    }
  }

  /// With k = C (1-ε), or 1 where ε = 0, and W = Σ w,
  ///
  ///     scale (U p_i - u_i) S S' = e_i Σ_h e'_h (k w_h + ε W) - k w_i e'_i S - ε w_i S S',
  ///
  /// but for the last term, and but for S where p_i = 0.
  private func addGradient(
    _ i: Int, _ teacher: LogitsRow, to numerator: inout ExponentialSum, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let kept = weights.exactKeptShare
    let own = -Sum.product(factor, Sum.product(kept, weight(i)))
    guard !row.isMasked(i) else {
      if !teacher.isMasked(i) { numerator.add(own, teacher.logits[i]) }
      return
    }
    let spread = Sum.product(Sum.exact(weights.smoothing), totalWeight)
    for h in teacher.logits.indices {
      try poll.spend(4_000)
      if !teacher.isMasked(h) {
        let share = Sum.sum(Sum.product(kept, weight(h)), spread)
        numerator.add(Sum.product(factor, share), row.logits[i], teacher.logits[h])
      }
      if !row.isMasked(h), !teacher.isMasked(i) { numerator.add(own, row.logits[h], teacher.logits[i]) }
    }
  }
}

extension TargetWeights {
  /// C (1-ε), or 1 where ε = 0.
  fileprivate var exactKeptShare: ExponentialSum.Coefficient {
    guard smoothing > 0 else { return ExponentialSum.exact(1) }
    let kept = ExponentialSum.sum(ExponentialSum.exact(1), ExponentialSum.exact(-smoothing))
    return ExponentialSum.product(ExponentialSum.exact(Double(classes)), kept)
  }

  /// scale · u_c of a target that is given.
  fileprivate func exact(_ c: Int) -> ExponentialSum.Coefficient {
    let share =
      switch kind {
      case .index(let y): c == y ? 1 : 0.0
      case .probabilities(let t): t[c]
      case .teacher: 0.0
      }
    let kept = ExponentialSum.product(exactKeptShare, ExponentialSum.exact(share))
    return ExponentialSum.product(
      ExponentialSum.sum(kept, ExponentialSum.exact(smoothing)), ExponentialSum.exact(weight?[c] ?? 1))
  }
}

/// After how many bits a loss or a derivative that is still open is taken for the number that it is nearest to; nil
/// where it is proved that more bits must decide it (docs/numerics.md §5 and §6).
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

  /// Whether the derivative's entry for class i is taken for irrational, or zero. Others are asked about one by one
  /// (``DerivativeQuotients``), or of given probabilities, which are rational.
  ///
  /// Where p is a fraction of a whole number, log p and LSE are irrational, and so is an entry that they are part of,
  /// or that a cap's slope multiplies.
  func isDerivativeIrrational(_ i: Int, of row: LogitsRow, _ weights: TargetWeights) -> Bool {
    guard mostBitsOfDerivative != nil, !problem.takesProbabilities, !row.isMasked(i) else { return false }
    if row.isCapped(i) { return true }
    guard row.finite > 1 else { return false }
    guard row.isLevel, problem.zLoss == 0 else { return true }
    // A masked target leaves nothing of the focal factor.
    guard problem.focalGamma > 0, case .index(let y) = weights.kind else { return false }
    return !row.isMasked(y)
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
