import Glibc
import VectorKernels

/// How much better a hypothesis explains numbers than the formula as it is, in bits.
///
/// Both say where a number must lie: within what arithmetic rounds. The one that allows less and still agrees is the
/// more likely, by the ratio of the two intervals: that is a Bayes factor. Its logarithm, the weight of evidence (I. J.
/// Good), adds up over what is independent.
struct WeightOfEvidence {
  /// Where the formula as it is does not agree: how much nearer the hypothesis is than the exact numbers are.
  private(set) var bits = 0.0
  /// Where it does agree: the ratio of the intervals. A slice counts once, by its mean: its numbers share their errors.
  private(set) var overRight = 0.0
  /// The slice that is being added.
  private var slice = 0.0
  /// How many numbers `bits` come from.
  private(set) var telling = 0.0
  /// How many numbers could have told: those that the formula as it is does not explain.
  private var asked = 0
  /// What a number says at most: that 0 agrees exactly says no more than that 0.1 does.
  private let most: Double
  /// Whether the formula as it is agrees: then that decides which of the two sums is made.
  private let isRight: Bool
  /// As many bits as are asked for: those of one explanation alone need only suffice.
  private let enough: Double
  /// The numbers so far: equal ones may be one number that is repeated, and one coincidence.
  private var seen: Set<Double> = []

  init(_ arithmetic: CandidateArithmetic, isRight: Bool, enough: Double = .infinity) {
    most = Double(arithmetic.format.precision - 4)
    self.isRight = isRight
    self.enough = enough
  }

  /// A hypothesis is not named for less: about 100 are tried, so that one agrees by chance once in ten times 2^-10.
  static let leastOfOne = 10.0
  /// Pairs are some hundreds.
  static let leastOfPair = 16.0
  /// Right numbers are accused for no less: once in 10^7 times by chance.
  static let leastOverRight = 24.0
  /// More of them would tell nothing new.
  private static let mostAsked = 4096

  /// Whether enough numbers were added.
  var isComplete: Bool { !isRight && (asked >= Self.mostAsked || bits >= enough) }

  /// What it takes to name a mistake, or a pair.
  static func least(isPair: Bool) -> Double { isPair ? leastOfPair : leastOfOne }

  /// Adds a number that agrees.
  /// - Parameters:
  ///   - allowed: by how much a hypothesis may miss the number.
  ///   - right: by how much the exact one may.
  ///   - isNear: whether a constant of the hypothesis can make it differ as little as one likes from the formula as it
  ///     is.
  mutating func add(
    _ candidate: Double, exact: Double, allowed: Double, right: Double, isNear: Bool
  ) {
    guard candidate.isFinite else {
      // No right formula gives NaN or ∞ where the exact number is none.
      if candidate != exact { count(Self.leastOfOne) }
      return
    }
    let size = exact.isFinite ? max(candidate.magnitude, exact.magnitude) : candidate.magnitude
    guard size > 0, allowed > 0 else { return }
    let error = (candidate - exact).magnitude
    let isTelling = !exact.isFinite || error > right
    if isTelling, !isRight, seen.insert(candidate).inserted {
      asked += 1
      count(min(max(0, log2((isNear ? min(error, size) : size) / allowed)), most))
    }
    // What rounds to 0 does so exactly, which says nothing of how exactly it was computed.
    // Where both give the same number it says nothing of which is right.
    if isRight, error > allowed, candidate != 0 || isTelling {
      slice += log2(min(right, size) / min(allowed, size))
    }
  }

  /// Ends a slice of so many numbers. Those that say nothing are counted: they had the chance to.
  mutating func endSlice(of width: Int) {
    overRight += slice / Double(width)
    slice = 0
  }

  private mutating func count(_ more: Double) {
    bits += more
    if more > 0 { telling += 1 }
  }

  /// Whether it is enough to name a mistake.
  func suffices(isPair: Bool) -> Bool {
    isRight ? overRight >= Self.leastOverRight : bits >= Self.least(isPair: isPair)
  }
}
