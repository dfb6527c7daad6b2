/// The Hessian of a loss times a vector: of a row, and of groups of eight short rows.
extension VectorLoops {
  /// Writes the correctly rounded `slope·e_i·(v_i - c - mean)·2^exponent`, or NaN where this stage cannot prove it.
  /// With mean = p·(v - c) and slope = U/(S T²) this is the Hessian of the loss times the vector v.
  ///
  /// With v's element of the row's maximum for c, little cancels: where the row is confident, where v is one-hot, and
  /// where it is nearly the same for all classes, the mean is as small as the differences.
  ///
  /// - Parameters:
  ///   - high, low: e, from ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - vector: v, [classes], of sizes up to 2^310.
  ///   - centre: c.
  ///   - mean: within `meanError`, at least 2^-79 of its own size.
  ///   - slope: positive, in [2^-60, 2^60].
  ///   - error: a bound of the relative error of slope·e, with 2^-100 to spare.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: w = v - c is exact. w - mean is off by meanError and by two roundings of at most 2u² of |w| and
  /// |mean|: far below meanError where these are close, else 2^-102 of the difference. The products are off by 7u²
  /// each.
  @inlinable @inline(never)
  public static func centredProducts(
    _ high: Span<Double>, _ low: Span<Double>, vector: Span<Double>, centre: Double, mean: DoubleDouble,
    within meanError: Double, slope: DoubleDouble, within error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(high.count == paddedCount(out.count) && low.count == high.count && vector.count == out.count)
    let (slope, mean) = (VectorPair(repeating: slope), VectorPair(repeating: mean))
    let (centre, meanError) = (Vector(repeating: centre), Vector(repeating: meanError))
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let e = VectorPair(high: load(high, start), low: load(low, start))
      let result = roundedCentredProduct(
        e, VectorPair(sum: load(vector, start, absent: 0), centre.negated), mean: mean, within: meanError,
        slope: slope, within: error, rounding)
      store(result.provenOrNaN, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }

  @inlinable @inline(__always)
  static func roundedCentredProduct(
    _ e: VectorPair, _ w: VectorPair, mean: VectorPair, within meanError: Vector, slope: VectorPair,
    within error: Double,
    _ rounding: KernelRounding
  ) -> Rounded {
    let p = e.times(slope, Multiplier.self)
    let s = VectorPair(sum: w.high, mean.high.negated)
    let d = VectorPair(large: s.high, small: s.low + (w.low - mean.low))
    let value = p.times(d, Multiplier.self)
    var result = rounded(
      value, error: magnitude(p.high) * (magnitude(d.high) * error + meanError), rounding)
    result.set(0, where: e.isNothing)
    return result
  }

  /// How far the mean Σ e_j w_j/S, of numbers w_j = v_j - c, may be from p·w.
  ///
  /// The exponentials, the additions and 1/S have 2^-80.27 + 2^-89 + 2^-79.9 < 2^-79.0 of Σ p |w|, for which 0x1.2p-79
  /// is taken. Of each exponential that is left out, a term below 2^-894·2·|v| is missing, 2^-870 of the greatest in
  /// all; and where products underflow, 2^-1048.
  ///
  /// - Parameters:
  ///   - size: Σ e |w|/S, within 2^-40.
  ///   - greatest: the largest |v|.
  @inlinable @inline(__always)
  public static func meanError(size: Vector, greatest: Vector) -> Vector {
    size * 0x1.2p-79 + (greatest * 0x1p-865 + Vector(repeating: 0x1p-1040))
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
  /// Error Bounds: those of ``centredProducts(_:_:vector:centre:mean:within:slope:within:_:into:)``, and
  /// ``meanError(size:greatest:)``.
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
      // Unchecked, because the loop ends at the last group.
      let centre = unsafe gather(vectors, places(of: rows[unchecked: group].top, group: group, length: length))
      var (greatest, spread, sizes) = (zero, zero, zero)
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
          let w = VectorPair(sum: v, centre.negated)
          spread += magnitude(w.high)
          let term = Multiplier.product(VectorPair(high: high, low: low), w)
          block = block.accumulating(term)
          sizes += magnitude(term.high)
          start &+= 8
        }
        total = total + VectorPair(large: block.high, small: block.low)
      }
      let reciprocal = unsafe rows[unchecked: group].reciprocal
      let mean = total.times(reciprocal, Multiplier.self)
      let slope = unsafe rows[unchecked: group].gradientFactor.times(reciprocal, Multiplier.self)
      let meanError = meanError(size: sizes * reciprocal.high, greatest: greatest)
      // Of a vector that is the same for all classes, every entry is zero.
      let isLevel = spread .== zero
      let isGood =
        isLevel
        .| ((greatest .>= Vector(repeating: 0x1p-300)) .& (greatest .<= Vector(repeating: powerOfTwo(vectorReach))))
      let open = writeResults(of: group, length: length, into: &out) { start in
        let e = VectorPair(high: load(pairs, start), low: load(pairs, count &+ start))
        var result = roundedCentredProduct(
          e, VectorPair(sum: load(vectors, start), centre.negated), mean: mean, within: meanError, slope: slope,
          within: error, rounding)
        result.set(0, where: isLevel)
        return result
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

extension VectorLoops {
  /// Writes the correctly rounded `factor·p_0 p_1·2^exponent` of rows of two classes, what all entries of their
  /// Jacobians are but for the sign; NaN where this stage cannot prove it.
  ///
  /// With e the exponential beside the maximum's 1 it is factor·e/S².
  ///
  /// - Parameters:
  ///   - pairs: from ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - factor: positive, in [2^-30, 2^30], within 2^-98.
  ///   - out: [groups][8].
  /// - Returns: the rows with a NaN.
  ///
  /// Error Bounds: e is within 2^-80.27, 1/S twice within 2^-79.85: 3.05·2^-80, for 0x1.9p-79.
  @inlinable @inline(never)
  public static func interleavedJacobians(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, by factor: DoubleDouble, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits {
    let count = pairs.count / 2
    precondition(groupLength(count, rows.count) == 16 && out.count == 8 &* rows.count)
    let (zero, factors) = (Vector(repeating: 0), VectorPair(repeating: factor))
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      let (reciprocal, isFirst) = unsafe (rows[unchecked: group].reciprocal, isEqual(rows[unchecked: group].top, zero))
      let (first, second) = (16 &* group, 16 &* group &+ 8)
      let e = VectorPair(
        high: choose(load(pairs, second), else: load(pairs, first), where: isFirst),
        low: choose(load(pairs, count &+ second), else: load(pairs, count &+ first), where: isFirst))
      let slope = reciprocal.times(reciprocal, Multiplier.self).times(factors, Multiplier.self)
      let result = roundedProduct(e, slope, within: Vector(repeating: 0x1.9p-79), rounding)
      store(result.provenOrNaN, &out, 8 &* group)
      found |= bits(result.open, in: group)
      group &+= 1
    }
    return found
  }
}
