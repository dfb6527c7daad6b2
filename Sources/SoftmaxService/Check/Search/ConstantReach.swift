import Softmax

/// How far constants in the logarithms move one loss or entropy. The larger a constant is the further it moves the
/// number, so that a few of them tell which one may have moved it as far as it is.
struct ConstantReach {
  /// Whether probabilities are clipped, and not added to.
  private let isClipping: Bool
  /// Whether the number becomes less.
  private let isLowering: Bool
  /// The number without a constant, once it is known.
  private var base: Recomputation.Term?
  /// How far each of the constants moves it, where that is known; empty at first.
  private var known: [Double?] = []
  private var isSearched = false

  init(isClipping: Bool, of output: Output) {
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
