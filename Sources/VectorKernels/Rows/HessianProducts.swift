/// The Hessian of a loss times a vector: of a row, and of groups of eight short rows.
extension VectorLoops {
  /// Writes the correctly rounded `slope·e_i·(v_i - mean)·2^exponent`, or NaN where this stage cannot prove it. With
  /// mean = p·v and slope = U/(S T²) this is the Hessian of the loss times the vector v.
  ///
  /// - Parameters:
  ///   - high, low: e, from ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - vector: v, [classes], of sizes up to 2^310.
  ///   - mean: within `meanError`, at least 2^-79 of the largest |v|.
  ///   - slope: positive, in [2^-60, 2^60].
  ///   - error: a bound of the relative error of slope·e, with 2^-100 to spare.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: v - mean is off by meanError and two roundings of at most 2u² of |v| and |mean|, far below it; the
  /// products by 7u² each.
  @inlinable @inline(never)
  public static func centredProducts(
    _ high: Span<Double>, _ low: Span<Double>, vector: Span<Double>, mean: DoubleDouble, within meanError: Double,
    slope: DoubleDouble, within error: Double, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(high.count == paddedCount(out.count) && low.count == high.count && vector.count == out.count)
    let (slope, mean) = (VectorPair(repeating: slope), VectorPair(repeating: mean))
    let meanError = Vector(repeating: meanError)
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let e = VectorPair(high: load(high, start), low: load(low, start))
      let result = roundedCentredProduct(
        e, load(vector, start, absent: 0), mean: mean, within: meanError, slope: slope, within: error, rounding)
      store(result.provenOrNaN, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }

  @inlinable @inline(__always)
  static func roundedCentredProduct(
    _ e: VectorPair, _ v: Vector, mean: VectorPair, within meanError: Vector, slope: VectorPair, within error: Double,
    _ rounding: KernelRounding
  ) -> Rounded {
    let p = e.times(slope, Multiplier.self)
    let s = VectorPair(sum: v, mean.high.negated)
    let d = VectorPair(large: s.high, small: s.low - mean.low)
    let value = p.times(d, Multiplier.self)
    var result = rounded(
      value, error: magnitude(p.high) * (magnitude(d.high) * error + meanError), rounding)
    result.set(0, where: e.isNothing)
    return result
  }

  /// Writes the correctly rounded `gradientFactor·e_i/S·(v_i - p·v)·2^exponent`; NaN where this stage cannot prove it.
  ///
  /// - Parameters:
  ///   - pairs: from ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``, with 2^``vectorReach`` in the
  ///     results' exponent.
  ///   - vectors: v, [groups][classes][8], finite.
  ///   - error: a bound of the relative error of gradientFactor·e_i/S, with 2^-100 to spare.
  ///   - out: [groups][classes][8].
  /// - Returns: the rows with a NaN, and those with a vector too large or too small.
  ///
  /// Error Bounds: those of ``centredProducts(_:_:vector:mean:within:slope:within:_:into:)``. With the largest |v| as
  /// the unit, Σ e_j v_j/S is within 2^-80.27 + 2^-89 + 2^-79.9 < 2^-79.0 of p·v, for which 0x1.2p-79 is taken, since Σ
  /// p |v| ≤ 1; what is left out of it is below 2^-870.
  @inlinable @inline(never)
  public static func interleavedHessianProducts(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, vectors: Span<Double>, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    let (count, length) = (out.count, groupLength(out.count, rows.count))
    precondition(pairs.count == 2 &* count && vectors.count == count)
    let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      var greatest = zero
      var total = VectorPair.zero
      var start = group &* length
      let end = start &+ length
      while start < end {
        var block = VectorPair.zero
        let blockEnd = endOfBlock(from: start, to: end)
        while start < blockEnd {
          let v = load(vectors, start)
          let high = load(pairs, start)
          let low = choose(zero, else: load(pairs, count &+ start), where: high .== zero)
          let size = magnitude(v)
          greatest = choose(size, else: greatest, where: size .> greatest)
          block = block.accumulating(
            Multiplier.product(VectorPair(high: high, low: low), VectorPair(high: v, low: zero)))
          start &+= 8
        }
        total = total + VectorPair(large: block.high, small: block.low)
      }
      // Unchecked, because the loop ends at the last group.
      let reciprocal = unsafe rows[unchecked: group].reciprocal
      let mean = total.times(reciprocal, Multiplier.self)
      let slope = unsafe rows[unchecked: group].gradientFactor.times(reciprocal, Multiplier.self)
      let isGood =
        (greatest .>= Vector(repeating: 0x1p-300)) .& (greatest .<= Vector(repeating: powerOfTwo(vectorReach)))
      let open = writeResults(of: group, length: length, into: &out) { start in
        let e = VectorPair(high: load(pairs, start), low: load(pairs, count &+ start))
        return roundedCentredProduct(
          e, load(vectors, start), mean: mean, within: greatest * 0x1.2p-79, slope: slope, within: error, rounding)
      }
      found |= bits(choose(open, else: one, where: isGood), in: group)
      group &+= 1
    }
    return found
  }
}

/// Vectors that short rows of a Hessian are multiplied by are at most 2 to this.
@inlinable @inline(__always)
public var vectorReach: Int { 64 }
