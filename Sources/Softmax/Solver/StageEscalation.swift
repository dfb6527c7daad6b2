/// The stages, each dearer and more precise than the one before. docs/numerics.md §3 says why the last always ends.
public enum Stage: Int, Sendable, Comparable, CaseIterable {
  /// Vectorised double-double numbers, good to about 2^-79.
  case vector
  /// Double-double numbers with an error bound, good to about 2^-98.
  case ball
  /// Intervals between big numbers, from 256 bits to as many as it takes.
  case interval

  public static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
}

/// Outputs that are not rounded yet.
protocol UnresolvedOutputs {
  var unresolvedCount: Int { get }
  /// Rounds the outputs whose enclosures in this arithmetic hold only one number of the result format, or lie nearest
  /// to it.
  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError)
}

/// Asks one stage after the other, from ball on, until all outputs are rounded.
struct StageEscalation {
  /// The first stage to ask.
  let start: Stage
  var poll: CancellationPoll
  var counts = StageCounts()

  init(_ execution: Execution, from start: Stage) {
    self.start = start
    poll = CancellationPoll(execution)
  }

  /// It ends because a rational result becomes exact with enough bits, and an irrational one lies some way from every
  /// midpoint between two numbers.
  mutating func resolve<Outputs: UnresolvedOutputs>(_ outputs: inout Outputs) throws(ComputationError) {
    guard outputs.unresolvedCount > 0 else { return }
    if start < .interval {
      counts.ball += outputs.unresolvedCount
      try outputs.resolve(with: BallArithmetic.standard, &poll)
      guard outputs.unresolvedCount > 0 else { return }
    }
    counts.interval += outputs.unresolvedCount
    poll.isUnbounded = true
    defer { poll.isUnbounded = false }
    var bits = 256
    try outputs.resolve(with: IntervalArithmetic.standard, &poll)
    while outputs.unresolvedCount > 0 {
      bits *= 2
      try outputs.resolve(with: IntervalArithmetic.wide(bits: bits, &poll), &poll)
    }
    counts.widestBits = max(counts.widestBits, bits)
  }
}

/// How many outputs each stage was asked for.
public struct StageCounts: Sendable, Hashable {
  /// All results.
  public var outputs = 0
  /// Those that the vector stage left open, or was not asked for, but for what is known without arithmetic.
  public var ball = 0
  /// Those that the ball stage left open.
  public var interval = 0
  /// The most bits that any output needed in the interval stage; 0 if none came there.
  public var widestBits = 0

  public init() {}

  static func + (a: StageCounts, b: StageCounts) -> StageCounts {
    var sum = a
    sum.outputs += b.outputs
    sum.ball += b.ball
    sum.interval += b.interval
    sum.widestBits = max(a.widestBits, b.widestBits)
    return sum
  }
}
