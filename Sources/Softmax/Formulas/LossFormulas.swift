/// The loss of a row and its gradient, for target weights u with the sum U.
extension SoftmaxSums {
  /// Σ_c u_c (-log p_c) = Σ_c u_c ((m - a_c) + T log S) / T, times `scale` and T, so that its dyadic part stays exact;
  /// `nil` where a masked class has a weight, for it is infinite. No term is negative. Rational only where it is zero.
  mutating func scaledLoss(
    _ weights: TargetWeights, total: A.Real, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real? {
    var sum = total * (try scaledLogSum(&poll))
    for c in 0..<row.classes where !weights.isZero(c) {
      try poll.spend(arithmetic.costOfExponential / 4)
      if row.isMasked(c) { return nil }
      sum = sum + weights.weight(c, arithmetic) * gap(c)
    }
    return sum
  }

  /// q s r/T (U p_i - u_i), with p_i as an exact part and a tail:
  ///  - far from the maximum, U p_i - u_i = -u_i + U e^d_i / S;
  ///  - near it, with n = Σ b and p_i = 1/n + (n x_i - Σ x) / (n S), it is [(U - n u_i) + U (n x_i - Σ x) / S] / n.
  ///
  /// So neither a target that is nearly certain nor a row that is nearly level cancels, and where the exact part is
  /// half-way between two doubles the tail's sign is known. Soft targets close to softmax itself cancel by their
  /// nature. Rational only for a level row, a masked class, U = 0 or a zero factor.
  /// - Parameters:
  ///   - weight: scale · u_i.
  ///   - total: scale · U.
  func gradient(
    _ i: Int, weight: A.Real, total: A.Real, _ factor: GradientFactor<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    if isNear(i) {
      // The only near class is the maximum, whose tail is zero.
      let y = near == 1 ? -tail * inverse : try excess(i, &poll)
      let weights = near == 1 ? weight : arithmetic.whole(near) * weight
      return ((total - weights) + total * y) * factor.numerator / factor.nearDenominator
    }
    return (total * (try probability(i, &poll)) - weight) * factor.numerator / factor.denominator
  }
}

/// What a row's gradient is multiplied and divided by, exactly: q s / (scale T D).
struct GradientFactor<A: Arithmetic> {
  let numerator: A.Real
  /// For classes near the maximum, times their number.
  let nearDenominator: A.Real
  let denominator: A.Real

  /// - Parameter scale: ``TargetWeights/scale``.
  init(_ sums: SoftmaxSums<A>, _ request: LossRequest, row n: Int, scale: Int) {
    let arithmetic = sums.arithmetic
    numerator =
      arithmetic.exact(request.upstream(row: n)) * arithmetic.exact(request.problem.sampleWeight?[n] ?? 1)
    var denominator = arithmetic.whole(scale)
    if let normaliser = request.normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    if sums.row.temperature != 1 { denominator = denominator * arithmetic.exact(sums.row.temperature) }
    self.denominator = denominator
    nearDenominator = sums.near == 1 ? denominator : denominator * arithmetic.whole(sums.near)
  }
}
