/// What a row's shares u ≥ 0 add up to, plainly and weighed with -z.
@frozen
public struct ShareSums: Sendable, Hashable {
  /// Σ u_c, within 2^-89 more than the shares are.
  public var total: DoubleDouble
  /// Σ u_c (-z_c), likewise; not finite where a share of a masked class is not zero.
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
  ///   - pairs: [2][padded classes], written, heads and then rests: u within 2^-98.5, relatively. Where a part underflows
  ///     the rest is NaN, so that whatever is made from it fails its rounding test, and the head is not zero, which would
  ///     be no share at all.
  ///
  /// Error Bounds: nothing cancels. The factors' 2^-100, the product's 3u² and the sum's 4u²: 2^-99.9 and less.
  @inlinable @inline(__always)
  public static func shares(
    of target: Span<Double>,
    slopeHigh: Span<Double>, slopeLow: Span<Double>,
    baseHigh: Span<Double>, baseLow: Span<Double>,
    into pairs: inout MutableSpan<Double>
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
      let p = Arithmetic.product(t, a)
      let rest = Arithmetic.multiplyAdd(t, load(slopeLow, start), p.low)
      let s = VectorPair(sum: p.high, b)
      let u = VectorPair(ordered: s.high, s.low + (rest + load(baseLow, start)))
      let isLost = (u.high .< 0x1p-900) .& (((t .> 0) .& (a .> 0)) .| (b .> 0))
      store(u.high.replacing(with: 0x1p-1074, where: isLost .& (u.high .== 0)), &pairs, start)
      store(u.low.replacing(with: .nan, where: isLost), &pairs, count &+ start)
      start &+= 8
    }
  }

  /// Adds up a row's shares and their products with -z: the loss is U·log S + Σ u (-z), the entropy the same with u = p.
  ///
  /// - Parameters:
  ///   - shareHigh, shareLow: u ≥ 0; [padded classes], the padding zero. NaN in the rest counts as zero where the head is zero.
  ///   - row: [classes], the logits; masked where u is zero, or the sum is not finite.
  ///
  /// Error Bounds: 2^-89.9 for the additions, as in ``exponentials(_:top:shift:vanishing:table:into:)``; 2^-99.9 for z, the
  /// product of the pairs and the shift; 2^-1050 where products underflow, so a sum below 2^-900 is not to be trusted.
  @inlinable @inline(__always)
  public static func shareSums(
    _ shareHigh: Span<Double>, _ shareLow: Span<Double>, _ row: Span<Double>,
    shift: RowShift
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
        let uHigh = load(shareHigh, start)
        let isNothing = uHigh .== zero
        let uLow = load(shareLow, start).replacing(with: zero, where: isNothing)
        let z = shifted(load(row, start, absent: -.infinity), shift)
        let zHigh = z.high.replacing(with: zero, where: isNothing)
        let zLow = z.low.replacing(with: zero, where: isNothing)
        let p = Arithmetic.product(uHigh, -zHigh)
        let rest = p.low - Arithmetic.multiplyAdd(uHigh, zLow, uLow * zHigh)
        let s = VectorPair(sum: totals.high, uHigh)
        totals = VectorPair(high: s.high, low: totals.low + (s.low + uLow))
        let c = VectorPair(sum: crosses.high, p.high)
        crosses = VectorPair(high: c.high, low: crosses.low + (c.low + rest))
        start &+= 8
      }
      total = total + folded(totals)
      cross = cross + folded(crosses)
    }
    return ShareSums(total: total, cross: cross)
  }
}
