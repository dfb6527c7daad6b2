import Softmax

/// One number of a loss's gradient, q s / D · (U p - u), and whether a caller's is plainly another. That rules out
/// hundreds of pairs of mistakes, for a part of what it costs to recompute the number with its bounds.
struct GradientNumber {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let place: (row: Int, index: Int)
  private let item: Int
  private let upstream: Double
  private let operations: OperationCount
  /// What stands in p's place, nil where that is not defined, and the largest multiple of the number's terms that
  /// rounding makes of it: by the sources' numbers, where it is known.
  private var sources: [(p: Double?, most: Double)?]
  /// What was last made of the target: changes that differ in the softmax alone come one after the other.
  private var side = TargetSide()

  private struct TargetSide {
    var change = Change.Target()
    var divisor = Change.Divisor.given
    /// Whether it is defined.
    var isDefined = false
    /// q s / D, U and u; 0 where the item does not count.
    var factor = 0.0
    var whole = 0.0
    var share = 0.0
    /// 1 / D.
    var gain = 0.0
  }

  init(_ tables: SoftmaxTables, _ targets: TargetTables, at place: (row: Int, index: Int)) {
    self.tables = tables
    self.targets = targets
    self.place = place
    item = tables.rows.numbers[place.row]
    upstream = targets.upstream(item)
    operations = OperationCount(classes: targets.classes, items: tables.rows.layout.batch)
    sources = Array(repeating: nil, count: tables.sources)
    replaceSide(Change.Target(), .given)
  }

  /// Whether a caller's number is plainly not the one under a change, or that is not defined.
  @inline(__always)
  mutating func excludes(
    _ candidate: Double, _ change: Change, in arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool {
    guard case .given = change.handling, arithmetic.digits == nil, candidate.isFinite else { return false }
    if change.target != side.change || change.scale.divisor != side.divisor {
      replaceSide(change.target, change.scale.divisor)
    }
    guard side.isDefined else { return true }
    let source = change.source
    if sources[source.number] == nil { try find(source) }
    guard let (known, most) = sources[source.number], let p = known else { return true }
    let numerator = change.scale.numerator(tables.request.softmax.temperature)
    var product = numerator * side.factor * side.whole * p
    switch (change.derivation, source) {
    case (.given, _): break
    // Of what takes other numbers of the tensor, or is no p less something, nothing is known here.
    case (.diagonal, _), (.withoutJacobian, _), (.addedTarget, _), (_, .axis), (_, .twice), (_, .withoutLogarithm),
      (_, .given):
      return false
    case (.ofChangedLoss, _): product = 0
    }
    let own = numerator * side.factor * side.share
    let gain = 1 + (numerator * side.gain).magnitude + (numerator * side.factor * side.whole).magnitude
    let bound =
      (product.magnitude + own.magnitude) * most * arithmetic.unit + (arithmetic.least + arithmetic.leastNormal) * gain
    return (candidate - (product - own)).magnitude > 4 * bound
  }

  @inline(never)
  private mutating func replaceSide(_ change: Change.Target, _ divisor: Change.Divisor) {
    side = TargetSide(change: change, divisor: divisor)
    guard let target = ChangedTarget(targets, change, divisor) else { return }
    (side.isDefined, side.gain) = (true, 1 / target.divisor)
    guard let shares = target.shares(item, targets) else { return }
    side.factor = (change.forgetsUpstream ? 1 : upstream) * target.sampleWeight(item, targets) / target.divisor
    side.whole = target.hasClassFactors ? targets.weight(target.weights, place.index) : shares.total
    side.share = target.share(place.index, shares, targets)
  }

  @inline(never)
  private mutating func find(_ source: Change.Source) throws(ComputationError) {
    let p = try tables.numbers(.probabilities, of: source)?[place.row * tables.rows.classes + place.index]
    sources[source.number] = (p, operations.shifted(by: tables.rows, place.row, source).most)
  }
}
