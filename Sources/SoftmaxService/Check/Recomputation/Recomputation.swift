import Softmax

/// One output under one change after the other, number by number.
///
/// The probabilities and their logarithms come from ``SoftmaxTables``; what is made of them here is linear in them,
/// good to some units in the last place, which is as well as a caller computes. A recomputation is made once and takes
/// each change in turn, since there are hundreds.
struct Recomputation: ~Copyable {
  /// A number, and what right arithmetic may round it by.
  struct Term {
    var value = 0.0
    var bounds = ErrorBounds()
    /// The factor with which it holds a number that may have been below the normal range.
    var gain = 0.0
    /// By how much it moves where a probability in a logarithm moves by the least number of binary64.
    var step = 0.0
    /// By how much it moves at most, however large the logits are that any order of operations rounds.
    var reach = Double.infinity
    /// Whether any NaN or infinity will do, as in a row whose exponentials left a format's range: which of them comes
    /// out depends on the order of operations, and on differentiation.
    var isSpoiled = false
  }

  let output: CheckedOutput
  let rows: CheckedRows
  let temperature: Double
  /// Whether there is one loss for all rows.
  let isReduced: Bool
  let tables: SoftmaxTables
  let targets: TargetTables?
  let operations: OperationCount

  // What the change makes of it.

  private(set) var change = Change()
  /// Whether anything is done to the probabilities.
  private(set) var isHandled = false
  private(set) var target: ChangedTarget?
  /// What the gradient's terms are multiplied by besides s and q.
  private(set) var gradientFactor = 1.0
  /// p and log p, [row, class]; empty where they are not needed.
  private(set) var probabilities: [Double] = []
  private(set) var logProbabilities: [Double] = []
  /// One number for each row: the log-sum-exp, or the entropy.
  private(set) var perRow: [Double] = []
  /// The least probability of each row, where probabilities are flushed.
  private(set) var leastProbabilities: [Double] = []
  /// The sum of each row's other probabilities than the largest; empty where they do not sum to 1.
  private(set) var otherProbabilities: [Double] = []
  /// Σ w (-log p) of each row, where a smoothed loss takes p as it is.
  private(set) var spreads: [Double] = []
  /// p of the request as it is, of a differentiated gradient that goes through softmax's Jacobian.
  private(set) var inner: [Double] = []
  /// The axis of a differentiated gradient of softmax along another one; and Σ f u along each of its rows, where more
  /// than a few are looked at.
  private(set) var otherAxis: Layout?
  private(set) var axisTotals: [Double] = []
  /// Whether the tables above are those of `change`.
  private var hasTables = false
  /// The one loss of all rows, and the change that it was computed under.
  private var knownTotal: (change: Change, term: Term)?

  init(_ output: CheckedOutput, of tables: SoftmaxTables) {
    self.output = output
    self.tables = tables
    rows = tables.rows
    temperature = tables.request.softmax.temperature
    targets = output.isLossOrGradient ? tables.targets : nil
    isReduced = tables.request.isReduced(output)
    operations = OperationCount(
      classes: rows.classes, items: output.isLossOrGradient ? tables.request.softmax.layout.batch : 1)
  }

  /// Takes a change.
  /// - Returns: false where it is not defined for this output and request.
  mutating func adopt(_ change: Change) throws(ComputationError) -> Bool {
    let keepsTables =
      hasTables && change.source.number == self.change.source.number
      && change.handling.needs == self.change.handling.needs
    self.change = change
    isHandled = change.handling != .given
    if !keepsTables {
      hasTables = false
      guard try takeTables() else { return false }
      hasTables = true
    }
    guard output.isLossOrGradient else { return true }
    guard let targets, let target = ChangedTarget(targets, change.target, change.scale.divisor) else { return false }
    self.target = target
    gradientFactor = change.scale.numerator(temperature) / target.divisor
    if output == .loss {
      spreads = []
      if !isHandled, targets.smoothing > 0 {
        return try tables.look(up: .spread(target.spreadWeights), of: change.source, into: &spreads)
      }
    } else if change.isDifferentiated {
      return try takeDerivative()
    }
    return true
  }

  /// Looks up what the change's source and handling need.
  private mutating func takeTables() throws(ComputationError) -> Bool {
    let source = change.source
    let (needsProbabilities, needsLogarithms): (Bool, Bool)
    var perRowTable: SoftmaxTables.Table?
    switch output {
    case .probabilities, .gradient: (needsProbabilities, needsLogarithms) = (true, false)
    case .logProbabilities, .loss: (needsProbabilities, needsLogarithms) = (isHandled, true)
    case .entropy: (needsProbabilities, needsLogarithms, perRowTable) = (isHandled, isHandled, .entropy)
    case .logSumExp: (needsProbabilities, needsLogarithms, perRowTable) = (false, false, .logSumExp)
    }
    if case .unshifted = change.handling {
      perRowTable = .logSumExp
    } else if isHandled {
      if output == .logSumExp { return false }
      perRowTable = nil
    }
    if needsProbabilities, try !tables.look(up: .probabilities, of: source, into: &probabilities) { return false }
    if needsLogarithms, try !tables.look(up: .logProbabilities, of: source, into: &logProbabilities) { return false }
    if let table = perRowTable, try !tables.look(up: table, of: source, into: &perRow) { return false }
    if case .flushed = change.handling {
      _ = try tables.look(up: .leastProbabilities, of: source, into: &leastProbabilities)
    }
    if output == .gradient {
      otherProbabilities = source.sumsToOne ? try tables.numbers(.others, of: source) ?? [] : []
    }
    return true
  }

  /// Looks up what the gradient of a loss needs that another function than softmax is differentiated in.
  private mutating func takeDerivative() throws(ComputationError) -> Bool {
    (otherAxis, axisTotals) = (nil, [])
    if change.source.isOfProbabilities { return try tables.look(up: .probabilities, of: .given, into: &inner) }
    guard case .axis(let axis) = change.source else { return true }
    let layout = tables.request.geometry.layout(along: axis)
    otherAxis = layout
    if tables.isOfFew { return true }
    // All rows of the class axis are needed for a row of the other one.
    guard rows.isAll else { return false }
    axisTotals = totals(along: layout)
    return true
  }

  /// How many numbers a row has.
  var width: Int {
    switch output {
    case .probabilities, .logProbabilities, .gradient: rows.classes
    case .logSumExp, .entropy, .loss: 1
    }
  }

  /// What the numbers of a row have in common.
  struct Row {
    /// Its place among those that are looked at.
    let index: Int
    /// Where its first class stands in the tables, and in a tensor of the logits' shape.
    let start: Int
    let position: Int
    let operations: OperationCount
    let isSpoiled: Bool
    /// Whether it counts, and its u.
    fileprivate(set) var counts = false
    fileprivate(set) var shares = ChangedTarget.Shares(row: 0)
    /// What the gradient's terms are multiplied by.
    fileprivate(set) var factor = 0.0
    /// Where v goes through softmax's Jacobian: Σ p v, and Σ p |v| at most. v is U p² - u, p² being softmax of p; or it
    /// is -u.
    fileprivate(set) var mean = 0.0
    fileprivate(set) var size = 0.0
  }

  @inline(__always)
  func row(at index: Int) -> Row {
    let item = rows.numbers[index]
    var row = Row(
      index: index, start: index * rows.classes, position: rows.layout.start(of: item),
      operations: operations.shifted(by: rows, index, change.source), isSpoiled: isSpoiled(index))
    guard let target, let targets else { return row }
    row.factor = gradientFactor * target.upstream(item, targets) * target.sampleWeight(item, targets)
    guard let shares = target.shares(item, targets) else { return row }
    (row.counts, row.shares) = (true, shares)
    if output == .gradient, change.isDifferentiated, change.source.isOfProbabilities {
      for c in 0..<rows.classes {
        let (own, share) = (outer(row, c), target.share(c, shares, targets))
        row.mean += inner[row.start + c] * (own - share)
        row.size += inner[row.start + c] * (own + share)
      }
    }
    return row
  }

  /// U p² of a class of a row, p² being softmax of p; 0 where softmax is not taken twice.
  func outer(_ row: Row, _ c: Int) -> Double {
    change.source == .twice ? row.shares.total * probabilities[row.start + c] : 0
  }

  /// u of a class of a row.
  @inline(__always)
  func share(_ row: Row, _ c: Int) -> Double {
    guard let target, let targets else { return 0 }
    return target.share(c, row.shares, targets)
  }

  /// One number.
  func term(row: Int, index: Int) -> Term { term(self.row(at: row), index) }

  /// Calls `body` with each number's place, row by row, and the number, until it returns false.
  /// - Throws: ``ComputationError/cancelled``.
  @inline(__always)
  mutating func forEach(_ body: (_ place: Int, Term) -> Bool) throws(ComputationError) {
    if isReduced {
      _ = body(0, total())
      return
    }
    let width = width
    for index in 0..<rows.count {
      if index & 0xFF == 0xFF, tables.execution.isCancelled() { throw .cancelled }
      let row = row(at: index)
      for c in 0..<width {
        guard body(index * width + c, term(row, c)) else { return }
      }
    }
  }

  /// The one loss of all rows.
  mutating func total() -> Term {
    if let knownTotal, knownTotal.change == change { return knownTotal.term }
    var sum = Term(reach: 0)
    for index in 0..<rows.count {
      let term = loss(row(at: index))
      sum.value += term.value
      sum.bounds = sum.bounds + term.bounds
      sum.gain += term.gain
      sum.step += term.step
      sum.reach += term.reach
      sum.isSpoiled = sum.isSpoiled || term.isSpoiled
    }
    knownTotal = (change, sum)
    return sum
  }

  @inline(__always)
  func term(_ row: borrowing Row, _ c: Int) -> Term {
    switch output {
    case .probabilities:
      let p = probability(row, c)
      if case .logarithms = change.source { return multiplied(p, row.operations.logarithm(p), row) }
      return multiplied(p, row.operations.probability(p), row, gain: 1)
    case .logProbabilities:
      let value = logProbability(row, c)
      return multiplied(
        value, row.operations.logarithm(value), row, step: logarithmStep(row, c), reach: reachOfLogarithm)
    case .logSumExp:
      let value = logSumExp(row.index)
      return multiplied(value, row.operations.logarithm(value), row)
    case .entropy:
      let value = entropy(row)
      return multiplied(value, row.operations.logarithm(value), row, reach: reachOfLogarithm)
    case .loss: return loss(row)
    case .gradient: return gradient(row, c)
    }
  }

  @inline(__always)
  private func multiplied(
    _ value: Double, _ bounds: ErrorBounds, _ row: Row, gain: Double = 0, step: Double = 0,
    reach: Double = .infinity
  ) -> Term {
    let factor = change.scale.factor
    return Term(
      value: value * factor, bounds: bounds * factor, gain: gain, step: step, reach: reach * factor.magnitude,
      isSpoiled: row.isSpoiled)
  }
}

extension Change.Source {
  /// Whether the numbers in the probabilities' place sum to 1 over the classes of a row.
  var sumsToOne: Bool {
    switch self {
    case .given, .withoutTemperature, .timesTemperature, .twice, .withoutCap, .withoutMask, .withoutLogarithm,
      .narrowed, .negated, .powersOfTwo:
      true
    case .axis, .logits, .sigmoid, .binary, .logarithms, .unfinished, .shiftedNumerator, .shiftedDenominator: false
    }
  }

  /// Whether the loss is another function of softmax(a/T): its gradient goes through softmax's Jacobian.
  var isOfProbabilities: Bool { self == .twice || self == .withoutLogarithm }
}
