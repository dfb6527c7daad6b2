/// 2^exponent, for an exponent in -1022...1023.
@inlinable @inline(__always)
public func powerOfTwo(_ exponent: Int) -> Double {
  Double(bitPattern: UInt64(truncatingIfNeeded: exponent &+ 1023) << 52)
}

/// The format that a loop rounds to, and where that format ends.
@frozen
public struct KernelRounding: Sendable {
  /// The format's ``BinaryFormat/narrowingFactor``, 0 for binary64.
  public var narrowing: Double
  /// What the loop multiplies its results by: ± a power of two, so it changes no bit of a result in range.
  public var scale: Double
  /// Before scaling: the least normal number of a format that is not binary64.
  public var leastNormal: Double
  /// Before scaling: the least size that the loop can prove, the greatest number that it may round to, and the size
  /// below which the result is zero.
  public var least: Double
  public var greatest: Double
  public var vanishing: Double
  /// Neither does a result have few bits, nor can it be known to be zero by its size.
  public var isPlain: Bool

  /// - Parameters:
  ///   - exponent: results are multiplied by 2^exponent; in -900...900.
  ///   - isOfSums: whether no product is behind the results, which are not multiplied either.
  @inlinable @inline(__always)
  public init(_ format: BinaryFormat, exponent: Int = 0, isNegative: Bool = false, isOfSums: Bool = false) {
    narrowing = format.narrowingFactor
    let power = powerOfTwo(exponent)
    scale = isNegative ? -power : power
    // ±960 keeps the exact products behind a result from underflow and overflow. Subnormal numbers of binary64 have no
    // place for the test; those of other formats are rounded like their normal ones.
    leastNormal = powerOfTwo(max(-960, format.leastNormalExponent &- exponent))
    least = format == .binary64 ? powerOfTwo(max(-960, format.leastNormalExponent &+ 1 &- exponent)) : 0x1p-960
    // The greatest number of a narrower format is an everyday mask, and so is that of binary64 in a sum.
    greatest =
      format == .binary64
      ? powerOfTwo(min(960, format.greatestExponent &- 1 &- exponent))
      : min(0x1p960, format.greatestFinite * powerOfTwo(0 &- exponent))
    if isOfSums { greatest = format.greatestFinite }
    // Half of the smallest subnormal, halved again for the error of what is compared with it.
    let last = format.leastExponent &- 2 &- exponent
    vanishing = last < -960 ? 0 : powerOfTwo(min(last, 960))
    isPlain = narrowing == 0 && vanishing == 0
  }
}

/// Results, and the lanes in which they are proven.
@frozen
public struct Rounded {
  public var value: Vector
  public var isProven: VectorMask

  @inlinable @inline(__always)
  public init(value: Vector, isProven: VectorMask) {
    self.value = value
    self.isProven = isProven
  }

  /// The proven results, and NaN for the others.
  @inlinable @inline(__always)
  public var provenOrNaN: Vector { choose(value, else: Vector(repeating: .nan), where: isProven) }

  /// Puts a known result in the place of some.
  @inlinable @inline(__always)
  public mutating func set(_ known: Double, where isKnown: VectorMask) {
    isProven = isProven .| isKnown
    value = choose(Vector(repeating: known), else: value, where: isKnown)
  }

  /// One in each lane that is not proven.
  @inlinable @inline(__always)
  public var open: Vector { choose(Vector(repeating: 0), else: Vector(repeating: 1), where: isProven) }
}

extension VectorLoops {
  /// The rounding test: rounds each real number that `result` is within `error` of, where all numbers that near round
  /// to the same result.
  ///
  /// - Parameters:
  ///   - result: `|low| ≤ 4u |high|`, as products of pairs have it.
  ///   - error: a bound, not NaN where the result is not; with 2^-103 |high| to spare, which pays for this function's
  ///     own roundings.
  ///
  /// Rounding is monotone: when both ends of the interval round to one number, everything between them does.
  ///
  /// In binary64, low ± error is within u·(5u|high|) of its real value, which 2^-103 |high| of `error` covers; high +
  /// that is then the end, rounded once to nearest. In narrower formats the ends are moved out by 2^-51 |high| instead
  /// (twice the spacing of binary64) and rounded to nearest, subnormal numbers included. An end on a tie lies strictly
  /// beyond the number itself, so it does not matter where that goes.
  ///
  /// Where both ends round to a finite number, no real between them overflows: from half a unit beyond the greatest
  /// number on, an end is rounded to a power of two or to infinity, which is out of range.
  @inlinable @inline(__always)
  static func rounded(_ result: VectorPair, error: Vector, _ rounding: KernelRounding) -> Rounded {
    let size = magnitude(result.high)
    let (highest, lowest) = (result.high + (result.low + error), result.high + (result.low - error))
    var (up, down) = (highest, lowest)
    if rounding.narrowing != 0 {
      let margin = size * 0x1p-51
      up = narrowed(up + margin, rounding)
      down = narrowed(down - margin, rounding)
    }
    let isInRange =
      (size .>= Vector(repeating: rounding.least)) .& (magnitude(up) .<= Vector(repeating: rounding.greatest))
    var value = up * rounding.scale
    guard !rounding.isPlain else { return Rounded(value: value, isProven: (up .== down) .& isInRange) }
    let vanishing = Vector(repeating: rounding.vanishing)
    // By the ends: NaN in the low part alone must not count as zero.
    let isZero = (magnitude(highest) .< vanishing) .& (magnitude(lowest) .< vanishing)
    // Plus zero, since no zero is negative.
    value = choose(Vector(repeating: 0), else: value, where: isZero) + Vector(repeating: 0)
    return Rounded(value: value, isProven: ((up .== down) .& isInRange) .| isZero)
  }

  /// To nearest in a format that is not binary64, as ``BinaryFormat/nearest(to:)``; for sizes up to 2^961; beyond, a
  /// number above 2^960, infinity or NaN.
  @inlinable @inline(__always)
  static func narrowed(_ x: Vector, _ rounding: KernelRounding) -> Vector {
    let power = unsafe unsafeBitCast(unsafeBitCast(x, to: SIMD8<Int64>.self) & (0x7FF << 52), to: Vector.self)
    let least = Vector(repeating: rounding.leastNormal)
    let anchor = choose(least, else: power, where: isBelow(power, least)) * rounding.narrowing
    return (x + anchor) - anchor
  }
}

/// The test for one number.
extension KernelRounding {
  /// The nearest number of the format to `scale` times each real that `result` is within `error` of; NaN where there is
  /// more than one, or where the format ends.
  ///
  /// - Parameter error: at least 2^-104 |result.high| more than the derived bound.
  @inlinable
  public func rounded(_ result: DoubleDouble, error: Double) -> Double {
    agreed(result.high + (result.low + error), result.high + (result.low - error))
  }

  /// The same where the ends are `high + (middle + tail)` with a tail that may be far below every other place: half-way
  /// cases are decided by its sign.
  ///
  /// An end's lower two parts are rounded to odd, so that rounding once more to nearest is as if they had been added
  /// exactly (Boldo and Melquiond, *Emulation of a FMA and correctly rounded sums*, 2008): a boundary between two
  /// results, less `high`, has an even last bit at the place of `middle`.
  @inlinable
  public func rounded(_ high: Double, _ middle: Double, tails up: Double, _ down: Double) -> Double {
    agreed(
      high + Self.oddRounded(DoubleDouble(sum: middle, up)), high + Self.oddRounded(DoubleDouble(sum: middle, down)))
  }

  /// The same of `whole - part`, where the whole may be nearer to half-way between two results than a pair can tell.
  ///
  /// - Parameters:
  ///   - whole: within 2^-138 of itself.
  ///   - part: at most 2^-60 of the whole.
  ///   - error: a bound of the part's error.
  ///
  /// Error Bounds: those, and two roundings of the low part less `part`.
  @inlinable
  public func rounded(_ whole: TripleDouble, less part: Double, within error: Double) -> Double {
    let whole = whole.normalised
    let tail = whole.low - part
    let reach = whole.high.magnitude * 0x1p-138 + (error + tail.magnitude * 0x1p-50)
    return rounded(whole.high, whole.middle, tails: tail + reach, tail - reach)
  }

  @inlinable
  func agreed(_ up: Double, _ down: Double) -> Double {
    let size = up.magnitude
    if size < vanishing, down.magnitude < vanishing { return 0 }
    guard size >= least else { return .nan }
    let margin = size * 0x1p-51
    let (high, low) = narrowing == 0 ? (up, down) : (narrowed(up + margin), narrowed(down - margin))
    // No zero is negative.
    return high == low && high.magnitude <= greatest ? high * scale + 0 : .nan
  }

  /// A pair's sum rounded to odd.
  @inlinable
  static func oddRounded(_ pair: DoubleDouble) -> Double {
    guard pair.low != 0, pair.high.bitPattern & 1 == 0 else { return pair.high }
    return (pair.low > 0) == (pair.high > 0)
      ? Double(bitPattern: pair.high.bitPattern &+ 1) : Double(bitPattern: pair.high.bitPattern &- 1)
  }

  /// To nearest in a format that is not binary64.
  @inlinable
  func narrowed(_ x: Double) -> Double {
    let anchor = max(x.magnitude.binade, leastNormal) * narrowing
    return (x + anchor) - anchor
  }
}
