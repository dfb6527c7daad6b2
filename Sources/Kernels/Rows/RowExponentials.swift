/// What a row's exponentials add up to, e of the maximum being 1.
@frozen
public struct RowSums: Sendable, Hashable {
  /// R: the sum over all but the maximum. Within 2^-79.9, relatively, and where it ``isFaint`` another ``leftOut``.
  public var others: DoubleDouble
  /// S = 1 + R, within 2^-79.9.
  public var sum: DoubleDouble
  /// 1/S, within 2^-79.9 of the true one and within 2^-101 of that of ``sum``.
  public var reciprocal: DoubleDouble

  @inlinable @inline(__always)
  public init(others: DoubleDouble, sum: DoubleDouble, reciprocal: DoubleDouble) {
    self.others = others
    self.sum = sum
    self.reciprocal = reciprocal
  }

  /// R is so small that terms left out could matter to it.
  @inlinable @inline(__always)
  public var isFaint: Bool { others.high < 0x1p-700 }

  /// More than what is left out of R: fewer than 2^23 terms, each below 2^-894.4.
  @inlinable @inline(__always)
  public static var leftOut: Double { 0x1p-871 }
}

extension VectorLoops {
  /// Writes e^z of each logit as a pair and adds them up.
  ///
  /// - Parameters:
  ///   - row: [classes], at most 2^23, no NaN, not +∞.
  ///   - top: the row's maximum, finite.
  ///   - vanishing: below this z, at most -620, a result is known to be zero.
  ///   - table: ``exponentialTable``.
  ///   - pairs: [2][padded classes], written: heads, then rests. Both zero where z < `vanishing`; zero and NaN where
  ///     `vanishing ≤ z < -620`, so that whatever is made from them fails its rounding test; else e^z, within 2^-80.
  ///
  /// Error Bounds: R relatively within 2^-79.9 unless it is faint. Its terms are within 2^-80.3 and positive. In a lane the
  /// heads of 64 terms are added with their errors kept (TwoSum); the sum of rests, below 66u times the block's sum, takes
  /// two roundings a term: 2·64·66u² = 2^-92.9. Its eight lanes fold within 2^-98. A block's pair joins the total by a
  /// double-double addition, 3.01u² each, at most 2^14 + 8 times: 2^-90.3. Terms left out: 2^-871, against 2^-700.
  @inlinable @inline(__always)
  public static func exponentials(
    _ row: Span<Double>, top: RowMaximum, shift: RowShift, vanishing: Double, table: Span<Double>,
    into pairs: inout MutableSpan<Double>
  ) -> RowSums {
    let count = paddedCount(row.count)
    precondition(pairs.count == 2 &* count && table.count >= 512)
    let zero = Vector(repeating: 0)
    let least = Vector(repeating: leastExponent)
    let topStart = top.index & ~7
    let isTop = indices(from: topStart) .== Vector(repeating: Double(top.index))
    var total = DoubleDouble(high: 0)
    var start = 0
    while start < row.count {
      var block = VectorPair(high: zero, low: zero)
      let end = start &+ min(512, row.count &- start)
      while start < end {
        let z = shifted(load(row, start, absent: -.infinity), shift)
        let isFar = z.high .< least
        let e = exponential(
          z.high.replacing(with: least, where: isFar), z.low.replacing(with: zero, where: isFar), table)
        let eHigh = e.high.replacing(with: zero, where: isFar)
        let isUnknown = isFar .& (z.high .>= Vector(repeating: vanishing))
        let eLow = e.low.replacing(with: zero, where: isFar)
        store(eHigh, &pairs, start)
        store(eLow.replacing(with: .nan, where: isUnknown), &pairs, count &+ start)

        var counted = eHigh
        if start == topStart { counted.replace(with: zero, where: isTop) }
        let sum = VectorPair(sum: block.high, counted)
        block = VectorPair(high: sum.high, low: block.low + (sum.low + eLow))
        start &+= 8
      }
      total = total + folded(block)
    }
    let sum = DoubleDouble(high: 1) + total
    return RowSums(others: total, sum: sum, reciprocal: sum.reciprocal(Arithmetic.self))
  }

  /// The sum of eight pairs that are not negative, their rests at most 66u of their heads.
  ///
  /// Error Bounds: 2^-98 relative. In the first of three additions the rests are that large, so that rounding their sum, and
  /// that with the heads' rest, costs 2·67u² each; the others add pairs in order, 3.01u² each.
  @inlinable @inline(__always)
  static func folded(_ v: VectorPair) -> DoubleDouble {
    let (high4, low4) = added(v.high.lowHalf, v.low.lowHalf, v.high.highHalf, v.low.highHalf)
    let (high2, low2) = added(high4.lowHalf, low4.lowHalf, high4.highHalf, low4.highHalf)
    return DoubleDouble(ordered: high2[0], low2[0]) + DoubleDouble(ordered: high2[1], low2[1])
  }

  /// The sums of two lots of pairs, lane by lane, as ``DoubleDouble`` adds two.
  @inlinable @inline(__always)
  static func added<V: SIMD>(_ aHigh: V, _ aLow: V, _ bHigh: V, _ bLow: V) -> (high: V, low: V)
  where V.Scalar == Double {
    let s = aHigh + bHigh
    let sOther = s - aHigh
    let sRest = (aHigh - (s - sOther)) + (bHigh - sOther)
    let t = aLow + bLow
    let tOther = t - aLow
    let tRest = (aLow - (t - tOther)) + (bLow - tOther)
    let c = sRest + t
    let v = s + c
    let w = tRest + (c - (v - s))
    let high = v + w
    return (high, w - (high - v))
  }
}
