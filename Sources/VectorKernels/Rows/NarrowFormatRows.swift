/// How results of a format narrower than binary64 are rounded and proven, where they are known to `error`.
@frozen
public struct NarrowRounding: Sendable {
  /// The format's ``BinaryFormat/narrowingFactor``.
  public var narrowing: Double
  /// 2^-p of the format's precision p: half the distance between numbers from 1 up to 2.
  public var half: Double
  /// The least normal number.
  public var leastNormal: Double
  /// The greatest number.
  public var greatest: Double
  /// What proven results are multiplied by: 1 or -1.
  public var sign: Double

  /// - Parameter format: not binary64.
  @inlinable @inline(__always)
  public init(_ format: BinaryFormat, isNegative: Bool = false) {
    narrowing = format.narrowingFactor
    half = powerOfTwo(0 &- format.precision)
    leastNormal = powerOfTwo(format.leastNormalExponent)
    greatest = format.greatestFinite
    sign = isNegative ? -1 : 1
  }

  /// A bound of the relative errors of what is rounded, 16u. A product e·factor/S has 2u from e, 9.01u from S, 1u from
  /// the factor over S and 1u of its own: 13.1u. The rounding test takes another u.
  @inlinable @inline(__always)
  public static var error: Double { 0x1p-49 }
}

/// The types of numbers that the loops read from bytes themselves: little-endian, aligned or not.
@frozen
public enum NativeFloat: Sendable {
  case binary64, binary32

  /// Bytes of a number.
  @inlinable @inline(__always)
  public var size: Int { self == .binary32 ? 4 : 8 }
}

/// Rows whose results have far fewer bits than binary64, in plain binary64: a fraction of what pairs cost. A result
/// that is too near the middle between two numbers of the format is not proven, which happens to one in some millions.
extension VectorLoops {
  /// Numbers `start ..< start + 8`, all of which are there.
  @inlinable @inline(__always)
  static func load(_ bytes: RawSpan, _ element: NativeFloat, _ start: Int) -> Vector {
    guard element == .binary32 else {
      return unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: start &* 8, as: Vector.self)
    }
    let x = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: start &* 4, as: SIMD8<Float>.self)
    // The library's conversion is left as a call.
    return Vector(
      Double(x[0]), Double(x[1]), Double(x[2]), Double(x[3]), Double(x[4]), Double(x[5]), Double(x[6]), Double(x[7]))
  }

  /// Numbers from `start` on of so many, fewer than eight, with -∞ behind them.
  ///
  /// The loops do these apart: a vector that is filled by lanes keeps the compiler from using whole registers.
  @inlinable @inline(__always)
  static func loadLast(_ bytes: RawSpan, _ element: NativeFloat, _ start: Int, of count: Int) -> Vector {
    var vector = Vector(repeating: -.infinity)
    var lane = 0
    while start &+ lane < count {
      // Unchecked, because it is below `count`.
      let place = start &+ lane
      vector[lane] =
        element == .binary32
        ? Double(unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place &* 4, as: Float.self))
        : unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place &* 8, as: Double.self)
      lane &+= 1
    }
    return vector
  }

  /// The maximum of a row's numbers, and the lowest index that holds it.
  ///
  /// - Parameter logits: not empty, no NaN.
  @inlinable @inline(never)
  public static func narrowMaximum(_ logits: RawSpan, _ element: NativeFloat) -> RowMaximum {
    let count = logits.byteCount / element.size
    var best = Vector(repeating: -.infinity)
    var places = indices(from: 0)
    var start = 0
    while start &+ 8 <= count {
      replace(&best, &places, with: load(logits, element, start), from: start)
      start &+= 8
    }
    if start < count { replace(&best, &places, with: loadLast(logits, element, start, of: count), from: start) }
    return first(of: best, at: places)
  }

  /// Replaces what is below some numbers, and its places.
  @inlinable @inline(__always)
  static func replace(_ best: inout Vector, _ places: inout Vector, with next: Vector, from start: Int) {
    let isAbove = next .> best
    best.replace(with: next, where: isAbove)
    places.replace(with: indices(from: start), where: isAbove)
  }

  /// e^(high + low), lane by lane; exactly 1 for 0.
  ///
  /// Method: with k the whole number nearest to z/ln 2, z = k·ln 2 + r and e^z = 2^k·e^r, |r| ≤ ρ = 0.34658.
  /// e^r = 1 + r + r²·Q(r), where Q interpolates (e^r - 1 - r)/r² at the ten Chebyshev nodes of [-ρ, ρ].
  ///
  /// Edge Cases: below -620 it is e^-620 = 2^-894.47, whatever the low part; `|low| ≤ 2^-50 |high|`.
  ///
  /// Error Bounds: relative 1.9u, for which 2u is taken; u = 2^-53, everything in parts of e^r ≥ 0.7071.
  /// - *Reduction*, 0.27u: |k| < 2^10 and the first part of ln 2 has 42 bits, so its product with k is exact, and so is
  ///   the difference: a multiple of 2^-54 below 1/2 (or k = 0). Adding low - k·second rounds once to a number below
  ///   1/2, 2^-55; the rest is below 2^-80. A change of r changes e^r by as much, relatively.
  /// - *Polynomial*, 0.16u: ρ^10·2^-9/12!·1.04 in Q, times r², is below 2^-56.2.
  /// - *Evaluation*: for r ≥ 0 the last sum rounds by u, r + r²Q < 0.42 by 2^-55, and r²Q < 0.075 is off by 3u of
  ///   itself, in all 1.48u. For r < 0 the last sum rounds by u/2, r + r²Q by 2^-55, and r²Q by 3u of 0.055: 0.92u, in
  ///   parts of e^r 1.3u.
  @inlinable @inline(__always)
  static func narrowExponential(_ z: VectorPair) -> Vector {
    let least = Vector(repeating: leastExponent)
    let isFar = z.high .< least
    let high = choose(least, else: z.high, where: isFar)
    let low = choose(Vector(repeating: 0), else: z.low, where: isFar)
    // Adding 1.5·2^52 rounds to a whole number and leaves it in the lowest bits.
    let magic = Vector(repeating: 0x1.8p52)
    let shifted = Multiplier.multiplyAdd(high, Vector(repeating: 0x1.71547652b82fep0), magic)
    let k = shifted - magic
    let bits = unsafe unsafeBitCast(shifted, to: SIMD8<Int64>.self)
    let power = unsafe unsafeBitCast(
      (bits &<< 52) &+ SIMD8<Int64>(repeating: 0x3FF0_0000_0000_0000), to: Vector.self)
    let first = Multiplier.multiplyAdd(k, Vector(repeating: -0x1.62e42fefa38p-1), high)
    let r = first + Multiplier.multiplyAdd(k, Vector(repeating: -0x1.ef35793c7673p-45), low)
    var Q = Vector(repeating: 0x1.af389ecfcb5d9p-26)
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.28917c89a99ffp-22))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.71de0db2f6aedp-19))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.a019b9149a3d4p-16))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.a01a01a7c2efep-13))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.6c16c17889ef1p-10))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.11111111109b5p-7))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.5555555553d68p-5))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.5555555555556p-3))
    Q = Multiplier.multiplyAdd(Q, r, Vector(repeating: 0x1.0000000000001p-1))
    return (Multiplier.multiplyAdd(r * r, Q, r) + Vector(repeating: 1)) * power
  }

  /// Writes e^z of some of a row's logits, and adds to a sum those of all but the maximum.
  ///
  /// - Parameters:
  ///   - logits: no NaN, not +∞.
  ///   - element: their type.
  ///   - top: where the row's maximum is among them; anything else where it is not.
  ///   - exponentials: written from `start` on, whole vectors: e^z within 2u, but 2^-894.47 for all that is below.
  ///   - sum: in each lane, what the logits so far add up to: at most 2^20 blocks of 64.
  ///
  /// Error Bounds: the terms are positive and within 2u; eight of them are added in each lane with seven roundings; the
  /// blocks' sums with their errors kept. So the sum is within 9.01u of itself, except for less than 2^-871 that terms
  /// below the least exponent add.
  @inlinable @inline(never)
  public static func narrowExponentials(
    _ logits: RawSpan, _ element: NativeFloat, top: Int, shift: RowShift,
    into exponentials: inout MutableSpan<Double>, from start: Int, sum: inout VectorPair
  ) {
    let count = logits.byteCount / element.size
    precondition(start >= 0 && start &+ paddedCount(count) <= exponentials.count)
    let topStart = top & ~7
    let isTop = indices(from: topStart) .== Vector(repeating: Double(top))
    let whole = count & ~7
    var total = sum
    var position = 0
    while position < whole {
      var block = Vector(repeating: 0)
      let end = position &+ min(64, whole &- position)
      while position < end {
        let e = narrowExponential(shifted(load(logits, element, position), shift))
        store(e, &exponentials, start &+ position)
        block += position == topStart ? choose(Vector(repeating: 0), else: e, where: isTop) : e
        position &+= 8
      }
      total = total.accumulating(block)
    }
    if position < count {
      let e = narrowExponential(shifted(loadLast(logits, element, position, of: count), shift))
      store(e, &exponentials, start &+ position)
      total = total.accumulating(position == topStart ? choose(Vector(repeating: 0), else: e, where: isTop) : e)
    }
    sum = total
  }

  /// Writes the correctly rounded `sign·factor·e_i`, if all of them can be proven.
  ///
  /// - Parameters:
  ///   - exponentials: e, whole vectors.
  ///   - factor: at most the format's greatest number, at least 2^-700.
  ///   - out: as many numbers as are wanted.
  /// - Returns: whether all are proven. If not, what was written is not to be used.
  ///
  /// Error Bounds: the real product lies within ``NarrowRounding/error`` of v, the computed one, relatively. With m the
  /// power of two below v, or the least normal number, the distance between neighbours is 2^(1-p)·m, n the number
  /// nearest to v, and v - n is exact. Where |v - n| + error·v stays below half the distance, no middle between two
  /// numbers lies in reach, and the real product rounds to n too. (v just above a power of two has a nearer middle
  /// below it, half as far, which is out of reach as well.) The test's own roundings are below u·2^-p·m, which is at
  /// most u·v wherever v is at least half the distance; below that, n is 0. No v is so much as half a distance above
  /// the factor, so that none overflows.
  @inlinable @inline(never)
  public static func narrowProducts(
    _ exponentials: Span<Double>, by factor: Double, _ rounding: NarrowRounding, into out: inout MutableSpan<Double>
  ) -> Bool {
    precondition(exponentials.count == paddedCount(out.count))
    let factors = Vector(repeating: factor)
    var signs = SIMD8<Int64>(repeating: 0)
    var start = 0
    while start &+ 8 <= out.count {
      let (result, slack) = narrowed(load(exponentials, start) * factors, rounding)
      // Of one size, and every pattern of bits is of either type.
      signs |= unsafe unsafeBitCast(slack, to: SIMD8<Int64>.self)
      store(result, &out, start)
      start &+= 8
    }
    if start < out.count {
      let (result, slack) = narrowed(load(exponentials, start) * factors, rounding)
      signs |= unsafe unsafeBitCast(slack, to: SIMD8<Int64>.self)
      store(result, row: &out, start)
    }
    return (signs & Int64.min) == SIMD8<Int64>(repeating: 0)
  }

  /// Writes the correctly rounded `z_i - log S`, if all of them can be proven; -∞ for a masked class.
  ///
  /// - Parameters:
  ///   - logits: of the type `element`.
  ///   - logSum: log S ≥ 0, within 10.1u.
  ///   - rounding: with the sign -1.
  ///   - out: as many numbers.
  /// - Returns: whether all are proven. If not, what was written is not to be used.
  ///
  /// Error Bounds: log S - z has two terms that are not negative, and takes two roundings: 12.1u. Where the test holds
  /// and n is finite in the format, the real number rounds to n and not to infinity, whose middle is out of reach too.
  @inlinable @inline(never)
  public static func narrowLogProbabilities(
    _ logits: RawSpan, _ element: NativeFloat, shift: RowShift, logSum: Double, _ rounding: NarrowRounding,
    into out: inout MutableSpan<Double>
  ) -> Bool {
    let count = logits.byteCount / element.size
    precondition(out.count == count)
    let logSum = Vector(repeating: logSum)
    var signs = SIMD8<Int64>(repeating: 0)
    var start = 0
    while start < count {
      let a = start &+ 8 <= count ? load(logits, element, start) : loadLast(logits, element, start, of: count)
      let z = shifted(a, shift)
      let isMasked = a .== Vector(repeating: -.infinity)
      let v = ((logSum - z.high) - z.low).replacing(with: 0, where: isMasked)
      let (result, slack) = narrowed(v, rounding)
      let isInRange = magnitude(result) .<= Vector(repeating: rounding.greatest)
      // Of one size, and every pattern of bits is of either type.
      signs |= unsafe unsafeBitCast(slack.replacing(with: -1, where: .!isInRange), to: SIMD8<Int64>.self)
      store(result.replacing(with: -.infinity, where: isMasked), row: &out, start)
      start &+= 8
    }
    return (signs & Int64.min) == SIMD8<Int64>(repeating: 0)
  }

  /// The numbers of the format nearest to some that are not negative, with the sign; and how far the nearest middle
  /// between two numbers is out of reach, negative where it is within it.
  @inlinable @inline(__always)
  static func narrowed(_ v: Vector, _ rounding: NarrowRounding) -> (result: Vector, slack: Vector) {
    let power = unsafe unsafeBitCast(unsafeBitCast(v, to: SIMD8<Int64>.self) & (0x7FF << 52), to: Vector.self)
    let least = Vector(repeating: rounding.leastNormal)
    // Twice the larger: powers of two that are too far apart for their sum round to the larger one. A comparison would
    // be done by lanes.
    let twice = (power + least) + magnitude(power - least)
    let anchor = twice * (0.5 * rounding.narrowing)
    let n = (v + anchor) - anchor
    let reach = Multiplier.multiplyAdd(v, Vector(repeating: NarrowRounding.error), magnitude(v - n))
    // No zero is negative.
    return (n * rounding.sign + Vector(repeating: 0), twice * (0.5 * rounding.half) - reach)
  }
}
