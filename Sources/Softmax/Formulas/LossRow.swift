/// What can be asked of one row of a loss problem, in some arithmetic.
protocol RowFunctions {
  associatedtype A: Arithmetic

  /// The row's loss, or its divergence, times s and ``LossRequest/scale(_:)``; `nil` where it is infinite.
  mutating func measure(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real?
  /// What is asked for class i: an entry of the gradient, or of the Hessian's product with a vector.
  func derivative(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real
}

/// A row of logits, of which softmax is taken.
struct SoftmaxRow<A: Arithmetic>: RowFunctions {
  private let request: LossRequest
  private let number: Int
  private var sums: SoftmaxSums<A>
  private var loss: RowLoss<A>
  private let factor: GradientFactor<A>
  private let hessian: HessianProduct<A>?
  /// Whether the target is p itself.
  private let isTargetPrediction: Bool

  init(
    _ request: LossRequest, row n: Int, logits row: LogitsRow, weights: TargetWeights, _ arithmetic: A,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    self.request = request
    number = n
    sums = try SoftmaxSums(row, arithmetic, &poll)
    loss = try RowLoss(request.problem, weights: weights, &sums, &poll)
    factor = GradientFactor(sums, request, row: n)
    hessian =
      if case .hessianProduct(let vector) = request.derivative {
        try HessianProduct(request.layout.row(n, of: vector), sums, &poll)
      } else {
        nil
      }
    isTargetPrediction = weights.isPrediction(of: row)
  }

  mutating func measure(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real? {
    let scaled: A.Real? =
      switch request.measure {
      case .klDivergence where isTargetPrediction: sums.arithmetic.whole(0)
      case .klDivergence: try sums.scaledDivergence(&loss, &poll)
      case .loss, nil: try sums.scaledLoss(loss, &poll)
      }
    return scaled.map { sums.arithmetic.exact(request.problem.weight(ofRow: number)) * $0 }
  }

  func derivative(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    if let hessian {
      let product = loss.total * (try hessian(i, sums, &poll)) * factor.numerator
      return product / sums.timesTemperature(factor.denominator)
    }
    if isTargetPrediction, loss.penalty == nil { return sums.arithmetic.whole(0) }
    return try sums.gradient(i, of: loss, times: factor, &poll)
  }
}

/// A row of probabilities that were given, of which no softmax is taken.
struct ProbabilitiesRow<A: Arithmetic>: RowFunctions {
  private let request: LossRequest
  private let number: Int
  /// p, [classes], each from 0 to 1.
  private let probabilities: [Double]
  private let weights: TargetWeights
  private let arithmetic: A

  init(
    _ request: LossRequest, row n: Int, probabilities: [Double], weights: TargetWeights, _ arithmetic: A
  ) {
    self.request = request
    number = n
    self.probabilities = probabilities
    self.weights = weights
    self.arithmetic = arithmetic
  }

  private var sampleWeight: A.Real { arithmetic.exact(request.problem.weight(ofRow: number)) }

  /// Σ_c u_c (-log p_c), or Σ t_c (log t_c - log p_c). The terms of the loss are not negative, and it is zero or
  /// irrational, as a rational combination of logarithms of rationals is (Baker); nothing is proved of the divergence.
  func measure(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real? {
    var sum = arithmetic.whole(0)
    for c in probabilities.indices where !weights.isZero(c) {
      try poll.spend(arithmetic.costOfExponential)
      if probabilities[c] == 0 { return nil }
      var term = try minusLog(probabilities[c], &poll)
      if request.measure == .klDivergence, case .probabilities(let t) = weights.kind {
        if t[c] == probabilities[c] { continue }
        term = term + (try arithmetic.logarithm(of: t[c], &poll))
      }
      sum = sum + (try weights.weight(c, arithmetic, teacher: nil, &poll)) * term
    }
    return sampleWeight * sum
  }

  /// -log p, by 1 - p where p is near 1.
  private func minusLog(_ p: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    guard p >= 0.5 else { return -(try arithmetic.logarithm(of: p, &poll)) }
    let rest = arithmetic.whole(1) - arithmetic.exact(p)
    return try arithmetic.logOfOnePlus(rest / arithmetic.exact(p), &poll)
  }

  /// -q s r u_i / p_i, a quotient of exact numbers, for p_i > 0.
  func derivative(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let weight = try weights.weight(i, arithmetic, teacher: nil, &poll)
    let numerator = weight * arithmetic.exact(request.upstream(row: number)) * sampleWeight
    var denominator = request.scale(arithmetic) * arithmetic.exact(probabilities[i])
    if let normaliser = request.normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    return -numerator / denominator
  }
}

extension Arithmetic {
  /// log x of a positive binary64.
  func logarithm(of x: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> Real {
    x >= 1 ? try logarithm(exact(x), &poll) : -(try logarithm(whole(1) / exact(x), &poll))
  }
}

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

  /// w of a class.
  func weight(ofClass c: Int) -> Double { weight?[c] ?? 1 }

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
