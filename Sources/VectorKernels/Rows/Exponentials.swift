public import CVector

extension VectorLoops {
  /// The least argument of ``exponential(_:_:_:)``: e^-620 = 2^-894.47, whose low part is still a normal number.
  @inlinable @inline(__always) static var leastExponent: Double { -620 }

  /// e^(high + low), lane by lane, as a pair with `|low| ≤ ulp(high)/2`; exactly 1 for 0.
  ///
  /// Method: with k the whole number nearest to z·256/ln 2, z = k·ln 2/256 + r and e^z = 2^(k/256)·(1 + p), where
  /// p = e^r - 1 and |r| ≤ ρ = 0.0013539 = 2^-9.528. 2^(k/256) is a power of two times an entry of the table (Tang,
  /// *Table-driven implementation of the exponential function*, 1989).
  ///
  /// Edge Cases: `-620 ≤ high ≤ 0`, or from -1100 on if the result is raised by 800; `|low| ≤ 2^-50 |high|`.
  ///
  /// - Parameter exponent: the result is multiplied by 2^exponent.
  ///
  /// Error Bounds: relative 2^-80. Here is why, with u = 2^-53, everything in parts of e^z.
  ///
  /// *Reduction*, 2^-91:
  /// - |k| < 2^19, and the binary64 nearest to ln 2/256 is the sum of a number of 34 bits and one of 18, whose products
  ///   with k are exact.
  /// - z.high - k times that number is exact: it is a multiple of 2^-62 (k = 0, or |z.high| > ρ) and at most 2^-9.5.
  ///   The difference in between is exact too (Sterbenz).
  /// - low - k·rest has |low| ≤ 2^-40.7 and takes two roundings: 2^-92.7.
  /// - The Fast2Sum may have its terms in the wrong order when r is below 2^-40. It is then off by u·2^-39.7 = 2^-92.7.
  /// - What the rest leaves out is 2^-117·2^19.
  /// - So r is within 2^-91, and |r.low| ≤ u·ρ + 2^-92.
  ///
  /// *Polynomial*, 2^-91 + 2^-81.54 + 2^-82.58: e^r = 1 + r + r²/2 + r³P(r), P the Taylor polynomial of degree 4.
  /// - The remainder is ρ^8/8! < 2^-91.
  /// - The first and second terms are a pair within u² of its head, except for r.low²/2 < 2^-124 and rounding
  ///   r.low + r.high·r.low (2^-115).
  /// - r³P ≤ 2^-31.16 is computed from r.high in plain binary64: r² (1 rounding), r³ (1), P (2 from its last step, and
  ///   less than ρ·3u + u from its lower terms and its coefficients), the product (1): 6.1u·2^-31.16 ≤ 2^-81.54.
  /// - Leaving r.low out of it costs r.low·ρ²/2 ≤ 2^-82.58.
  ///
  /// *Assembly*, 2^-81.67:
  /// - p.low is at most 2^-31.15 and takes 2 roundings of at most 2^-85 each.
  /// - T·p.low, T the table's entry, and the sums around it take 4 of at most 2^-84 each, since no partial sum exceeds
  ///   2^-30.1 T. Together 5·2^-84.
  /// - The entry's low part times 1 + p.high, and what T·(1 + p.high) leaves of its head, are rounded at 2^-106; the
  ///   table is within that too.
  /// - The final pair and the power of two are exact.
  ///
  /// Sum: 2^-81.54 + 2^-82.58 + 2^-81.67 + 3·2^-91 < 2^-80.27.
  @inlinable @inline(__always)
  static func exponential(
    _ high: Vector, _ low: Vector, _ table: Span<Double>, raisedBy exponent: Int64 = 0
  ) -> VectorPair {
    // Adding 1.5·2^52 rounds to a whole number and leaves it in the lowest bits.
    let magic = Vector(repeating: 0x1.8p52)
    let shifted = Multiplier.multiplyAdd(high, Vector(repeating: 0x1.71547652b82fep8), magic)
    let k = shifted - magic
    let bits = unsafe unsafeBitCast(shifted, to: SIMD8<Int64>.self)
    let entry = bits & 255
    let power = unsafe unsafeBitCast(
      ((bits & ~255) &<< 44) &+ SIMD8<Int64>(repeating: (exponent &+ 1023) &<< 52), to: Vector.self)

    let r0 = Multiplier.difference(high, k, times: 0x1.62e42fef8p-9, plus: 0x1.1cf78p-44)
    let r = VectorPair(large: r0, small: Multiplier.multiplyAdd(k, Vector(repeating: -0x1.abc9e3b39803fp-64), low))

    let square = r.high * r.high
    var P = Vector(repeating: 0x1.a01a01a01a01ap-13)
    P = Multiplier.multiplyAdd(P, r.high, Vector(repeating: 0x1.6c16c16c16c17p-10))
    P = Multiplier.multiplyAdd(P, r.high, Vector(repeating: 0x1.1111111111111p-7))
    P = Multiplier.multiplyAdd(P, r.high, Vector(repeating: 0x1.5555555555555p-5))
    P = Multiplier.multiplyAdd(P, r.high, Vector(repeating: 0x1.5555555555555p-3))
    let cubic = square * r.high * P
    let p = Multiplier.sum(r.high, r.high * 0.5, times: r.high)
    let pLow = (p.low + Multiplier.multiplyAdd(r.high, r.low, r.low)) + cubic

    let t = gatherPairs(table, entry)
    let sum = Multiplier.sum(t.high, t.high, times: p.high)
    let tail = Multiplier.multiplyAdd(t.high, pLow, Multiplier.multiplyAdd(t.low, p.high, t.low))
    let e = VectorPair(large: sum.high, small: sum.low + tail)
    return VectorPair(high: e.high * power, low: e.low * power)
  }

  /// Eight numbers at places of a memory. Unchecked, because callers check the places: a mask keeps those of the table
  /// below 512.
  @inlinable @inline(__always)
  static func gather(_ table: Span<Double>, _ i: SIMD8<Int64>) -> Vector {
    var numbers = Vector(repeating: 0)
    unsafe table.withUnsafeBufferPointer { unsafe vector_gather($0.baseAddress, i, &numbers) }
    return numbers
  }

  /// Eight pairs of a table of pairs. Unchecked likewise.
  @inlinable @inline(__always)
  static func gatherPairs(_ table: Span<Double>, _ i: SIMD8<Int64>) -> VectorPair {
    var (high, low) = (Vector(repeating: 0), Vector(repeating: 0))
    unsafe table.withUnsafeBufferPointer { unsafe vector_pairs($0.baseAddress, i, &high, &low) }
    return VectorPair(high: high, low: low)
  }

  /// log S = log(1 + R).
  ///
  /// Edge Cases: R at least 2^-700, so that nothing underflows; at most 2^700.
  ///
  /// Error Bounds: relative 2^-79.8, for which ``logSumError`` is taken. R's own 2^-79.9 moves log S by no more, since
  /// d log(1+R)/log(1+R) ≤ dR/R. The rest is 2^-86:
  /// - Below 2^-9, ``logarithm(onePlus:)`` is within 2^-87.
  /// - Above, S = 2^x·m. The atanh series to s^7, s ≤ 1/3, gives log2 m within 2^-15.7, so that j/256 is within
  ///   0.505/256 of it, and f = m·2^(-j/256) - 1 lies in ±2^-9.5 and is known within 12u². In log S =
  ///   (256x + j)·ln 2/256 + log(1+f) the terms are off by at most 2^-102 and 2^-9.5-87, and log S ≥ 2^-9.01;
  ///   beyond R = 2^23 by 2^-96, and log S ≥ 2^3.
  @inlinable @inline(never)
  public static func logSum(_ sums: RowSums, table: Span<Double>) -> DoubleDouble {
    let result = logSum(
      others: VectorPair(repeating: sums.others), sum: VectorPair(repeating: sums.sum), table: table)
    return DoubleDouble(high: result.high[0], low: result.low[0])
  }

  /// The same for eight rows, lane by lane.
  @inlinable @inline(__always)
  static func logSum(others: VectorPair, sum: VectorPair, table: Span<Double>) -> VectorPair {
    precondition(table.count >= 512)
    let isSmall = others.high .< Vector(repeating: 0x1p-9)
    let biased = unsafe unsafeBitCast(sum.high, to: SIMD8<Int64>.self) &>> 52
    let power = unsafe unsafeBitCast((2046 &- biased) &<< 52, to: Vector.self)
    let m = VectorPair(high: sum.high * power, low: sum.low * power)

    let s = (m.high - 1) / (m.high + 1)
    let s2 = s * s
    var log2 = Multiplier.multiplyAdd(s2, Vector(repeating: 0.4121985831111324), Vector(repeating: 0.5770780163555854))
    log2 = Multiplier.multiplyAdd(s2, log2, Vector(repeating: 0.9617966939259756))
    log2 = Multiplier.multiplyAdd(s2, log2, Vector(repeating: 2.8853900817779268))
    // Adding 1.5·2^52 rounds to a whole number and leaves it in the lowest bits.
    let magic = Vector(repeating: 0x1.8p52)
    let rounded = Multiplier.multiplyAdd(s * 256, log2, magic)
    let j = rounded - magic
    let entry = (256 &- (unsafe unsafeBitCast(rounded, to: SIMD8<Int64>.self) & 511)) & 255
    // 2^(-j/256), of which the table has twice the value unless j is 0.
    let isOne = j .== 0
    let t = gatherPairs(table, entry)
    let root = VectorPair(high: choose(Vector(repeating: 1), else: t.high * 0.5, where: isOne), low: t.low * 0.5)
    let p = Multiplier.product(m, root)
    var f = VectorPair(sum: p.high - 1, p.low)
    f.high = choose(others.high, else: f.high, where: isSmall)
    f.low = choose(others.low, else: f.low, where: isSmall)
    // 2^52 and more has its whole part in the lowest bits.
    let exponent = unsafe unsafeBitCast(biased | 0x4330_0000_0000_0000, to: Vector.self) - (0x1p52 + 1023)
    let steps = choose(Vector(repeating: 0), else: exponent + j * 0x1p-8, where: isSmall)
    let ln2 = constant(0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56)
    let whole = Multiplier.product(steps, ln2.high)
    let result = VectorPair(high: whole.high, low: Multiplier.multiplyAdd(steps, ln2.low, whole.low))
      .adding(smaller: logarithm(onePlus: f))
    return VectorPair(large: result.high, small: result.low)
  }

  /// log(1 + x) for `|x| ≤ 2^-9`.
  ///
  /// Error Bounds: relative 2^-87. log(1 + x)/x = 1 + x(-1/2 + x(1/3 + x(-1/4 + x·Q))), where
  /// Q = 1/5 - x/6 + … - x^6/11 is computed in binary64 from x.high and the rest in pairs.
  /// - What the series leaves out: x^11/12 < 2^-102.
  /// - Q is within 3u of its value, x.low being left out of it, so x^4 Q is within 2^-38.3·2^-51.4 = 2^-89.7.
  /// - The pairs' products and sums, 10u² each and made smaller by x below the top, cost less than 2^-101.
  @inlinable @inline(__always)
  static func logarithm(onePlus x: VectorPair) -> VectorPair {
    let y = x.high
    var Q = Vector(repeating: 0x1.745d1745d1746p-4)
    Q = Multiplier.multiplyAdd(y, Q, Vector(repeating: -0x1.999999999999ap-4))
    Q = Multiplier.multiplyAdd(y, Q, Vector(repeating: 0x1.c71c71c71c71cp-4))
    Q = Multiplier.multiplyAdd(y, Q, Vector(repeating: -0x1p-3))
    Q = Multiplier.multiplyAdd(y, Q, Vector(repeating: 0x1.2492492492492p-3))
    Q = Multiplier.multiplyAdd(y, Q, Vector(repeating: -0x1.5555555555555p-3))
    Q = Multiplier.multiplyAdd(y, Q, Vector(repeating: 0x1.999999999999ap-3))
    var terms = VectorPair(large: Vector(repeating: -0.25), small: y * Q)
    terms = constant(0x1.5555555555555p-2, 0x1.5555555555555p-56).adding(smaller: Multiplier.product(terms, x))
    terms = constant(-0.5).adding(smaller: Multiplier.product(terms, x))
    terms = constant(1).adding(smaller: Multiplier.product(terms, x))
    return terms.times(x, Multiplier.self)
  }

  /// e^d - 1 - d, for `|d| ≤ 2^-4`.
  ///
  /// Error Bounds: relative 2^-81.8, and twice d's. It is d²/2 times P = Σ 2 d^k/(k+2)!, of which the terms from d^13
  /// on, 2^-91, are left out. Those from d^5 on, at most 2^-31.3, are computed in plain binary64 of d.high within 5.2u:
  /// the coefficient's rounding, two of the last step, the product's, what d.low is of d, and 0.2u for steps before.
  /// The others take Horner steps in pairs, 2^-100 each; d² is within 2^-99.
  @inlinable @inline(__always)
  static func exponentialRest(_ d: VectorPair) -> VectorPair {
    let x = d.high
    var P = Vector(repeating: 0x1.93974a8c07c9dp-36)
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.6124613a86d09p-32))
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.1eed8eff8d898p-28))
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.ae64567f544e4p-25))
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.27e4fb7789f5cp-21))
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.71de3a556c734p-18))
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.a01a01a01a01ap-15))
    P = Multiplier.multiplyAdd(P, x, Vector(repeating: 0x1.a01a01a01a01ap-12))
    let fifth = VectorPair(large: Vector(repeating: 0x1.6c16c16c16c17p-9), small: P * x)
    var sum = VectorPair(high: fifth.high, low: fifth.low - 0x1.f49f49f49f49fp-64)
    sum = hornerStep(constant(0x1.1111111111111p-6, 0x1.1111111111111p-62), d, sum)
    sum = hornerStep(constant(0x1.5555555555555p-4, 0x1.5555555555555p-58), d, sum)
    sum = hornerStep(constant(0x1.5555555555555p-2, 0x1.5555555555555p-56), d, sum)
    sum = hornerStep(constant(1), d, sum)
    let half = VectorPair(high: d.high * 0.5, low: d.low * 0.5)
    return Multiplier.product(half.times(d, Multiplier.self), sum)
  }

  /// x - log(1 + x), for `|x| ≤ 2^-4`.
  ///
  /// Error Bounds: relative 2^-84, and a little more than twice x's. It is x²/2 times P = Σ 2 (-x)^k/(k+2), of which
  /// the terms from x^22 on, 2^-91, are left out. Those from x^8 on, at most 2^-34.3, are computed in plain binary64 of
  /// x.high, within 5.2u likewise.
  @inlinable @inline(__always)
  static func logarithmRest(_ x: VectorPair) -> VectorPair {
    let y = x.high
    var P = Vector(repeating: -0x1.642c8590b2164p-4)
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1.745d1745d1746p-4))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: -0x1.8618618618618p-4))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1.999999999999ap-4))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: -0x1.af286bca1af28p-4))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1.c71c71c71c71cp-4))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: -0x1.e1e1e1e1e1e1ep-4))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1p-3))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: -0x1.1111111111111p-3))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1.2492492492492p-3))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: -0x1.3b13b13b13b14p-3))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1.5555555555555p-3))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: -0x1.745d1745d1746p-3))
    P = Multiplier.multiplyAdd(P, y, Vector(repeating: 0x1.999999999999ap-3))
    let seventh = VectorPair(large: Vector(repeating: -0x1.c71c71c71c71cp-3), small: P * y)
    var sum = VectorPair(high: seventh.high, low: seventh.low - 0x1.c71c71c71c71cp-57)
    sum = hornerStep(constant(0x1p-2), x, sum)
    sum = hornerStep(constant(-0x1.2492492492492p-2, -0x1.2492492492492p-56), x, sum)
    sum = hornerStep(constant(0x1.5555555555555p-2, 0x1.5555555555555p-56), x, sum)
    sum = hornerStep(constant(-0x1.999999999999ap-2, 0x1.999999999999ap-56), x, sum)
    sum = hornerStep(constant(0x1p-1), x, sum)
    sum = hornerStep(constant(-0x1.5555555555555p-1, -0x1.5555555555555p-55), x, sum)
    sum = hornerStep(constant(0x1p0), x, sum)
    let half = VectorPair(high: x.high * 0.5, low: x.low * 0.5)
    return Multiplier.product(half.times(x, Multiplier.self), sum)
  }

  @inlinable @inline(__always)
  static func constant(_ high: Double, _ low: Double = 0) -> VectorPair {
    VectorPair(repeating: DoubleDouble(high: high, low: low))
  }
}

/// The relative error of log S: 2^-79.75 and more.
@inlinable @inline(__always)
public var logSumError: Double { 0x1.3p-80 }

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
  /// Error Bounds: R is within 2^-79.9, relatively, unless it is faint. Its terms are positive and within 2^-80.27.
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
      var block = VectorPair.zero
      let end = endOfBlock(from: start, to: row.count)
      while start < end {
        let z = shifted(load(row, start, absent: -.infinity), rests: rests, from: start, shift)
        let e = exponential(ofAny: z, vanishing: vanishing, table)
        store(e.value.high, &pairs, start)
        store(e.provenLow, &pairs, count &+ start)

        var counted = e.value
        if start == topStart { counted.high = choose(zero, else: counted.high, where: isTop) }
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
    let isUnknown = isFar .& (z.high .>= Vector(repeating: vanishing))
    return (value, choose(Vector(repeating: .nan), else: value.low, where: isUnknown))
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
