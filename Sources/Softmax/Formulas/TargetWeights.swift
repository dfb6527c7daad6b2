/// One row's target weights u_c, the factors of -log p_c in its loss, times `scale`: then they are dyadic, so that
/// binary arithmetic holds them exactly, which ε/C is not.
struct TargetWeights: Sendable {
  /// What the target says.
  enum Kind: Sendable {
    case index(Int)
    /// [classes]
    case probabilities([Double])
  }

  let kind: Kind
  /// [classes], or ones.
  let weight: [Double]?
  /// ε.
  let smoothing: Double
  let classes: Int

  init(_ problem: LossProblem, row n: Int) {
    let layout = problem.softmax.layout
    switch problem.target {
    case .indices(let indices):
      kind = .index(indices[n])
    case .probabilities(let all):
      let start = layout.start(of: n)
      kind = .probabilities((0..<layout.classes).map { all[start + $0 * layout.inner] })
    }
    weight = problem.weight
    smoothing = problem.labelSmoothing
    classes = layout.classes
  }

  /// What the weights are multiplied by: 1, or C where ε > 0.
  var scale: Int { smoothing == 0 ? 1 : classes }

  /// Whether u_c is exactly zero.
  func isZero(_ c: Int) -> Bool {
    if let weight, weight[c] == 0 { return true }
    if smoothing > 0 { return false }
    switch kind {
    case .index(let y): return c != y
    case .probabilities(let t): return t[c] == 0
    }
  }

  /// scale · u_c = w_c (C (1-ε) t_c + ε), where for an index t is its indicator.
  func weight<A: Arithmetic>(_ c: Int, _ arithmetic: A) -> A.Real {
    if isZero(c) { return arithmetic.whole(0) }
    var result: A.Real
    switch kind {
    case .index(let y): result = arithmetic.whole(c == y ? 1 : 0)
    case .probabilities(let t): result = arithmetic.exact(t[c])
    }
    if smoothing > 0 {
      let kept = arithmetic.whole(1) - arithmetic.exact(smoothing)
      result = result * (arithmetic.whole(classes) * kept) + arithmetic.exact(smoothing)
    }
    if let weight { result = result * arithmetic.exact(weight[c]) }
    return result
  }

  /// scale · U = Σ_c scale · u_c.
  func total<A: Arithmetic>(_ arithmetic: A, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    if smoothing == 0, case .index(let y) = kind { return weight(y, arithmetic) }
    var sum = arithmetic.whole(0)
    for c in 0..<classes {
      try poll.spend(arithmetic.costOfExponential / 8)
      sum = sum + weight(c, arithmetic)
    }
    return sum
  }
}
