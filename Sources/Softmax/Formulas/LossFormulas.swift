// The formulas of a loss of logits: cross-entropy with its gradient, the divergence, the focal factor and the z-loss.
// Those of given probabilities are in `ProbabilitiesRow` (LossRow.swift).

/// The loss of a row and its gradient, for target weights u with the sum U.
extension SoftmaxSums {
  /// Σ_c u_c (-log p_c) = Σ_c u_c ((m - a_c) + T log S) / T, with the focal factor and the z-loss, times
  /// ``LossRequest/scale(_:)``, so that its dyadic part stays exact; `nil` where a masked class has a weight, for it is
  /// infinite. No term is negative.
  ///
  /// An exact part may be half-way between two numbers: all else is added up first, as a tail. It has terms of either
  /// sign where there is a focal factor 1 - f: `(E + t)(1 - f) = E + [t (1 - f) - E f]`, a z-loss, a teacher or a cap.
  mutating func scaledLoss(
    _ loss: RowLoss<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real? {
    let weights = loss.weights
    let logSum = try scaledLogSum(&poll)
    // What multiplies log S: added up first, since log S alone may have to tell the loss from half-way.
    var pull = loss.total
    var exact = arithmetic.whole(0)
    var tail = arithmetic.whole(0)
    for c in 0..<row.classes where !weights.isZero(c) {
      try poll.spend(arithmetic.costOfExponential / 4)
      if row.isMasked(c) { return nil }
      let gap = try splitGap(c, &poll)
      if let weight = try loss.splitWeight(c, &poll) {
        exact = exact + weight.exact * gap.exact
        tail = tail + (weight.exact * gap.tail + weight.tail * gap.sum)
      } else {
        let weight = try loss.weight(c, arithmetic, &poll)
        exact = exact + weight * gap.exact
        if row.softcap != nil { tail = tail + weight * gap.tail }
      }
    }
    if let focal = loss.focal {
      tail = tail + pull * logSum
      pull = arithmetic.whole(0)
      if let faint = focal.faint {
        tail = tail * focal.value - exact * faint.value
      } else {
        (exact, tail) = ((exact + tail) * focal.value, pull)
      }
    }
    if let penalty = loss.penalty {
      exact = exact * penalty.temperature + penalty.loss
      tail = tail * penalty.temperature
      pull = pull * penalty.temperature
      if let split = penalty.split {
        pull = pull + split.lossRate
        tail = tail + split.lossRate * (try maximum(&poll).tail)
      }
    }
    return exact + (tail + pull * logSum)
  }

  /// q s r/T (U p_i - u_i), with p_i as an exact part and a tail:
  ///  - far from the maximum, U p_i - u_i = -u_i + U e^d_i / S;
  ///  - near it, with n = Σ b and p_i = 1/n + (n x_i - Σ x) / (n S), it is [(U - n u_i) + U (n x_i - Σ x) / S] / n.
  ///
  /// So neither a target that is nearly certain nor a row that is nearly level cancels, and where the exact part is
  /// half-way between two doubles the tail's sign is known. Soft targets close to softmax itself cancel by their
  /// nature. With a focal factor, its slope A multiplies u and U; with a z-loss, 2 λ LSE is added to U alone, each with
  /// a tail of its own where it has an exact part; with a cap, its slope at a_i multiplies the whole.
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
      if loss.focal == nil, let rate = loss.penalty?.split?.slopeRate, row.softcap == nil, row.isAllButAlone(row.top) {
        // log S and R/S are R within R², and R counts by its sign alone: what multiplies it is added up first.
        let (one, about) = (arithmetic.whole(1), arithmetic.unit * others)
        let pull = timesTemperature(rate) * (one - about) - slope.sum * inverse
        return (constant.exact + pull * others) * factor.numerator / factor.nearDenominator
      }
      return (constant.exact + (constant.tail + slope.sum * y)) * factor.numerator / factor.nearDenominator
    }
    let pull = loss.pulled(loss.total).sum * (try probability(i, &poll))
    let push = loss.weighed(weight)
    return ((pull - push.tail) - push.exact) * factor.numerator / factor.denominator
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
    // A teacher has no focal factor.
    var value = weight * (exact + (own - other))
    if let penalty = loss.penalty {
      let (scaled, ownExact) = (weight * penalty.temperature, arithmetic.whole(ownExact))
      var tail = scaled * (own - other) + penalty.slope * own
      if let split = penalty.split { tail = tail + split.slopeRate * split.tail * (ownExact + own) }
      value = (scaled * exact + penalty.slope * ownExact) + tail
    }
    return value * factor.numerator / (factor.denominator * both)
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

/// A real number in two parts: one that may be half-way between two results, and all else, which is added last.
struct Split<A: Arithmetic> {
  var exact: A.Real
  var tail: A.Real

  var sum: A.Real { exact + tail }
}

/// What a row's loss is made of besides softmax, in some arithmetic: target weights u with the sum U, the focal factor
/// and the z-loss.
struct RowLoss<A: Arithmetic> {
  let weights: TargetWeights
  /// scale · U.
  let total: A.Real
  /// `nil` means γ = 0.
  let focal: FocalFactor<A>?
  /// `nil` means λ = 0.
  let penalty: LogSumPenalty<A>?
  /// The softmax of a teacher's logits, where these are the target.
  var teacher: SoftmaxSums<A>?
  /// The weight of the teacher's top class except for its tail, where all others' are faint.
  private let topWeight: A.Real?
  private let zero: A.Real

  init(
    _ problem: LossProblem, weights: TargetWeights, _ sums: inout SoftmaxSums<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    self.weights = weights
    let teacher: SoftmaxSums<A>? =
      if let row = weights.teacher { try SoftmaxSums(row, sums.arithmetic, &poll) } else { nil }
    self.teacher = teacher
    zero = sums.arithmetic.whole(0)
    let isSplit = teacher?.row.isConfident == true && weights.smoothing == 0
    topWeight = teacher.flatMap { isSplit ? sums.arithmetic.exact(weights.weight(ofClass: $0.row.top)) : nil }
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
        problem.zLoss, logSumExp: try sums.scaledLogSumExp(&poll), isSplit: sums.row.isConfident, scale: weights.scale,
        temperature: sums.row.temperature, sums.arithmetic) : nil
  }
}

extension RowLoss {
  /// scale · u_c.
  func weight(_ c: Int, _ arithmetic: A, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try weights.weight(c, arithmetic, teacher: teacher, &poll)
  }

  /// The same as an exact part and a tail, where all classes but the teacher's top one are faint: t = 1 - R'/S'.
  func splitWeight(_ c: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> Split<A>? {
    guard let topWeight, let teacher else { return nil }
    guard c != teacher.row.top else {
      return Split(exact: topWeight, tail: -(topWeight * teacher.others * teacher.inverse))
    }
    let arithmetic = teacher.arithmetic
    return Split(exact: arithmetic.whole(0), tail: try weight(c, arithmetic, &poll))
  }

  /// A x, with T where the z-loss brings it.
  func weighed(_ x: A.Real) -> Split<A> {
    let scaled = penalty.map { x * $0.temperature } ?? x
    guard let focal else { return Split(exact: scaled, tail: zero) }
    guard let faint = focal.faint else { return Split(exact: scaled * focal.slope, tail: zero) }
    return Split(exact: scaled, tail: scaled * faint.slope)
  }

  /// A x + 2 λ LSE, likewise.
  func pulled(_ x: A.Real) -> Split<A> {
    var result = weighed(x)
    guard let penalty else { return result }
    result.exact = result.exact + penalty.slope
    if let split = penalty.split { result.tail = result.tail + split.slopeRate * split.tail }
    return result
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
      arithmetic.exact(request.upstream(row: n)) * arithmetic.exact(request.problem.weight(ofRow: n))
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
    var scale = arithmetic.whole(problem.weightScale)
    let temperature = problem.softmax.temperature
    guard temperature != 1 else { return scale }
    scale = scale * arithmetic.exact(temperature)
    return problem.zLoss > 0 && measure != .klDivergence ? scale * arithmetic.exact(temperature) : scale
  }
}

/// The focal loss (1-p)^γ (-log p) of the target class: its first factor, and its derivative.
struct FocalFactor<A: Arithmetic> {
  /// (1-p)^γ.
  let value: A.Real
  /// A = -∂/∂(log p) of the loss, by which the gradient of cross-entropy is multiplied.
  let slope: A.Real
  /// 1 - (1-p)^γ and A - 1, each with a small relative error, where both are faint.
  var faint: (value: A.Real, slope: A.Real)?
}

/// The z-loss λ LSE², LSE = log Σ e^(a/T), times `scale` and T², so that it is dyadic where LSE T is.
struct LogSumPenalty<A: Arithmetic> {
  /// scale λ (T LSE)², except for its tail if it has one.
  let loss: A.Real
  /// 2 scale λ T LSE: the factor of p in the gradient, times `scale` and T; likewise.
  let slope: A.Real
  /// Where all classes but the maximum are faint, the tail of T LSE and what multiplies it in the loss and in `slope`.
  var split: (tail: A.Real, lossRate: A.Real, slopeRate: A.Real)?
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
  ///   - isSplit: whether its tail is kept apart: (E + t)² = E² + t (2E + t).
  ///   - scale: what the penalty is multiplied by.
  ///   - temperature: T.
  init(
    _ lambda: Double, logSumExp: Split<A>, isSplit: Bool, scale: Int, temperature: Double, _ arithmetic: A
  ) {
    let factor = arithmetic.whole(scale) * arithmetic.exact(lambda)
    let twice = arithmetic.whole(2) * factor
    let exact = isSplit ? logSumExp.exact : logSumExp.sum
    loss = factor * exact * exact
    slope = twice * exact
    self.temperature = arithmetic.exact(temperature)
    if isSplit {
      split = (logSumExp.tail, factor * (exact + logSumExp.sum), twice)
    }
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
    let (own, rest) = (try exponential(y, &poll), try others(than: y, &poll))
    let minusLog = perTemperature(try gap(y, &poll) + scaledLogSum(&poll))
    var factor = try FocalFactor(
      gamma: gamma, own: own, rest: rest, sum: sum, isTop: y == row.top, minusLog: minusLog, arithmetic, &poll)
    // x ≤ e^d: then (1-p)^γ is within 2^-60 of 1.
    let distance = row.roughDistance(y)
    if distance < -64, gamma * Approximation.power(-distance).value <= 0x1p-60 {
      let odds = own / rest
      let less =
        -(try arithmetic.exponentialLessOne(-(arithmetic.exact(gamma) * arithmetic.logOfOnePlus(odds, &poll)), &poll))
      factor.faint = (less, arithmetic.exact(gamma) * odds * minusLog * factor.value - less)
    }
    return factor
  }
}

extension LogitsRow {
  /// Whether class i has all of the probability except for what counts by its sign alone.
  func isAllButAlone(_ i: Int) -> Bool {
    i == top && logits.indices.allSatisfy { $0 == i || isMasked($0) || isNegligible($0) }
  }
}
