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
    if let weight {
      evenWeight = weight.allSatisfy { $0 == weight[0] } ? weight[0] : nil
    } else {
      evenWeight = 1
    }
  }

  /// What the weights are multiplied by: 1, or C where ε > 0.
  var scale: Int { smoothing == 0 ? 1 : classes }

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

/// What a row's loss is made of besides softmax, in some arithmetic: target weights u with the sum U, the focal factor
/// and the z-loss.
struct RowLoss<A: Arithmetic> {
  let weights: TargetWeights
  /// scale · U.
  let total: A.Real
  /// `nil` stands for γ = 0.
  let focal: FocalFactor<A>?
  /// `nil` stands for λ = 0.
  let penalty: LogSumPenalty<A>?
  /// The softmax of a teacher's logits, where these are the target.
  var teacher: SoftmaxSums<A>?

  init(
    _ problem: LossProblem, weights: TargetWeights, _ sums: inout SoftmaxSums<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    self.weights = weights
    let teacher: SoftmaxSums<A>? =
      if let row = weights.teacher { try SoftmaxSums(row, sums.arithmetic, &poll) } else { nil }
    self.teacher = teacher
    total = try weights.total(sums.arithmetic, teacher: teacher, &poll)
    focal =
      if problem.focalGamma > 0, case .index(let y) = weights.kind {
        try sums.focalFactor(y, gamma: problem.focalGamma, &poll)
      } else {
        nil
      }
    penalty =
      problem.zLoss > 0
      ? LogSumPenalty(
        problem.zLoss, logSumExp: try sums.scaledLogSumExp(&poll), scale: weights.scale,
        temperature: sums.row.temperature, sums.arithmetic) : nil
  }
}

extension RowLoss {
  /// scale · u_c.
  func weight(_ c: Int, _ arithmetic: A, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try weights.weight(c, arithmetic, teacher: teacher, &poll)
  }
}

/// The focal loss (1-p)^γ (-log p) of the target class: its first factor, and its derivative.
struct FocalFactor<A: Arithmetic> {
  /// (1-p)^γ.
  let value: A.Real
  /// A = -∂/∂(log p) of the loss, by which the gradient of cross-entropy is multiplied.
  let slope: A.Real
}

/// The z-loss λ LSE², LSE = log Σ e^(a/T), times `scale` and T², so that it is dyadic where LSE T is.
struct LogSumPenalty<A: Arithmetic> {
  /// scale λ (T LSE)².
  let loss: A.Real
  /// 2 scale λ T LSE: the factor of p in the gradient, times `scale` and T.
  let slope: A.Real
  /// T.
  let temperature: A.Real
}

extension FocalFactor {
  /// With odds x = p/(1-p) = e^d_y / Σ_{j≠y} e^d_j: (1-p)^γ = e^(-γ log(1+x)), and
  ///
  ///     A = (1-p)^γ + γ p (1-p)^(γ-1) (-log p) = (1-p)^γ [1 + γ x (-log p)],
  ///
  /// where no term is negative.
  ///
  /// - Parameters:
  ///   - gamma: γ.
  ///   - own, rest, sum: e^d_y, Σ_{j≠y} e^d_j and S.
  ///   - isTop: whether y is the row's maximum; p ≤ 1/2 for all others.
  ///   - minusLog: -log p_y.
  init(
    gamma: Double, own: A.Real, rest: A.Real, sum: A.Real, isTop: Bool, minusLog: A.Real, _ arithmetic: A,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let gamma = arithmetic.exact(gamma)
    let odds = own / rest
    let log = isTop ? try arithmetic.logarithm(sum / rest, &poll) : try arithmetic.logOfOnePlus(odds, &poll)
    value = try arithmetic.power(-(gamma * log), &poll)
    slope = value * (arithmetic.whole(1) + gamma * odds * minusLog)
  }
}

extension LogSumPenalty {
  /// - Parameters:
  ///   - lambda: λ.
  ///   - logSumExp: LSE, or T times it.
  ///   - scale: what the penalty is multiplied by.
  ///   - temperature: T.
  init(_ lambda: Double, logSumExp: A.Real, scale: Int, temperature: Double, _ arithmetic: A) {
    let slope = arithmetic.whole(scale) * arithmetic.exact(lambda) * logSumExp
    loss = slope * logSumExp
    self.slope = arithmetic.whole(2) * slope
    self.temperature = arithmetic.exact(temperature)
  }
}

extension SoftmaxSums {
  /// The focal factor of class y. A masked target has p = 0 and A = 1; a class alone in its row has p = 1 and zeros.
  mutating func focalFactor(
    _ y: Int, gamma: Double, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> FocalFactor<A> {
    let one = arithmetic.whole(1)
    if row.isMasked(y) { return FocalFactor(value: one, slope: one) }
    if row.finite == 1 { return FocalFactor(value: arithmetic.whole(0), slope: arithmetic.whole(0)) }
    // x (-log p) is at most 1 where p is near 1.
    if row.isAllButAlone(y) {
      return FocalFactor(value: arithmetic.unit, slope: arithmetic.unit * (one + arithmetic.exact(gamma)))
    }
    return try FocalFactor(
      gamma: gamma, own: try exponential(y, &poll), rest: try others(than: y, &poll), sum: sum, isTop: y == row.top,
      minusLog: perTemperature(try gap(y, &poll) + scaledLogSum(&poll)), arithmetic, &poll)
  }
}

extension LogitsRow {
  /// Whether class i has all of the probability but for what counts by its sign alone.
  func isAllButAlone(_ i: Int) -> Bool {
    i == top && logits.indices.allSatisfy { $0 == i || isMasked($0) || isNegligible($0) }
  }
}
