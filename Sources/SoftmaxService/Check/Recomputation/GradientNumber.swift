import Softmax

/// One number of a loss's gradient under one change after the other, as ``Recomputation`` has it. For changes that
/// handle the probabilities in no way and differentiate the loss as it is: hundreds of them share what is known here.
struct GradientNumber {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let place: (row: Int, index: Int)
  private let item: Int
  private let upstream: Double
  private let temperature: Double
  private let operations: OperationCount
  /// What stands in the probabilities' place, by the sources' numbers.
  private var sources: [OfSource?] = []

  private struct OfSource {
    let probability: Double
    /// The sum of the slice's other probabilities than the largest; nil where they do not sum to 1.
    let others: Double?
    let operations: OperationCount
  }

  init(
    _ tables: SoftmaxTables, _ targets: TargetTables, at place: (row: Int, index: Int), temperature: Double,
    _ operations: OperationCount
  ) {
    self.tables = tables
    self.targets = targets
    self.place = place
    item = tables.rows.numbers[place.row]
    upstream = targets.upstream(item)
    self.temperature = temperature
    self.operations = operations
  }

  /// Whether the number is made under a change of what is known here.
  static func covers(_ change: Change) -> Bool {
    if case .given = change.handling { !change.isDifferentiated } else { false }
  }

  /// The number under a change that is covered; nil where it is not defined.
  mutating func term(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
    guard let target = ChangedTarget(targets, change), let source = try source(change.source) else { return nil }
    guard let shares = target.shares(item, targets) else { return Recomputation.Term() }
    return .gradient(
      factor: change.scale.numerator(temperature) / target.divisor * upstream * target.sampleWeight(item, targets),
      whole: target.hasClassFactors ? targets.weight(target.weights, place.index) : shares.total,
      share: target.share(place.index, shares, targets), p: source.probability,
      others: target.hasClassFactors ? nil : source.others, source.operations)
  }

  private mutating func source(_ source: Change.Source) throws(ComputationError) -> OfSource? {
    let number = source.number
    if number < sources.count, let known = sources[number] { return known }
    guard let p = try tables.probabilities(source) else { return nil }
    let others = source.sumsToOne ? try tables.others(source) : nil
    let (rows, row) = (tables.rows, place.row)
    let made = OfSource(
      probability: p[row * rows.classes + place.index], others: others?[row],
      operations: operations.shifted(by: rows, row, source))
    while sources.count <= number { sources.append(nil) }
    sources[number] = made
    return made
  }
}
