/// One row's target weights u_c, the factors of -log p_c in its loss, times `scale`: then they are dyadic, so that
/// binary arithmetic holds them exactly, which ε/C is not. (A teacher's are irrational all the same.)
struct TargetWeights: Sendable {
  /// What the target says.
  enum Kind: Sendable {
    case index(Int)
    /// [classes]
    case probabilities([Double])
    /// The softmax of a teacher's logits.
    case teacher(LogitsRow)
  }

  let kind: Kind
  /// [classes], or ones.
  let weight: [Double]?
  /// ε.
  let smoothing: Double
  let classes: Int
  /// What the weights are multiplied by.
  let scale: Int
  /// w where it is the same for all classes.
  let evenWeight: Double?

  init(_ problem: LossProblem, row n: Int) {
    let layout = problem.softmax.layout
    switch problem.target {
    case .indices(let indices):
      kind = .index(indices[n])
    case .probabilities(let all):
      kind = .probabilities(layout.row(n, of: all))
    case .logits(let all):
      kind = .teacher(LogitsRow(layout.row(n, of: all), temperature: problem.softmax.temperature))
    }
    weight = problem.weight
    smoothing = problem.labelSmoothing
    classes = layout.classes
    scale = problem.weightScale
    if let weight {
      evenWeight = weight.allSatisfy { $0 == weight[0] } ? weight[0] : nil
    } else {
      evenWeight = 1
    }
  }

  /// The row that a teacher's softmax is taken of.
  var teacher: LogitsRow? {
    switch kind {
    case .teacher(let row): row
    case .index, .probabilities: nil
    }
  }

  /// Whether u_c is exactly zero.
  func isZero(_ c: Int) -> Bool {
    if let weight, weight[c] == 0 { return true }
    if smoothing > 0 { return false }
    switch kind {
    case .index(let y): return c != y
    case .probabilities(let t): return t[c] == 0
    case .teacher(let row): return row.isMasked(c)
    }
  }

  /// scale · u_c = w_c (C (1-ε) t_c + ε), where for an index t is its indicator.
  ///
  /// - Parameter teacher: the teacher's softmax, where there is one.
  func weight<A: Arithmetic>(
    _ c: Int, _ arithmetic: A, teacher: SoftmaxSums<A>?, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    if isZero(c) { return arithmetic.whole(0) }
    var result: A.Real
    switch kind {
    case .index(let y): result = arithmetic.whole(c == y ? 1 : 0)
    case .probabilities(let t): result = arithmetic.exact(t[c])
    case .teacher: result = try teacher?.probability(c, &poll) ?? arithmetic.unit
    }
    if smoothing > 0 {
      let kept = arithmetic.whole(1) - arithmetic.exact(smoothing)
      result = result * (arithmetic.whole(classes) * kept) + arithmetic.exact(smoothing)
    }
    if let weight { result = result * arithmetic.exact(weight[c]) }
    return result
  }

  /// scale · U = Σ_c scale · u_c.
  func total<A: Arithmetic>(
    _ arithmetic: A, teacher: SoftmaxSums<A>?, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    if smoothing == 0, case .index(let y) = kind { return try weight(y, arithmetic, teacher: nil, &poll) }
    // A teacher's probabilities sum to 1.
    if teacher != nil, let evenWeight { return arithmetic.whole(scale) * arithmetic.exact(evenWeight) }
    var sum = arithmetic.whole(0)
    for c in 0..<classes {
      try poll.spend(arithmetic.costOfExponential / 8)
      sum = sum + (try weight(c, arithmetic, teacher: teacher, &poll))
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

extension LossProblem {
  /// What makes all weights of given targets dyadic: 1, or C where ε > 0.
  var weightScale: Int { labelSmoothing == 0 ? 1 : softmax.layout.classes }
}
