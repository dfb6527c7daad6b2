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
      var block = VectorPair(high: zero, low: zero)
      let end = start &+ min(512, row.count &- start)
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
