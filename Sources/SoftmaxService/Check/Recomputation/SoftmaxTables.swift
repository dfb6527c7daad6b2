import Glibc
import Softmax

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
  let method: Method
  private let execution: Execution
  /// What is known of each source, by its number.
  private var entries: [Entry]

  private struct Entry {
    var probabilities: [Double]?
    var logProbabilities: [Double]?
    var logSumExp: [Double]?
    var entropy: [Double]?
    var least: [Double]?
    var others: [Double]?
    var spreads: [(weights: TargetTables.ClassWeights, table: [Double])] = []
  }

  init(_ request: CheckRequest, on rows: CheckedRows, _ method: Method, _ execution: Execution) {
    softmax = request.softmax
    geometry = request.geometry
    self.rows = rows
    self.method = method
    self.execution = execution
    entries = Array(repeating: Entry(), count: Change.Source.axis(geometry.shape.count).number)
  }

  /// p of a source, [slice, class]; nil where it is not defined.
  func probabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].probabilities { return known }
    let table = try computed(.probabilities, source)
    entries[index].probabilities = table
    return table
  }

  /// log p of a source, [slice, class].
  func logProbabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].logProbabilities { return known }
    let table = try computed(.logProbabilities, source)
    entries[index].logProbabilities = table
    return table
  }

  /// log Σ e^x of a source, [slice].
  func logSumExp(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].logSumExp { return known }
    let table = try computed(.logSumExp, source)
    entries[index].logSumExp = table
    return table
  }

  /// The entropy of a source in nats, [slice].
  func entropy(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].entropy { return known }
    let table = try computed(.entropy, source)
    entries[index].entropy = table
    return table
  }

  /// The least probability of each slice.
  func leastProbabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].least { return known }
    guard let p = try probabilities(source) else { return nil }
    let table = (0..<rows.count).map { row in
      var least = Double.infinity
      for place in (row * rows.classes)..<((row + 1) * rows.classes) { least = min(least, p[place]) }
      return least
    }
    entries[index].least = table
    return table
  }

  /// The probabilities of all classes but the most probable one, of each slice: without cancellation.
  func others(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].others { return known }
    guard let p = try probabilities(source) else { return nil }
    let table = (0..<rows.count).map { row in
      var (greatest, sum) = (0.0, 0.0)
      for place in (row * rows.classes)..<((row + 1) * rows.classes) {
        sum += min(greatest, p[place])
        greatest = max(greatest, p[place])
      }
      return sum
    }
    entries[index].others = table
    return table
  }

  /// Σ w (-log p) over the classes of each slice: what smoothing spreads.
  func spreads(
    _ source: Change.Source, _ weights: TargetTables.ClassWeights, of target: TargetTables
  ) throws(ComputationError) -> [Double]? {
    let index = source.number
    if let known = entries[index].spreads.first(where: { $0.weights == weights }) { return known.table }
    guard let logP = try logProbabilities(source) else { return nil }
    let table = (0..<rows.count).map { row in
      var sum = 0.0
      for c in 0..<rows.classes {
        let share = target.weight(weights, c)
        if share != 0 { sum -= share * logP[row * rows.classes + c] }
      }
      return sum
    }
    entries[index].spreads.append((weights, table))
    return table
  }

  private func computed(_ output: SoftmaxOutput, _ source: Change.Source) throws(ComputationError) -> [Double]? {
    let (own, temperature, softcap) = (rows.ownLayout, softmax.temperature, softmax.softcap)
    switch source {
    case .given: return try solved(output, rows.logits, own, temperature: temperature, softcap: softcap)
    case .withoutTemperature: return try solved(output, rows.logits, own, temperature: 1, softcap: softcap)
    case .timesTemperature:
      return try solved(output, rows.logits, own, temperature: 1 / temperature, softcap: softcap)
    case .twice:
      guard let once = try probabilities(.given) else { return nil }
      return try solved(output, once, own, temperature: 1, softcap: nil)
    case .axis(let axis):
      guard output == .probabilities || output == .logProbabilities else { return nil }
      let layout = Layout(shape: geometry.shape, axis: axis)
      return try solved(output, softmax.logits.array, layout, temperature: temperature, softcap: softcap)
        .map { rows.gathered($0) }
    case .logits:
      guard output == .probabilities || output == .logProbabilities else { return nil }
      return temperature == 1 ? rows.logits : rows.logits.map { $0 / temperature }
    }
  }

  private func solved(
    _ output: SoftmaxOutput, _ logits: [Double], _ layout: Layout, temperature: Double, softcap: Double?
  ) throws(ComputationError) -> [Double]? {
    switch method {
    case .plain:
      if execution.isCancelled() { throw .cancelled }
      let capped = softcap.map { cap in logits.map { cap * tanh($0 / cap) } } ?? logits
      return PlainSoftmax.table(output, of: capped, layout, scale: 1 / temperature)
    case .exact:
      guard
        let problem = try? SoftmaxProblem(
          logits: logits, layout: layout, temperature: temperature, softcap: softcap)
      else { return nil }
      return try problem.solve([output], execution).numbers
    }
  }
}

extension SoftmaxResult {
  /// The only output that was asked for.
  fileprivate var numbers: [Double]? { probabilities ?? logProbabilities ?? logSumExp ?? entropy }
}
