/// Which derivatives of a row are rational, where the row's shape does not say so: exponential sums tell
/// (``ExponentialSum``). Asked only of values that 256 bits leave open.
struct ExactDerivative {
  /// What is found of a value.
  enum Verdict {
    /// It is zero.
    case zero
    /// U p_i - u_i is a rational over `scale`.
    case difference(ExponentialSum.Ratio)
    case irrational
    /// Too much to find out, or no question of exponential sums alone.
    case unknown
  }

  /// How many exponents a sum may have.
  private static let mostTerms = 1 << 16

  private let row: LogitsRow
  private let weights: TargetWeights
  private let question: Question

  private enum Question {
    /// Σ p_j v_j, if it is rational, and v.
    case hessian(ExponentialSum.Ratio?, [Double])
    case teacher(LogitsRow)
    case none
  }

  init(_ request: LossRequest, row n: Int, _ row: LogitsRow, _ weights: TargetWeights) {
    self.row = row
    self.weights = weights
    let problem = request.problem
    if case .hessianProduct(let all) = request.derivative {
      let vector = request.layout.row(n, of: all)
      var weighted = ExponentialSum()
      var sum = ExponentialSum()
      for j in vector.indices where !row.isMasked(j) {
        weighted.add(ExponentialSum.exact(vector[j]), row.logits[j])
        sum.add(ExponentialSum.exact(1), row.logits[j])
      }
      question = .hessian(weighted.ratio(to: sum), vector)
    } else if let teacher = weights.teacher, problem.softmax.softcap == nil, problem.zLoss == 0 {
      question = .teacher(teacher)
    } else {
      question = .none
    }
  }

  /// - Returns: what is found of the entry for class i, which has a factor that is not zero.
  func verdict(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> Verdict {
    switch question {
    case .none: return .unknown
    case .hessian(let mean, let vector):
      // p_i (v_i - Σ p_j v_j), p_i > 0: zero where the mean is v_i.
      guard let mean, !row.isMasked(i) else { return .unknown }
      let own = ExponentialSum.product(ExponentialSum.exact(vector[i]), mean.denominator)
      return own == mean.numerator ? .zero : .unknown
    case .teacher(let teacher):
      if weights.smoothing == 0, weights.evenWeight != nil { return try evenVerdict(i, teacher, &poll) }
      return try unevenVerdict(i, teacher, &poll)
    }
  }

  /// p_i - t_i = (e^(a_i) Σ e^(b_j) - e^(b_i) Σ e^(a_j)) / (S S'): zero, or irrational unless both rows are level.
  private func evenVerdict(
    _ i: Int, _ teacher: LogitsRow, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Verdict {
    guard !row.isMasked(i), !teacher.isMasked(i), row.finite == teacher.finite else { return .unknown }
    var difference = ExponentialSum()
    for j in row.logits.indices {
      try poll.spend(2_000)
      if !teacher.isMasked(j) { difference.add(ExponentialSum.exact(1), row.logits[i], teacher.logits[j]) }
      if !row.isMasked(j) { difference.add(ExponentialSum.exact(-1), teacher.logits[i], row.logits[j]) }
    }
    return difference.isZero ? .zero : .unknown
  }

  /// With k = C (1-ε), or 1 where ε = 0, and W = Σ w,
  ///
  ///     scale (U p_i - u_i) S S' = e^(a_i) Σ_h e^(b_h) (k w_h + ε W) - k w_i e^(b_i) Σ_j e^(a_j) - ε w_i S S'.
  private func unevenVerdict(
    _ i: Int, _ teacher: LogitsRow, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Verdict {
    let classes = row.logits.indices
    guard Set(row.logits).count * Set(teacher.logits).count <= Self.mostTerms else { return .unknown }
    func weight(_ c: Int) -> ExponentialSum.Coefficient { ExponentialSum.exact(weights.weight?[c] ?? 1) }
    let epsilon = ExponentialSum.exact(weights.smoothing)
    let kept: ExponentialSum.Coefficient =
      weights.smoothing == 0
      ? ExponentialSum.exact(1)
      : ExponentialSum.product(
        ExponentialSum.exact(Double(weights.classes)),
        ExponentialSum.sum(ExponentialSum.exact(1), ExponentialSum.exact(-weights.smoothing)))
    let whole = classes.reduce(ExponentialSum.exact(0)) { ExponentialSum.sum($0, weight($1)) }
    var numerator = ExponentialSum()
    var denominator = ExponentialSum()
    let spread = -ExponentialSum.product(epsilon, weight(i))
    for h in classes where !teacher.isMasked(h) {
      for j in classes where !row.isMasked(j) {
        try poll.spend(4_000)
        denominator.add(ExponentialSum.exact(1), row.logits[j], teacher.logits[h])
        numerator.add(spread, row.logits[j], teacher.logits[h])
      }
      guard !row.isMasked(i) else { continue }
      let share = ExponentialSum.sum(
        ExponentialSum.product(kept, weight(h)), ExponentialSum.product(epsilon, whole))
      numerator.add(share, row.logits[i], teacher.logits[h])
    }
    if !teacher.isMasked(i) {
      let own = -ExponentialSum.product(kept, weight(i))
      for j in classes where !row.isMasked(j) { numerator.add(own, row.logits[j], teacher.logits[i]) }
    }
    return numerator.ratio(to: denominator).map(Verdict.difference) ?? .irrational
  }
}
