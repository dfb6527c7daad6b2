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
