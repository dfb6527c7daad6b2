/// Capped logits c·tanh(a/c) as arguments of exp, and what derivatives are multiplied by for the cap.
///
/// With E = e^(-2|a|/c) and q = 1/(1 + E), h = tanh(a/c)/2 is ±(q - 1/2), of the sign of a, and
/// z = (c·tanh(a/c) - c·tanh(m/c))/T = scale·(h - h_m) with m the row's maximum and scale = 2c/T. The derivative of
/// c·tanh(a/c) is 1/cosh²(a/c) = 4Eq².
extension VectorLoops {
  /// Writes z of each logit and the derivative of c·tanh(a/c).
  ///
  /// - Parameters:
  ///   - row: [classes], no NaN, not +∞.
  ///   - maximum: m, finite.
  ///   - cap: a shift by 0, with the temperature c/2.
  ///   - scale: 2c/T, within 2^-98.
  ///   - table: ``exponentialTable``.
  ///   - arguments: [2][padded classes], written, the high parts and then the low parts: z, which is 0 for the maximum
  ///     and its equals, and -∞ for a masked class.
  ///   - slopes: the same, the derivatives: 1 for a masked class; zeros for one that no result shows, below 2^-2880;
  ///     zero and NaN for another below 2^-890.
  ///
  /// Error Bounds: of z, absolutely, scale·2^-81.1; of the derivative, relatively, 2^-80.2.
  /// - E is within 2^-80.27 of itself, as `exponential(_:_:_:)` says; its argument's 2^-100 |2a/c| makes 2^-101 of 1.
  /// - dh = ∓q² dE and E q² ≤ 1/4, so h is within 2^-82.27 and 2^-101, and 2^-101 for 1 + E and its reciprocal. h - h_m
  ///   is within 2^-81.2. The product's and the scale's errors are 2^-97 of |h - h_m| ≤ 1.
  /// - The derivative's relative error is that of E times (1 - E)/(1 + E) ≤ 1, 2^-101 for E's argument as long as
  ///   |2a/c| ≤ 620, which is 2^-91, two reciprocals' 2^-101, and 7u² for each of two products.
  @inlinable @inline(never)
  public static func capped(
    _ row: Span<Double>, maximum: Double, cap: RowShift, scale: DoubleDouble, table: Span<Double>,
    into arguments: inout MutableSpan<Double>, slopes: inout MutableSpan<Double>
  ) {
    let count = paddedCount(row.count)
    precondition(arguments.count == 2 &* count && slopes.count == 2 &* count && table.count >= 512)
    let scale = VectorPair(repeating: scale)
    let top = halfTangent(of: Vector(repeating: maximum), cap, table).value
    var start = 0
    while start < row.count {
      let a = load(row, start, absent: -.infinity)
      writeCapped(
        a, less: top, cap: cap, scale: scale, table: table, at: start, of: count, into: &arguments, slopes: &slopes)
      start &+= 8
    }
  }

  /// The same for groups of eight short rows. Their maxima become 0; what capped logits over the temperature are more
  /// than z is in the offsets, within the error of a z.
  ///
  /// - Parameters:
  ///   - logits: [groups][classes][8]; no NaN, not +∞.
  ///   - arguments, slopes: [2][groups][classes][8], written.
  @inlinable @inline(never)
  public static func interleavedCapped(
    _ logits: Span<Double>, cap: RowShift, scale: DoubleDouble, table: Span<Double>,
    into arguments: inout MutableSpan<Double>, slopes: inout MutableSpan<Double>,
    _ rows: inout MutableSpan<InterleavedRows>
  ) {
    let (count, length) = (logits.count, groupLength(logits.count, rows.count))
    precondition(arguments.count == 2 &* count && slopes.count == 2 &* count && table.count >= 512)
    let scale = VectorPair(repeating: scale)
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      unsafe findMaxima(of: logits, group: group, length: length, &rows[unchecked: group])
      let top = unsafe halfTangent(of: rows[unchecked: group].maximum, cap, table).value
      unsafe rows[unchecked: group].maximum = Vector(repeating: 0)
      unsafe rows[unchecked: group].offset = top.times(scale, Multiplier.self)
      var start = group &* length
      let end = start &+ length
      while start < end {
        writeCapped(
          load(logits, start), less: top, cap: cap, scale: scale, table: table, at: start, of: count, into: &arguments,
          slopes: &slopes)
        start &+= 8
      }
      group &+= 1
    }
  }

  /// Writes z and the derivatives of eight logits.
  @inlinable @inline(__always)
  static func writeCapped(
    _ a: Vector, less top: VectorPair, cap: RowShift, scale: VectorPair, table: Span<Double>, at start: Int,
    of count: Int, into arguments: inout MutableSpan<Double>, slopes: inout MutableSpan<Double>
  ) {
    let own = halfTangent(of: a, cap, table)
    // Only the absolute error counts, so the low parts need no care.
    let s = VectorPair(sum: own.value.high, top.high.negated)
    let z = VectorPair(high: s.high, low: s.low + (own.value.low - top.low)).times(scale, Multiplier.self)
    let isMasked = a .== Vector(repeating: -.infinity)
    store(choose(Vector(repeating: -.infinity), else: z.high, where: isMasked), &arguments, start)
    store(z.low, &arguments, count &+ start)
    store(choose(Vector(repeating: 1), else: own.slope.high, where: isMasked), &slopes, start)
    store(own.slope.low, &slopes, count &+ start)
  }

  /// The -2|a|/c below which no result shows a derivative, 4·e^-2000 < 2^-2880: its factors are below 2^1300.
  @inlinable @inline(__always) static var leastSlopeArgument: Double { -2000 }

  /// tanh(a/c)/2 of eight logits, and the derivatives.
  @inlinable @inline(__always)
  static func halfTangent(
    of a: Vector, _ cap: RowShift, _ table: Span<Double>
  ) -> (value: VectorPair, slope: VectorPair) {
    let z = shifted(magnitude(a).negated, cap)
    let e = exponential(ofAny: z, vanishing: leastSlopeArgument, table)
    let q = constant(1).adding(smaller: e.value).reciprocal(Multiplier.self)
    // q - 1/2 is exact in the high part (Sterbenz).
    let half = VectorPair(high: withSign(of: a, q.high - 0.5), low: withSign(of: a, q.low))
    let slope = e.value.times(q, Multiplier.self).times(q, Multiplier.self)
    return (half, VectorPair(high: slope.high * 4, low: slope.low * 4 + (e.provenLow - e.value.low)))
  }

  /// x, or -x in the lanes where a is negative.
  @inlinable @inline(__always)
  static func withSign(of a: Vector, _ x: Vector) -> Vector {
    let sign = unsafe unsafeBitCast(a, to: SIMD8<Int64>.self) & Int64.min
    return unsafe unsafeBitCast(unsafeBitCast(x, to: SIMD8<Int64>.self) ^ sign, to: Vector.self)
  }

  /// Writes the products of pairs that are not negative, the second at most 1.
  ///
  /// - Parameters:
  ///   - high, low: [padded classes]; zeros stand for what no result shows, zero and NaN for what is not known, but
  ///     below 2^-890.
  ///   - factors: [2][padded classes], likewise.
  ///   - vanishing: no result shows a product below this. Those are zeros where the factor is not known, which then is
  ///     so of both of a difference's products.
  ///   - pairs: [2][padded classes], written, likewise.
  ///
  /// Error Bounds: 7u² and the factors' own. Where a product may have lost its low part it is not known.
  @inlinable @inline(never)
  public static func multiplied(
    _ high: Span<Double>, _ low: Span<Double>, by factors: Span<Double>, vanishing: Double,
    into pairs: inout MutableSpan<Double>
  ) {
    let count = high.count
    precondition(count & 7 == 0 && low.count == count && factors.count == 2 &* count && pairs.count == 2 &* count)
    let (zero, leftOut) = (Vector(repeating: 0), Vector(repeating: 0x1p-890))
    // What is multiplied by less than 2^-890 and is no more than this.
    let most = Vector(repeating: vanishing * 0x1p890)
    var start = 0
    while start < count {
      let a = VectorPair(high: load(high, start), low: load(low, start))
      let b = VectorPair(high: load(factors, start), low: load(factors, count &+ start))
      let product = a.times(b, Multiplier.self)
      let bound = choose(a.high, else: leftOut, where: a.high .> leftOut)
      let isNothing = a.isNothing .| b.isNothing .| ((b.high .== zero) .& (bound .< most))
      let isKept = product.high .>= Vector(repeating: 0x1p-960)
      let low = choose(product.low, else: Vector(repeating: .nan), where: isKept)
      store(choose(product.high, else: zero, where: isKept), &pairs, start)
      store(choose(zero, else: low, where: isNothing), &pairs, count &+ start)
      start &+= 8
    }
  }
}
