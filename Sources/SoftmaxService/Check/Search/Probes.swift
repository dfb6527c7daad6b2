import Softmax

/// A few of the caller's numbers, on which each change is tried first, in plain binary64. Nearly all changes fail
/// there, at a small part of the price of correctly rounded probabilities of all slices.
///
/// A loss over all slices is one number, and its own probe.
struct Probes: ~Copyable {
  struct Probe {
    /// The number's slice among the probes', and among all that are looked at.
    let row: Int
    let place: (row: Int, index: Int)
    let candidate: Double
    let exact: Double
  }

  let all: [Probe]
  private var estimate: Recomputation
  /// For a loss, those of each probe.
  private(set) var sums: [LossSums] = []
  /// For a gradient, those of the request's loss at each probe.
  private(set) var gradients: [GradientNumber] = []
  /// Whether plain arithmetic is to be trusted: far from overflow.
  let isUsable: Bool
  private var reachOfEpsilon: ConstantReach
  private var reachOfClipping: ConstantReach

  /// - Parameters:
  ///   - places: where the numbers are, at least one; for a loss over all slices, its only place.
  ///   - number: the caller's number at a place, and the exact one.
  init(
    of output: CheckedOutput, at places: [(row: Int, index: Int)], in exact: SoftmaxTables,
    _ request: borrowing CheckRequest,
    _ targets: TargetTables?,
    number: (_ row: Int, _ index: Int) -> (candidate: Double, exact: Double)
  ) {
    let isReduced = request.isReduced(output)
    var slices: [Int] = []
    for place in places where !slices.contains(place.row) { slices.append(place.row) }
    let tables = exact.estimates(of: isReduced ? nil : slices)
    let isAll = tables.rows === exact.rows
    all = places.map { place in
      let (candidate, exact) = number(place.row, place.index)
      let row = isAll ? place.row : slices.firstIndex(of: place.row) ?? 0
      return Probe(row: row, place: place, candidate: candidate, exact: exact)
    }
    estimate = Recomputation(output, of: request, tables, targets)
    reachOfEpsilon = ConstantReach(isClipping: false, of: output)
    reachOfClipping = ConstantReach(isClipping: true, of: output)
    let temperature = request.softmax.temperature
    isUsable = exact.rows.magnitude * max(1, temperature) * max(1, temperature) < 0x1p1000
    guard let targets else { return }
    if output == .gradient {
      gradients = all.map {
        GradientNumber(
          tables, targets, at: ($0.row, $0.place.index), temperature: temperature, estimate.operations)
      }
    }
    guard output == .loss else { return }
    sums = all.map { LossSums(tables, targets, of: isReduced ? 0..<tables.rows.count : $0.row..<($0.row + 1)) }
  }

  /// Whether losses and gradients under a change are found from what many changes share.
  static func shares(_ change: Change) -> Bool {
    if case .given = change.handling { !change.isDifferentiated } else { false }
  }

  /// Calls `body` with each probe and what a change makes of it, until it returns false.
  /// - Returns: whether it never did; nil where the change is not defined.
  private mutating func forEach(
    under change: Change, _ body: (Probe, Recomputation.Term) -> Bool
  ) throws(ComputationError) -> Bool? {
    if Self.shares(change) {
      if !sums.isEmpty { return try Self.forEach(of: &sums, all, under: change, body) }
      if !gradients.isEmpty { return try Self.forEach(of: &gradients, all, under: change, body) }
    }
    guard try estimate.adopt(change) else { return nil }
    for probe in all {
      let term = estimate.isReduced ? estimate.total() : estimate.term(row: probe.row, index: probe.place.index)
      guard body(probe, term) else { return false }
    }
    return true
  }

  @inline(__always)
  private static func forEach<Number: SharedNumber>(
    of numbers: inout [Number], _ probes: [Probe], under change: Change, _ body: (Probe, Recomputation.Term) -> Bool
  ) throws(ComputationError) -> Bool? {
    for place in probes.indices {
      guard let term = try numbers[place].term(change) else { return nil }
      guard body(probes[place], term) else { return false }
    }
    return true
  }

  /// Whether the caller's numbers may agree with those under a change.
  mutating func mayAgree(_ change: Change, _ arithmetic: CandidateArithmetic) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    guard try canReach(change.handling, arithmetic) else { return false }
    return try forEach(under: change) { Agreement.isNear($0.candidate, $1, arithmetic) } ?? false
  }

  /// Whether numbers may be those at the probes, in their order.
  mutating func mayBe(_ numbers: [Double], _ arithmetic: CandidateArithmetic) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    var place = 0
    return try forEach(under: Change()) { _, term in
      defer { place += 1 }
      return Agreement.isNear(numbers[place], term, arithmetic)
    } ?? false
  }

  /// Whether the exact numbers may be those of the request as it is recomputed: else the request has an option that
  /// recomputations do not know.
  mutating func areExact(_ arithmetic: CandidateArithmetic) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    return try forEach(under: Change()) { Agreement.isNear($0.exact, $1, arithmetic) } ?? false
  }

  /// How many times the numbers recomputed under a change the caller's are, where that is the same at all probes; nil
  /// where it is not, or cannot be said.
  mutating func multiple(of change: Change, _ arithmetic: CandidateArithmetic) throws(ComputationError) -> Double? {
    var multiple: Double?
    let isLoss = !sums.isEmpty
    let isSame = try forEach(under: change) { probe, term in
      let ratio = probe.candidate / term.value
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

  /// Whether a change gives numbers nearer to the caller's than the exact ones are, at one of the probes.
  mutating func areNearer(_ change: Change) throws(ComputationError) -> Bool {
    guard isUsable else { return true }
    return try forEach(under: change) { probe, term in
      // The first that is nearer ends it; what rounds to 0 does so with a mistake and without.
      if probe.candidate == 0, term.value == 0 { return true }
      let distance = 2 * (probe.candidate - term.value).magnitude
      return !(distance < (probe.candidate - probe.exact).magnitude) && !term.isSpoiled
    } == false
  }

  /// Whether a constant in the logarithms may move a loss or an entropy from the exact one to the caller's.
  private mutating func canReach(
    _ handling: Change.Handling, _ arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Bool {
    if case .given = handling { return true }
    let output = estimate.output
    guard output == .loss || output == .entropy, let probe = all.first else { return true }
    func recompute(_ change: Change) throws(ComputationError) -> Recomputation.Term? {
      if change.handling == .given, !sums.isEmpty { return try sums[0].term(change) }
      guard try estimate.adopt(change) else { return nil }
      return estimate.isReduced ? estimate.total() : estimate.term(row: probe.row, index: probe.place.index)
    }
    switch handling {
    case .epsilon(let constant):
      return try reachOfEpsilon.includes(constant, probe, arithmetic, recompute: recompute)
    case .clipped(let constant, _):
      return try reachOfClipping.includes(constant, probe, arithmetic, recompute: recompute)
    case .given, .unshifted, .flushed, .beyond: return true
    }
  }
}

/// How far constants in the logarithms move one loss or entropy. The larger a constant is the further it moves the
/// number, so that a few of them tell which one may have moved it as far as it is.
struct ConstantReach {
  /// Whether the constant clips probabilities; else it is added to them.
  private let isClipping: Bool
  /// Whether the constant makes the number smaller.
  private let isLowering: Bool
  /// The number without a constant, once it is known.
  private var base: Recomputation.Term?
  /// How far each of the constants moves it, where that is known; empty at first.
  private var known: [Double?] = []
  private var isSearched = false

  init(isClipping: Bool, of output: CheckedOutput) {
    self.isClipping = isClipping
    isLowering = output == .loss || !isClipping
  }

  /// Whether a constant may have moved the exact number to the caller's.
  /// - Parameters:
  ///   - recompute: the number under a change; nil where that is not defined.
  mutating func includes(
    _ constant: Double, _ probe: Probes.Probe, _ arithmetic: CandidateArithmetic,
    recompute: (Change) throws(ComputationError) -> Recomputation.Term?
  ) throws(ComputationError) -> Bool {
    let constants = Change.Handling.constants
    let distance = isLowering ? probe.exact - probe.candidate : probe.candidate - probe.exact
    guard let place = constants.firstIndex(of: constant), distance.isFinite else { return true }
    if base == nil { base = try recompute(Change()) }
    guard let base else { return true }
    if known.isEmpty { known = Array(repeating: nil, count: constants.count) }
    // Clipped from above too, no probability moves by more than the constant, and its logarithm hardly further.
    let allowed = Agreement.nearness(probe.candidate, base, arithmetic) + 4 * constant * max(1, base.gain)
    guard distance >= -allowed else { return false }
    if !isSearched { try search(for: distance, allowed, recompute) }
    if let most = known[place...].lazy.compactMap({ $0 }).first, distance > most + allowed { return false }
    if let least = known[...place].lazy.compactMap({ $0 }).last, distance < least - allowed { return false }
    guard known[place] == nil, let reach = try reach(of: place, recompute) else { return true }
    known[place] = reach
    return (distance - reach).magnitude <= allowed
  }

  /// Learns between which two constants a distance lies.
  private mutating func search(
    for distance: Double, _ allowed: Double,
    _ recompute: (Change) throws(ComputationError) -> Recomputation.Term?
  ) throws(ComputationError) {
    isSearched = true
    // The largest first: few distances are within what it reaches.
    var range = 0..<known.count
    var place = known.count - 1
    while !range.isEmpty {
      guard let reach = try reach(of: place, recompute) else { return }
      known[place] = reach
      if place == known.count - 1, distance > reach + allowed { return }
      range = reach < distance ? (place + 1)..<range.upperBound : range.lowerBound..<place
      place = (range.lowerBound + range.upperBound) / 2
    }
  }

  /// How far a constant moves the number; nil where it has none.
  private func reach(
    of place: Int, _ recompute: (Change) throws(ComputationError) -> Recomputation.Term?
  ) throws(ComputationError) -> Double? {
    let constant = Change.Handling.constants[place]
    var change = Change()
    change.handling = isClipping ? .clipped(constant, twoSided: false) : .epsilon(constant)
    guard let base, let term = try recompute(change), term.value.isFinite else { return nil }
    return (term.value - base.value).magnitude
  }
}
