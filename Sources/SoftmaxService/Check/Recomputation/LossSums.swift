import Softmax

/// The losses of some slices added up, under one change after the other, to some digits: each is linear in a few sums
/// over the items, which hundreds of changes share.
struct LossSums {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let operations: OperationCount
  /// The slices, by their places in the tables.
  private let slices: Range<Int>
  /// What the change before made of the target: changes that differ in the softmax alone come one after the other.
  private var before: TargetSide
  /// The sums that are known: of each source ``placesOfSource``, first those over the targets' classes.
  private var known: [Sum?]

  /// Σ f (-log p), Σ f |log p| and Σ f, f being what the weights amount to.
  private struct Sum {
    var loss = 0.0
    var size = 0.0
    var factors = 0.0

    mutating func add(_ logP: Double, times factor: Double) {
      guard factor != 0 else { return }
      loss -= factor * logP
      size += factor * logP.magnitude
      factors += factor
    }

    mutating func add(_ other: Sum, times share: Double) {
      guard share != 0 else { return }
      loss += share * other.loss
      size += share.magnitude * other.size
      factors += share.magnitude * other.factors
    }
  }

  /// What a change makes of the target, and where its sums are among those of a source.
  private struct TargetSide {
    let change: Change.Target
    let divisor: Change.Divisor
    /// Nil where it is not defined.
    let target: ChangedTarget?
    let ofTargets: Int
    let ofClasses: Int

    init(_ change: Change.Target, _ divisor: Change.Divisor, _ targets: borrowing TargetTables) {
      self.change = change
      self.divisor = divisor
      target = ChangedTarget(targets, change, divisor)
      // No change has an offset but -1, 0 and 1.
      let offset = targets.hasIndices ? Int(change.offset.signum()) + 1 : 1
      let items = (change.ignored == .asClass ? 2 : 0) + (change.forgetsSampleWeights ? 1 : 0)
      ofTargets = (offset * 4 + items) * 3 + targets.classWeights(change).rawValue
      ofClasses = 36 + items * 3 + (target?.spreadWeights ?? .ones).rawValue
    }
  }

  private static let placesOfSource = 48

  init(_ tables: SoftmaxTables, _ targets: TargetTables, of slices: Range<Int>) {
    self.tables = tables
    self.targets = targets
    self.slices = slices
    operations = OperationCount(classes: targets.classes, items: tables.rows.layout.batch)
    before = TargetSide(Change.Target(), .given, targets)
    known = Array(repeating: nil, count: tables.sources * Self.placesOfSource)
  }

  /// The sum under a change that leaves the probabilities as they are, and by how much it may be off; nil where it is
  /// not defined.
  @inline(__always)
  mutating func term(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
    if change.target != before.change || change.scale.divisor != before.divisor {
      takeTarget(of: change)
    }
    guard let target = before.target else { return nil }
    let start = change.source.number * Self.placesOfSource
    if known[start + before.ofTargets] == nil { try addTargets(of: change) }
    guard let ofTargets = known[start + before.ofTargets] else { return nil }
    var sum = Sum()
    if target.spread != 0 {
      if known[start + before.ofClasses] == nil { try addClasses(of: change) }
      guard let ofClasses = known[start + before.ofClasses] else { return nil }
      sum.add(ofClasses, times: target.spread)
      if change.target.smoothing.excludesTarget { sum.add(ofTargets, times: -target.spread) }
    }
    sum.add(ofTargets, times: target.kept)
    let factor = change.scale.factor / target.divisor
    var operations = operations
    operations.shift = tables.rows.largestShift(change.source)
    let allowed = operations.logarithms(size: sum.size, factors: sum.factors) * factor.magnitude
    return Recomputation.Term(
      value: sum.loss * factor, bounds: ErrorBounds(careful: allowed, usual: allowed, lenient: allowed),
      gain: factor.magnitude * sum.factors)
  }

  @inline(never)
  private mutating func takeTarget(of change: Change) {
    before = TargetSide(change.target, change.scale.divisor, targets)
  }

  /// Adds the sum over the targets' classes, where it is defined.
  @inline(never)
  private mutating func addTargets(of change: Change) throws(ComputationError) {
    guard let logP = try tables.logProbabilities(change.source) else { return }
    let weights = targets.classWeights(change.target)
    var sum = Sum()
    for row in slices {
      let (item, start) = (tables.rows.numbers[row], row * targets.classes)
      let own = change.target.forgetsSampleWeights ? 1 : targets.sampleWeight(item)
      if !targets.hasIndices {
        for c in 0..<targets.classes {
          sum.add(logP[start + c], times: own * targets.probability(item, c) * targets.weight(weights, c))
        }
      } else if let index = targets.classIndex(item, change.target) {
        sum.add(logP[start + index], times: own * targets.weight(weights, index))
      }
    }
    known[change.source.number * Self.placesOfSource + before.ofTargets] = sum
  }

  /// Adds the sum over all classes, where it is defined.
  @inline(never)
  private mutating func addClasses(of change: Change) throws(ComputationError) {
    guard let weights = before.target?.spreadWeights,
      let spreads = try tables.spreads(change.source, weights, of: targets)
    else { return }
    let total = targets.total(weights)
    var sum = Sum()
    for row in slices {
      let item = tables.rows.numbers[row]
      let counts = !targets.hasIndices || targets.classIndex(item, change.target) != nil
      guard counts, total > 0 else { continue }
      // The mean logarithm, as often as the weights say.
      sum.add(
        -spreads[row] / total, times: total * (change.target.forgetsSampleWeights ? 1 : targets.sampleWeight(item)))
    }
    known[change.source.number * Self.placesOfSource + before.ofClasses] = sum
  }
}
