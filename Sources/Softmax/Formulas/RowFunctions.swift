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
    return scaled.map { sums.arithmetic.exact(request.problem.sampleWeight?[number] ?? 1) * $0 }
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

  private var sampleWeight: A.Real { arithmetic.exact(request.problem.sampleWeight?[number] ?? 1) }

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
