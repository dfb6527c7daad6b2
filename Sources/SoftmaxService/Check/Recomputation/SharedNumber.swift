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
