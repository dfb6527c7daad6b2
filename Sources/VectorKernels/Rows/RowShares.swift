/// What a row's shares u ≥ 0 add up to, plainly and weighted with -z.
@frozen
public struct ShareSums: Sendable, Hashable {
  /// Σ u_c, within 2^-89 more than the shares are.
  public var total: DoubleDouble
  /// Σ u_c (-z_c), likewise; not finite where a masked class has a share that is not zero.
  public var cross: DoubleDouble

  @inlinable @inline(__always)
  public init(total: DoubleDouble, cross: DoubleDouble) {
    self.total = total
    self.cross = cross
  }
}

extension VectorLoops {
  /// Writes u = slope·t + base, a row's shares of the loss with probability targets t ≥ 0.
  ///
  /// - Parameters:
  ///   - slopeHigh, slopeLow: (1-ε) w ≥ 0, within 2^-100; [padded classes], the padding zero.
  ///   - baseHigh, baseLow: (ε/C) w ≥ 0, within 2^-100; [padded classes], the padding zero.
  ///   - pairs: [2][padded classes], written, the high parts and then the low parts: u within 2^-98.5, relatively.
  ///     Where a part underflows, the low part is NaN, which makes every result computed from it fail its rounding
  ///     test, and the high part is not zero, since zero would mean no share at all.
  ///
  /// Error Bounds: nothing cancels. The factors' 2^-100, the product's 3u² and the sum's 4u²: 2^-99.9 and less.
  @inlinable @inline(__always)
  public static func shares(
    of target: Span<Double>, slopeHigh: Span<Double>, slopeLow: Span<Double>, baseHigh: Span<Double>,
    baseLow: Span<Double>, into pairs: inout MutableSpan<Double>
  ) {
    let count = paddedCount(target.count)
    precondition(pairs.count == 2 &* count)
    precondition(slopeHigh.count == count && slopeLow.count == count)
    precondition(baseHigh.count == count && baseLow.count == count)
    var start = 0
    while start < count {
      let t = load(target, start, absent: 0)
      let a = load(slopeHigh, start)
      let b = load(baseHigh, start)
      let p = Multiplier.product(t, a)
      let low = Multiplier.multiplyAdd(t, load(slopeLow, start), p.low)
      let s = VectorPair(sum: p.high, b)
      let u = VectorPair(large: s.high, small: s.low + (low + load(baseLow, start)))
      let isLost = (u.high .< 0x1p-900) .& (((t .> 0) .& (a .> 0)) .| (b .> 0))
      store(u.high.replacing(with: 0x1p-1074, where: isLost .& (u.high .== 0)), &pairs, start)
      store(u.low.replacing(with: .nan, where: isLost), &pairs, count &+ start)
      start &+= 8
    }
  }

  /// Adds up a row's shares, and their products with -z. The loss is U·log S + Σ u (-z); the entropy is the same with
  /// u = p.
  ///
  /// - Parameters:
  ///   - shareHigh, shareLow: u ≥ 0; [padded classes], the padding zero. A low part counts as zero where the high part
  ///     is zero, even if it is NaN.
  ///   - row: [classes], the logits. If a masked class has u > 0, the sum is not finite.
  ///
  /// Error Bounds: 2^-89.9 for the additions, as in ``exponentials(_:top:shift:vanishing:table:into:)``; 2^-99.9 for z,
  /// the product of the pairs and the shift; 2^-1050 where products underflow, so a sum below 2^-900 must not be used.
  @inlinable @inline(__always)
  public static func shareSums(
    _ shareHigh: Span<Double>, _ shareLow: Span<Double>, _ row: Span<Double>, shift: RowShift
  ) -> ShareSums {
    precondition(shareHigh.count == paddedCount(row.count) && shareLow.count == shareHigh.count)
    let zero = Vector(repeating: 0)
    var total = DoubleDouble(high: 0)
    var cross = DoubleDouble(high: 0)
    var start = 0
    while start < row.count {
      var totals = VectorPair(high: zero, low: zero)
      var crosses = VectorPair(high: zero, low: zero)
      let end = start &+ min(512, row.count &- start)
      while start < end {
        var u = VectorPair(high: load(shareHigh, start), low: load(shareLow, start))
        let isNothing = u.high .== zero
        u.low.replace(with: zero, where: isNothing)
        var z = shifted(load(row, start, absent: -.infinity), shift)
        z.high.replace(with: zero, where: isNothing)
        z.low.replace(with: zero, where: isNothing)
        totals = totals.accumulating(u)
        crosses = crosses.accumulating(Multiplier.product(u, -z))
        start &+= 8
      }
      total = total + folded(totals)
      cross = cross + folded(crosses)
    }
    return ShareSums(total: total, cross: cross)
  }
}
