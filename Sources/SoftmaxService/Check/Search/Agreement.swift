import Glibc
import VectorKernels

/// How well numbers agree with recomputed ones: their differences in parts of what right arithmetic may round.
struct Agreement {
  /// The largest differences, by each way to compute: up to 1 agrees.
  private(set) var misfit = ErrorBounds()
  /// Whether it agrees only where numbers below the normal range are taken for 0.
  private(set) var isFlushed = false
  /// Whether any row's exponentials left the range.
  private(set) var hasSpoiled = false
  private(set) var compared = 0
  /// Whether any number but 0 has a digit that no order of operations rounds.
  private var hasDigits = false
  /// Whether any finite number is past the format's range, and infinite in it.
  private(set) var isPastRange = false

  // What the evidence tells.
  private(set) var relativeError = 0.0
  private(set) var absoluteError = 0.0
  private(set) var worst: (place: Int?, candidate: Double, recomputed: Double) = (nil, 0, 0)

  /// The most exact way to compute that the numbers agree with; nil where they agree with none.
  var way: ErrorBounds.Way? { ErrorBounds.Way.allCases.first { misfit[$0] <= 1 } }

  var agrees: Bool { misfit.lenient <= 1 }

  /// Whether it says anything: where some order of operations rounds each digit of each number, any would agree.
  var isTelling: Bool { hasDigits || way != .lenient && !isPastRange }

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
    if !candidate.isFinite, term.isSpoiled || arithmetic.format.nearest(to: term.value) == candidate { return true }
    return (candidate - term.value).magnitude <= nearness(candidate, term, arithmetic)
  }

  /// Adds a number.
  /// - Parameter place: where among the numbers compared it is.
  @inline(__always)
  mutating func add(
    _ candidate: Double, _ term: Recomputation.Term, _ arithmetic: CandidateArithmetic, at place: Int? = nil
  ) {
    compared += 1
    if term.isSpoiled { hasSpoiled = true }
    if candidate == term.value || candidate.isNaN && term.value.isNaN {
      hasDigits = hasDigits || candidate != 0
      return
    }
    if !candidate.isFinite {
      if term.isSpoiled {
        hasDigits = true
        return
      }
      if arithmetic.format.nearest(to: term.value) == candidate {
        isPastRange = true
        return
      }
    }
    let difference = (candidate - term.value).magnitude
    let floor = arithmetic.floor(candidate, term)
    let lenient = arithmetic.rounding(of: term, .lenient) + floor
    if lenient <= 0.5 * candidate.magnitude { hasDigits = true }
    if difference > lenient, arithmetic.isFlushed(candidate, term, difference) {
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
    let quotient = difference / allowed
    let share = quotient.isNaN ? .infinity : quotient
    guard share > most else { return false }
    most = share
    return true
  }
}

/// How much better a hypothesis explains numbers than the formula as it is, in bits.
///
/// Both say where a number must lie: within what arithmetic rounds. The one that allows less and still agrees is the
/// more likely, by the ratio of the two intervals: that is a Bayes factor. Its logarithm, the weight of evidence (I. J.
/// Good), adds up over what is independent.
struct WeightOfEvidence {
  /// Where the formula as it is does not agree: how much nearer the hypothesis is than the exact numbers are.
  private(set) var bits = 0.0
  /// Where it does agree: the ratio of the intervals. A row counts once, by its mean: its numbers share their errors.
  private(set) var overRight = 0.0
  /// The row that is being added.
  private var row = 0.0
  /// How many numbers `bits` come from.
  private(set) var telling = 0.0
  /// How many numbers could have told: those that the formula as it is does not explain.
  private var asked = 0
  private let arithmetic: CandidateArithmetic
  /// The arithmetic that the formula as it is is allowed.
  private let arithmeticOfBase: CandidateArithmetic
  /// How well the hypothesis agrees, and the formula as it is; nil where that does not: this decides which of the two
  /// sums is made.
  private let agreement: Agreement
  private let base: Agreement?
  /// Whether a constant of the hypothesis can make it differ as little as one likes from the formula as it is.
  private let isNear: Bool
  /// As many bits as are asked for: those of one explanation alone need only suffice.
  private let enough: Double
  /// The numbers so far: equal ones may be one number that is repeated, and one coincidence.
  private var seen: Set<Double> = []

  init(
    _ arithmetic: CandidateArithmetic, _ agreement: Agreement, base: Agreement? = nil,
    in arithmeticOfBase: CandidateArithmetic? = nil, isNear: Bool = false, enough: Double = .infinity
  ) {
    self.arithmetic = arithmetic
    self.arithmeticOfBase = arithmeticOfBase ?? arithmetic
    self.agreement = agreement
    self.base = base
    self.isNear = isNear
    self.enough = enough
  }

  /// A hypothesis is not named for less: about 100 are tried, so that one agrees by chance once in ten times 2^-10.
  static let leastOfOne = 10.0
  /// Nor a turned sign where no other sign is possible: that is one of a few, and likely.
  static let leastOfSign = 5.0
  /// Pairs are some hundreds.
  static let leastOfPair = 16.0
  /// Right numbers are accused for no less: once in 10^7 times by chance.
  static let leastOverRight = 24.0
  /// More of them would tell nothing new.
  private static let mostAsked = 4096

  /// Whether the formula as it is agrees too.
  var isOverRight: Bool { base != nil }
  /// The sum that decides.
  var weight: Double { isOverRight ? overRight : bits }

  /// Whether enough numbers were added.
  var isComplete: Bool { !isOverRight && (asked >= Self.mostAsked || bits >= enough) }

  /// What it takes to name a mistake, or a pair.
  static func least(isPair: Bool) -> Double { isPair ? leastOfPair : leastOfOne }

  /// Adds a number that agrees.
  /// - Parameters:
  ///   - changed: what the hypothesis makes of it.
  ///   - asked: what the formula as it is does.
  mutating func add(
    _ candidate: Double, exact: Double, changed: Recomputation.Term, asked: Recomputation.Term
  ) {
    guard candidate.isFinite else {
      // No right formula gives NaN or ∞ where the exact number is none.
      if candidate != exact { count(Self.leastOfOne) }
      return
    }
    let size = exact.isFinite ? max(candidate.magnitude, exact.magnitude) : candidate.magnitude
    let allowed = arithmetic.allowance(candidate, changed, agreement)
    guard size > 0, allowed > 0 else { return }
    let (error, right) = ((candidate - exact).magnitude, arithmeticOfBase.allowance(candidate, asked, base))
    let isTelling = !exact.isFinite || error > right
    if !isOverRight {
      guard isTelling, seen.insert(candidate).inserted else { return }
      self.asked += 1
      // That 0 agrees exactly says no more than that 0.1 does.
      let most = Double(arithmetic.format.precision - 4)
      count(min(max(0, log2((isNear ? min(error, size) : size) / allowed)), most))
    } else if error > allowed, candidate != 0 || isTelling {
      // What rounds to 0 does so exactly, which says nothing of how exactly it was computed.
      // Where both give the same number it says nothing of which is right.
      row += log2(min(right, size) / min(allowed, size))
    }
  }

  /// Ends a row of this many numbers. Those that say nothing are counted: they had the chance to.
  mutating func endRow(of width: Int) {
    overRight += row / Double(width)
    row = 0
  }

  private mutating func count(_ more: Double) {
    bits += more
    if more > 0 { telling += 1 }
  }

  /// Whether it is enough to name a mistake.
  func suffices(isPair: Bool) -> Bool { weight >= (isOverRight ? Self.leastOverRight : Self.least(isPair: isPair)) }
}
