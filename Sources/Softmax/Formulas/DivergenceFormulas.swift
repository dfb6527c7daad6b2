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
      return row.logits.indices.allSatisfy { c in
        if row.isMasked(c) || teacher.isMasked(c) { return row.isMasked(c) == teacher.isMasked(c) }
        return ExactPair(row.logits[c], -row.maximum) == ExactPair(teacher.logits[c], -teacher.maximum)
      }
    }
  }
}
