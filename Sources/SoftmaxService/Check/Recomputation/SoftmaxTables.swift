import Glibc
import Softmax
import VectorKernels

/// The probabilities that changes are recomputed from, their logarithms and what is summed of them: computed once for
/// each source, when a change first asks.
final class SoftmaxTables {
  /// What is kept of a source, [row, class] or [row].
  enum Table: Int, CaseIterable {
    /// p and log p.
    case probabilities, logProbabilities
    /// log Σ e^x, and the entropy in nats.
    case logSumExp, entropy
    /// The least probability of each row.
    case leastProbabilities
    /// The sum of the probabilities of all classes but the most probable one: without cancellation.
    case others
    /// Σ w (-log p) over the classes, by the kinds of class weights: what smoothing spreads.
    case spreadEvenly, spreadByWeight, spreadBySquare

    static func spread(_ weights: TargetTables.ClassWeights) -> Table {
      switch weights {
      case .ones: .spreadEvenly
      case .given: .spreadByWeight
      case .squared: .spreadBySquare
      }
    }
  }

  let request: CheckRequest
  let targets: TargetTables?
  let rows: CheckedRows
  let execution: Execution
  /// Whether they are of a few rows, so that even sums over other rows can be made number by number.
  let isOfFew: Bool
  /// Whether they are computed by ``PlainSoftmax``; else each number is correctly rounded.
  private let isPlain: Bool
  /// Softmax along other axes in plain arithmetic, which all tables of an output share.
  private let axes: OtherAxes
  /// How many sources there are.
  let sources: Int
  /// What is known of each source, by its number and ``Table``.
  private var known: [[Double]?]
  /// Those of all rows in plain arithmetic, which outputs share.
  private var plain: SoftmaxTables?

  /// Correctly rounded tables.
  /// - Parameter exact: the outputs of the request as it is, as far as they are known.
  convenience init(
    _ request: CheckRequest, _ targets: TargetTables?, exact: ExactNumbers, on rows: CheckedRows,
    _ execution: Execution
  ) {
    self.init(request, targets, on: rows, isOfFew: false, beside: OtherAxes(request), execution)
    guard request.format == .binary64, !request.softmax.hasEmptyRows else { return }
    keep(.probabilities, of: .given, exact[.probabilities].map { rows.gathered($0) })
    keep(.logProbabilities, of: .given, exact[.logProbabilities].map { rows.gathered($0) })
    keep(.logSumExp, of: .given, exact[.logSumExp].map { rows.gathered(batch: $0) })
    keep(.entropy, of: .given, exact[.entropy].map { rows.gathered(batch: $0) })
  }

  private init(
    _ request: CheckRequest, _ targets: TargetTables?, on rows: CheckedRows, isOfFew: Bool, beside axes: OtherAxes,
    _ execution: Execution
  ) {
    self.request = request
    self.targets = targets
    self.rows = rows
    self.isOfFew = isOfFew
    self.axes = axes
    self.execution = execution
    isPlain = isOfFew && Self.isFew(rows.count, rows.classes)
    sources = Change.Source.axis(Int8(request.geometry.shape.count)).number
    known = Array(repeating: nil, count: sources * Table.allCases.count)
  }

  /// A few numbers are computed in plain arithmetic; more of them are correctly rounded in less time.
  private static func isFew(_ rows: Int, _ classes: Int) -> Bool { rows * classes <= 128 }

  /// What numbers are checked against first.
  /// - Parameter needed: the rows that are; nil for all.
  /// - Returns: tables of these rows in their order, or of all.
  func estimates(of needed: [Int]?) -> SoftmaxTables {
    func tables(_ rows: CheckedRows) -> SoftmaxTables {
      SoftmaxTables(request, targets, on: rows, isOfFew: true, beside: axes, execution)
    }
    if Self.isFew(rows.count, rows.classes) {
      let all = plain ?? tables(rows)
      plain = all
      return all
    }
    guard let needed, needed.count < rows.count else { return self }
    return tables(CheckedRows(rows, needed))
  }

  /// A table of a source, made when it is first asked for; nil where it is not defined.
  func numbers(_ table: Table, of source: Change.Source) throws(ComputationError) -> [Double]? {
    let place = place(of: table, source)
    if let numbers = known[place] { return numbers }
    let numbers = try made(table, source)
    known[place] = numbers
    return numbers
  }

  /// The same into an array, where it is defined.
  /// - Returns: whether it is.
  func look(up table: Table, of source: Change.Source, into array: inout [Double]) throws(ComputationError) -> Bool {
    guard let numbers = try numbers(table, of: source) else { return false }
    array = numbers
    return true
  }

  private func place(of table: Table, _ source: Change.Source) -> Int {
    source.number * Table.allCases.count + table.rawValue
  }

  private func keep(_ table: Table, of source: Change.Source, _ numbers: [Double]?) {
    known[place(of: table, source)] = numbers
  }

  private func made(_ table: Table, _ source: Change.Source) throws(ComputationError) -> [Double]? {
    switch table {
    case .probabilities: return try computed(.probabilities, table, source)
    case .logProbabilities: return try computed(.logProbabilities, table, source)
    case .logSumExp: return try computed(.logSumExp, table, source)
    case .entropy: return try computed(.entropy, table, source)
    case .leastProbabilities:
      return try forEachRow(of: source) { p in
        var least = Double.infinity
        for place in p.indices { least = min(least, p[place]) }
        return least
      }
    case .others:
      return try forEachRow(of: source) { p in
        var (greatest, sum) = (0.0, 0.0)
        for place in p.indices {
          sum += min(greatest, p[place])
          greatest = max(greatest, p[place])
        }
        return sum
      }
    case .spreadEvenly, .spreadByWeight, .spreadBySquare:
      guard let targets, let logP = try numbers(.logProbabilities, of: source) else { return nil }
      let kind = table.rawValue - Table.spreadEvenly.rawValue
      return (0..<rows.count).map { targets.spreads(of: logP, from: $0 * rows.classes)[kind] }
    }
  }

  /// What `body` makes of each row's probabilities.
  private func forEachRow(
    of source: Change.Source, _ body: (Span<Double>) -> Double
  ) throws(ComputationError) -> [Double]? {
    guard let p = try numbers(.probabilities, of: source) else { return nil }
    return (0..<rows.count).map { row in
      body(p.span.extracting((row * rows.classes)..<((row + 1) * rows.classes)))
    }
  }

  private func computed(
    _ output: SoftmaxOutput, _ table: Table, _ source: Change.Source
  ) throws(ComputationError) -> [Double]? {
    var (logits, temperature, softcap) = (rows.logits, request.softmax.temperature, request.softmax.softcap)
    switch source {
    case .given: break
    case .withoutTemperature: temperature = 1
    case .timesTemperature: temperature = 1 / temperature
    case .withoutCap: softcap = nil
    case .twice:
      guard let once = try numbers(.probabilities, of: .given) else { return nil }
      (logits, temperature, softcap) = (once, 1, nil)
    case .withoutMask:
      guard let unmasked = request.unmasked else { return nil }
      logits = rows.gathered(unmasked)
    case .negated:
      // ∞ stands where a class is masked; and what is rounded of large logits excuses any p.
      guard rows.magnitude <= 700, logits.allSatisfy(\.isFinite) else { return nil }
      logits = logits.map(-)
    case .powersOfTwo:
      guard rows.magnitude <= 700 else { return nil }
      temperature /= log(2)
    case .narrowed(let format): logits = logits.map(format.nearest)
    case .withoutLogarithm where output == .logSumExp:
      return try numbers(.logSumExp, of: .given).map { $0.map(exp) }
    case .withoutLogarithm: return try numbers(.probabilities, of: .given)
    case .logarithms: return try numbers(.logProbabilities, of: .given)
    case .unfinished where output == .logSumExp:
      guard let logP = try numbers(.logProbabilities, of: .given) else { return nil }
      return stride(from: 0, to: logP.count, by: rows.classes).map { -(logP[$0..<($0 + rows.classes)].max() ?? 0) }
    case .axis, .logits, .sigmoid, .binary, .unfinished, .shiftedNumerator, .shiftedDenominator:
      guard output == .probabilities || output == .logProbabilities else { return nil }
      return try instead(of: output, source)
    }
    guard isPlain else {
      return try exactly(output, logits, rows.ownLayout, temperature: temperature, softcap: softcap)
    }
    if execution.isCancelled() { throw .cancelled }
    // All that belong together are kept.
    let plain = PlainSoftmax.tables(
      of: PlainSoftmax.capped(logits, softcap), classes: rows.classes, scale: 1 / temperature)
    keep(.probabilities, of: source, plain.probabilities)
    keep(.logProbabilities, of: source, plain.logProbabilities)
    keep(.logSumExp, of: source, plain.logSumExp)
    keep(.entropy, of: source, plain.entropy)
    return known[place(of: table, source)]
  }

  /// What else stands in the place of the probabilities or of their logarithms.
  private func instead(of output: SoftmaxOutput, _ source: Change.Source) throws(ComputationError) -> [Double]? {
    let temperature = request.softmax.temperature
    switch source {
    case .axis(let axis):
      if isPlain {
        if execution.isCancelled() { throw .cancelled }
        return axes.numbers(areLogarithms: output == .logProbabilities, along: axis, of: rows)
      }
      return try exactly(
        output, request.softmax.logits.array, request.geometry.layout(along: axis), temperature: temperature,
        softcap: request.softmax.softcap
      ).map { rows.gathered($0) }
    case .sigmoid where output == .probabilities: return rows.logits.map { PlainSoftmax.sigmoid($0 / temperature) }
    case .sigmoid: return rows.logits.map { PlainSoftmax.logSigmoid($0 / temperature) }
    case .unfinished:
      return PlainSoftmax.shifted(PlainSoftmax.capped(rows.logits, request.softmax.softcap), classes: rows.classes)
        .map { output == .probabilities ? exp($0 / temperature) : $0 / temperature }
    case .shiftedNumerator, .shiftedDenominator:
      // Beyond, exponentials of the logits as they are leave the range.
      guard rows.magnitude <= 700, var logP = try numbers(.logProbabilities, of: .given) else { return nil }
      for place in logP.indices {
        let greatest = rows.extremes[place / rows.classes].greatest / temperature
        logP[place] += source == .shiftedNumerator ? -greatest : greatest
      }
      return output == .probabilities ? logP.map(exp) : logP
    case .binary:
      guard output == .logProbabilities else { return nil }
      return (0..<rows.count).flatMap { row in
        let x = rows.logits[(row * rows.classes)..<((row + 1) * rows.classes)].map { $0 / temperature }
        let sum = PlainSoftmax.softplus(x)
        return x.map { $0 - sum }
      }
    default: return temperature == 1 ? rows.logits : rows.logits.map { $0 / temperature }
    }
  }

  private func exactly(
    _ output: SoftmaxOutput, _ logits: [Double], _ layout: Layout, temperature: Double, softcap: Double?
  ) throws(ComputationError) -> [Double]? {
    guard
      let problem = try? SoftmaxProblem(logits: logits, layout: layout, temperature: temperature, softcap: softcap)
    else { return nil }
    return try problem.numbers(of: [output], execution)[0]
  }
}

/// Softmax as textbooks compute it, exp(x - max x) / Σ, in plain binary64: a fraction of what the correctly rounded one
/// costs, and good enough to see that numbers differ.
///
/// What it rounds stays within the lenient bounds of ``ErrorBounds`` in binary64.
private enum PlainSoftmax {
  /// p and log p, of the logits' shape, and the log-sum-exp and the entropy of each row: the exponentials are most of
  /// their price.
  /// - Parameters:
  ///   - logits: [row, class].
  ///   - scale: what differences of logits are multiplied by: 1/T, or T.
  static func tables(
    of logits: [Double], classes: Int, scale: Double
  ) -> (probabilities: [Double], logProbabilities: [Double], logSumExp: [Double], entropy: [Double]) {
    var (probabilities, logProbabilities) = (logits, logits)
    var (logSumExp, entropy) = ([Double](), [Double]())
    logSumExp.reserveCapacity(logits.count / classes)
    entropy.reserveCapacity(logits.count / classes)
    for start in stride(from: 0, to: logits.count, by: classes) {
      let places = start..<(start + classes)
      var (greatest, top) = (-Double.infinity, start)
      for place in places where logits[place] > greatest { (greatest, top) = (logits[place], place) }
      var (others, mean) = (0.0, 0.0)
      for place in places {
        let x = (logits[place] - greatest) * scale
        let power = exp(x)
        if place != top { others += power }
        if power > 0 { mean += power * x }
        probabilities[place] = power
        logProbabilities[place] = x
      }
      // The largest one's own exponential is 1: near p = 1 nothing cancels.
      let (sum, logarithm) = (1 + others, log1p(others))
      for place in places {
        probabilities[place] /= sum
        logProbabilities[place] -= logarithm
      }
      logSumExp.append(greatest > -.infinity ? greatest * scale + logarithm : greatest)
      entropy.append(logarithm - mean / sum)
    }
    return (probabilities, logProbabilities, logSumExp, entropy)
  }

  /// 1 / (1 + e^-x), without overflow.
  static func sigmoid(_ x: Double) -> Double { x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)) }

  static func logSigmoid(_ x: Double) -> Double { min(x, 0) - log1p(exp(-x.magnitude)) }

  /// Σ log(1 + e^x), without overflow: the logarithms of products of many, each between 1 and 2.
  static func softplus(_ numbers: [Double]) -> Double {
    var (sum, product) = (0.0, 1.0)
    for x in numbers {
      sum += max(x, 0)
      product *= 1 + exp(-x.magnitude)
      if product > 0x1p1000 {
        sum += log(product)
        product = 1
      }
    }
    return sum + log(product)
  }

  /// a - max a of each row.
  static func shifted(_ logits: [Double], classes: Int) -> [Double] {
    var shifted = logits
    for start in stride(from: 0, to: logits.count, by: classes) {
      var greatest = -Double.infinity
      for place in start..<(start + classes) { greatest = max(greatest, logits[place]) }
      for place in start..<(start + classes) { shifted[place] -= greatest }
    }
    return shifted
  }

  /// The logits under a soft cap, c·tanh(a/c).
  static func capped(_ logits: [Double], _ softcap: Double?) -> [Double] {
    softcap.map { cap in logits.map { cap * tanh($0 / cap) } } ?? logits
  }
}

/// Softmax along other axes than the class axis, or over all axes at once, in plain binary64, at some places of the
/// tensor. What all rows of an axis are divided by takes all logits, and is found once for all outputs.
private final class OtherAxes {
  private let request: CheckRequest
  private let scale: Double
  private lazy var logits = PlainSoftmax.capped(request.softmax.logits.array, request.softmax.softcap)
  /// The rows of each axis: the largest logit of each, Σ exp((a - max a) / T) and its logarithm.
  private var known: [Int8?: (layout: Layout, rows: [(greatest: Double, sum: Double, logarithm: Double)])] = [:]

  init(_ request: CheckRequest) { (self.request, scale) = (request, 1 / request.softmax.temperature) }

  /// p along an axis, or over all axes, or its logarithm, [row of the class axis, class].
  func numbers(areLogarithms: Bool, along axis: Int8?, of rows: CheckedRows) -> [Double] {
    if known[axis] == nil { find(axis) }
    guard let (layout, found) = known[axis] else { return [] }
    let logits = logits
    return (0..<rows.count * rows.classes).map { place in
      let position = rows.position(row: place / rows.classes, class: place % rows.classes)
      let row = found[layout.row(of: position)]
      let x = (logits[position] - row.greatest) * scale
      return areLogarithms ? x - row.logarithm : exp(x) / row.sum
    }
  }

  private func find(_ axis: Int8?) {
    let (layout, logits) = (request.geometry.layout(along: axis), logits)
    let rows = (0..<layout.batch).map { row in
      let start = layout.start(of: row)
      let places = stride(from: start, to: start + layout.inner * layout.classes, by: layout.inner)
      var (greatest, sum) = (-Double.infinity, 0.0)
      for place in places { greatest = max(greatest, logits[place]) }
      for place in places { sum += exp((logits[place] - greatest) * scale) }
      return (greatest, sum, log(sum))
    }
    known[axis] = (layout, rows)
  }
}
