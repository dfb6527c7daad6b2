internal import VectorKernels

/// The loss of a row and its gradient, for target weights u with the sum U.
extension SoftmaxSums {
  /// Σ_c u_c (-log p_c) = Σ_c u_c ((m - a_c) + T log S) / T, with the focal factor and the z-loss, times
  /// ``LossRequest/scale(_:)``, so that its dyadic part stays exact; `nil` where a masked class has a weight, for it is
  /// infinite. No term is negative.
  mutating func scaledLoss(
    _ loss: RowLoss<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real? {
    let weights = loss.weights
    var sum = loss.total * (try scaledLogSum(&poll))
    for c in 0..<row.classes where !weights.isZero(c) {
      try poll.spend(arithmetic.costOfExponential / 4)
      if row.isMasked(c) { return nil }
      sum = sum + (try loss.weight(c, arithmetic, &poll) * gap(c, &poll))
    }
    if let focal = loss.focal { sum = sum * focal.value }
    if let penalty = loss.penalty { sum = sum * penalty.temperature + penalty.loss }
    return sum
  }

  /// q s r/T (U p_i - u_i), with p_i as an exact part and a tail:
  ///  - far from the maximum, U p_i - u_i = -u_i + U e^d_i / S;
  ///  - near it, with n = Σ b and p_i = 1/n + (n x_i - Σ x) / (n S), it is [(U - n u_i) + U (n x_i - Σ x) / S] / n.
  ///
  /// So neither a target that is nearly certain nor a row that is nearly level cancels, and where the exact part is
  /// half-way between two doubles the tail's sign is known. Soft targets close to softmax itself cancel by their
  /// nature. With a focal factor, its slope A multiplies u and U; with a z-loss, 2 λ LSE is added to U alone; with a
  /// cap, its slope at a_i multiplies the whole.
  func gradient(
    _ i: Int, of loss: RowLoss<A>, times factor: GradientFactor<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    try throughCap(uncappedGradient(i, of: loss, times: factor, &poll), i, &poll)
  }

  private func uncappedGradient(
    _ i: Int, of loss: RowLoss<A>, times factor: GradientFactor<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    if let teacher = loss.teacher, loss.weights.smoothing == 0, let weight = loss.weights.evenWeight {
      return try gradient(i, from: teacher, weight: arithmetic.exact(weight), of: loss, times: factor, &poll)
    }
    let weight = try loss.weight(i, arithmetic, &poll)
    if isNear(i) {
      // The only near class is the maximum, whose tail is zero.
      let y = near == 1 ? -tail * inverse : try excess(i, &poll)
      let weights = near == 1 ? weight : arithmetic.whole(near) * weight
      let (constant, slope) = (loss.pulled(loss.total - weights), loss.pulled(loss.total))
      return (constant + slope * y) * factor.numerator / factor.nearDenominator
    }
    let pull = loss.pulled(loss.total) * (try probability(i, &poll))
    return (pull - loss.weighed(weight)) * factor.numerator / factor.denominator
  }

  /// The gradient where u is w t and t a teacher's softmax: w (p_i - t_i), each as an exact part and a tail, so that
  /// equal parts, those of two classes of which either is nearly certain for example, leave the tails.
  private func gradient(
    _ i: Int, from teacher: SoftmaxSums<A>, weight: A.Real, of loss: RowLoss<A>, times factor: GradientFactor<A>,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    let both = arithmetic.whole(near * teacher.near)
    // n n' p_i = n' b + own, and n n' t_i = n b' + other.
    let own = try isNear(i) ? arithmetic.whole(teacher.near) * excess(i, &poll) : both * probability(i, &poll)
    let other =
      try teacher.isNear(i)
      ? arithmetic.whole(near) * teacher.excess(i, &poll) : both * teacher.probability(i, &poll)
    let ownExact = isNear(i) ? teacher.near : 0
    let exact = arithmetic.whole(ownExact - (teacher.isNear(i) ? near : 0))
    var value = loss.weighed(weight * (exact + (own - other)))
    if let penalty = loss.penalty { value = value + penalty.slope * (arithmetic.whole(ownExact) + own) }
    return value * factor.numerator / (factor.denominator * both)
  }
}

extension RowLoss {
  /// A x, with T where the z-loss brings it.
  func weighed(_ x: A.Real) -> A.Real {
    var result = x
    if let focal { result = result * focal.slope }
    if let penalty { result = result * penalty.temperature }
    return result
  }

  /// A x + 2 λ LSE, likewise.
  func pulled(_ x: A.Real) -> A.Real {
    let weighed = weighed(x)
    return penalty.map { weighed + $0.slope } ?? weighed
  }
}

/// What a row's gradient is multiplied and divided by, exactly: q s / (scale T D).
struct GradientFactor<A: Arithmetic> {
  let numerator: A.Real
  /// For classes near the maximum, times their number.
  let nearDenominator: A.Real
  let denominator: A.Real

  init(_ sums: SoftmaxSums<A>, _ request: LossRequest, row n: Int) {
    let arithmetic = sums.arithmetic
    numerator =
      arithmetic.exact(request.upstream(row: n)) * arithmetic.exact(request.problem.sampleWeight?[n] ?? 1)
    // The loss has no other division by T: that of the gradient is in its scale.
    var denominator = request.scale(arithmetic)
    if let normaliser = request.normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    self.denominator = denominator
    nearDenominator = sums.near == 1 ? denominator : denominator * arithmetic.whole(sums.near)
  }
}

extension LossRequest {
  /// What the formulas multiply a loss or a divergence by: C where ε > 0, and T, and T again where the loss has a
  /// z-loss.
  func scale<A: Arithmetic>(_ arithmetic: A) -> A.Real {
    var scale = arithmetic.whole(problem.labelSmoothing == 0 ? 1 : layout.classes)
    let temperature = problem.softmax.temperature
    guard temperature != 1 else { return scale }
    scale = scale * arithmetic.exact(temperature)
    return problem.zLoss > 0 && measure != .klDivergence ? scale * arithmetic.exact(temperature) : scale
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

/// Kullback and Leibler's divergence of softmax from the target.
extension SoftmaxSums {
  /// Σ t_c (log t_c - log p_c), times T; `nil` where a masked class has a share. For a teacher b with the sum S' and
  /// the maximum m',
  ///
  ///     T log S - T log S' + Σ t_c [(m - a_c) - (m' - b_c)],
  ///
  /// else T U log S + Σ t_c [(m - a_c) + T log t_c]. It cancels by its nature where t is near p.
  mutating func scaledDivergence(
    _ loss: inout RowLoss<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real? {
    let weights = loss.weights
    var sum = loss.total * (try scaledLogSum(&poll))
    if let logSum = try loss.teacher?.scaledLogSum(&poll) { sum = sum - logSum }
    for c in 0..<row.classes where !weights.isZero(c) {
      try poll.spend(arithmetic.costOfExponential / 4)
      if row.isMasked(c) { return nil }
      let own = try gap(c, &poll)
      let other =
        switch weights.kind {
        case .teacher: try loss.teacher?.gap(c, &poll) ?? arithmetic.whole(0)
        case .index: arithmetic.whole(0)
        case .probabilities(let t): -timesTemperature(try arithmetic.logarithm(of: t[c], &poll))
        }
      sum = sum + (try loss.weight(c, arithmetic, &poll)) * (own - other)
    }
    return sum
  }
}

extension TargetWeights {
  /// Whether every class has u_c = p_c exactly: for a teacher, its logits are the row's up to a shift; for
  /// probabilities, the row is level and they are one over the number of its classes.
  func isPrediction(of row: LogitsRow) -> Bool {
    if case .index = kind { return false }
    guard smoothing == 0, evenWeight == 1, row.softcap == nil || row.isLevel else { return false }
    switch kind {
    case .index: return false
    case .probabilities(let t):
      guard row.isLevel else { return false }
      let share = 1 / Double(row.finite)
      // Else 1/n is no binary64.
      return share.significand == 1 && t.indices.allSatisfy { t[$0] == (row.isMasked($0) ? 0 : share) }
    case .teacher(let teacher):
      return LogitsRow.areShifted(row.logits.span, top: row.maximum, teacher.logits.span, top: teacher.maximum)
    }
  }
}
