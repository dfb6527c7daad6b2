/// How well numbers agree with recomputed ones: their differences in parts of what right arithmetic may round.
struct Agreement {
  /// The largest differences, by each way to compute: up to 1 agrees.
  private(set) var misfit: ErrorBounds
  /// Whether it agrees only where numbers below the normal range are taken for 0.
  private(set) var isFlushed = false
  /// Whether any slice's exponentials left the range.
  private(set) var hasSpoiled = false
  private(set) var compared = 0
  /// What rounding is multiplied by in any of the numbers, at most.
  private(set) var largestGain = 0.0

  // What the evidence tells.
  private(set) var relativeError = 0.0
  private(set) var absoluteError = 0.0
  private(set) var worst: (position: Int?, candidate: Double, recomputed: Double) = (nil, 0, 0)

  /// The most exact way to compute that the numbers agree with; nil where they agree with none.
  var way: ErrorBounds.Way? { ErrorBounds.Way.allCases.first { misfit[$0] <= 1 } }

  /// That of numbers that agree with nothing.
  static let none = Agreement(misfit: ErrorBounds(careful: .infinity, usual: .infinity, lenient: .infinity))

  init(misfit: ErrorBounds = ErrorBounds()) { self.misfit = misfit }

  var agrees: Bool { misfit.lenient <= 1 }

  /// Adds a number.
  /// - Parameter position: where in the candidate the number is.
  mutating func add(
    _ candidate: Double, _ term: Recomputation.Term, _ arithmetic: CandidateArithmetic, at position: Int?
  ) {
    compared += 1
    largestGain = max(largestGain, term.bounds.usual)
    if term.isSpoiled { hasSpoiled = true }
    if candidate == term.value || candidate.isNaN && term.value.isNaN { return }
    if term.isSpoiled, !candidate.isFinite { return }
    let difference = (candidate - term.value).magnitude
    let floor = arithmetic.floor(candidate, term)
    let lenient = term.bounds.lenient * arithmetic.unit + floor
    if difference > lenient, difference <= arithmetic.flushed(term) {
      isFlushed = true
    } else {
      Self.raise(&misfit.lenient, difference, lenient)
      Self.raise(&misfit.usual, difference, term.bounds.usual * arithmetic.unit + floor)
      Self.raise(&misfit.careful, difference, term.bounds.careful * arithmetic.unit + floor)
    }
    absoluteError = max(absoluteError, difference.isNaN ? .infinity : difference)
    if Self.raise(&relativeError, difference, term.value.magnitude) { worst = (position, candidate, term.value) }
  }

  /// Makes the largest share of a difference in what is allowed no less than this one: it is seldom larger, and only
  /// then divided.
  /// - Returns: whether it was larger.
  @discardableResult
  private static func raise(_ most: inout Double, _ difference: Double, _ allowed: Double) -> Bool {
    if difference <= most * allowed { return false }
    let share = parts(difference, allowed)
    guard share > most else { return false }
    most = share
    return true
  }

  private static func parts(_ difference: Double, _ allowed: Double) -> Double {
    let share = difference / allowed
    return share.isNaN ? .infinity : share
  }
}
