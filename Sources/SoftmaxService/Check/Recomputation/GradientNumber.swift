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
  private var sources: [SoftmaxSide?]
  /// What the change before made of the target: changes that differ in the softmax alone come one after the other.
  private var before: (change: Change.Target, divisor: Change.Divisor, side: TargetSide?)

  /// p, and what belongs to it.
  private struct SoftmaxSide {
    let probability: Double
    /// The sum of the slice's other probabilities than the largest; nil where they do not sum to 1.
    let others: Double?
    let operations: OperationCount
  }

  /// In q s / D · (U p - u), all but p and q.
  private struct TargetSide {
    /// Whether the item counts.
    var counts = false
    var sampleWeight = 0.0
    var divisor = 1.0
    var whole = 0.0
    var share = 0.0
    /// Whether u of the slice's classes sum to U.
    var isWhole = true
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
    sources = Array(repeating: nil, count: tables.sources)
    before = (Change.Target(), .given, nil)
    takeTarget(of: Change())
  }

  /// Whether the number is made under a change of what is known here.
  static func covers(_ change: Change) -> Bool {
    if case .given = change.handling { !change.isDifferentiated } else { false }
  }

  /// The number under a change that is covered; nil where it is not defined.
  @inline(__always)
  mutating func term(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
    if change.target != before.change || change.scale.divisor != before.divisor {
      takeTarget(of: change)
    }
    if sources[change.source.number] == nil { try look(up: change.source) }
    guard let target = before.side, let softmax = sources[change.source.number] else { return nil }
    guard target.counts else { return Recomputation.Term() }
    return .gradient(
      factor: change.scale.numerator(temperature) / target.divisor * upstream * target.sampleWeight,
      whole: target.whole, share: target.share, p: softmax.probability,
      others: target.isWhole ? softmax.others : nil, softmax.operations)
  }

  @inline(never)
  private mutating func takeTarget(of change: Change) {
    before = (change.target, change.scale.divisor, nil)
    guard let target = ChangedTarget(targets, change.target, change.scale.divisor) else { return }
    guard let shares = target.shares(item, targets) else { return before.side = TargetSide() }
    before.side = TargetSide(
      counts: true, sampleWeight: target.sampleWeight(item, targets), divisor: target.divisor,
      whole: target.hasClassFactors ? targets.weight(target.weights, place.index) : shares.total,
      share: target.share(place.index, shares, targets), isWhole: !target.hasClassFactors)
  }

  @inline(never)
  private mutating func look(up source: Change.Source) throws(ComputationError) {
    guard let p = try tables.probabilities(source) else { return }
    let others = source.sumsToOne ? try tables.others(source) : nil
    let (rows, row) = (tables.rows, place.row)
    sources[source.number] = SoftmaxSide(
      probability: p[row * rows.classes + place.index], others: others?[row],
      operations: operations.shifted(by: rows, row, source))
  }
}
