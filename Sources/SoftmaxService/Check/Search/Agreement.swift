import VectorKernels

/// How well numbers agree with recomputed ones.
///
/// Each difference is measured twice: by the recomputed number itself, and by the terms that it is a sum of, since a
/// difference of two nearly equal terms keeps the errors of both. Both are in parts of the slice's largest |a/T|, which
/// the exponential of a rounded number is off by.
struct Agreement {
  /// The largest difference by the number itself.
  private(set) var relative = 0.0
  /// The largest difference by the number's terms.
  private(set) var natural = 0.0
  private(set) var compared = 0
  /// Whether a number that is neither zero nor near it agrees, or one that is not finite: else there is nothing to
  /// recognise.
  private(set) var isTelling = false
  /// Whether any slice's exponentials left the range.
  private(set) var hasSpoiled = false

  /// The size of the largest number's terms.
  private(set) var largestScale = 0.0

  // What the evidence tells.
  private(set) var relativeError = 0.0
  private(set) var absoluteError = 0.0
  private(set) var worst: (position: Int?, candidate: Double, recomputed: Double) = (nil, 0, 0)

  /// Adds a number.
  /// - Parameters:
  ///   - magnitude: the slice's largest |a/T|.
  ///   - least: a difference that no format of the caller's can show.
  ///   - position: where in the candidate the number is.
  mutating func add(
    _ candidate: Double, _ term: Recomputation.Term, magnitude: Double, least: Double, at position: Int?
  ) {
    compared += 1
    largestScale = max(largestScale, term.scale, term.value.magnitude)
    if term.isSpoiled { hasSpoiled = true }
    if candidate.isFinite ? candidate != 0 && term.value.magnitude > 1024 * least : true { isTelling = true }
    if candidate == term.value || candidate.isNaN && term.value.isNaN { return }
    if term.isSpoiled, !candidate.isFinite { return }
    let difference = (candidate - term.value).magnitude
    if difference <= least { return }
    let share = difference / term.value.magnitude
    let error = share.isNaN ? .infinity : share
    relative = max(relative, error / magnitude)
    let byTerms = difference / max(term.scale, term.value.magnitude)
    natural = max(natural, byTerms.isNaN ? .infinity : byTerms / magnitude)
    absoluteError = max(absoluteError, difference.isNaN ? .infinity : difference)
    if error > relativeError {
      relativeError = error
      worst = (position, candidate, term.value)
    }
  }
}

extension BinaryFormat {
  /// The shortest format that holds every number, where there are enough bits in them to say so; at most `format`.
  ///
  /// What was computed in binary32 and stored in binary64 is no better than binary32.
  static func own(of values: [Double], in format: BinaryFormat) -> BinaryFormat {
    let (short, longer): (BinaryFormat, BinaryFormat) = (.binary16, .binary32)
    var mayBe = (short: format.precision > short.precision, longer: format.precision > longer.precision)
    // Numbers such as 0.5 are in every format and say nothing.
    var telling = (short: 0, longer: 0)
    for value in values where value.isFinite {
      let width = value.significandWidth + 1
      if mayBe.short { mayBe.short = short.nearest(to: value) == value }
      if mayBe.longer { mayBe.longer = longer.nearest(to: value) == value }
      guard mayBe.short || mayBe.longer else { return format }
      if width > 7 { telling.short += 1 }
      if width > short.precision + 1 { telling.longer += 1 }
    }
    if mayBe.short, telling.short >= 4 { return short }
    return mayBe.longer && telling.longer >= 1 ? longer : format
  }

  /// A difference that no number of the format can show, near zero.
  var leastDifference: Double { Double(sign: .plus, exponent: leastExponent + 2, significand: 1) }
}
