/// How well numbers agree with recomputed ones: their differences in parts of what right arithmetic may round.
struct Agreement {
  /// The largest differences, by each way to compute: up to 1 agrees.
  private(set) var misfit: ErrorBounds
  /// Whether it agrees only where numbers below the normal range are taken for 0.
  private(set) var isFlushed = false
  /// Whether any slice's exponentials left the range.
  private(set) var hasSpoiled = false
  private(set) var compared = 0
  /// Whether any number but 0 has a digit that no order of operations rounds.
  private var hasDigits = false

  // What the evidence tells.
  private(set) var relativeError = 0.0
  private(set) var absoluteError = 0.0
  private(set) var worst: (place: Int?, candidate: Double, recomputed: Double) = (nil, 0, 0)

  /// The most exact way to compute that the numbers agree with; nil where they agree with none.
  var way: ErrorBounds.Way? { ErrorBounds.Way.allCases.first { misfit[$0] <= 1 } }

  /// What is said of numbers that agree with nothing.
  static let none = Agreement(misfit: ErrorBounds(careful: .infinity, usual: .infinity, lenient: .infinity))

  init(misfit: ErrorBounds = ErrorBounds()) { self.misfit = misfit }

  var agrees: Bool { misfit.lenient <= 1 }

  /// Whether it says anything: where some order of operations rounds each digit of each number, any would agree.
  var isTelling: Bool { hasDigits || way != .lenient }

  /// By how much a number may miss one that is recomputed in plain arithmetic, which itself is off by as much as any
  /// order of operations makes it.
  static func nearness(
    _ candidate: Double, _ term: Recomputation.Term, _ arithmetic: CandidateArithmetic
  ) -> Double {
    2 * arithmetic.rounding(of: term, .lenient) + arithmetic.floor(candidate, term) + arithmetic.flushed(term)
  }

  /// Whether a number may agree with what a number recomputed in plain arithmetic stands for.
  static func isNear(
    _ candidate: Double, _ term: Recomputation.Term, _ arithmetic: CandidateArithmetic
  ) -> Bool {
    if candidate == term.value || candidate.isNaN && term.value.isNaN { return true }
    if term.isSpoiled, !candidate.isFinite { return true }
    return (candidate - term.value).magnitude <= nearness(candidate, term, arithmetic)
  }

  /// Adds a number.
  /// - Parameter place: where among the numbers compared it is.
  @inline(__always)
  mutating func add(
    _ candidate: Double, _ term: Recomputation.Term, _ arithmetic: CandidateArithmetic,
    at place: Int?
  ) {
    compared += 1
    if term.isSpoiled { hasSpoiled = true }
    if candidate == term.value || candidate.isNaN && term.value.isNaN {
      hasDigits = hasDigits || candidate != 0
      return
    }
    if term.isSpoiled, !candidate.isFinite {
      hasDigits = true
      return
    }
    let difference = (candidate - term.value).magnitude
    let floor = arithmetic.floor(candidate, term)
    let lenient = arithmetic.rounding(of: term, .lenient) + floor
    if lenient <= 0.5 * candidate.magnitude { hasDigits = true }
    if difference > lenient, difference <= arithmetic.flushed(term) {
      isFlushed = true
    } else {
      Self.raise(&misfit.lenient, difference, lenient)
      Self.raise(&misfit.usual, difference, term.bounds.usual * arithmetic.unit + floor)
      Self.raise(&misfit.careful, difference, term.bounds.careful * arithmetic.unit + floor)
    }
    absoluteError = max(absoluteError, difference.isNaN ? .infinity : difference)
    if Self.raise(&relativeError, difference, term.value.magnitude) { worst = (place, candidate, term.value) }
  }

  /// Raises `most`, the largest share of a difference in what is allowed, to this one: that is seldom needed, and only
  /// then divided.
  /// - Returns: whether it was larger.
  @discardableResult
  @inline(__always)
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
