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

  /// By how much a number may miss a recomputed one, where all of them agree so well.
  @inline(__always)
  func interval(_ candidate: Double, _ term: Recomputation.Term, _ agreement: Agreement) -> Double {
    let rounded = rounding(of: term, agreement.way ?? .lenient) + floor(candidate, term)
    return agreement.isFlushed ? rounded + flushed(term) : rounded
  }

  /// What a number may differ by where numbers below the normal range are 0.
  func flushed(_ term: Recomputation.Term) -> Double { moved(term, by: leastNormal) }

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

  /// Nil where some number has more digits than a person copies or binary32 is printed with, or none is so short that
  /// its digits say less of it than the format does. 0.5 and 0.25 are exact in binary too, and say nothing.
  init?(of values: [Double], _ format: BinaryFormat) {
    let most = min(9, Int(Double(format.precision) * 0.30103) + 1)
    for value in values where value.isFinite && value != 0 {
      guard let (decimals, significant) = Self.digits(of: value, most: most, unit: format.unit) else { return nil }
      self.decimals = max(self.decimals, decimals)
      self.significant = max(self.significant, significant)
    }
    guard values.contains(where: { $0.isFinite && $0.significandWidth > 10 }),
      values.contains(where: { $0.isFinite && resolution(of: $0) > 4 * format.unit * $0.magnitude })
    else { return nil }
  }

  /// Half a unit of the last digit of a number, and what reading it rounds.
  func resolution(of value: Double) -> Double {
    let leading = value == 0 ? -decimals : Self.leadingDigit(of: value)
    return 0.5000001 * Self.power(max(-decimals, leading + 1 - significant))
  }

  /// The fewest digits that a number needs; nil where those are more than `most`.
  private static func digits(of value: Double, most: Int, unit: Double) -> (decimals: Int, significant: Int)? {
    let leading = leadingDigit(of: value)
    for count in 1...most {
      let scale = power(count - 1 - leading)
      let scaled = value.magnitude * scale
      if (scaled - scaled.rounded()).magnitude <= (unit + 0x1p-50) * scaled {
        // Binary32's 0.01 is a little less, and begins with a 9 one place later.
        let isPower = scaled.rounded() == Self.power(count)
        return (max(0, count - 1 - leading - (isPower ? 1 : 0)), count)
      }
    }
    return nil
  }

  /// The place of a number's first digit: 0 for 1 to 9, -1 for 0.1.
  private static func leadingDigit(of value: Double) -> Int {
    let size = value.magnitude
    var place = Int((Double(value.exponent) * 0.30103).rounded(.down))
    if power(place + 1) <= size { place += 1 }
    return place
  }

  private static func power(_ exponent: Int) -> Double {
    let place = exponent + greatestPower
    return powers.indices.contains(place) ? powers[place] : exponent < 0 ? 0 : .infinity
  }

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
      guard values.allSatisfy({ !$0.isFinite || candidate.format.nearest(to: $0) == $0 }) else { continue }
      let telling = values.count { $0.isFinite && $0.significandWidth + 1 >= candidate.leastWidth }
      if telling >= candidate.leastCount { return candidate.format }
    }
    return format
  }
}
