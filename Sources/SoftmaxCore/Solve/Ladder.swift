/// The stages, each dearer and surer than the one before.
public enum Stage: Int, Sendable, Comparable, CaseIterable {
  /// Vectorised, good to about 2^-79.
  case fast
  /// Double-double with an error bound, about 2^-98.
  case doubleDouble
  /// Intervals of big numbers, from 256 bits to whatever it takes.
  case big

  public static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
}

/// Something with outputs still open, which any arithmetic may try to settle.
protocol OpenQuestions {
  /// How many outputs are still open.
  var openCount: Int { get }
  /// Settles what can be settled.
  mutating func attempt<A: Arithmetic>(_ arithmetic: A, _ poll: inout Poll) throws(ComputationError)
}

/// What a climb needs besides its questions.
struct Climb {
  /// The first stage to try.
  let start: Stage
  var poll: Poll
  var counts = StageCounts()

  init(_ execution: Execution, from start: Stage) {
    self.start = start
    poll = Poll(execution)
  }

  /// Climbs until nothing is open. It ends because what can be rational gets exact, and what cannot lies some way from every
  /// rounding boundary.
  mutating func settle<Q: OpenQuestions>(_ questions: inout Q) throws(ComputationError) {
    guard questions.openCount > 0 else { return }
    if start < .big {
      counts.doubleDouble += questions.openCount
      try questions.attempt(BallArithmetic.standard, &poll)
      guard questions.openCount > 0 else { return }
    }
    counts.big += questions.openCount
    poll.isUnbounded = true
    defer { poll.isUnbounded = false }
    var bits = 256
    try questions.attempt(BigArithmetic.standard, &poll)
    while questions.openCount > 0 {
      bits *= 2
      try questions.attempt(BigArithmetic.wide(bits: bits, &poll), &poll)
    }
    counts.widest = max(counts.widest, bits)
  }
}
