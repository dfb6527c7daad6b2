/// What label smoothing makes of targets t: (1-ε) t + ε/C.
@frozen
public struct TargetSmoothing: Sendable {
  /// 1-ε, exactly.
  public var slope: DoubleDouble
  /// ε/C, within 2^-101: zero, or at least 2^-324.
  public var base: DoubleDouble

  @inlinable @inline(__always)
  public init(slope: DoubleDouble, base: DoubleDouble) {
    self.slope = slope
    self.base = base
  }
}

/// Target weights u that come from targets t: `u_c = w_c ((1-ε) t_c + ε/C)`.
extension VectorLoops {
  /// Writes a row's u in the place of t.
  ///
  /// - Parameters:
  ///   - pairs: [2][padded classes], the high parts and then the low parts: t ≥ 0 and anything, then u as
  ///     ``share(of:_:weight:)`` has it.
  ///   - weights: w, zeros or in [2^-300, 2^300]; [padded classes], the padding zero.
  @inlinable @inline(never)
  public static func shares(
    _ pairs: inout MutableSpan<Double>, _ smoothing: TargetSmoothing, weights: Span<Double>
  ) {
    let count = weights.count
    precondition(count & 7 == 0 && pairs.count == 2 &* count)
    var start = 0
    while start < count {
      let u = share(of: load(pairs, start), smoothing, weight: load(weights, start))
      store(u.high, &pairs, start)
      store(u.low, &pairs, count &+ start)
      start &+= 8
    }
  }

  /// u of targets t.
  ///
  /// - Returns: u within 2^-98.5, relatively; exactly, where ε is 0. Where a part underflows, the low part is NaN,
  ///   which makes every result computed from it fail its rounding test, and the high part is not zero, since zero
  ///   would mean no share at all.
  ///
  /// Error Bounds: nothing cancels. ε/C is within 2^-101, the products take 3u² and 4u², the sum 4u²: 2^-100.2.
  @inlinable @inline(__always)
  static func share(of t: Vector, _ smoothing: TargetSmoothing, weight: Vector) -> VectorPair {
    let (zero, least) = (Vector(repeating: 0), Vector(repeating: 0x1p-900))
    var share = VectorPair(high: t, low: zero)
    if smoothing.base.high > 0 {
      let (slope, base) = (VectorPair(repeating: smoothing.slope), VectorPair(repeating: smoothing.base))
      let p = Multiplier.product(t, slope.high)
      let low = Multiplier.multiplyAdd(t, slope.low, p.low)
      let s = VectorPair(sum: p.high, base.high)
      share = VectorPair(large: s.high, small: s.low + (low + base.low))
    }
    let p = Multiplier.product(share.high, weight)
    let u = VectorPair(large: p.high, small: Multiplier.multiplyAdd(share.low, weight, p.low))
    let isLost =
      (share.high .> zero) .& (weight .> zero) .& ((share.high .< least) .| (u.high .< least))
    // By their bits, as where exponentials are marked. The lowest of a number so small may be set.
    let marks = SIMD8<UInt64>(repeating: 0).replacing(with: .max, where: isLost)
    return VectorPair(
      high: unsafe unsafeBitCast(unsafeBitCast(u.high, to: Words.self) | (marks & 1), to: Vector.self),
      low: unsafe unsafeBitCast(
        unsafeBitCast(u.low, to: Words.self) | (marks & Double.nan.bitPattern), to: Vector.self))
  }
}
