import Softmax

/// The losses of some slices added up, under one change after the other, to some digits: each is linear in a few sums
/// over the items, which hundreds of changes share.
struct LossSums {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let operations: OperationCount
  /// The slices, by their places in the tables.
  private let slices: Range<Int>
  /// The sums that are known, by ``place(_:_:_:)``.
  private var ofTargets: [Sum?] = []
  private var ofClasses: [Sum?] = []
  /// A few hundred places hold them all, but for many axes.
  private static let usualPlaces = 256

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

  init(_ tables: SoftmaxTables, _ targets: TargetTables, of slices: Range<Int>) {
    self.tables = tables
    self.targets = targets
    self.slices = slices
    operations = OperationCount(classes: targets.classes, items: tables.rows.layout.batch)
    ofTargets.reserveCapacity(Self.usualPlaces)
    if targets.smoothing > 0 { ofClasses.reserveCapacity(Self.usualPlaces) }
  }

  /// The sum under a change that leaves the probabilities as they are, and by how much it may be off; nil where it is
  /// not defined.
  mutating func term(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
    guard let target = ChangedTarget(targets, change) else { return nil }
    let weights = targets.classWeights(change)
    guard var sum = try sum(change, weights, ofClasses: false) else { return nil }
    let single = sum
    sum = Sum()
    sum.add(single, times: target.kept)
    if target.spread != 0 {
      guard let ofClasses = try self.sum(change, target.spreadWeights, ofClasses: true) else { return nil }
      sum.add(ofClasses, times: target.spread)
      if change.smoothing.excludesTarget { sum.add(single, times: -target.spread) }
    }
    let factor = change.scale.factor / target.divisor
    var operations = operations
    operations.shift = tables.rows.largestShift(change.source)
    let allowed = operations.logarithms(size: sum.size, factors: sum.factors) * factor.magnitude
    return Recomputation.Term(
      value: sum.loss * factor, bounds: ErrorBounds(careful: allowed, usual: allowed, lenient: allowed),
      gain: factor.magnitude * sum.factors)
  }

  /// The sum over the targets' classes, or over all classes, with some weights.
  private mutating func sum(
    _ change: Change, _ weights: TargetTables.ClassWeights, ofClasses isOfClasses: Bool
  ) throws(ComputationError) -> Sum? {
    let source = change.source.number
    let place = Self.place(
      source, offset: isOfClasses || !targets.hasIndices ? 0 : change.targetOffset, change, weights)
    if let known = isOfClasses ? ofClasses[at: place] : ofTargets[at: place] { return known }
    let sum = try isOfClasses ? sumOfClasses(change, weights) : sumOfTargets(change, weights)
    guard let sum else { return nil }
    if isOfClasses { ofClasses[at: place] = sum } else { ofTargets[at: place] = sum }
    return sum
  }

  private func sumOfTargets(
    _ change: Change, _ weights: TargetTables.ClassWeights
  ) throws(ComputationError) -> Sum? {
    guard let logP = try tables.logProbabilities(change.source) else { return nil }
    var sum = Sum()
    for row in slices {
      let (item, start) = (tables.rows.numbers[row], row * targets.classes)
      let own = change.forgetsSampleWeights ? 1 : targets.sampleWeight(item)
      if !targets.hasIndices {
        for c in 0..<targets.classes {
          sum.add(logP[start + c], times: own * targets.probability(item, c) * targets.weight(weights, c))
        }
      } else if let index = targets.classIndex(item, offset: change.targetOffset, change.ignored) {
        sum.add(logP[start + index], times: own * targets.weight(weights, index))
      }
    }
    return sum
  }

  private func sumOfClasses(
    _ change: Change, _ weights: TargetTables.ClassWeights
  ) throws(ComputationError) -> Sum? {
    guard let spreads = try tables.spreads(change.source, weights, of: targets) else { return nil }
    let total = targets.total(weights)
    var sum = Sum()
    for row in slices {
      let item = tables.rows.numbers[row]
      let counts =
        !targets.hasIndices || targets.classIndex(item, offset: change.targetOffset, change.ignored) != nil
      guard counts, total > 0 else { continue }
      // The mean logarithm, as often as the weights say.
      sum.add(
        -spreads[row] / total, times: total * (change.forgetsSampleWeights ? 1 : targets.sampleWeight(item)))
    }
    return sum
  }

  /// Where a sum is kept: no change has an offset but -1, 0 and 1.
  private static func place(
    _ source: Int, offset: Int, _ change: Change, _ weights: TargetTables.ClassWeights
  ) -> Int {
    let items = (change.ignored == .asClass ? 2 : 0) + (change.forgetsSampleWeights ? 1 : 0)
    return ((source * 3 + offset.signum() + 1) * 4 + items) * 3 + weights.rawValue
  }
}

extension Array {
  /// An element that may be there: an array of these grows as far as it is written to.
  fileprivate subscript<Wrapped>(at place: Int) -> Wrapped? where Element == Wrapped? {
    get { place < count ? self[place] : nil }
    set {
      while count <= place { append(nil) }
      self[place] = newValue
    }
  }
}
