/// What a row's exponentials add up to, e of the maximum being 1.
@frozen
public struct RowSums: Sendable, Hashable {
  /// R: the sum over all but the maximum. Within 2^-79.9, relatively, unless ``isFaint``.
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

  /// R is so small that terms left out, each below 2^-894, could matter to it: only the absolute bound 2^-800 holds.
  @inlinable @inline(__always)
  public var isFaint: Bool { others.high < 0x1p-700 }
}

extension Kernel {
  /// Writes e^z of each logit as a pair and adds them up.
  ///
  /// - Parameters:
  ///   - row: [classes], at most 2^23, no NaN, not +∞.
  ///   - top: the row's maximum, finite.
  ///   - vanishing: below this z, at most -620, a result is known to be zero.
  ///   - table: ``exponentialTable``.
  ///   - high, low: [classes], written. Both zero where z < `vanishing`; zero and NaN where `vanishing ≤ z < -620`, so that
  ///     whatever is made from them fails its rounding test; else e^z, within 2^-80.
  ///
  /// Error Bounds: R relatively within 2^-79.9 unless it is faint. Its terms are within 2^-80.3 and positive. In a lane the
  /// heads of 64 terms are added with their errors kept (TwoSum); the sum of rests, below 66u times the block's sum, takes
  /// two roundings a term: 2·64·66u² = 2^-92.9. A block's pair joins the total by a double-double addition, 3.01u² each, at
  /// most 2^14 + 8 times: 2^-90.3. Terms left out are fewer than 2^23 and below 2^-894: 2^-871, against 2^-700.
  @inlinable @inline(__always)
  public static func exponentials(
    _ row: borrowing Span<Double>, top: RowMaximum, shift: RowShift, vanishing: Double, table: borrowing Span<Double>,
    high: inout MutableSpan<Double>, low: inout MutableSpan<Double>
  ) -> RowSums {
    precondition(high.count >= row.count && low.count >= row.count && table.count >= 512)
    let zero = Vector(repeating: 0)
    let least = Vector(repeating: leastExponent)
    let topIndex = Vector(repeating: Double(top.index))
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
        store(eHigh, &high, start)
        store(eLow.replacing(with: .nan, where: isUnknown), &low, start)

        let isTop = indices(from: start) .== topIndex
        let sum = VectorPair(sum: block.high, eHigh.replacing(with: zero, where: isTop))
        block = VectorPair(high: sum.high, low: block.low + (sum.low + eLow))
        start &+= 8
      }
      total = total + folded(block)
    }
    let sum = DoubleDouble(high: 1) + total
    return RowSums(others: total, sum: sum, reciprocal: sum.reciprocal(Arithmetic.self))
  }

  /// The sum of eight pairs. Error Bounds: 3 additions deep, 3.01u² each, when all are of one sign.
  @inlinable @inline(__always)
  static func folded(_ v: VectorPair) -> DoubleDouble {
    let a = (lane(v, 0) + lane(v, 4)) + (lane(v, 2) + lane(v, 6))
    let b = (lane(v, 1) + lane(v, 5)) + (lane(v, 3) + lane(v, 7))
    return a + b
  }

  @inlinable @inline(__always)
  static func lane(_ v: VectorPair, _ i: Int) -> DoubleDouble { DoubleDouble(ordered: v.high[i], v.low[i]) }
}
