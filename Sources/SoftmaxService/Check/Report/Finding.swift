import Softmax

/// A cause that explains an output of the caller's, as a recomputation showed.
struct Finding: Sendable {
  let cause: Cause
  let output: Output
  /// What is wrong, in a sentence.
  let detail: String
  /// What to do, as a formula or a line of code.
  let cure: String
  /// Which request tells this finding from the others that agree too; nil where no other agrees.
  var tellApart: String?
  let evidence: Evidence

  /// How the numbers bear it out.
  struct Evidence: Sendable {
    /// How many of the caller's numbers were compared with the recomputed ones.
    let compared: Int
    /// What is left between the two: the largest relative error, and the absolute one.
    let relativeError: Double
    let absoluteError: Double
    /// Where most is left, and what was recomputed there.
    let position: Int?
    let candidate: Double
    let recomputed: Double
  }
}
