internal import VectorKernels

/// The derivatives of one row as quotients of exponential sums, where they are such.
struct DerivativeQuotients {
  private typealias Sum = ExponentialSum
  private typealias Coefficient = ExponentialSum.Coefficient

  private let row: LogitsRow
  private let weights: TargetWeights
  /// v of the Hessian's product.
  private let vector: [Double]?
  /// Whether cross-entropy's derivatives are all that there is, or have a rational part added.
  private let isQuotient: Bool
  /// q s, and T again where there is a penalty.
  private let factor: Coefficient
  /// scale T D, and T again for the Hessian, or where there is a penalty.
  private let divisor: Coefficient
  /// q s scale T 2 λ LSE, for a row with one class, whose LSE is a/T.
  private let penalty: Coefficient?
  /// scale U where it is rational, times `divisor`'s own factor for it.
  private let total: Coefficient?
  /// Of a teacher's target: k = C (1-ε), or 1 where ε = 0, and ε W with W = Σ w.
  private let kept, spread: Coefficient
  /// Of the row's sum and a teacher's, of the row's with itself, or of the row's alone.
  private let denominator: PowerProduct?

  init(
    _ request: LossRequest, row n: Int, _ row: LogitsRow, weights: TargetWeights, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let problem = request.problem
    self.row = row
    self.weights = weights
    // Of capped logits only zeros stay what they are.
    let isCapped = row.softcap != nil && !(row.isLevel && row.maximum == 0)
    isQuotient = !isCapped && (problem.zLoss == 0 || row.finite == 1) && problem.focalGamma == 0
    var factor = Sum.product(
      Sum.exact(request.upstream(row: n)), Sum.exact(problem.sampleWeight?[n] ?? 1))
    var divisor = Sum.product(Sum.exact(Double(weights.scale)), Sum.exact(row.temperature))
    if let normaliser = request.normaliser { divisor = Sum.product(divisor, Sum.exact(normaliser)) }
    if problem.zLoss > 0, row.finite == 1 {
      let twice = Sum.product(Sum.exact(Double(2 * weights.scale)), Sum.exact(problem.zLoss))
      penalty = Sum.product(factor, Sum.product(twice, Sum.exact(row.maximum)))
      (factor, divisor) = (
        Sum.product(factor, Sum.exact(row.temperature)), Sum.product(divisor, Sum.exact(row.temperature))
      )
    } else {
      penalty = nil
    }
    self.factor = factor
    kept = weights.exactKeptShare
    spread = weights.teacher == nil ? Sum.exact(0) : try weights.exactSpread(&poll)
    let total = try weights.exactTotal(&poll)
    self.total = total?.sum
    if case .hessianProduct(let all) = request.derivative {
      vector = request.layout.row(n, of: all)
      divisor = Sum.product(divisor, Sum.exact(row.temperature))
      if let total {
        divisor = Sum.product(divisor, Sum.exact(Double(total.count)))
        denominator = PowerProduct(row.logits, row.logits)
      } else if row.isLevel, let teacher = weights.teacher {
        divisor = Sum.product(divisor, Sum.exact(Double(row.finite * row.finite)))
        denominator = PowerProduct(teacher.logits)
      } else {
        denominator = nil
      }
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
      // By the exponents' range, which is wider in S² S' than in the numerator, if the row is not level.
      result.isElseIrrational = true
      try addHessian(i, vector, to: &result.numerator, &poll)
    } else if let teacher = weights.teacher {
      // A class with p = 0 has the teacher's part alone, whatever is beside cross-entropy.
      let isMasked = row.isMasked(i)
      guard isQuotient || isMasked else { return nil }
      if isMasked { result.denominator = PowerProduct(teacher.logits) }
      result.offset = Sum.product(factor, Sum.product(Sum.exact(weights.smoothing), weight(i)))
      if let penalty, !isMasked { result.offset = Sum.sum(result.offset, -penalty) }
      try addGradient(i, teacher, to: &result.numerator, &poll)
    } else {
      // With one class all is exact already.
      guard isQuotient, penalty == nil, let total else { return nil }
      result.offset = Sum.product(factor, weights.exact(i))
      if !row.isMasked(i) { result.numerator.add(Sum.product(factor, total), row.logits[i]) }
    }
    return result
  }

  private func weight(_ c: Int) -> Coefficient { Sum.exact(weights.weight?[c] ?? 1) }

  /// q s scale U p_i (v_i - Σ p_j v_j) S² = q s scale U e_i Σ_j e_j (v_i - v_j). Where U is irrational, S' is left of
  /// the denominator if the row is level, else only zeros count, and U is left out.
  private func addHessian(
    _ i: Int, _ vector: [Double], to numerator: inout ExponentialSum, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    guard !row.isMasked(i) else { return }
    let factor = Sum.product(factor, total ?? Sum.exact(1))
    var sum = Sum.exact(0)
    for j in vector.indices where !row.isMasked(j) {
      try poll.spend(4_000)
      let difference = Sum.product(factor, Sum.sum(Sum.exact(vector[i]), Sum.exact(-vector[j])))
      if denominator == nil || total != nil {
        numerator.add(difference, row.logits[i], row.logits[j])
      } else {
        sum = Sum.sum(sum, difference)
      }
    }
    guard sum.sign != 0, let teacher = weights.teacher else { return }
    for h in teacher.logits.indices where !teacher.isMasked(h) {
      try poll.spend(4_000)
      numerator.add(Sum.product(sum, share(h)), teacher.logits[h])
    }
  }

  /// k w_h + ε W.
  private func share(_ h: Int) -> Coefficient { Sum.sum(Sum.product(kept, weight(h)), spread) }

  /// Adds all of this, with q s,
  ///
  ///     scale (U p_i - u_i) S S' = e_i Σ_h e'_h (k w_h + ε W) - k w_i e'_i S - ε w_i S S',
  ///
  /// but for the last term, and but for S where p_i = 0.
  private func addGradient(
    _ i: Int, _ teacher: LogitsRow, to numerator: inout ExponentialSum, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let own = -Sum.product(factor, Sum.product(kept, weight(i)))
    guard !row.isMasked(i) else {
      if !teacher.isMasked(i) { numerator.add(own, teacher.logits[i]) }
      return
    }
    for h in teacher.logits.indices {
      try poll.spend(4_000)
      if !teacher.isMasked(h) {
        numerator.add(Sum.product(factor, share(h)), row.logits[i], teacher.logits[h])
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

  /// ε Σ w.
  fileprivate func exactSpread(
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> ExponentialSum.Coefficient {
    guard smoothing > 0 else { return ExponentialSum.exact(0) }
    var sum = ExponentialSum.exact(weight == nil ? Double(classes) : 0)
    for w in weight ?? [] {
      try poll.spend(2_000)
      sum = ExponentialSum.sum(sum, ExponentialSum.exact(w))
    }
    return ExponentialSum.product(ExponentialSum.exact(smoothing), sum)
  }

  /// scale · U as a quotient of a sum and a count; `nil` where it is irrational.
  ///
  /// A teacher's U = Σ w_h e'_h / S' is rational only where all groups of its equal logits have the same mean weight,
  /// which it then is.
  func exactTotal(
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> (sum: ExponentialSum.Coefficient, count: Int)? {
    guard let teacher else {
      var sum = ExponentialSum.exact(0)
      for c in 0..<classes where !isZero(c) {
        try poll.spend(4_000)
        sum = ExponentialSum.sum(sum, exact(c))
      }
      return (sum, 1)
    }
    if let evenWeight {
      return (ExponentialSum.product(ExponentialSum.exact(Double(scale)), ExponentialSum.exact(evenWeight)), 1)
    }
    var groups: [Double: (sum: ExponentialSum.Coefficient, count: Int)] = [:]
    for c in 0..<classes where !teacher.isMasked(c) {
      try poll.spend(4_000)
      let group = groups[teacher.logits[c]] ?? (ExponentialSum.exact(0), 0)
      groups[teacher.logits[c]] = (
        ExponentialSum.sum(group.sum, ExponentialSum.exact(weight?[c] ?? 1)), group.count + 1
      )
    }
    let times = { (sum: ExponentialSum.Coefficient, count: Int) in
      ExponentialSum.product(sum, ExponentialSum.exact(Double(count)))
    }
    let kept = exactKeptShare
    guard let one = groups.values.first,
      kept.sign == 0 || groups.values.allSatisfy({ times($0.sum, one.count) == times(one.sum, $0.count) })
    else { return nil }
    let spread = times(try exactSpread(&poll), one.count)
    return (ExponentialSum.sum(ExponentialSum.product(kept, one.sum), spread), one.count)
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
