import Softmax
import VectorKernels

/// The probabilities that changes are recomputed from, their logarithms and what is summed of them: computed once for
/// each source, when a change first asks.
final class SoftmaxTables {
  /// How they are computed.
  enum Method {
    /// Each number correctly rounded.
    case exact
    /// By ``PlainSoftmax``.
    case plain
  }

  let rows: CheckedRows
  private let softmax: SoftmaxProblem
  private let geometry: Geometry
  private let method: Method
  /// Whether they are of a few slices, so that even sums over other slices can be made number by number.
  let isOfFew: Bool
  /// Softmax along other axes in plain arithmetic, which all outputs' tables share.
  private let axes: OtherAxes
  private let execution: Execution
  /// How many sources there are.
  let sources: Int
  /// What is known of each source, by its number and ``Table``.
  private var known: [[Double]?]

  /// What is kept of a source.
  private enum Table: Int, CaseIterable {
    case probabilities, logProbabilities, logSumExp, entropy, leastProbabilities, others
    /// By class weights.
    case spreadEvenly, spreadByWeight, spreadBySquare

    static func spread(_ weights: TargetTables.ClassWeights) -> Table {
      switch weights {
      case .ones: .spreadEvenly
      case .given: .spreadByWeight
      case .squared: .spreadBySquare
      }
    }
  }

  /// Correctly rounded tables.
  /// - Parameter exact: the outputs of the request as it is, as far as they are known.
  convenience init(
    _ request: borrowing CheckRequest, _ exact: ExactNumbers, on rows: CheckedRows, _ execution: Execution
  ) {
    let axes = OtherAxes(request.softmax, request.geometry)
    self.init(request.softmax, request.geometry, on: rows, by: .exact, isOfFew: false, beside: axes, execution)
    guard request.format == .binary64, !softmax.hasEmptyRows else { return }
    keep(.probabilities, of: .given, exact[.probabilities].map { rows.gathered($0) })
    keep(.logProbabilities, of: .given, exact[.logProbabilities].map { rows.gathered($0) })
    keep(.logSumExp, of: .given, exact[.logSumExp].map { rows.gathered(batch: $0) })
    keep(.entropy, of: .given, exact[.entropy].map { rows.gathered(batch: $0) })
  }

  private init(
    _ softmax: SoftmaxProblem, _ geometry: Geometry, on rows: CheckedRows, by method: Method, isOfFew: Bool,
    beside axes: OtherAxes, _ execution: Execution
  ) {
    self.isOfFew = isOfFew
    self.softmax = softmax
    self.geometry = geometry
    self.rows = rows
    self.method = method
    self.axes = axes
    self.execution = execution
    sources = Change.Source.axis(Int8(geometry.shape.count)).number
    known = Array(repeating: nil, count: sources * Table.allCases.count)
  }

  /// A few numbers are computed in plain arithmetic; more of them are correctly rounded in less time.
  private static let mostInPlainArithmetic = 128
  /// Those of all slices in plain arithmetic, which outputs share.
  private var plain: SoftmaxTables?

  /// What numbers are checked against first.
  /// - Parameter slices: those that are needed; nil for all.
  /// - Returns: tables of these slices in their order, or of all.
  func estimates(of slices: [Int]?) -> SoftmaxTables {
    func isFew(_ slices: Int) -> Bool { slices * rows.classes <= Self.mostInPlainArithmetic }
    if isFew(rows.count) {
      let tables =
        plain ?? SoftmaxTables(softmax, geometry, on: rows, by: .plain, isOfFew: true, beside: axes, execution)
      plain = tables
      return tables
    }
    guard let slices, slices.count < rows.count else { return self }
    return SoftmaxTables(
      softmax, geometry, on: CheckedRows(rows, slices), by: isFew(slices.count) ? .plain : .exact, isOfFew: true,
      beside: axes, execution)
  }

  /// The slices along another axis of the tensor, or all of it as one slice.
  func layout(along axis: Int8?) -> Layout { geometry.layout(along: axis) }

  /// p of a source, [slice, class]; nil where it is not defined.
  func probabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try kept(.probabilities, source) { () throws(ComputationError) in try computed(.probabilities, source) }
  }

  /// log p of a source, [slice, class].
  func logProbabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try kept(.logProbabilities, source) { () throws(ComputationError) in try computed(.logProbabilities, source) }
  }

  /// log Σ e^x of a source, [slice].
  func logSumExp(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try kept(.logSumExp, source) { () throws(ComputationError) in try computed(.logSumExp, source) }
  }

  /// The entropy of a source in nats, [slice].
  func entropy(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try kept(.entropy, source) { () throws(ComputationError) in try computed(.entropy, source) }
  }

  /// The least probability of each slice.
  func leastProbabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try kept(.leastProbabilities, source) { () throws(ComputationError) in
      try forEachSlice(of: source) { p in
        var least = Double.infinity
        for place in p.indices { least = min(least, p[place]) }
        return least
      }
    }
  }

  /// The probabilities of all classes but the most probable one, of each slice: without cancellation.
  func others(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try kept(.others, source) { () throws(ComputationError) in
      try forEachSlice(of: source) { p in
        var (greatest, sum) = (0.0, 0.0)
        for place in p.indices {
          sum += min(greatest, p[place])
          greatest = max(greatest, p[place])
        }
        return sum
      }
    }
  }

  /// A table of a source, made when it is first asked for.
  private func kept(
    _ table: Table, _ source: Change.Source, _ make: () throws(ComputationError) -> [Double]?
  ) throws(ComputationError) -> [Double]? {
    let place = place(of: table, source)
    if let table = known[place] { return table }
    let made = try make()
    known[place] = made
    return made
  }

  private func place(of table: Table, _ source: Change.Source) -> Int {
    source.number * Table.allCases.count + table.rawValue
  }

  private func keep(_ table: Table, of source: Change.Source, _ numbers: [Double]?) {
    known[place(of: table, source)] = numbers
  }

  /// What `body` makes of each slice's probabilities.
  private func forEachSlice(
    of source: Change.Source, _ body: (Span<Double>) -> Double
  ) throws(ComputationError) -> [Double]? {
    guard let p = try probabilities(source) else { return nil }
    return (0..<rows.count).map { row in
      body(p.span.extracting((row * rows.classes)..<((row + 1) * rows.classes)))
    }
  }

  /// Σ w (-log p) over the classes of each slice: what smoothing spreads.
  func spreads(
    _ source: Change.Source, _ weights: TargetTables.ClassWeights, of target: TargetTables
  ) throws(ComputationError) -> [Double]? {
    try kept(.spread(weights), source) { () throws(ComputationError) in
      guard let logP = try logProbabilities(source) else { return nil }
      return (0..<rows.count).map { target.spreads(of: logP, from: $0 * rows.classes)[weights.rawValue] }
    }
  }

  private func computed(_ output: SoftmaxOutput, _ source: Change.Source) throws(ComputationError) -> [Double]? {
    let (temperature, softcap) = (softmax.temperature, softmax.softcap)
    switch source {
    case .given: return try solved(output, source, rows.logits, temperature: temperature, softcap: softcap)
    case .withoutTemperature: return try solved(output, source, rows.logits, temperature: 1, softcap: softcap)
    case .withoutCap: return try solved(output, source, rows.logits, temperature: temperature, softcap: nil)
    case .timesTemperature:
      return try solved(output, source, rows.logits, temperature: 1 / temperature, softcap: softcap)
    case .twice:
      guard let once = try probabilities(.given) else { return nil }
      return try solved(output, source, once, temperature: 1, softcap: nil)
    case .axis(let axis):
      guard output == .probabilities || output == .logProbabilities else { return nil }
      if method == .plain {
        if execution.isCancelled() { throw .cancelled }
        return axes.numbers(areLogarithms: output == .logProbabilities, along: axis, of: rows)
      }
      return try exactly(
        output, softmax.logits.array, layout(along: axis), temperature: temperature, softcap: softcap
      ).map { rows.gathered($0) }
    case .logits:
      guard output == .probabilities || output == .logProbabilities else { return nil }
      return temperature == 1 ? rows.logits : rows.logits.map { $0 / temperature }
    case .sigmoid:
      guard output == .probabilities || output == .logProbabilities else { return nil }
      return rows.logits.map {
        output == .probabilities ? PlainSoftmax.sigmoid($0 / temperature) : PlainSoftmax.logSigmoid($0 / temperature)
      }
    case .binary:
      guard output == .logProbabilities else { return nil }
      return (0..<rows.count).flatMap { row in
        let x = rows.logits[(row * rows.classes)..<((row + 1) * rows.classes)].map { $0 / temperature }
        let sum = PlainSoftmax.softplus(x)
        return x.map { $0 - sum }
      }
    }
  }

  /// An output of these slices' own logits; in plain arithmetic all of the source's are kept.
  private func solved(
    _ output: SoftmaxOutput, _ source: Change.Source, _ logits: [Double], temperature: Double, softcap: Double?
  ) throws(ComputationError) -> [Double]? {
    guard method == .plain else {
      return try exactly(output, logits, rows.ownLayout, temperature: temperature, softcap: softcap)
    }
    if execution.isCancelled() { throw .cancelled }
    let tables = PlainSoftmax.tables(
      of: PlainSoftmax.capped(logits, softcap), classes: rows.classes, scale: 1 / temperature)
    keep(.probabilities, of: source, tables.probabilities)
    keep(.logProbabilities, of: source, tables.logProbabilities)
    keep(.logSumExp, of: source, tables.logSumExp)
    keep(.entropy, of: source, tables.entropy)
    return tables[output]
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
