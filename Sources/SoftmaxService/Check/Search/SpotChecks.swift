import Softmax

/// A few of the caller's numbers, on which each change is tried first, in plain binary64. Nearly all changes fail
/// there, at a small part of the price of correctly rounded probabilities of all rows.
///
/// A loss over all rows is one number, and its own spot.
struct SpotChecks: ~Copyable {
  struct Spot {
    /// The number's row among the spots', and among all that are looked at.
    let row: Int
    let place: (row: Int, index: Int)
    let candidate: Double
    let exact: Double
  }

  let all: [Spot]
  private var estimate: Recomputation
  /// For a loss, those of each spot.
  private var sums: [LossSums] = []
  /// For a gradient, the number at the first spot, which alone tells that nearly all changes do not agree.
  private var first: GradientNumber?
  /// Whether plain arithmetic is to be trusted: far from overflow.
  private let isUsable: Bool
  private var reachOfEpsilon: ConstantReach
  private var reachOfClipping: ConstantReach

  /// - Parameters:
  ///   - places: where the numbers are, at least one; for a loss over all rows, its only place.
  ///   - number: the caller's number at a place, and the exact one.
  init(
    of output: CheckedOutput, at places: [(row: Int, index: Int)], in exact: SoftmaxTables,
    number: (_ row: Int, _ index: Int) -> (candidate: Double, exact: Double)
  ) {
    let isReduced = exact.request.isReduced(output)
    var rows: [Int] = []
    for place in places where !rows.contains(place.row) { rows.append(place.row) }
    let tables = exact.estimates(of: isReduced ? nil : rows)
    let isAll = tables.rows === exact.rows
    all = places.map { place in
      let (candidate, exact) = number(place.row, place.index)
      let row = isAll ? place.row : rows.firstIndex(of: place.row) ?? 0
      return Spot(row: row, place: place, candidate: candidate, exact: exact)
    }
    estimate = Recomputation(output, of: tables)
    reachOfEpsilon = ConstantReach(isClipping: false, of: output)
    reachOfClipping = ConstantReach(isClipping: true, of: output)
    let temperature = max(1, exact.request.softmax.temperature)
    isUsable = exact.rows.magnitude * temperature * temperature < 0x1p1000
    guard let targets = tables.targets else { return }
    if output == .gradient {
      first = GradientNumber(tables, targets, at: (all[0].row, all[0].place.index))
    }
    guard output == .loss else { return }
    sums = all.map { LossSums(tables, targets, of: isReduced ? 0..<tables.rows.count : $0.row..<($0.row + 1)) }
  }

  /// Calls `body` with each spot and what a change makes of it, until it returns false.
  /// - Returns: whether it never did; nil where the change is not defined.
  private mutating func forEach(
    under change: Change, _ body: (Spot, Recomputation.Term) -> Bool
  ) throws(ComputationError) -> Bool? {
    if !sums.isEmpty, LossSums.knows(change) {
      for place in all.indices {
        guard let term = try sums[place].term(change) else { return nil }
        guard body(all[place], term) else { return false }
      }
      return true
    }
    guard try estimate.adopt(change) else { return nil }
    for spot in all {
      let term = estimate.isReduced ? estimate.total() : estimate.term(row: spot.row, index: spot.place.index)
      guard body(spot, term) else { return false }
    }
    return true
  }

  /// Whether the caller's numbers may agree with those under a change.
  mutating func mayAgree(_ change: Change, _ arithmetic: CandidateArithmetic) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    if try first?.excludes(all[0].candidate, change, in: arithmetic) == true { return false }
    guard try canReach(change.handling, arithmetic) else { return false }
    return try forEach(under: change) { Agreement.isNear($0.candidate, $1, arithmetic) } ?? false
  }

  /// Whether numbers may be those of the request as it is at the spots, in their order.
  mutating func mayBe(_ numbers: [Double], _ arithmetic: CandidateArithmetic) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    var place = 0
    return try forEach(under: Change()) { _, term in
      defer { place += 1 }
      return Agreement.isNear(numbers[place], term, arithmetic)
    } ?? false
  }

  /// How many times the numbers recomputed under a change the caller's are, where that is the same at all spots; nil
  /// where it is not, or cannot be said.
  mutating func multiple(of change: Change, _ arithmetic: CandidateArithmetic) throws(ComputationError) -> Double? {
    var multiple: Double?
    let isLoss = !sums.isEmpty
    let isSame = try forEach(under: change) { spot, term in
      let ratio = spot.candidate / term.value
      // What cancels says nothing.
      let noise = max(term.bounds.lenient * 0x1p-53, term.bounds.usual * arithmetic.unit)
      guard ratio.isFinite, term.value.magnitude > 0x1p10 * noise || isLoss else { return true }
      if let multiple, !Self.areNear(ratio, multiple) { return false }
      multiple = ratio
      return true
    }
    return isSame == true ? multiple : nil
  }

  /// Whether two multiples are the same, as far as numbers of a short format tell.
  static func areNear(_ one: Double, _ other: Double) -> Bool {
    (one - other).magnitude <= other.magnitude * 0x1p-8
  }

  /// Whether a change gives numbers nearer to the caller's than the exact ones are, at one of the spots.
  mutating func areNearer(_ change: Change) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    return try forEach(under: change) { spot, term in
      // The first that is nearer ends it; what rounds to 0 does so with a mistake and without.
      if spot.candidate == 0, term.value == 0 { return true }
      let distance = 2 * (spot.candidate - term.value).magnitude
      return !(distance < (spot.candidate - spot.exact).magnitude) && !term.isSpoiled
    } == false
  }

  /// Whether a constant in the logarithms may move a loss or an entropy from the exact one to the caller's.
  private mutating func canReach(
    _ handling: Change.Handling, _ arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool {
    if case .given = handling { return true }
    let output = estimate.output
    guard output == .loss || output == .entropy, let spot = all.first else { return true }
    func recompute(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
      if change.handling == .given, !sums.isEmpty { return try sums[0].term(change) }
      guard try estimate.adopt(change) else { return nil }
      return estimate.isReduced ? estimate.total() : estimate.term(row: spot.row, index: spot.place.index)
    }
    switch handling {
    case .epsilon(let constant):
      return try reachOfEpsilon.includes(constant, spot, arithmetic, recompute: recompute)
    case .clipped(let constant, _):
      return try reachOfClipping.includes(constant, spot, arithmetic, recompute: recompute)
    case .given, .unshifted, .flushed, .gradual, .beyond, .difference: return true
    }
  }
}

/// How far constants in the logarithms move one loss or entropy. The larger a constant is the further it moves the
/// number: where the largest does not reach as far, none does.
struct ConstantReach {
  /// Whether the constant clips probabilities; else it is added to them.
  private let isClipping: Bool
  /// Whether the constant makes the number smaller.
  private let isLowering: Bool
  /// The number without a constant, and how far each of the constants moves it, once that is known.
  private var base: Recomputation.Term?
  private var known = [Double?](repeating: nil, count: Change.Handling.constants.count)

  init(isClipping: Bool, of output: CheckedOutput) {
    self.isClipping = isClipping
    isLowering = output == .loss || !isClipping
  }

  /// Whether a constant may have moved the exact number to the caller's.
  /// - Parameters:
  ///   - recompute: the number under a change; nil where that is not defined.
  mutating func includes(
    _ constant: Double, _ spot: SpotChecks.Spot, _ arithmetic: CandidateArithmetic,
    recompute: (Change) throws(ComputationError) -> Recomputation.Term?
  ) throws(ComputationError) -> Bool {
    let distance = isLowering ? spot.exact - spot.candidate : spot.candidate - spot.exact
    guard let place = Change.Handling.constants.firstIndex(of: constant), distance.isFinite else { return true }
    if base == nil { base = try recompute(Change()) }
    guard let base else { return true }
    // Clipped from above too, no probability moves by more than the constant, and its logarithm hardly further.
    let allowed = Agreement.nearness(spot.candidate, base, arithmetic) + 4 * constant * max(1, base.gain)
    guard distance >= -allowed else { return false }
    if let most = try reach(of: known.count - 1, from: base, recompute), distance > most + allowed { return false }
    guard let reach = try reach(of: place, from: base, recompute) else { return true }
    return (distance - reach).magnitude <= allowed
  }

  /// How far a constant moves the number; nil where it has none.
  private mutating func reach(
    of place: Int, from base: Recomputation.Term, _ recompute: (Change) throws(ComputationError) -> Recomputation.Term?
  ) throws(ComputationError) -> Double? {
    if let reach = known[place] { return reach }
    let constant = Change.Handling.constants[place]
    var change = Change()
    change.handling = isClipping ? .clipped(constant, twoSided: false) : .epsilon(constant)
    guard let term = try recompute(change), term.value.isFinite else { return nil }
    known[place] = (term.value - base.value).magnitude
    return known[place]
  }
}

/// The losses of some rows added up, under one change after the other that leaves the probabilities as they are. Each
/// is linear in a few sums over the items, which hundreds of changes share.
struct LossSums {
  private let tables: SoftmaxTables
  private let targets: TargetTables
  private let operations: OperationCount
  /// The rows, by their places in the tables.
  private let rows: Range<Int>
  /// What was last made of the target: changes that differ in the softmax alone come one after the other.
  private var side: TargetSide
  /// The sums of each source that is known, empty where it is not defined: over the targets' classes by offsets and
  /// kinds of weights; and over all classes by the latter.
  private var ofTargets: [[Lanes]?]
  private var ofClasses: [[Lanes]?]

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

  /// Sums for each way to count the items, a lane each: ``TargetTables/lanes(ofRow:)``.
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
    let lane: Int

    init(_ change: Change.Target, _ divisor: Change.Divisor, _ targets: borrowing TargetTables) {
      self.change = change
      self.divisor = divisor
      target = ChangedTarget(targets, change, divisor)
      lane = TargetTables.lane(change)
      ofTargets = TargetTables.place(targets.classWeights(change), offset: targets.hasIndices ? change.offset : 0)
      ofClasses = (target?.spreadWeights ?? .ones).rawValue
    }
  }

  init(_ tables: SoftmaxTables, _ targets: TargetTables, of rows: Range<Int>) {
    self.tables = tables
    self.targets = targets
    self.rows = rows
    operations = OperationCount(classes: targets.classes, items: tables.rows.layout.batch)
    side = TargetSide(Change.Target(), .given, targets)
    ofTargets = Array(repeating: nil, count: tables.sources)
    ofClasses = ofTargets
  }

  /// Whether it knows a change.
  static func knows(_ change: Change) -> Bool {
    guard case .given = change.handling else { return false }
    return !change.isDifferentiated && !change.target.leavesOutEntropy && change.target.ignored != .asOther
  }

  /// The sum under a change; nil where it is not defined.
  @inline(__always)
  mutating func term(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
    if change.target != side.change || change.scale.divisor != side.divisor {
      side = TargetSide(change.target, change.scale.divisor, targets)
    }
    guard let target = side.target else { return nil }
    let (source, scale) = (change.source, change.scale)
    let ofTargets = try sums(overTargetsOf: source)
    guard !ofTargets.isEmpty else { return nil }
    let own = ofTargets[side.ofTargets][side.lane]
    var sum = Sum()
    if target.spread != 0 {
      sum.add(try sums(overClassesOf: source)[side.ofClasses][side.lane], times: target.spread)
      if side.change.smoothing.excludesTarget { sum.add(own, times: -target.spread) }
    }
    sum.add(own, times: target.kept)
    let factor = scale.factor(tables.request.softmax.temperature) / target.divisor
    var operations = operations
    operations.shift = tables.rows.largestShift(source)
    let allowed = operations.logarithms(size: sum.size, factors: sum.factors) * factor.magnitude
    return Recomputation.Term(
      value: sum.loss * factor, bounds: ErrorBounds(careful: allowed, usual: allowed, lenient: allowed),
      gain: factor.magnitude * sum.factors)
  }

  /// The sums over the targets' classes, those of all changes in one pass.
  private mutating func sums(overTargetsOf source: Change.Source) throws(ComputationError) -> [Lanes] {
    if let known = ofTargets[source.number] { return known }
    ofTargets[source.number] = []
    guard let logP = try tables.numbers(.logProbabilities, of: source) else { return [] }
    var sums = Array(repeating: Lanes(), count: 9)
    let (numbers, targets) = (tables.rows.numbers, targets)
    let kinds = targets.hasWeights ? 3 : 1
    for row in rows {
      let (item, first) = (numbers[row], row * targets.classes)
      let own = targets.lanes(ofRow: item)
      if targets.hasIndices {
        for offset: Int8 in -1...1 {
          guard let c = targets.classIndex(item, Change.Target(offset: offset, ignored: .asClass)) else { break }
          let (logP, weights) = (logP[first + c], targets.lanesOfClasses[c])
          let place = TargetTables.place(.ones, offset: offset)
          for kind in 0..<kinds { sums[place + kind].add(logP, times: own * weights[kind]) }
        }
      } else {
        let place = TargetTables.place(.ones, offset: 0)
        for c in 0..<targets.classes {
          let (logP, weights) = (logP[first + c], targets.probability(item, c) * targets.lanesOfClasses[c])
          for kind in 0..<kinds { sums[place + kind].add(logP, times: own * weights[kind]) }
        }
      }
    }
    ofTargets[source.number] = sums
    return sums
  }

  /// The sums over all classes, where those over the targets' classes are defined.
  private mutating func sums(overClassesOf source: Change.Source) throws(ComputationError) -> [Lanes] {
    if let known = ofClasses[source.number] { return known }
    guard let logP = try tables.numbers(.logProbabilities, of: source) else { return [] }
    var sums = Array(repeating: Lanes(), count: 3)
    let (numbers, targets) = (tables.rows.numbers, targets)
    let totals = SIMD4(targets.total(.ones), targets.total(.given), targets.total(.squared), 0)
    for row in rows {
      let item = numbers[row]
      guard !targets.hasIndices || targets.classIndex(item, Change.Target(ignored: .asClass)) != nil else { continue }
      let (own, spreads) = (targets.lanes(ofRow: item), targets.spreads(of: logP, from: row * targets.classes))
      for kind in 0..<3 where totals[kind] > 0 {
        // The mean logarithm, as often as the weights say.
        sums[kind].add(-spreads[kind] / totals[kind], times: own * totals[kind])
      }
    }
    ofClasses[source.number] = sums
    return sums
  }
}
