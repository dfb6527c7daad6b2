import VectorKernels

/// The arithmetic that a caller's numbers seem to come from, and the digits that they were written with.
struct CandidateArithmetic {
  let format: BinaryFormat
  /// u.
  let unit: Double
  /// A difference that no number of the format can show, near zero.
  let least: Double
  /// The least normal number and a little more: JAX and TensorFlow compute with 0 instead of smaller ones.
  let leastNormal: Double
  /// The decimal digits that the numbers were rounded to, where they have few.
  var digits: DecimalDigits?

  init(_ format: BinaryFormat) {
    self.format = format
    unit = format.unit
    least = Double(sign: .plus, exponent: format.leastExponent + 2, significand: 1)
    leastNormal = Double(sign: .plus, exponent: format.leastNormalExponent + 2, significand: 1)
  }

  /// What a number may differ by whatever its size, near zero and by its digits.
  @inline(__always)
  func floor(_ candidate: Double, _ term: Recomputation.Term) -> Double {
    moved(term, by: least) + (digits?.resolution(of: candidate) ?? 0)
  }

  /// What rounding makes of a number, in one of the ways to compute.
  @inline(__always)
  func rounding(of term: Recomputation.Term, _ way: ErrorBounds.Way) -> Double {
    let rounded = term.bounds[way] * unit
    return way == .lenient ? min(rounded, max(term.reach, term.bounds.usual * unit)) : rounded
  }

  /// By how much a number may miss a recomputed one.
  ///
  /// - Parameter agreement: how well all of them agree; nil where they do not agree well enough for a stricter way.
  @inline(__always)
  func allowance(_ candidate: Double, _ term: Recomputation.Term, _ agreement: Agreement? = nil) -> Double {
    let rounded = rounding(of: term, agreement?.way ?? .lenient) + floor(candidate, term)
    return agreement?.isFlushed == true ? rounded + flushed(term) : rounded
  }

  /// What a number may differ by where numbers below the normal range are 0.
  func flushed(_ term: Recomputation.Term) -> Double { moved(term, by: leastNormal) }

  /// Whether a number may have lost its digits so: it is 0 then, or what it was added to, which is not below the normal
  /// range; printed in few digits it is near.
  func isFlushed(_ candidate: Double, _ term: Recomputation.Term, _ difference: Double) -> Bool {
    guard difference <= flushed(term) else { return false }
    let size = candidate.magnitude
    return size == 0 || 4 * size >= leastNormal && size <= term.value.magnitude || 8 * difference <= size
  }

  @inline(__always)
  private func moved(_ term: Recomputation.Term, by size: Double) -> Double {
    // The quotient of size and the least number alone can be beyond the range.
    size * (1 + term.gain) + (term.step * 0x1p537) * (size * 0x1p537)
  }
}

/// Numbers that were written with a few decimal digits, such as 0.09, 0.24, 0.67.
struct DecimalDigits {
  /// Digits after the point, and digits from the first that is not zero; the most of any number.
  private(set) var decimals = 0
  private(set) var significant = 0

  /// Nil where some number of a short format has more digits than that is printed with, or no number is so short that
  /// its digits say less of it than the format does. 0.5 and 0.25 are exact in binary too, and say nothing:
  /// ``init(ofShort:_:)``.
  init?(of values: [Double], _ format: BinaryFormat) {
    // Every number of binary64 has at most 17: of 0.12345678901234567 and 0.00012345678901235, the second is short.
    let most = format == .binary64 ? 17 : Int(Double(format.precision) * Self.decimalsPerBit) + 1
    let numbers = values.lazy.filter { $0.isFinite && $0 != 0 }
    // Digits after the point say less than the format of the smallest number first.
    guard let least = numbers.min(by: { $0.magnitude < $1.magnitude }),
      let digits = Self.digits(of: least, most: most, format)
    else { return nil }
    (decimals, significant) = digits
    let telling = 4 * format.unit * least.magnitude
    for value in numbers {
      if self.significant == most, Self.power(-self.decimals) <= telling { return nil }
      guard let (decimals, significant) = Self.digits(of: value, most: most, format) else { return nil }
      self.decimals = max(self.decimals, decimals)
      self.significant = max(self.significant, significant)
    }
    guard numbers.contains(where: { $0.significandWidth > Self.mostBits(format) }),
      numbers.contains(where: { resolution(of: $0) > 4 * format.unit * $0.magnitude })
    else { return nil }
  }

  /// Numbers that are all as short as 1.0, 0.75 and 0.0, as if printed with the most decimals of any of them, and with
  /// two at least; nil where some number is not.
  init?(ofShort values: [Double], _ format: BinaryFormat) {
    (decimals, significant) = (2, 17)
    for value in values where value != 0 {
      guard value.isFinite, value.significandWidth <= Self.mostBits(format),
        let (decimals, _) = Self.digits(of: value, most: significant, format)
      else { return nil }
      self.decimals = max(self.decimals, decimals)
    }
  }

  /// The bits after the first of numbers that are short in binary too: fewer than nearly all of the format have.
  private static func mostBits(_ format: BinaryFormat) -> Int { min(10, format.precision - 3) }

  /// Whether there are more digits than tell any two numbers of a format apart.
  func tell(format: BinaryFormat) -> Bool { significant > Int(Double(format.precision) * Self.decimalsPerBit) + 2 }

  /// Whether the numbers, as they were printed, may be of a shorter format: where they have more digits than it needs,
  /// each is one of its numbers, rounded.
  func mayBe(of format: BinaryFormat, _ values: [Double]) -> Bool {
    !tell(format: format)
      || values.allSatisfy { !$0.isFinite || (format.nearest(to: $0) - $0).magnitude <= resolution(of: $0) }
  }

  /// Half a unit of the last digit of a number, and what reading it rounds.
  func resolution(of value: Double) -> Double {
    let leading = value == 0 ? -decimals : Self.leadingDigit(of: value)
    return 0.5000001 * Self.power(max(-decimals, leading + 1 - significant))
  }

  /// The fewest digits that a number needs; nil where those are more than `most`.
  private static func digits(
    of value: Double, most: Int, _ format: BinaryFormat
  ) -> (decimals: Int, significant: Int)? {
    let leading = leadingDigit(of: value)
    for count in 1...most {
      let places = count - 1 - leading
      let scaled = value.magnitude * power(places)
      let whole = scaled.rounded()
      // Of more than 12 digits every bit counts: powers of ten up to 22 are exact, and so reading is one division.
      let isExact = format == .binary64 && count > 12 && (0...22).contains(places)
      if isExact
        ? whole / power(places) == value.magnitude : (scaled - whole).magnitude <= (format.unit + 0x1p-50) * scaled
      {
        // Binary32's 0.01 is a little less, and begins with a 9 one place later.
        let isPower = whole == Self.power(count)
        return (max(0, places - (isPower ? 1 : 0)), count)
      }
    }
    return nil
  }

  /// The place of a number's first digit: 0 for 1 to 9, -1 for 0.1.
  private static func leadingDigit(of value: Double) -> Int {
    let size = value.magnitude
    var place = Int((Double(value.exponent) * decimalsPerBit).rounded(.down))
    if power(place + 1) <= size { place += 1 }
    return place
  }

  private static func power(_ exponent: Int) -> Double {
    let place = exponent + greatestPower
    return powers.indices.contains(place) ? powers[place] : exponent < 0 ? 0 : .infinity
  }

  /// log 2 to base 10.
  private static let decimalsPerBit = 0.30103

  private static let greatestPower = 340

  /// The powers of ten, from far below the least number to far beyond the greatest, each correctly rounded.
  private static let powers = (-greatestPower...greatestPower).map { exponent in
    Double("1e\(exponent)") ?? (exponent < 0 ? 0 : .infinity)
  }
}

extension BinaryFormat {
  /// The shortest format that holds every number, where there are enough bits in them to say so; at most `format`.
  ///
  /// What was computed in binary32 and stored in binary64 is no better than binary32.
  static func own(of values: [Double], in format: BinaryFormat) -> BinaryFormat {
    // Numbers such as 0.5 are in every format and say nothing.
    let shorter: [(format: BinaryFormat, leastWidth: Int, leastCount: Int)] = [
      (.bfloat16, 8, 4), (.binary16, 8, 4), (.binary32, 13, 1),
    ]
    for candidate in shorter where candidate.format.precision < format.precision {
      guard candidate.format.holds(values) else { continue }
      let telling = values.count { $0.isFinite && $0.significandWidth + 1 >= candidate.leastWidth }
      if telling >= candidate.leastCount { return candidate.format }
    }
    return format
  }
}

/// How far a right computation may be from the exact number, in units u of its format (2^-p for p bits): for three ways
/// to compute, each of which excuses all that the one before it does.
///
/// The terms are those of P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
/// functions", IMA J. Numer. Anal. 41 (2021): an exponential is off by the error of its argument, and a sum by one u
/// for each term at worst, by the root of that as a rule.
struct ErrorBounds {
  /// Nothing cancels: a few u of the number itself.
  var careful = 0.0
  /// The textbook formula, exp(x - max x) / Σ: the difference is rounded, 1 - p and log p near p = 1 cancel.
  var usual = 0.0
  /// Any order of operations: logits rounded or divided before the largest is subtracted, a log-sum-exp with it added,
  /// sums one term after the other.
  var lenient = 0.0

  @inline(__always)
  static func * (bounds: ErrorBounds, factor: Double) -> ErrorBounds {
    let size = factor.magnitude
    return ErrorBounds(careful: bounds.careful * size, usual: bounds.usual * size, lenient: bounds.lenient * size)
  }

  @inline(__always)
  static func + (a: ErrorBounds, b: ErrorBounds) -> ErrorBounds {
    ErrorBounds(careful: a.careful + b.careful, usual: a.usual + b.usual, lenient: a.lenient + b.lenient)
  }

  subscript(way: Way) -> Double {
    switch way {
    case .careful: careful
    case .usual: usual
    case .lenient: lenient
    }
  }

  /// A way to compute, the most exact first.
  enum Way: Int, Sendable, CaseIterable { case careful, usual, lenient }
}

/// How many operations an output is made of, as bounds count them.
struct OperationCount {
  /// What a few factors and a sum over the items, or their mean, add up to as a rule: roundings have either sign.
  private let factors: Double
  /// And with a sum over the classes, and its exponentials.
  let typical: Double
  /// The same at worst.
  let worst: Double
  /// The largest |a/T| of the row, which any order of operations but the textbook's rounds too.
  var shift = 0.0
  /// The same for probabilities; 0 where they are 1 and 0 whatever is rounded.
  var shiftOfProbability = 0.0

  /// No bound of a gradient's terms is a larger multiple of them.
  var most: Double { worst + 2 * Self.greatestLogarithm + 2 * shift }

  /// No -log p is larger, to a bit.
  private static let greatestLogarithm = 753.0

  /// - Parameters: classes in a row, and items in a sum or a mean.
  init(classes: Int, items: Int) {
    factors = 4 + 2 * Double(items).squareRoot()
    typical = factors + 8 + 2 * Double(classes).squareRoot()
    worst = 12 + 2 * (Double(classes) + Double(items))
  }

  /// What rounding makes of p.
  @inline(__always)
  func probability(_ p: Double) -> ErrorBounds {
    let argument = Self.logarithm(of: p)
    let usual = p.magnitude * (typical + argument)
    return ErrorBounds(
      careful: usual, usual: usual, lenient: p.magnitude * (worst + 2 * argument + 2 * shiftOfProbability))
  }

  /// What rounding makes of a number that is divided by p.
  func quotient(_ value: Double, over p: Double) -> ErrorBounds {
    let (size, argument) = (value.magnitude, Self.logarithm(of: p))
    let usual = size * (typical + argument)
    return ErrorBounds(careful: usual, usual: usual, lenient: size * (worst + 2 * argument + 2 * shiftOfProbability))
  }

  /// What rounding makes of log p, and of a log-sum-exp or an entropy.
  @inline(__always)
  func logarithm(_ value: Double) -> ErrorBounds {
    let size = value.magnitude
    let usual = size * factors + typical
    return ErrorBounds(
      careful: min(size * typical, usual), usual: usual, lenient: logarithms(size: size, factors: 1))
  }

  /// What rounding makes at worst of a sum Σ f log p, of which Σ |f log p| and Σ |f| are known.
  @inline(__always)
  func logarithms(size: Double, factors sum: Double) -> Double {
    sum * (worst + 2 * shift) + 2 * size * (factors + factors * factors / 4)
  }

  /// What rounding makes of a gradient factor · (U p - u).
  @inline(__always)
  func gradient(_ value: Double, factor: Double, whole: Double, p: Double, share: Double) -> ErrorBounds {
    let size = factor.magnitude
    let argument = Self.logarithm(of: p)
    let product = size * whole * p.magnitude
    let usual = product * (typical + argument) + size * share.magnitude * 4
    return ErrorBounds(
      careful: min(usual, value.magnitude * (typical + Self.logarithm(of: value, over: factor))), usual: usual,
      lenient: product * (worst + 2 * argument + 2 * shiftOfProbability) + size * share.magnitude * 8)
  }

  /// What rounding makes of p times something, less something else, in any order: no mistake is excused by more.
  @inline(__always)
  func product(_ size: Double, p: Double, less other: Double) -> ErrorBounds {
    let bound = size * (typical + Self.logarithm(of: p)) + other.magnitude * typical
    return ErrorBounds(careful: bound, usual: bound, lenient: bound)
  }

  /// -log of a number to a bit, and 0 for those from 1 on.
  @inline(__always)
  private static func logarithm(of x: Double) -> Double {
    let exponent = Int(x.exponentBitPattern)
    // Subnormal numbers are taken for the least.
    return exponent == 0 ? greatestLogarithm : 0.7 * Double(max(0, 1023 - exponent))
  }

  /// -log of a quotient to two bits, without dividing.
  @inline(__always)
  private static func logarithm(of x: Double, over y: Double) -> Double {
    0.7 * Double(max(0, 1 + Int(y.exponentBitPattern) - Int(x.exponentBitPattern)))
  }
}
