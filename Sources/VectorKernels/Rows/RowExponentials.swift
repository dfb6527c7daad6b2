/// What a row's exponentials add up to, the maximum's being 1.
@frozen
public struct RowSums: Sendable, Hashable {
  /// R: the sum over all but the maximum. Within 2^-79.9, relatively; if it ``isFaint``, within another ``leftOut``.
  public var others: DoubleDouble
  /// S = 1 + R, within 2^-79.9.
  public var sum: DoubleDouble
  /// 1/S, within 2^-79.9, and within 2^-101 of the reciprocal of ``sum``.
  public var reciprocal: DoubleDouble

  @inlinable @inline(__always)
  public init(others: DoubleDouble, sum: DoubleDouble, reciprocal: DoubleDouble) {
    self.others = others
    self.sum = sum
    self.reciprocal = reciprocal
  }

  /// R is so small that the terms left out of it could matter.
  @inlinable @inline(__always)
  public var isFaint: Bool { others.high < Self.leastSure }

  /// The least R beside which they do not matter.
  @inlinable @inline(__always)
  public static var leastSure: Double { 0x1p-700 }

  /// A bound of what is left out of R: fewer than 2^23 terms, each below 2^-894.4.
  @inlinable @inline(__always)
  public static var leftOut: Double { 0x1p-871 }
}

extension VectorLoops {
  /// Writes e^z of each logit as a pair, and adds the pairs up.
  ///
  /// - Parameters:
  ///   - row: [classes], at most 2^23, no NaN, not +∞.
  ///   - rests: [padded classes], what each z is more than `row` and `shift` say; or empty.
  ///   - top: the row's maximum, finite.
  ///   - vanishing: results for any z below this, at most -620, are known to be zero.
  ///   - table: ``exponentialTable``.
  ///   - pairs: [2][padded classes], written: the high parts, then the low parts. e^z within 2^-80 for z ≥ -620. Both
  ///     parts are zero where z < `vanishing`. Zero and NaN where `vanishing ≤ z < -620`: NaN makes every result
  ///     computed from it fail its rounding test.
  ///
  /// Error Bounds: R is within 2^-79.9, relatively, unless it is faint. Its terms are positive and within 2^-80.3.
  /// - In a lane, the high parts of 64 terms are added with their errors kept (TwoSum). The sum of the low parts and
  ///   errors is below 66u times the block's sum and takes two roundings a term: 2·64·66u² = 2^-92.9.
  /// - The eight lanes of a block are added within 2^-98.
  /// - A block's pair joins the total by a double-double addition, 3.01u² each, at most 2^14 + 8 times: 2^-90.3.
  /// - The terms left out are 2^-871 against 2^-700.
  @inlinable @inline(never)
  public static func exponentials(
    _ row: Span<Double>, rests: Span<Double>, top: RowMaximum, shift: RowShift, vanishing: Double,
    table: Span<Double>, into pairs: inout MutableSpan<Double>
  ) -> RowSums {
    let count = paddedCount(row.count)
    precondition(pairs.count == 2 &* count && table.count >= 512 && (rests.count == 0 || rests.count == count))
    let zero = Vector(repeating: 0)
    let topStart = top.index & ~7
    let isTop = indices(from: topStart) .== Vector(repeating: Double(top.index))
    var total = DoubleDouble(high: 0)
    var start = 0
    while start < row.count {
      var block = VectorPair(high: zero, low: zero)
      let end = start &+ min(512, row.count &- start)
      while start < end {
        let z = shifted(load(row, start, absent: -.infinity), rests: rests, from: start, shift)
        let e = exponential(ofAny: z, vanishing: vanishing, table)
        store(e.value.high, &pairs, start)
        store(e.provenLow, &pairs, count &+ start)

        var counted = e.value
        if start == topStart { counted.high.replace(with: zero, where: isTop) }
        block = block.accumulating(counted)
        start &+= 8
      }
      total = total + folded(block)
    }
    let sum = DoubleDouble(high: 1) + total
    return RowSums(others: total, sum: sum, reciprocal: sum.reciprocal(Multiplier.self))
  }

  /// e^z, or zero where z is below -620; and its low part, or NaN where it is not zero for certain.
  @inlinable @inline(__always)
  static func exponential(
    ofAny z: VectorPair, vanishing: Double, _ table: Span<Double>
  ) -> (value: VectorPair, provenLow: Vector) {
    let zero = Vector(repeating: 0)
    let least = Vector(repeating: leastExponent)
    let isFar = z.high .< least
    let e = exponential(
      choose(least, else: z.high, where: isFar), choose(zero, else: z.low, where: isFar), table)
    let value = VectorPair(
      high: choose(zero, else: e.high, where: isFar), low: choose(zero, else: e.low, where: isFar))
    // NaN by its bits: where numbers are replaced by it, the compiler goes on in quarters of a vector.
    let isUnknown = isFar .& (z.high .>= Vector(repeating: vanishing))
    let marks = SIMD8<UInt64>(repeating: 0).replacing(with: Double.nan.bitPattern, where: isUnknown)
    let bits = unsafe unsafeBitCast(value.low, to: SIMD8<UInt64>.self) | marks
    return (value, unsafe unsafeBitCast(bits, to: Vector.self))
  }

  /// The sum of eight pairs that are not negative, their low parts at most 66u of their high parts.
  ///
  /// Error Bounds: relative 2^-98. In the first of three additions the low parts are that large, so rounding their sum,
  /// and adding the error of the high parts' sum, cost 2·67u² each. The other two add pairs in order, 3.01u² each.
  @inlinable @inline(__always)
  static func folded(_ v: VectorPair) -> DoubleDouble {
    let four =
      Pair(high: v.high.lowHalf, low: v.low.lowHalf) + Pair(high: v.high.highHalf, low: v.low.highHalf)
    let two =
      Pair(high: four.high.lowHalf, low: four.low.lowHalf) + Pair(high: four.high.highHalf, low: four.low.highHalf)
    return DoubleDouble(large: two.high[0], small: two.low[0]) + DoubleDouble(large: two.high[1], small: two.low[1])
  }
}

/// Capped logits c·tanh(a/c) as arguments of exp, and what derivatives are multiplied by for the cap.
extension VectorLoops {
  /// Writes `z = (c·tanh(a/c) - c·tanh(m/c))/T` of each logit and the derivative 1/cosh²(a/c) of c·tanh(a/c).
  ///
  /// With E = e^(-2|a|/c) and q = 1/(1 + E), tanh(|a|/c) = 2q - 1. So tanh(a/c) = 2σ - 1 with σ = q, or 1 - q for
  /// a < 0, and z = scale·(σ - σ_m). The derivative is 4Eq².
  ///
  /// - Parameters:
  ///   - row: [classes], no NaN, not +∞.
  ///   - maximum: m, finite.
  ///   - cap: a shift by 0, with the temperature c/2.
  ///   - scale: 2c/T, within 2^-98.
  ///   - table: ``exponentialTable``.
  ///   - arguments: [2][padded classes], written, the high parts and then the low parts: z, which is 0 for the maximum,
  ///     and -∞ for a masked class.
  ///   - slopes: the same, the derivatives: 1 for a masked class; zero and NaN for one that is below 2^-894.
  ///
  /// Error Bounds: of z, absolutely, scale·2^-81.1; of the derivative, relatively, 2^-80.2.
  /// - E is within 2^-80.3 of itself, as `exponential(_:_:_:)` says; its argument's 2^-100 |2a/c| makes 2^-101 of 1.
  /// - dσ = -q² dE and E q² ≤ 1/4, so σ is within 2^-82.3 and 2^-101, and 2^-102 for the reciprocal. σ - σ_m is within
  ///   2^-81.2. The product's and the scale's errors are 2^-97 of |σ - σ_m| ≤ 1.
  /// - The derivative's relative error is that of E times (1 - E)/(1 + E) ≤ 1, 2^-101 for E's argument as long as
  ///   |2a/c| ≤ 620, which is 2^-91, two reciprocals' 2^-102, and 7u² for each of two products.
  @inlinable @inline(never)
  public static func capped(
    _ row: Span<Double>, maximum: Double, cap: RowShift, scale: DoubleDouble, table: Span<Double>,
    into arguments: inout MutableSpan<Double>, slopes: inout MutableSpan<Double>
  ) {
    let count = paddedCount(row.count)
    precondition(arguments.count == 2 &* count && slopes.count == 2 &* count && table.count >= 512)
    let (one, scales) = (constant(1), VectorPair(repeating: scale))
    var top = constant(0)
    // The first block is the maximum alone, so that its σ has the bits of each logit that equals it.
    var start = -8
    while start < row.count {
      let a = start < 0 ? Vector(repeating: maximum) : load(row, start, absent: -.infinity)
      let z = shifted(magnitude(a).negated, cap)
      let e = exponential(ofAny: z, vanishing: -.greatestFiniteMagnitude, table)
      let q = (one + e.value).reciprocal(Multiplier.self)
      let mirrored = one + -q
      let isNegative = a .< 0
      let sigma = VectorPair(
        high: choose(mirrored.high, else: q.high, where: isNegative),
        low: choose(mirrored.low, else: q.low, where: isNegative))
      if start < 0 {
        top = sigma
      } else {
        let argument = (sigma + -top).times(scales, Multiplier.self)
        let isMasked = a .== Vector(repeating: -.infinity)
        store(choose(Vector(repeating: -.infinity), else: argument.high, where: isMasked), &arguments, start)
        store(argument.low, &arguments, count &+ start)
        let slope = e.value.times(q.times(q, Multiplier.self), Multiplier.self)
        store(choose(Vector(repeating: 1), else: slope.high * 4, where: isMasked), &slopes, start)
        store(slope.low * 4 + (e.provenLow - e.value.low), &slopes, count &+ start)
      }
      start &+= 8
    }
  }

  /// Writes the products of pairs that are not negative, the second at most 1.
  ///
  /// - Parameters:
  ///   - high, low: [padded classes]; zeros stand for what no result shows, zero and NaN for what is not known.
  ///   - factors: [2][padded classes], likewise.
  ///   - pairs: [2][padded classes], written, likewise.
  ///
  /// Error Bounds: 7u² and the factors' own. Where a product may have lost its low part it is not known.
  @inlinable @inline(never)
  public static func multiplied(
    _ high: Span<Double>, _ low: Span<Double>, by factors: Span<Double>, into pairs: inout MutableSpan<Double>
  ) {
    let count = high.count
    precondition(count & 7 == 0 && low.count == count && factors.count == 2 &* count && pairs.count == 2 &* count)
    let zero = Vector(repeating: 0)
    var start = 0
    while start < count {
      let a = VectorPair(high: load(high, start), low: load(low, start))
      let b = VectorPair(high: load(factors, start), low: load(factors, count &+ start))
      let product = a.times(b, Multiplier.self)
      let isNothing = ((a.high .== zero) .& (a.low .== zero)) .| ((b.high .== zero) .& (b.low .== zero))
      let isKept = product.high .>= Vector(repeating: 0x1p-960)
      let low = choose(product.low, else: Vector(repeating: .nan), where: isKept)
      store(choose(product.high, else: zero, where: isKept), &pairs, start)
      store(choose(zero, else: low, where: isNothing), &pairs, count &+ start)
      start &+= 8
    }
  }
}
