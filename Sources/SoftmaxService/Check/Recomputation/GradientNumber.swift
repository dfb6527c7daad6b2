import Softmax

/// One number of a loss's gradient, as ``Recomputation`` has it.
struct GradientNumber: SharedNumber {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let place: (row: Int, index: Int)
  private let item: Int
  private let upstream: Double
  private let temperature: Double
  /// What stands in the probabilities' place, by the sources' numbers.
  private var sources: [SoftmaxSide]
  /// What was last made of the target: changes that differ in the softmax alone come one after the other.
  private var side = TargetSide()

  /// p, and what belongs to it.
  private struct SoftmaxSide {
    enum State { case unknown, known, undefined }

    var state = State.unknown
    var probability = 0.0
    /// The sum of the slice's other probabilities than the largest; nil where they do not sum to 1.
    var others: Double?
    var operations: OperationCount
  }

  /// In q s / D · (U p - u), all but p and q.
  private struct TargetSide {
    var change = Change.Target()
    var divisorChange = Change.Divisor.given
    /// Nil where it is not defined.
    var target: ChangedTarget?
    /// Whether the item counts.
    var counts = false
    var sampleWeight = 0.0
    var divisor = 1.0
    var whole = 0.0
    var total = 0.0
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
    sources = Array(repeating: SoftmaxSide(operations: operations), count: tables.sources)
    replaceSide(Change.Target(), .given)
  }

  @inline(__always)
  mutating func take(_ change: Change.Target, _ divisor: Change.Divisor) -> Bool {
    if change != side.change || divisor != side.divisorChange { replaceSide(change, divisor) }
    return side.target != nil
  }

  @inline(never)
  private mutating func replaceSide(_ change: Change.Target, _ divisor: Change.Divisor) {
    side = TargetSide(change: change, divisorChange: divisor)
    guard let target = ChangedTarget(targets, change, divisor) else { return }
    side.target = target
    guard let shares = target.shares(item, targets) else { return }
    side.counts = true
    side.sampleWeight = target.sampleWeight(item, targets)
    side.divisor = target.divisor
    side.total = shares.total
    side.whole = target.hasClassFactors ? targets.weight(target.weights, place.index) : shares.total
    side.share = target.share(place.index, shares, targets)
    side.isWhole = !target.hasClassFactors
  }

  mutating func term(
    _ source: Change.Source, _ scale: Change.Scale
  ) throws(ComputationError) -> Recomputation.Term? {
    guard try look(up: source), side.target != nil else { return nil }
    guard side.counts else { return Recomputation.Term() }
    let softmax = sources[source.number]
    return .gradient(
      factor: factor(scale), whole: side.whole, share: side.share, p: softmax.probability,
      others: side.isWhole ? softmax.others : nil, softmax.operations)
  }

  /// By a bound that is wider than that of ``OperationCount/gradient(_:factor:whole:p:share:)``, and costs less.
  @inline(__always)
  mutating func excludes(
    _ candidate: Double, _ source: Change.Source, _ scale: Change.Scale, in arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool {
    guard try look(up: source), side.target != nil else { return true }
    let (factor, p) = (factor(scale), sources[source.number].probability)
    let (product, own) = (factor * side.whole * p, factor * side.share)
    return excludes(
      candidate, product - own, of: product.magnitude + own.magnitude, gain: factor * side.whole, source, in: arithmetic
    )
  }

  mutating func excludesDerivative(
    _ candidate: Double, _ source: Change.Source, _ scale: Change.Scale, in arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool {
    guard try look(up: source), let target = side.target else { return true }
    let (gain, p) = (scale.numerator(temperature) / target.divisor, sources[source.number].probability)
    let (factor, own) = (factor(scale), factor(scale) * side.share)
    switch source {
    case .axis(let axis):
      let layout = tables.layout(along: axis)
      let slice = layout.slice(of: tables.rows.position(row: place.row, class: place.index))
      let product = gain * targets.total(along: layout, slice, target, factor: 1) * p
      return excludes(
        candidate, product - own, of: product.magnitude + own.magnitude, gain: gain, source, in: arithmetic)
    case .twice:
      guard let inner = try tables.probabilities(.given), let twice = try tables.probabilities(.twice) else {
        return true
      }
      let first = place.row * tables.rows.classes
      let (mean, size) =
        target.shares(item, targets).map { targets.sums(throughJacobian: inner, twice, from: first, $0, target) }
        ?? (0, 0)
      let outer = factor * inner[first + place.index]
      return excludes(
        candidate, outer * (side.total * p - side.share - mean),
        of: outer.magnitude * (side.total * p + side.share + size), gain: gain, source, in: arithmetic)
    case .given, .withoutTemperature, .timesTemperature, .logits, .withoutCap, .sigmoid, .binary:
      return excludes(candidate, -own, of: own.magnitude, gain: gain, source, in: arithmetic)
    }
  }

  /// Whether a number is further from a value than right arithmetic can be, of terms of some size.
  @inline(__always)
  private func excludes(
    _ candidate: Double, _ value: Double, of size: Double, gain: Double, _ source: Change.Source,
    in arithmetic: CandidateArithmetic
  ) -> Bool {
    let floor = (arithmetic.least + arithmetic.leastNormal) * (1 + gain.magnitude)
    let bound = size * sources[source.number].operations.most * arithmetic.unit + floor
    return (candidate - value).magnitude > 4 * bound && arithmetic.digits == nil
  }

  private func factor(_ scale: Change.Scale) -> Double {
    scale.numerator(temperature) / side.divisor * (side.change.forgetsUpstream ? 1 : upstream) * side.sampleWeight
  }

  /// - Returns: false where a source is not defined.
  @inline(__always)
  private mutating func look(up source: Change.Source) throws(ComputationError) -> Bool {
    if sources[source.number].state == .unknown { try find(source) }
    return sources[source.number].state == .known
  }

  @inline(never)
  private mutating func find(_ source: Change.Source) throws(ComputationError) {
    let number = source.number
    sources[number].state = .undefined
    guard let p = try tables.probabilities(source) else { return }
    let others = source.sumsToOne ? try tables.others(source) : nil
    let (rows, row) = (tables.rows, place.row)
    sources[number].state = .known
    sources[number].probability = p[row * rows.classes + place.index]
    sources[number].others = others?[row]
    sources[number].operations = sources[number].operations.shifted(by: rows, row, source)
  }
}
