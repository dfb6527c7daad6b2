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
    /// Whether any NaN or infinity will do, as in a slice whose exponentials left a format's range: which of them comes
    /// out depends on the order of operations, and on differentiation.
    var isSpoiled = false
  }

  private let output: Output
  private let change: Change
  private let rows: CheckedRows
  private let probabilities: [Double]
  private let logProbabilities: [Double]
  /// One number for each slice: the log-sum-exp, or the entropy.
  private let perSlice: [Double]
  /// The least probability of each slice, where probabilities are flushed.
  private let leastProbabilities: [Double]
  /// Σ w (-log p) of each slice, where a smoothed loss takes p as it is.
  private var spreads: [Double] = []
  private let target: ChangedTarget?
  private let temperature: Double
  /// What the gradient's terms are multiplied by besides s and q.
  private let gradientFactor: Double
  /// Whether there is one loss for all slices.
  let isReduced: Bool
  /// Of a differentiated gradient: p of the request as it is, and Σ f u along each slice of another axis.
  private var inner: [Double] = []
  private var axisTotals: (layout: Layout, totals: [Double])?

  /// Nil where the change is not defined for this output and request.
  init?(
    _ output: Output, _ change: Change, of request: CheckRequest, rows: CheckedRows, _ tables: inout SoftmaxTables
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
    if case .flushed = change.handling {
      leastProbabilities = try tables.leastProbabilities(change.source) ?? []
    } else {
      leastProbabilities = []
    }
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
    if output == .loss, !isHandled, work.problem.labelSmoothing > 0 {
      spreads = try tables.spreads(change.source, weight: target.spreadWeight) ?? []
    }
    guard output == .gradient, change.isDifferentiated else { return }
    switch change.source {
    case .twice: inner = try tables.probabilities(.given) ?? []
    case .axis(let axis):
      guard rows.isAll else { return nil }
      axisTotals = totals(along: Layout(shape: request.geometry.shape, axis: axis), target)
    case .given, .withoutTemperature, .timesTemperature, .logits: break
    }
  }

  /// Σ f u along each slice of a layout, f being what a slice's gradient is multiplied by.
  private func totals(along layout: Layout, _ target: ChangedTarget) -> (Layout, [Double]) {
    var totals = [Double](repeating: 0, count: layout.batch)
    for row in 0..<rows.count {
      guard let shares = target.shares(rows.numbers[row]) else { continue }
      let factor = rowFactor(row, target)
      for c in 0..<rows.classes { totals[layout.slice(of: rows.position(row: row, class: c))] += factor * shares[c] }
    }
    return (layout, totals)
  }

  private func rowFactor(_ row: Int, _ target: ChangedTarget) -> Double {
    gradientFactor * target.upstream(rows.numbers[row]) * target.sampleWeight(rows.numbers[row])
  }

  /// How many numbers a slice has.
  var width: Int {
    switch output {
    case .probabilities, .logProbabilities, .gradient: rows.classes
    case .logSumExp, .entropy, .loss, .argmax, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities,
      .perplexity, .derivation, .klDivergence, .hessianVectorProduct:
      1
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

  /// All numbers, slice by slice.
  func terms() -> [Term] {
    var terms: [Term] = []
    terms.reserveCapacity(rows.count * width)
    for row in 0..<rows.count {
      _ = forEach(row: row) { _, term in
        terms.append(term)
        return true
      }
    }
    return terms
  }

  /// The one loss of all slices.
  func total() -> Term {
    var sum = Term()
    for row in 0..<rows.count {
      let term = term(row: row, index: 0)
      sum.value += term.value
      sum.scale += term.scale
      sum.isSpoiled = sum.isSpoiled || term.isSpoiled
    }
    return sum
  }

  private func term(_ row: Int, _ c: Int, _ shares: ChangedTarget.Shares?) -> Term {
    switch output {
    case .probabilities: multiplied(probability(row, c), atLeast: 0, isSpoiled(row))
    case .logProbabilities: multiplied(logProbability(row, c), atLeast: 1, isSpoiled(row))
    case .logSumExp: multiplied(logSumExp(row), atLeast: 1, isSpoiled(row))
    case .entropy: multiplied(entropy(row), atLeast: 1, isSpoiled(row))
    case .loss: loss(row, shares)
    case .gradient: gradient(row, c, shares)
    case .argmax, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities, .perplexity, .derivation,
      .klDivergence, .hessianVectorProduct:
      Term()
    }
  }

  private func multiplied(_ value: Double, atLeast least: Double, _ isSpoiled: Bool) -> Term {
    let result = value * change.factor
    return Term(
      value: result, scale: max(result.magnitude, least * change.factor.magnitude), isSpoiled: isSpoiled)
  }
}

// MARK: - Softmax

extension Recomputation {
  /// Whether the exponentials of a slice leave the range.
  private func isSpoiled(_ row: Int) -> Bool {
    switch change.handling {
    case .unshifted(let range):
      rows.greatest[row] / temperature > range.greatest || perSlice[row] > range.greatest || perSlice[row] < range.least
    case .beyond(let greatest): rows.magnitudes[row] > greatest
    case .given, .epsilon, .clipped, .flushed: false
    }
  }

  private func probability(_ row: Int, _ c: Int) -> Double {
    let p = probabilities[row * rows.classes + c]
    switch change.handling {
    case .given, .epsilon, .beyond: return p
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
    case .given, .beyond: return logP
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
    } else if shares.isSpread, !spreads.isEmpty {
      // The sum over all classes, with the target's own share in place of what it has of the spread.
      term.value = shares.spread * spreads[row]
      term.scale = term.value.magnitude + shares.total
      if let index = shares.target {
        let own = shares.targetShare - shares.spread * (shares.spreadWeight?[index] ?? 1)
        if own != 0 {
          let value = -logProbability(row, index)
          term.value += own * value
          term.scale += (own * value).magnitude
        }
      }
    } else {
      for c in 0..<rows.classes { add(c) }
    }
    let factor = target.sampleWeight(rows.numbers[row]) * change.factor / target.divisor
    return Term(value: term.value * factor, scale: term.scale * factor.magnitude, isSpoiled: isSpoiled(row))
  }

  private func gradient(_ row: Int, _ c: Int, _ shares: ChangedTarget.Shares?) -> Term {
    guard let target else { return Term() }
    if change.isDifferentiated, change.source != .given {
      return differentiated(row, c, shares: shares, target: target)
    }
    // Differentiating log 0 multiplies ∞ by 0, and softmax hands that to the whole slice.
    if change.isDifferentiated, isFlushed(row) { return Term(value: .nan, isSpoiled: true) }
    guard let shares else { return Term() }
    var factor = rowFactor(row, target)
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
    return Term(
      value: factor * value, scale: factor.magnitude * (whole * p.magnitude + share),
      isSpoiled: isSpoiled(row))
  }

  /// The gradient of a loss with another function in softmax's place.
  private func differentiated(
    _ row: Int, _ c: Int, shares: ChangedTarget.Shares?, target: ChangedTarget
  ) -> Term {
    let factor = rowFactor(row, target)
    let share = shares?[c] ?? 0
    if let (layout, totals) = axisTotals {
      let total = totals[layout.slice(of: rows.position(row: row, class: c))]
      let p = probabilities[row * rows.classes + c]
      return Term(value: total * p - factor * share, scale: total.magnitude * p + (factor * share).magnitude)
    }
    guard let shares else { return Term() }
    guard change.source == .twice else { return Term(value: -factor * share, scale: (factor * share).magnitude) }
    // v = U p² - u, p² = softmax(p), through softmax's Jacobian: p_i (v_i - Σ p_j v_j).
    let start = row * rows.classes
    var (mean, size) = (0.0, 0.0)
    for j in 0..<rows.classes {
      mean += inner[start + j] * (shares.total * probabilities[start + j] - shares[j])
      size += inner[start + j] * (shares.total * probabilities[start + j] + shares[j])
    }
    let own = shares.total * probabilities[start + c]
    return Term(
      value: factor * inner[start + c] * (own - share - mean),
      scale: factor.magnitude * inner[start + c] * (own + share + size))
  }

  /// Whether a probability of a slice is flushed to 0.
  private func isFlushed(_ row: Int) -> Bool {
    if case .flushed(let threshold) = change.handling { leastProbabilities[row] < threshold } else { false }
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
