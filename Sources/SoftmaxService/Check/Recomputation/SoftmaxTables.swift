import Softmax

/// The slices on which findings are sought, each one's logits side by side.
///
/// All of them up to a bound; past it those where the caller's numbers are worst.
struct CheckedRows: Sendable {
  /// Up to so many logits all slices are looked at.
  static let mostLogits = 65_536

  let layout: Layout
  /// The slices' numbers in the batch, the worst first where not all are looked at.
  let numbers: [Int]
  /// [slice, class].
  let logits: [Double]
  /// The largest |a/T| of each slice.
  let magnitudes: [Double]
  /// |max a/T| of each slice.
  let shifts: [Double]
  /// The largest logit of each slice.
  let greatest: [Double]

  /// - Parameter worst: the slices in the order of their worth; nil takes all of them.
  init(_ softmax: SoftmaxProblem, worst: [Int]?) {
    layout = softmax.layout
    let most = max(1, Self.mostLogits / layout.classes)
    numbers = worst.map { Array($0.prefix(most)) } ?? Array(0..<layout.batch)
    logits = Self.gathered(softmax.logits.array, numbers, layout)
    let classes = layout.classes
    var magnitudes = [Double](repeating: 0, count: numbers.count)
    var greatest = [Double](repeating: -.infinity, count: numbers.count)
    for row in numbers.indices {
      for index in (row * classes)..<((row + 1) * classes) where logits[index] > -.infinity {
        magnitudes[row] = max(magnitudes[row], (logits[index] / softmax.temperature).magnitude)
        greatest[row] = max(greatest[row], logits[index])
      }
    }
    self.magnitudes = magnitudes
    self.greatest = greatest
    shifts = greatest.map { $0.isFinite ? ($0 / softmax.temperature).magnitude : 0 }
  }

  /// The largest |a/T| of all.
  var magnitude: Double { magnitudes.max() ?? 0 }
  var count: Int { numbers.count }
  var classes: Int { layout.classes }
  var isAll: Bool { count == layout.batch }

  /// The layout of one number for each class of these slices.
  var ownLayout: Layout { Layout(shape: [count, classes], axis: 1) }

  /// Where a class of a slice stands in a tensor of the logits' shape.
  func position(row: Int, class index: Int) -> Int { layout.start(of: numbers[row]) + index * layout.inner }

  /// A tensor of the logits' shape as [slice, class].
  func gathered(_ tensor: [Double]) -> [Double] { Self.gathered(tensor, numbers, layout) }

  /// A tensor of the batch shape as [slice].
  func gathered(batch tensor: [Double]) -> [Double] { numbers.map { tensor[$0] } }

  private static func gathered(_ tensor: [Double], _ numbers: [Int], _ layout: Layout) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(numbers.count * layout.classes)
    for number in numbers {
      var position = layout.start(of: number)
      for _ in 0..<layout.classes {
        result.append(tensor[position])
        position += layout.inner
      }
    }
    return result
  }
}

extension Layout {
  /// The slice that a position of the tensor belongs to.
  func slice(of position: Int) -> Int { position / (classes * inner) * inner + position % inner }
}

/// The probabilities that hypotheses are computed from, and their logarithms, each correctly rounded: computed once for
/// each source, when a hypothesis first asks.
struct SoftmaxTables {
  private let softmax: SoftmaxProblem
  private let geometry: Geometry
  private let rows: CheckedRows
  private let execution: Execution
  private var tables: [TableKey: [Double]] = [:]
  private var least: [Change.Source: [Double]] = [:]
  private var greatest: [Change.Source: Double] = [:]
  private var spreads: [SpreadKey: [Double]] = [:]

  private struct TableKey: Hashable {
    let output: SoftmaxOutput
    let source: Change.Source
  }

  private struct SpreadKey: Hashable {
    let source: Change.Source
    let weight: [Double]?
  }

  /// What the means divide by.
  var normalisers = Normalisers()

  init(_ softmax: SoftmaxProblem, _ geometry: Geometry, rows: CheckedRows, _ execution: Execution) {
    self.softmax = softmax
    self.geometry = geometry
    self.rows = rows
    self.execution = execution
  }

  /// p of a source, [slice, class]; nil where it is not defined.
  mutating func probabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try table(.probabilities, source)
  }

  /// log p of a source, [slice, class].
  mutating func logProbabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try table(.logProbabilities, source)
  }

  /// log Σ e^x of a source, [slice].
  mutating func logSumExp(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try table(.logSumExp, source)
  }

  /// The entropy of a source in nats, [slice].
  mutating func entropy(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    try table(.entropy, source)
  }

  private mutating func table(
    _ output: SoftmaxOutput, _ source: Change.Source
  ) throws(ComputationError) -> [Double]? {
    let key = TableKey(output: output, source: source)
    if let known = tables[key] { return known }
    let table = try computed(output, source)
    tables[key] = table
    return table
  }

  /// The least probability of each slice.
  mutating func leastProbabilities(_ source: Change.Source) throws(ComputationError) -> [Double]? {
    if let known = least[source] { return known }
    guard let p = try probabilities(source) else { return nil }
    let table = (0..<rows.count).map { row in
      p[(row * rows.classes)..<((row + 1) * rows.classes)].min() ?? 0
    }
    least[source] = table
    return table
  }

  /// The largest of all probabilities.
  mutating func greatestProbability(_ source: Change.Source) throws(ComputationError) -> Double? {
    if let known = greatest[source] { return known }
    guard let value = try probabilities(source)?.max() else { return nil }
    greatest[source] = value
    return value
  }

  /// Σ w (-log p) over the classes of each slice: what smoothing spreads; nil stands for weights of one.
  mutating func spreads(_ source: Change.Source, weight: [Double]?) throws(ComputationError) -> [Double]? {
    let key = SpreadKey(source: source, weight: weight)
    if let known = spreads[key] { return known }
    guard let logP = try logProbabilities(source) else { return nil }
    let table = (0..<rows.count).map { row in
      var sum = 0.0
      for c in 0..<rows.classes {
        let share = weight?[c] ?? 1
        if share != 0 { sum -= share * logP[row * rows.classes + c] }
      }
      return sum
    }
    spreads[key] = table
    return table
  }

  private mutating func computed(
    _ output: SoftmaxOutput, _ source: Change.Source
  ) throws(ComputationError) -> [Double]? {
    let temperature = softmax.temperature
    switch source {
    case .given: return try solved(output, of: rows.logits, temperature: temperature, softcap: softmax.softcap)
    case .withoutTemperature: return try solved(output, of: rows.logits, temperature: 1, softcap: softmax.softcap)
    case .timesTemperature:
      return try solved(output, of: rows.logits, temperature: 1 / temperature, softcap: softmax.softcap)
    case .twice:
      guard let once = try probabilities(.given) else { return nil }
      return try solved(output, of: once, temperature: 1, softcap: nil)
    case .axis(let axis):
      guard output == .probabilities || output == .logProbabilities else { return nil }
      let layout = Layout(shape: geometry.shape, axis: axis)
      guard let problem = problem(softmax.logits.array, layout, temperature: temperature, softcap: softmax.softcap)
      else {
        return nil
      }
      return try problem.solve([output], execution).numbers.map { [rows] in rows.gathered($0) }
    case .logits:
      guard output == .probabilities || output == .logProbabilities else {
        return nil
      }
      return rows.logits.map { $0 / temperature }
    }
  }

  private func solved(
    _ output: SoftmaxOutput, of logits: [Double], temperature: Double, softcap: Double?
  ) throws(ComputationError) -> [Double]? {
    try problem(logits, rows.ownLayout, temperature: temperature, softcap: softcap)?.solve([output], execution).numbers
  }

  private func problem(
    _ logits: [Double], _ layout: Layout, temperature: Double, softcap: Double?
  ) -> SoftmaxProblem? {
    try? SoftmaxProblem(logits: logits, layout: layout, temperature: temperature, softcap: softcap)
  }
}

extension SoftmaxResult {
  /// The only output that was asked for.
  fileprivate var numbers: [Double]? { probabilities ?? logProbabilities ?? logSumExp ?? entropy }
}
