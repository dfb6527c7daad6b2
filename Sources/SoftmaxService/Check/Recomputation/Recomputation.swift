import Glibc
import Softmax

/// One output under a change, number by number.
///
/// The probabilities and their logarithms come correctly rounded from ``SoftmaxTables``; what is made of them here is
/// linear in them, good to some units in the last place, which is as well as a caller computes.
struct Recomputation {
  /// A number, and what right arithmetic may round it by.
  struct Term {
    var value = 0.0
    var bounds = ErrorBounds()
    /// How often it holds a number that may have been below the normal range.
    var gain = 0.0
    /// By what it moves where a probability in a logarithm moves by the least number of binary64.
    var step = 0.0
    /// Whether any NaN or infinity will do, as in a slice whose exponentials left a format's range: which of them comes
    /// out depends on the order of operations, and on differentiation.
    var isSpoiled = false
  }

  let output: Output
  let change: Change
  let rows: CheckedRows
  let probabilities: [Double]
  let logProbabilities: [Double]
  /// One number for each slice: the log-sum-exp, or the entropy.
  let perSlice: [Double]
  /// The least probability of each slice, where probabilities are flushed.
  let leastProbabilities: [Double]
  /// Σ w (-log p) of each slice, where a smoothed loss takes p as it is.
  var spreads: [Double] = []
  let target: ChangedTarget?
  let temperature: Double
  /// What the gradient's terms are multiplied by besides s and q.
  let gradientFactor: Double
  /// Whether there is one loss for all slices.
  let isReduced: Bool
  let operations: OperationCount
  /// The largest |a/T| of all, where slices are others than the request's.
  private let magnitude: Double
  /// Of a differentiated gradient: p of the request as it is, and Σ f u along each slice of another axis.
  var inner: [Double] = []
  var axisTotals: (layout: Layout, totals: [Double])?

  /// Nil where the change is not defined for this output and request.
  init?(
    _ output: Output, _ change: Change, of request: CheckRequest, rows: CheckedRows, _ tables: inout SoftmaxTables
  ) throws(ComputationError) {
    self.output = output
    self.change = change
    self.rows = rows
    temperature = request.softmax.temperature
    if case .axis = change.source { magnitude = rows.magnitude } else { magnitude = 0 }
    let sums = output == .loss || output == .gradient
    operations = OperationCount(classes: rows.classes, items: sums ? request.softmax.layout.batch : 1)
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
  func totals(along layout: Layout, _ target: ChangedTarget) -> (Layout, [Double]) {
    var totals = [Double](repeating: 0, count: layout.batch)
    for row in 0..<rows.count {
      guard let shares = target.shares(rows.numbers[row]) else { continue }
      let factor = rowFactor(row, target)
      for c in 0..<rows.classes { totals[layout.slice(of: rows.position(row: row, class: c))] += factor * shares[c] }
    }
    return (layout, totals)
  }

  func rowFactor(_ row: Int, _ target: ChangedTarget) -> Double {
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
      sum.bounds = sum.bounds + term.bounds
      sum.gain += term.gain
      sum.step += term.step
      sum.isSpoiled = sum.isSpoiled || term.isSpoiled
    }
    return sum
  }

  func term(_ row: Int, _ c: Int, _ shares: ChangedTarget.Shares?) -> Term {
    switch output {
    case .probabilities:
      multiplied(probability(row, c), row, gain: 1) { $0.probability($1) }
    case .logProbabilities:
      multiplied(logProbability(row, c), row, step: logarithmStep(row, c)) { $0.logarithm($1) }
    case .logSumExp: multiplied(logSumExp(row), row) { $0.logarithm($1) }
    case .entropy: multiplied(entropy(row), row) { $0.logarithm($1) }
    case .loss: loss(row, shares)
    case .gradient: gradient(row, c, shares)
    case .argmax, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities, .perplexity, .derivation,
      .klDivergence, .hessianVectorProduct:
      Term()
    }
  }

  func multiplied(
    _ value: Double, _ row: Int, gain: Double = 0, step: Double = 0, bounds: (OperationCount, Double) -> ErrorBounds
  ) -> Term {
    Term(
      value: value * change.factor, bounds: bounds(operations(row), value) * change.factor, gain: gain, step: step,
      isSpoiled: isSpoiled(row))
  }

  /// How a slice's numbers are rounded.
  func operations(_ row: Int) -> OperationCount {
    var operations = operations
    operations.shift = shift(row)
    return operations
  }

  /// The largest argument of a slice's exponentials, before it is subtracted.
  private func shift(_ row: Int) -> Double {
    switch change.source {
    case .given: rows.shifts[row]
    case .withoutTemperature: rows.shifts[row] * temperature
    case .timesTemperature: rows.shifts[row] * temperature * temperature
    case .axis: magnitude
    case .twice: 1
    case .logits: 0
    }
  }
}
