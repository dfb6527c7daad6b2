import Softmax
import VectorKernels

/// How near a caller's numbers for one output are to the exact ones.
struct OutputReport: Sendable {
  /// One of the numbers.
  struct Place: Sendable {
    /// Row-major.
    let position: Int
    let candidate: Double
    let exact: Double
    let relativeError: Double
    let isOutOfTolerance: Bool

    /// Whether it is the more interesting one: out of tolerance, then by relative error.
    func isWorse(than other: Place) -> Bool {
      if isOutOfTolerance != other.isOutOfTolerance { return isOutOfTolerance }
      return relativeError > other.relativeError
    }
  }

  /// How many of the worst places are told.
  static let mostPlaces = 3

  let output: Output
  let shape: TensorShape
  let format: ResultFormat
  private(set) var count = 0
  private(set) var outOfTolerance = 0
  private(set) var exactCount = 0
  /// The most steps of the format from the correctly rounded value; ∞ for NaN.
  private(set) var maximumULPs = 0.0
  private(set) var maximumRelativeError = 0.0
  private(set) var maximumAbsoluteError = 0.0
  /// Worst first; exact ones are none.
  private(set) var worst: [Place] = []

  var passes: Bool { outOfTolerance == 0 }
  var shareExact: Double { Double(exactCount) / Double(count) }

  /// - Parameter exact: the correctly rounded values, as many as the candidate's.
  /// - Throws: ``ComputationError/cancelled``.
  init(
    _ candidate: CheckRequest.Candidate, exact: [Double], format: ResultFormat, tolerance: Tolerance,
    _ execution: Execution
  ) throws(ComputationError) {
    output = candidate.output
    shape = candidate.shape
    self.format = format
    count = exact.count
    for position in exact.indices {
      if position & 0xFFFF == 0xFFFF, execution.isCancelled() { throw .cancelled }
      let (found, expected) = (candidate.values[position], exact[position])
      if found == expected {
        exactCount += 1
      } else {
        note(found, exact: expected, at: position, tolerance)
      }
    }
  }

  private mutating func note(
    _ found: Double, exact: Double, at position: Int, _ tolerance: Tolerance
  ) {
    // NaN is as far from every number as ∞ is.
    let difference = (found - exact).magnitude
    let absolute = difference.isNaN ? .infinity : difference
    let ratio = absolute / exact.magnitude
    let place = Place(
      position: position, candidate: found, exact: exact, relativeError: ratio.isNaN ? .infinity : ratio,
      isOutOfTolerance: !tolerance.allows(found, for: exact))
    if place.isOutOfTolerance { outOfTolerance += 1 }
    maximumULPs = max(maximumULPs, format.ulps(from: found, to: exact))
    maximumRelativeError = max(maximumRelativeError, place.relativeError)
    maximumAbsoluteError = max(maximumAbsoluteError, absolute)
    if worst.count == Self.mostPlaces, !place.isWorse(than: worst[worst.count - 1]) { return }
    worst.insert(place, at: worst.firstIndex { place.isWorse(than: $0) } ?? worst.count)
    if worst.count > Self.mostPlaces { worst.removeLast() }
  }
}
