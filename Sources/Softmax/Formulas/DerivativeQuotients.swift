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
  /// Of a level row's target with a focal loss and a z-loss whose logarithms cancel.
  private let rest: RationalRest?
  /// Of a teacher's target: k = C (1-ε), or 1 where ε = 0, and ε W with W = Σ w.
  private let kept, spread: Coefficient
  /// The row's powers, and its teacher's.
  private let own, other: PowerGroups
  /// Σ w of the teacher's large groups, and Σ v of the row's, which are not added up anew for each entry.
  private let weightSums, vectorSums: [Int: Coefficient]
  /// What entries that are zero have in common.
  private let zeros: Zeros?

  /// Which entries are exactly zero, found once a row: of a permuted teacher nearly all may be.
  private enum Zeros {
    /// Of a Hessian's product: `N_i = n_g v_i - Σ_g v` is zero in all groups g where they have the mean `sum / count`
    /// and v_i is that.
    case mean(sum: Coefficient, count: Int)
    /// Of a teacher's logits, without smoothing: `e_i Σ_h w_h e'_h = w_i e'_i S`, by independence where the powers on
    /// both sides are the same. So the groups g of S and those of S' with weights, the greatest first, correspond: for
    /// all g it is `a_g + b_i = a_i + b_g` and `n_g w_i = Σ_g w`. Then `b_g - a_g` and `Σ_g w / n_g` are the same for
    /// all g, whatever i is, and i has them too. Held here are those of the greatest.
    case shift(from: Double, to: Double, sum: Coefficient, count: Int)
  }

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
      Sum.exact(request.upstream(row: n)), Sum.exact(problem.weight(ofRow: n)))
    var divisor = Sum.product(Sum.exact(row.temperature), weights.scale)
    if let normaliser = request.normaliser { divisor = Sum.product(divisor, Sum.exact(normaliser)) }
    if problem.zLoss > 0, row.finite == 1 {
      let twice = Sum.product(Sum.exact(problem.zLoss), 2 * weights.scale)
      penalty = Sum.product(factor, Sum.product(twice, Sum.exact(row.maximum)))
      (factor, divisor) = (
        Sum.product(factor, Sum.exact(row.temperature)), Sum.product(divisor, Sum.exact(row.temperature))
      )
    } else {
      penalty = nil
    }
    let isBesides = problem.focalGamma > 0 && problem.zLoss > 0 && row.isLevel && !isCapped
    rest = isBesides ? RationalRest(problem, row, weights, factor: factor, divisor: divisor) : nil
    kept = weights.exactKeptShare
    spread = problem.exactSpread
    own = PowerGroups(row.logits)
    other = weights.teacherGroups
    weightSums = weights.evenWeight == nil ? other.largeSums(of: weights.weight) : [:]
    if case .hessianProduct(let all) = request.derivative {
      let vector = request.layout.row(n, of: all)
      self.vector = vector
      vectorSums = own.largeSums(of: vector)
      divisor = Sum.product(divisor, Sum.exact(row.temperature))
      let total = try weights.exactTotal(of: other, spread: spread, &poll)
      self.total = total?.sum
      if let total {
        divisor = Sum.product(divisor, total.count)
      } else if row.isLevel {
        divisor = Sum.product(divisor, row.finite * row.finite)
      }
      let isMean = try own.haveOneMean(of: vector, &poll)
      zeros = isMean ? .mean(sum: own.sum(0, of: vector), count: own.size(0)) : nil
    } else {
      (vector, vectorSums) = (nil, [:])
      total = weights.teacher == nil ? try weights.exactTotal(of: other, spread: spread, &poll)?.sum : nil
      zeros = weights.teacher == nil || weights.smoothing > 0 ? nil : try Self.shift(of: own, to: other, weights, &poll)
    }
    self.factor = factor
    self.divisor = divisor
  }

  /// The shift of the teacher's groups with weights from those of the row, if there is one.
  private static func shift(
    of own: PowerGroups, to other: PowerGroups, _ weights: TargetWeights, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Zeros? {
    var g = 0
    var top: (logit: Double, sum: Coefficient)?
    for h in 0..<other.count {
      try poll.spend(1_000 + 20 * other.size(h))
      let sum = weights.sum(h, of: other)
      guard sum.sign > 0 else { continue }
      guard g < own.count else { return nil }
      let first = top ?? (other.logit(h), sum)
      top = first
      guard ExactPair(own.logit(g), -own.logit(0)) == ExactPair(other.logit(h), -first.logit),
        Sum.product(sum, own.size(0)) == Sum.product(first.sum, own.size(g))
      else { return nil }
      g += 1
    }
    guard let top, g == own.count else { return nil }
    return .shift(from: own.logit(0), to: top.logit, sum: top.sum, count: own.size(0))
  }

  /// Whether the derivative's entry for class i is certainly zero, which no width of intervals would show.
  ///
  /// Where κ is not zero it has the sign of the terms with S that are subtracted; the others are all products of e_i,
  /// and S S' has products of the greatest and of the least power of S: so e_i is both, and the row level. (It is where
  /// κ has a penalty too.)
  func isZero(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> Bool {
    if case .mean(let sum, let count) = zeros, let vector { return Sum.product(Sum.exact(vector[i]), count) == sum }
    if case .shift(let from, let to, let sum, let count) = zeros, isQuotient, penalty == nil {
      guard let teacher = weights.teacher, !row.isMasked(i), !teacher.isMasked(i) else { return false }
      return ExactPair(row.logits[i], to) == ExactPair(teacher.logits[i], from)
        && Sum.product(weight(i), count) == sum
    }
    return vector == nil && row.isLevel ? try quotient(i)?.isZeroOfLevelRow(&poll) ?? false : false
  }

  /// The derivative's entry for class i.
  func quotient(_ i: Int) -> ExponentialQuotient? {
    if let vector { return hessian(i, vector) }
    if let rest, i == rest.target {
      return ExponentialQuotient(
        first: .one, offset: -rest.numerator, divisor: rest.divisor, temperature: row.temperature)
    }
    var result = ExponentialQuotient(first: own, second: other, divisor: divisor, temperature: row.temperature)
    if let teacher = weights.teacher {
      // A class with p = 0 has the teacher's part alone, whatever is beside cross-entropy.
      let isMasked = row.isMasked(i)
      guard isQuotient || isMasked else { return nil }
      result.offset = Sum.product(factor, Sum.product(Sum.exact(weights.smoothing), weight(i)))
      if let penalty, !isMasked { result.offset = Sum.sum(result.offset, -penalty) }
      addGradient(i, teacher, to: &result)
    } else {
      // With one class all is exact already.
      guard isQuotient, penalty == nil, let total else { return nil }
      result.offset = Sum.product(factor, weights.exact(i))
      if !row.isMasked(i) { result.row = (group(i), { _ in Sum.product(factor, total) }) }
    }
    return result
  }

  private func weight(_ c: Int) -> Coefficient { Sum.exact(weights.weight(ofClass: c)) }

  private func group(_ i: Int) -> Int { own.index(of: row.logits[i]) }

  /// q s scale U p_i (v_i - Σ p_j v_j) S² = q s scale U e_i Σ_j e_j (v_i - v_j). Where U is irrational, S' is left of
  /// the denominator if the row is level.
  private func hessian(_ i: Int, _ vector: [Double]) -> ExponentialQuotient {
    // By the exponents' range, which is wider in S² S' than in the numerator, if the row is not level.
    var result = ExponentialQuotient(
      first: own, second: own, divisor: divisor, isElseIrrational: true, temperature: row.temperature)
    func difference(_ g: Int, _ factor: Coefficient) -> Coefficient {
      let all = vectorSums[g] ?? own.sum(g, of: vector)
      return Sum.product(factor, Sum.sum(Sum.product(Sum.exact(vector[i]), own.size(g)), -all))
    }
    if total == nil, row.isLevel {
      (result.first, result.second) = (.one, other)
      if !row.isMasked(i) {
        let sum = difference(0, factor)
        result.row = (0, { h in Sum.product(sum, share(h)) })
      }
    } else {
      let factor = Sum.product(factor, total ?? Sum.exact(1))
      if total == nil { result.denominator = .other }
      if !row.isMasked(i) { result.row = (group(i), { h in difference(h, factor) }) }
    }
    return result
  }

  /// Σ (k w_h + ε W) over a group of the teacher's.
  private func share(_ h: Int) -> Coefficient {
    let sum = weightSums[h] ?? weights.sum(h, of: other)
    return Sum.sum(Sum.product(kept, sum), Sum.product(spread, other.size(h)))
  }

  /// Adds all of this, with q s,
  ///
  ///     scale (U p_i - u_i) S S' = e_i Σ_h e'_h (k w_h + ε W) - k w_i e'_i S - ε w_i S S',
  ///
  /// except for the last term, and except for S where p_i = 0.
  private func addGradient(_ i: Int, _ teacher: LogitsRow, to result: inout ExponentialQuotient) {
    let pull = -Sum.product(factor, Sum.product(kept, weight(i)))
    if !teacher.isMasked(i) {
      result.column = ExponentialQuotient.Column(group: other.index(of: teacher.logits[i]), perClass: pull)
    }
    if row.isMasked(i) {
      result.first = .one
    } else {
      result.row = (group(i), { h in Sum.product(factor, share(h)) })
    }
  }
}

/// The entry of a level row's target y with a focal loss and a z-loss, where it is rational: with f = ((n-1)/n)^γ it is
///
///     q s r/T { [-w f (n-1) + 2 λ a/T] + (2 λ - w γ f) log n } / n,
///
/// and where the logarithm's factor is zero, so that `w f = 2 λ/γ`, it is `q s r 2 λ [γ a - (n-1) T] / (T² γ n)`.
private struct RationalRest {
  typealias Coefficient = ExponentialSum.Coefficient

  let target: Int
  let numerator, divisor: Coefficient

  /// `nil` where the factor is not zero. For γ that is no whole number f is irrational. Else, of n and n-1, one is odd,
  /// and its power divides the odd part of λ or w γ, of at most 106 bits: it is 1, or γ is at most 66. As 1 it leaves a
  /// power of two, whose exponent all of binary64 does not take beyond 2,200.
  ///
  /// - Parameters:
  ///   - factor: q s.
  ///   - divisor: T D.
  init?(_ problem: LossProblem, _ row: LogitsRow, _ weights: TargetWeights, factor: Coefficient, divisor: Coefficient) {
    typealias Sum = ExponentialSum
    guard case .index(let y) = weights.kind, !row.isMasked(y), row.finite > 1,
      let gamma = Int(exactly: problem.focalGamma), gamma <= (row.finite == 2 ? 2200 : 66)
    else { return nil }
    var (own, all) = (
      Sum.product(Sum.exact(weights.weight(ofClass: y)), gamma), Sum.product(Sum.exact(problem.zLoss), 2)
    )
    let twice = all
    for _ in 0..<gamma {
      own = Sum.product(own, row.finite - 1)
      all = Sum.product(all, row.finite)
    }
    guard own == all else { return nil }
    let temperature = Sum.exact(row.temperature)
    let difference = Sum.sum(
      Sum.product(Sum.exact(row.maximum), gamma), -Sum.product(temperature, row.finite - 1))
    target = y
    numerator = Sum.product(factor, Sum.product(twice, difference))
    self.divisor = Sum.product(Sum.product(divisor, temperature), Sum.product(Sum.exact(row.finite), gamma))
  }
}

extension LossProblem {
  /// ε Σ w, of all rows the same.
  var exactSpread: ExponentialSum.Coefficient {
    guard labelSmoothing > 0 else { return ExponentialSum.exact(0) }
    var sum = ExactSum(weight == nil ? softmax.layout.classes : 0)
    for w in weight ?? [] { sum.add(w, 1) }
    return ExponentialSum.product(ExponentialSum.exact(labelSmoothing), ExponentialSum.exact(sum))
  }
}

extension TargetWeights {
  /// C (1-ε), or 1 where ε = 0.
  fileprivate var exactKeptShare: ExponentialSum.Coefficient {
    guard smoothing > 0 else { return ExponentialSum.exact(1) }
    let kept = ExponentialSum.sum(ExponentialSum.exact(1), ExponentialSum.exact(-smoothing))
    return ExponentialSum.product(kept, classes)
  }

  /// The powers of a teacher's logits, if the target is a teacher's.
  var teacherGroups: PowerGroups { teacher.map { PowerGroups($0.logits) } ?? .one }

  /// Σ w over a group of a teacher's classes.
  fileprivate func sum(_ h: Int, of groups: PowerGroups) -> ExponentialSum.Coefficient {
    if let evenWeight { return ExponentialSum.product(ExponentialSum.exact(evenWeight), groups.size(h)) }
    return groups.sum(h, of: weight)
  }

  /// scale · U as a quotient of a sum and a count; `nil` where it is irrational.
  ///
  /// A teacher's U = Σ w_h e'_h / S' is rational only where all groups of its equal logits have the same mean weight,
  /// which it then is.
  /// - Parameters:
  ///   - groups: the teacher's, if there is one.
  ///   - spread: ``LossProblem/exactSpread``.
  func exactTotal(
    of groups: @autoclosure () -> PowerGroups, spread: ExponentialSum.Coefficient, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> (sum: ExponentialSum.Coefficient, count: Int)? {
    typealias Sum = ExponentialSum
    let kept = exactKeptShare
    switch kind {
    case .index(let y): return (Sum.sum(Sum.product(kept, Sum.exact(weight(ofClass: y))), spread), 1)
    case .probabilities(let t):
      var sum = ExactSum()
      for c in 0..<classes {
        try poll.spend(20)
        sum.add(t[c], weight(ofClass: c))
      }
      return (Sum.sum(Sum.product(kept, Sum.exact(sum)), spread), 1)
    case .teacher:
      if let evenWeight { return (Sum.product(Sum.exact(evenWeight), scale), 1) }
      let (groups, weight) = (groups(), weight ?? [])
      if kept.sign > 0 { guard try groups.haveOneMean(of: weight, &poll) else { return nil } }
      let count = groups.size(0)
      return (Sum.sum(Sum.product(kept, groups.sum(0, of: weight)), Sum.product(spread, count)), count)
    }
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
      ExponentialSum.sum(kept, ExponentialSum.exact(smoothing)), ExponentialSum.exact(weight(ofClass: c)))
  }
}
