import Glibc
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

  let output: CheckedOutput
  let shape: TensorShape
  let format: BinaryFormat
  private(set) var count = 0
  private(set) var outOfTolerance = 0
  private(set) var exactCount = 0
  /// The most steps of the format from the correctly rounded value; ∞ for NaN.
  private(set) var maximumULPs = 0.0
  private(set) var maximumRelativeError = 0.0
  private(set) var maximumAbsoluteError = 0.0
  /// The worst first; numbers that are exact are never among them.
  private(set) var worst: [Place] = []

  var passes: Bool { outOfTolerance == 0 }
  var shareExact: Double { Double(exactCount) / Double(count) }
  /// An absolute tolerance that lets all numbers pass: the largest error, rounded up to two digits.
  var sufficientTolerance: Double {
    guard maximumAbsoluteError > 0, maximumAbsoluteError.isFinite else { return maximumAbsoluteError }
    let exponent = Int(log10(maximumAbsoluteError).rounded(.down)) - 1
    let digits = (maximumAbsoluteError / pow(10, Double(exponent))).rounded(.up)
    return max(maximumAbsoluteError, Double("\(Int(digits))e\(exponent)") ?? 0)
  }

  /// - Parameter exact: the correctly rounded values, as many as the candidate's.
  /// - Throws: ``ComputationError/cancelled``.
  init(
    _ candidate: CheckRequest.Candidate, exact: [Double], format: BinaryFormat, tolerance: Tolerance,
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

extension BinaryFormat {
  /// How many steps from one number of the format to the next lead from `a` to `b`; the two zeros are one number.
  ///
  /// Infinity is the step after the greatest finite number.
  /// - Parameters: two numbers of the format.
  /// - Returns: ∞ where one of them is NaN.
  @inline(__always)
  func ulps(from a: Double, to b: Double) -> Double {
    if a.isNaN || b.isNaN { return .infinity }
    let (one, other) = (place(of: a.magnitude), place(of: b.magnitude))
    return a.sign == b.sign ? Double(one > other ? one - other : other - one) : Double(one + other)
  }

  /// How many steps lead from 0 to a magnitude. Below 2^63, so that a sum of two fits.
  @inline(__always)
  private func place(of magnitude: Double) -> UInt64 {
    // The exponent and the significand side by side are such a number, in binary64 of every magnitude.
    precision == 53 ? magnitude.bitPattern : place(ofShorter: magnitude)
  }

  private func place(ofShorter magnitude: Double) -> UInt64 {
    if magnitude == .infinity { return place(ofShorter: greatestFinite) + 1 }
    // But for where the exponents begin.
    let place = magnitude.bitPattern >> UInt64(53 - precision)
    let ofLeastNormal = UInt64(leastNormalExponent + 1023) << UInt64(precision - 1)
    if place >= ofLeastNormal { return place - ofLeastNormal + 1 << UInt64(precision - 1) }
    return UInt64(Double(sign: .plus, exponent: precision - 1 - leastNormalExponent, significand: magnitude))
  }

  /// The unit roundoff u, 2^-p for p bits.
  var unit: Double { Double(sign: .plus, exponent: -precision, significand: 1) }

  /// How sentences name it, as IEEE 754 does; a caller sends a ``DataType``.
  var name: String {
    switch self {
    case .binary64: "binary64"
    case .binary32: "binary32"
    case .binary16: "binary16"
    case .bfloat16: "bfloat16"
    default: "\(precision) bits"
    }
  }
}
