/// A binary floating-point format with subnormal numbers and infinities, whose numbers a `Double` holds exactly.
///
/// Its numbers are those of IEEE 754-2019 §3.3 for a radix of 2, a precision p and a greatest exponent: significands of
/// p bits, the least normal exponent 1 - emax. Code that rounds to a format or writes it asks for these two numbers; it
/// asks for a format by name only where that one has a special case.
@frozen
public struct BinaryFormat: Sendable, Hashable {
  /// p: bits of a normal number's significand, the leading one among them; 2 to 53.
  public let precision: Int
  /// emax: the exponent of the greatest finite number, 1 ≤ significand < 2.
  public let greatestExponent: Int

  @inlinable
  public init(precision: Int, greatestExponent: Int) {
    self.precision = precision
    self.greatestExponent = greatestExponent
  }

  /// IEEE 754 binary64: every `Double`.
  @inlinable public static var binary64: BinaryFormat { BinaryFormat(precision: 53, greatestExponent: 1023) }
  /// IEEE 754 binary32: every `Float`.
  @inlinable public static var binary32: BinaryFormat { BinaryFormat(precision: 24, greatestExponent: 127) }
  /// IEEE 754 binary16, "half precision".
  @inlinable public static var binary16: BinaryFormat { BinaryFormat(precision: 11, greatestExponent: 15) }
  /// binary32's exponents with the first 8 bits of its significand, as machine learning uses it.
  @inlinable public static var bfloat16: BinaryFormat { BinaryFormat(precision: 8, greatestExponent: 127) }

  /// The exponent of the least normal number.
  @inlinable public var leastNormalExponent: Int { 1 &- greatestExponent }
  /// The exponent of the least number above zero, which is the distance between subnormal numbers.
  @inlinable public var leastExponent: Int { leastNormalExponent &- (precision &- 1) }
  /// The greatest finite number.
  @inlinable public var greatestFinite: Double { (2 - powerOfTwo(1 &- precision)) * powerOfTwo(greatestExponent) }

  /// The number of this format nearest to one of binary64, ties to even, beyond the range infinite.
  ///
  /// Adding 1.5 · 2^52 times the distance between neighbours, and taking it away again, rounds what is below that
  /// distance as binary64's own addition does. NaN stays NaN, and a zero result may lose its sign.
  @inlinable
  public func nearest(to x: Double) -> Double {
    guard precision < 53, x.isFinite else { return x }
    guard x.magnitude < powerOfTwo(greatestExponent) * 2 else { return x < 0 ? -.infinity : .infinity }
    let anchor = max(x.magnitude.binade, powerOfTwo(leastNormalExponent)) * narrowingFactor
    let nearest = (x + anchor) - anchor
    return nearest.magnitude > greatestFinite ? (x < 0 ? -.infinity : .infinity) : nearest
  }

  /// Whether a finite number lies exactly half-way between two numbers of this format, of which the upper may be the
  /// first beyond the range.
  @inlinable
  public func isHalfway(_ x: Double) -> Bool {
    guard precision < 53, x.magnitude < powerOfTwo(greatestExponent) * 2 else { return false }
    let units = x.magnitude / (max(x.magnitude.binade, powerOfTwo(leastNormalExponent)) * powerOfTwo(1 &- precision))
    return units - units.rounded(.down) == 0.5
  }

  /// 1.5 · 2^52 times the distance between neighbours, for numbers of 1 up to 2; 0 for binary64, which needs no
  /// narrowing.
  @inlinable public var narrowingFactor: Double { precision < 53 ? 1.5 * powerOfTwo(53 &- precision) : 0 }
}
