import Glibc
import Softmax

/// One output under a change, number by number.
///
/// The probabilities and their logarithms come correctly rounded from ``SoftmaxTables``; what is made of them here is
/// linear in them, good to some units in the last place, which is as well as a caller computes.
struct Recomputation {
  /// A number, and what its error is measured by: the size of the terms that it is a sum of.
  struct Term {
    var value = 0.0
    var scale = 0.0
  }

  private let output: Output
  private let change: Change
  private let rows: CheckedRows
  private let probabilities: [Double]
  private let logProbabilities: [Double]
  /// One number for each slice: the log-sum-exp, or the entropy.
  private let perSlice: [Double]
  private let target: ChangedTarget?
  private let temperature: Double
  /// What the gradient's terms are multiplied by besides s and q.
  private let gradientFactor: Double
  /// Whether there is one loss for all slices.
  let isReduced: Bool

  /// Nil where the change is not defined for this output and request.
  init?(
    _ output: Output, _ change: Change, _ request: CheckRequest, _ rows: CheckedRows, _ tables: inout SoftmaxTables
  ) throws(ComputationError) {
    self.output = output
    self.change = change
    self.rows = rows
    temperature = request.softmax.temperature
    let isHandled = change.handling != .given
    var (p, logP, perSlice): ([Double]?, [Double]?, [Double]?) = ([], [], [])
    if output == .probabilities || output == .gradient || isHandled { p = try tables.probabilities(change.source) }
    if output == .logProbabilities || output == .loss || isHandled { logP = try tables.logProbabilities(change.source) }
    if case .unshifted = change.handling {
      perSlice = try tables.logSumExp(change.source)
    } else if output == .logSumExp {
      perSlice = isHandled ? nil : try tables.logSumExp(change.source)
    } else if output == .entropy, !isHandled {
      perSlice = try tables.entropy(change.source)
    }
    guard let p, let logP, let perSlice else { return nil }
    (probabilities, logProbabilities, self.perSlice) = (p, logP, perSlice)
    guard output == .loss || output == .gradient else {
      (target, isReduced, gradientFactor) = (nil, false, 1)
      return
    }
    guard let work = request.loss, let target = ChangedTarget(work, change, &tables.normalisers) else { return nil }
    self.target = target
    isReduced = output == .loss && work.problem.reduction != .none
    var factor = change.factor / target.divisor
    for _ in 0..<change.temperaturePower.magnitude {
      factor *= change.temperaturePower < 0 ? temperature : 1 / temperature
    }
    gradientFactor = factor
  }

  /// How many numbers a slice has.
  var width: Int {
    switch output {
    case .probabilities, .logProbabilities, .gradient: rows.classes
    case .logSumExp, .entropy, .loss, .argmax, .jacobian, .derivation: 1
    }
  }

  /// Calls `body` with each number of a slice, until it returns false. - Returns: whether it never did.
  func forEach(row: Int, _ body: (_ index: Int, Term) -> Bool) -> Bool {
    let shares = target?.shares(rows.numbers[row])
    for c in 0..<width {
      guard body(c, term(row, c, shares)) else { return false }
    }
    return true
  }

  /// One number.
  func term(row: Int, index: Int) -> Term { term(row, index, target?.shares(rows.numbers[row])) }

  /// The one loss of all slices.
  func total() -> Term {
    var sum = Term()
    for row in 0..<rows.count {
      let term = term(row: row, index: 0)
      sum.value += term.value
      sum.scale += term.scale
    }
    return sum
  }

  private func term(_ row: Int, _ c: Int, _ shares: ChangedTarget.Shares?) -> Term {
    switch output {
    case .probabilities: multiplied(probability(row, c), atLeast: 0)
    case .logProbabilities: multiplied(logProbability(row, c), atLeast: 1)
    case .logSumExp: multiplied(logSumExp(row), atLeast: 1)
    case .entropy: multiplied(entropy(row), atLeast: 1)
    case .loss: loss(row, shares)
    case .gradient: gradient(row, c, shares)
    case .argmax, .jacobian, .derivation: Term()
    }
  }

  private func multiplied(_ value: Double, atLeast least: Double) -> Term {
    let result = value * change.factor
    return Term(value: result, scale: max(result.magnitude, least * change.factor.magnitude))
  }
}

// MARK: - Softmax

extension Recomputation {
  private func probability(_ row: Int, _ c: Int) -> Double {
    let p = probabilities[row * rows.classes + c]
    switch change.handling {
    case .given, .epsilon: return p
    case .clipped(let least, let isTwoSided): return min(max(p, least), isTwoSided ? 1 - least : .infinity)
    case .flushed(let threshold): return p < threshold ? 0 : p
    case .unshifted(let range):
      let x = rows.logits[row * rows.classes + c] / temperature
      // ∞/∞, and 0/0.
      if x > range.greatest || perSlice[row] < range.least { return .nan }
      return x < range.least || perSlice[row] > range.greatest ? 0 : p
    }
  }

  private func logProbability(_ row: Int, _ c: Int) -> Double {
    let logP = logProbabilities[row * rows.classes + c]
    switch change.handling {
    case .given: return logP
    case .epsilon(let epsilon):
      let p = probabilities[row * rows.classes + c]
      return p > epsilon ? logP + log1p(epsilon / p) : log(p + epsilon)
    case .clipped(let least, let isTwoSided):
      let p = probabilities[row * rows.classes + c]
      return p < least ? log(least) : isTwoSided && p > 1 - least ? log1p(-least) : logP
    case .flushed, .unshifted:
      let p = probability(row, c)
      return p == 0 ? -.infinity : p.isNaN ? .nan : logP
    }
  }

  private func logSumExp(_ row: Int) -> Double {
    guard case .unshifted(let range) = change.handling else { return perSlice[row] }
    return perSlice[row] > range.greatest ? .infinity : perSlice[row] < range.least ? -.infinity : perSlice[row]
  }

  private func entropy(_ row: Int) -> Double {
    guard change.handling != .given else { return perSlice[row] }
    // 0 · log 0 is NaN, as it is for a caller who does not know better.
    return -(0..<rows.classes).reduce(0.0) { $0 + probability(row, $1) * logProbability(row, $1) }
  }
}

// MARK: - The loss and its gradient

extension Recomputation {
  private func loss(_ row: Int, _ shares: ChangedTarget.Shares?) -> Term {
    guard let target, let shares else { return Term() }
    var term = Term()
    func add(_ c: Int) {
      let share = shares[c]
      guard share != 0 else { return }
      let value = -logProbability(row, c)
      term.value += share * value
      term.scale += share * (value.magnitude + 1)
    }
    if shares.isSingle {
      if let index = shares.target { add(index) }
    } else {
      for c in 0..<rows.classes { add(c) }
    }
    let factor = target.sampleWeight(rows.numbers[row]) * change.factor / target.divisor
    return Term(value: term.value * factor, scale: term.scale * factor.magnitude)
  }

  private func gradient(_ row: Int, _ c: Int, _ shares: ChangedTarget.Shares?) -> Term {
    guard let target, let shares else { return Term() }
    let n = rows.numbers[row]
    var factor = gradientFactor * target.upstream(n) * target.sampleWeight(n)
    if case .epsilon(let epsilon) = change.handling {
      // ∂/∂a of -log(p_y + ε) is p_y/(p_y + ε) times that of -log p_y.
      guard shares.isSingle, let index = shares.target else { return Term(value: .nan) }
      let p = probabilities[row * rows.classes + index]
      factor *= p / (p + epsilon)
    }
    let (p, share) = (probability(row, c), shares[c])
    let whole = target.classFactor(c) ?? shares.total
    // Without cancellation where p is near 1: what is left to 1 is the sum of the others.
    let isShare = p > 0.5 && sumToOne && p == probabilities[row * rows.classes + c] && target.classFactor(c) == nil
    let value = isShare ? p * (whole - share) - share * others(row, but: c) : whole * p - share
    return Term(value: factor * value, scale: factor.magnitude * (whole * p.magnitude + share))
  }

  /// Whether the numbers in the probabilities' place sum to 1 over the classes of a slice.
  private var sumToOne: Bool {
    switch change.source {
    case .given, .withoutTemperature, .timesTemperature, .twice: true
    case .axis, .logits: false
    }
  }

  /// The probabilities of all classes but one.
  private func others(_ row: Int, but c: Int) -> Double {
    let start = row * rows.classes
    var sum = 0.0
    for index in start..<(start + rows.classes) where index != start + c { sum += probabilities[index] }
    return sum
  }
}
