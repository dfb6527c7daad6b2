import Softmax

/// A number of a loss, or of its gradient, under one change after the other that leaves the probabilities as they are:
/// hundreds of changes share what it is made of. What a change makes of the target is taken first, then what stands in
/// softmax's place.
protocol SharedNumber {
  /// Takes what a change makes of the target.
  /// - Returns: false where it is not defined.
  mutating func take(_ change: Change.Target, _ divisor: Change.Divisor) -> Bool

  /// The number under what was taken, and under what a change makes of softmax; nil where it is not defined.
  mutating func term(
    _ source: Change.Source, _ scale: Change.Scale
  ) throws(ComputationError) -> Recomputation.Term?

  /// Whether a caller's number is plainly not that one, or it is not defined.
  mutating func excludes(
    _ candidate: Double, _ source: Change.Source, _ scale: Change.Scale, in arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool

  /// The same where another function is differentiated in softmax's place.
  mutating func excludesDerivative(
    _ candidate: Double, _ source: Change.Source, _ scale: Change.Scale, in arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool
}

extension SharedNumber {
  /// The number under a change; nil where it is not defined.
  @inline(__always)
  mutating func term(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
    guard take(change.target, change.scale.divisor) else { return nil }
    return try term(change.source, change.scale)
  }
}

/// The losses of some slices added up, to some digits: each is linear in a few sums over the items.
struct LossSums: SharedNumber {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let operations: OperationCount
  /// The slices, by their places in the tables.
  private let slices: Range<Int>
  /// What was last made of the target: changes that differ in the softmax alone come one after the other.
  private var side: TargetSide
  /// The sums of the sources that are known: by offsets, kinds of weights and lanes, and by the latter two.
  private var known: [Sum] = []
  /// Where those of each source begin: over the targets' classes, and over all.
  private var ofTargets: [Place]
  private var ofClasses: [Place]

  private enum Place {
    case unknown, undefined
    case from(Int)
  }

  /// Σ f (-log p), Σ f |log p| and Σ f, f being what the weights amount to.
  private struct Sum {
    var loss = 0.0
    var size = 0.0
    var factors = 0.0

    @inline(__always)
    mutating func add(_ other: Sum, times share: Double) {
      guard share != 0 else { return }
      loss += share * other.loss
      size += share.magnitude * other.size
      factors += share.magnitude * other.factors
    }
  }

  /// Sums for each way to count the items, a lane each: ``TargetTables/lanes(ofItem:)``.
  private struct Lanes {
    private var loss = SIMD4<Double>()
    private var size = SIMD4<Double>()
    private var factors = SIMD4<Double>()

    subscript(lane: Int) -> Sum { Sum(loss: loss[lane], size: size[lane], factors: factors[lane]) }

    @inline(__always)
    mutating func add(_ logP: Double, times factors: SIMD4<Double>) {
      loss -= TargetTables.product(logP, factors)
      size += TargetTables.product(logP.magnitude, factors)
      self.factors += factors
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
      let lane = TargetTables.lane(change)
      // No change has an offset but -1, 0 and 1.
      let offset = targets.hasIndices ? Int(change.offset.signum()) : 0
      ofTargets = ((offset + 1) * 3 + targets.classWeights(change).rawValue) * 4 + lane
      ofClasses = (target?.spreadWeights ?? .ones).rawValue * 4 + lane
    }
  }

  init(_ tables: SoftmaxTables, _ targets: TargetTables, of slices: Range<Int>) {
    self.tables = tables
    self.targets = targets
    self.slices = slices
    operations = OperationCount(classes: targets.classes, items: tables.rows.layout.batch)
    side = TargetSide(Change.Target(), .given, targets)
    ofTargets = Array(repeating: .unknown, count: tables.sources)
    ofClasses = ofTargets
  }

  @inline(__always)
  mutating func take(_ change: Change.Target, _ divisor: Change.Divisor) -> Bool {
    if change != side.change || divisor != side.divisor { replaceSide(change, divisor) }
    return side.target != nil
  }

  @inline(never)
  private mutating func replaceSide(_ change: Change.Target, _ divisor: Change.Divisor) {
    side = TargetSide(change, divisor, targets)
  }

  @inline(__always)
  mutating func term(
    _ source: Change.Source, _ scale: Change.Scale
  ) throws(ComputationError) -> Recomputation.Term? {
    guard let target = side.target else { return nil }
    let number = source.number
    if case .unknown = ofTargets[number] { try addTargets(of: source) }
    guard case .from(let start) = ofTargets[number] else { return nil }
    let ofTargets = known[start + side.ofTargets]
    var sum = Sum()
    if target.spread != 0 {
      if case .unknown = ofClasses[number] { try addClasses(of: source) }
      guard case .from(let start) = ofClasses[number] else { return nil }
      sum.add(known[start + side.ofClasses], times: target.spread)
      if side.change.smoothing.excludesTarget { sum.add(ofTargets, times: -target.spread) }
    }
    sum.add(ofTargets, times: target.kept)
    let factor = scale.factor / target.divisor
    var operations = operations
    operations.shift = tables.rows.largestShift(source)
    let allowed = operations.logarithms(size: sum.size, factors: sum.factors) * factor.magnitude
    return Recomputation.Term(
      value: sum.loss * factor, bounds: ErrorBounds(careful: allowed, usual: allowed, lenient: allowed),
      gain: factor.magnitude * sum.factors)
  }

  @inline(__always)
  mutating func excludes(
    _ candidate: Double, _ source: Change.Source, _ scale: Change.Scale, in arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool {
    guard let term = try term(source, scale) else { return true }
    return !Agreement.isNear(candidate, term, arithmetic)
  }

  /// A loss is not differentiated.
  func excludesDerivative(
    _ candidate: Double, _ source: Change.Source, _ scale: Change.Scale, in arithmetic: CandidateArithmetic
  ) -> Bool { false }

  /// Adds the sums over the targets' classes, those of all changes in one pass, where they are defined.
  @inline(never)
  private mutating func addTargets(of source: Change.Source) throws(ComputationError) {
    ofTargets[source.number] = .undefined
    guard let logP = try tables.logProbabilities(source) else { return }
    var sums = InlineArray<9, Lanes>(repeating: Lanes())
    let (numbers, targets) = (tables.rows.numbers, targets)
    for row in slices {
      let (item, first) = (numbers[row], row * targets.classes)
      let own = targets.lanes(ofItem: item)
      if targets.hasIndices {
        for offset: Int8 in -1...1 {
          guard let c = targets.classIndex(item, Change.Target(offset: offset, ignored: .asClass)) else { break }
          let (logP, weights) = (logP[first + c], targets.lanesOfClasses[c])
          let place = (Int(offset) + 1) * 3
          for kind in 0..<3 { sums[place + kind].add(logP, times: own * weights[kind]) }
        }
      } else {
        for c in 0..<targets.classes {
          let (logP, weights) = (logP[first + c], targets.probability(item, c) * targets.lanesOfClasses[c])
          for kind in 0..<3 { sums[3 + kind].add(logP, times: own * weights[kind]) }
        }
      }
    }
    ofTargets[source.number] = keep(sums.span)
  }

  /// Adds the sums over all classes.
  @inline(never)
  private mutating func addClasses(of source: Change.Source) throws(ComputationError) {
    ofClasses[source.number] = .undefined
    guard let logP = try tables.logProbabilities(source) else { return }
    var sums = InlineArray<3, Lanes>(repeating: Lanes())
    let (numbers, targets) = (tables.rows.numbers, targets)
    let totals = SIMD4(targets.total(.ones), targets.total(.given), targets.total(.squared), 0)
    for row in slices {
      let item = numbers[row]
      guard !targets.hasIndices || targets.classIndex(item, Change.Target(ignored: .asClass)) != nil else { continue }
      let (own, spreads) = (targets.lanes(ofItem: item), targets.spreads(of: logP, from: row * targets.classes))
      for kind in 0..<3 where totals[kind] > 0 {
        // The mean logarithm, as often as the weights say.
        sums[kind].add(-spreads[kind] / totals[kind], times: own * totals[kind])
      }
    }
    ofClasses[source.number] = keep(sums.span)
  }

  /// Keeps a source's sums.
  /// - Returns: where they are.
  private mutating func keep(_ sums: Span<Lanes>) -> Place {
    let start = known.count
    known.reserveCapacity(start + 4 * sums.count)
    for place in sums.indices { for lane in 0..<4 { known.append(sums[place][lane]) } }
    return .from(start)
  }
}
