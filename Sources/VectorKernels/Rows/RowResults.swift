/// The relative error of e_i/S: 2^-80.27 + 2^-79.85 + 2^-102 < 2^-79.04 < 2^-78.91, which this is.
@inlinable @inline(__always)
public var probabilityError: Double { 0x1.1p-79 }

/// The results of a row that are numbers for each class. Each is correctly rounded, or NaN where this stage cannot
/// prove it.
extension VectorLoops {
  /// Writes the correctly rounded `factor·e_i·2^exponent`, or NaN where this stage cannot prove it. With the factor 1/S
  /// these are the probabilities; with others, a class index's gradient at all classes but the target.
  ///
  /// - Parameters:
  ///   - high, low: from ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - factor: positive, in [2^-30, 2^30].
  ///   - error: a bound of the factor's and the exponential's relative errors together, with 2^-102 to spare.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: the factor's error, the exponential's 2^-80.27, and 2^-103 for the product of the pairs and the
  /// test. For probabilities, with 1/S within 2^-79.85, that is below ``probabilityError``.
  @inlinable @inline(never)
  public static func scaled(
    _ high: Span<Double>, _ low: Span<Double>, by factor: DoubleDouble, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(high.count == paddedCount(out.count) && low.count == high.count)
    let (factors, error) = (VectorPair(repeating: factor), Vector(repeating: error))
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let e = VectorPair(high: load(high, start), low: load(low, start))
      let result = roundedProduct(e, factors, within: error, rounding)
      store(result.provenOrNaN, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }

  /// Rounds `e·factor`, whose relative error is at most `error`.
  @inlinable @inline(__always)
  static func roundedProduct(
    _ e: VectorPair, _ factor: VectorPair, within error: Vector, _ rounding: KernelRounding
  ) -> Rounded {
    let value = Multiplier.product(e, factor)
    var result = rounded(value, error: magnitude(value.high) * error, rounding)
    result.set(0, where: e.isNothing)
    return result
  }

  /// Writes the correctly rounded `z_i - log S`, or NaN where this stage cannot prove it; -∞ for a masked class.
  ///
  /// - Parameters:
  ///   - row: [classes].
  ///   - rests: as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - logSum: log S, within `error`, which covers the errors of rows with rests too.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: ``logProbability(_:_:)``'s and `error`.
  @inlinable @inline(never)
  public static func logProbabilities(
    _ row: Span<Double>, rests: Span<Double>, shift: RowShift, logSum: DoubleDouble, error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(row.count == out.count && (rests.count == 0 || rests.count == paddedCount(row.count)))
    let logSum = VectorPair(repeating: logSum)
    let error = Vector(repeating: error)
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let a = load(row, start, absent: -.infinity)
      let z = shifted(a, rests: rests, from: start, shift)
      let result = roundedLogProbability(of: a, at: z, logSum, error: error, rounding)
      store(result.provenOrNaN, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }

  /// Rounds z - log S of logits; -∞ for a masked class.
  /// - Parameter error: log S's own.
  @inlinable @inline(__always)
  static func roundedLogProbability(
    of a: Vector, at z: VectorPair, _ logSum: VectorPair, error: Vector, _ rounding: KernelRounding
  ) -> Rounded {
    let sum = logProbability(z, logSum)
    var result = rounded(sum, error: magnitude(sum.high) * 0x1p-98 + error, rounding)
    let isMasked = a .== Vector(repeating: -.infinity)
    result.set(-.infinity, where: isMasked)
    return result
  }

  /// z - log S, both of which are ≤ 0.
  ///
  /// Error Bounds: nothing cancels. z is within 2^-100 |z|; the low part takes four roundings of at most
  /// u(|z| + log S)·2u. Together 2^-99 of the result, for which callers take 2^-98, and log S's own.
  @inlinable @inline(__always)
  static func logProbability(_ z: VectorPair, _ logSum: VectorPair) -> VectorPair {
    let s = VectorPair(sum: z.high, logSum.high.negated)
    return VectorPair(large: s.high, small: s.low + (z.low - logSum.low))
  }

  /// Writes the correctly rounded `(slope·e_i - factor·u_i)·2^exponent`, or NaN where this stage cannot prove it. With
  /// slope = factor·U/S this is the gradient of Σ u_c (-log p_c).
  ///
  /// - Parameters:
  ///   - high, low: e, from ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - shareHigh, shareLow: u; [padded classes]. A high part of zero stands for less than `shareLeftOut`, over the
  ///     factor; with a low part of zero, for what no result shows where e is zero too.
  ///   - slope, factor: positive; the slope in [2^-60, 2^60], the factor in [2^-310, 2^310].
  ///   - slopeError, shareError: bounds of the relative errors of slope·e and of factor·u, with 2^-102 to spare.
  ///   - out: [classes].
  /// - Returns: how many are NaN.
  ///
  /// Error Bounds: those given for each of the two terms; the sum of the pairs adds 2^-102 of both. Where the two
  /// cancel, these absolute errors fail the test.
  @inlinable @inline(never)
  public static func gradient(
    _ high: Span<Double>, _ low: Span<Double>, shareHigh: Span<Double>, shareLow: Span<Double>,
    slope: DoubleDouble, within slopeError: Double, factor: DoubleDouble, within shareError: Double,
    shareLeftOut: Double, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(high.count == paddedCount(out.count) && low.count == high.count)
    precondition(shareHigh.count == high.count && shareLow.count == high.count)
    let slopes = VectorPair(repeating: slope)
    let factors = VectorPair(repeating: factor)
    // An exponential left out is below 2^-894, so its term is below 2^-834.
    let (present, absent) = (Vector(repeating: shareLeftOut), Vector(repeating: 0x1p-830 + shareLeftOut))
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let e = VectorPair(high: load(high, start), low: load(low, start))
      let u = VectorPair(high: load(shareHigh, start), low: load(shareLow, start))
      let p = Multiplier.product(e, slopes)
      let t = Multiplier.product(u, factors)
      let s = VectorPair(sum: p.high, t.high.negated)
      let sum = VectorPair(large: s.high, small: s.low + (p.low - t.low))
      let leftOut = choose(absent, else: present, where: e.high .== 0)
      let error = p.high * slopeError + (t.high * shareError + leftOut)
      let isNothing = e.isNothing .& u.isNothing
      // A product that underflowed has lost its low part; a share that is not zero must not count as zero.
      let isLost = (t.high .< Vector(repeating: 0x1p-960)) .& (u.high .> 0)
      var result = rounded(sum, error: error, rounding)
      result.isProven = (result.isProven .& .!isLost) .| isNothing
      result.value = choose(Vector(repeating: 0), else: result.value, where: isNothing)
      store(result.provenOrNaN, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }
}

extension VectorPair {
  /// The pairs of zeros, which mean a result known to be zero; zero and NaN mean one that is not known.
  @inlinable @inline(__always)
  var isNothing: VectorMask { (high .== Vector(repeating: 0)) .& (low .== Vector(repeating: 0)) }
}

/// What a row's shares u ≥ 0 add up to, plainly and weighted with -z.
@frozen
public struct ShareSums: Sendable, Hashable {
  /// Σ u_c, within 2^-89 more than the shares are.
  public var total: DoubleDouble
  /// Σ u_c (-z_c), likewise; not finite where a masked class has a share that is not zero.
  public var cross: DoubleDouble
  /// Σ u_c |z_c|, within 2^-40 of itself.
  public var size: Double

  @inlinable @inline(__always)
  public init(total: DoubleDouble, cross: DoubleDouble, size: Double) {
    self.total = total
    self.cross = cross
    self.size = size
  }
}

extension VectorLoops {
  /// Adds up a row's shares, and their products with -z. The loss is U·log S + Σ u (-z); the entropy is the same with
  /// u = p, and Σ e (c - v) too, with v - c for z.
  ///
  /// - Parameters:
  ///   - shareHigh, shareLow: u ≥ 0; [padded classes], the padding zero. A low part counts as zero where the high part
  ///     is zero, even if it is NaN.
  ///   - row: [classes], the logits. If a masked class has u > 0, the sum is not finite.
  ///   - rests: as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///
  /// Error Bounds: 2^-89.9 for the additions, as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``; 2^-99.9
  /// for z, the product of the pairs and the shift; 2^-1050 where products underflow, so a sum below 2^-900 must not
  /// be used. Where products have both signs, they are parts of the sum of the products' sizes: no step's rounding is
  /// more than that of the sizes, except for a Fast2Sum of 64 terms' pair whose high parts have cancelled, which is off
  /// by 66u² of the block.
  @inlinable @inline(never)
  public static func shareSums(
    _ shareHigh: Span<Double>, _ shareLow: Span<Double>, _ row: Span<Double>, rests: Span<Double>, shift: RowShift
  ) -> ShareSums {
    precondition(shareHigh.count == paddedCount(row.count) && shareLow.count == shareHigh.count)
    precondition(rests.count == 0 || rests.count == shareHigh.count)
    let zero = Vector(repeating: 0)
    var total = DoubleDouble(high: 0)
    var cross = DoubleDouble(high: 0)
    var sizes = zero
    var start = 0
    while start < row.count {
      var totals = VectorPair.zero
      var crosses = VectorPair.zero
      let end = endOfBlock(from: start, to: row.count)
      while start < end {
        var u = VectorPair(high: load(shareHigh, start), low: load(shareLow, start))
        let isNothing = u.high .== zero
        u.low = choose(zero, else: u.low, where: isNothing)
        var z = shifted(load(row, start, absent: -.infinity), rests: rests, from: start, shift)
        z.high = choose(zero, else: z.high, where: isNothing)
        z.low = choose(zero, else: z.low, where: isNothing)
        totals = totals.accumulating(u)
        let term = Multiplier.product(u, -z)
        crosses = crosses.accumulating(term)
        sizes += magnitude(term.high)
        start &+= 8
      }
      total = total + folded(totals)
      cross = cross + folded(crosses)
    }
    return ShareSums(total: total, cross: cross, size: sizes.sum())
  }
}

/// Results in binary64 from exponentials below 2^-894, which the other loops have no pairs for.
extension VectorLoops {
  /// Far exponentials are multiplied by 2^800, so that their low parts are normal numbers.
  @inlinable @inline(__always) static var farExponent: Int { 800 }
  /// The least argument of a far exponential, e^-1100 = 2^-1587.
  @inlinable @inline(__always) static var leastFarArgument: Double { -1100 }

  /// Writes the correctly rounded `factor·e^z·2^exponent` in the place of each NaN whose z is below -620, subnormal
  /// results and zeros among them, where this stage can prove it. Of capped logits it is `factor·e^z·4Eq²·2^exponent`
  /// with the E and q of ``capped(_:maximum:cap:scale:table:into:slopes:)``, which is 4q² times one exponential.
  ///
  /// - Parameters:
  ///   - row: [classes], the logits, or what stands for them where they are capped.
  ///   - rests: as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - shift: what makes z of them.
  ///   - logits, cap: [classes], the capped logits, and the shift that makes -2|a|/c of them; or none, and any shift.
  ///   - shares: [2][padded classes], what is taken from the products; or empty. Only where it is zero is a result
  ///     written.
  ///   - factor: positive, in [2^-30, 2^30].
  ///   - error: a bound of the factor's and the exponential's relative errors together, with 2^-102 to spare.
  ///   - exponent: in -900...900.
  ///   - isNegative: whether the results' sign is changed.
  ///   - table: ``exponentialTable``.
  ///   - out: [classes]; other places stay as they are.
  /// - Returns: how many are written.
  ///
  /// Error Bounds: those of ``scaled(_:_:by:within:_:into:)``. z - 2|a|/c, at least -1100, is within 2^-89 and z's own
  /// error, and q² within 2^-80.2, as a derivative is. What is less than e^-1100 is less than what that makes: zero, if
  /// that is zero. Below 2^-1022, in units g of 2^-1074, `high` is first
  /// rounded to a multiple h, by adding and taking away 2^52 units, and `high - h` is exact. With the rest, it is on
  /// one side of half a unit or the other at both ends of the enclosure; where an end is that half except for its own
  /// rounding, nothing is proven.
  @inlinable @inline(never)
  public static func farProducts(
    _ row: Span<Double>, rests: Span<Double>, shift: RowShift, logits: Span<Double>, cap: RowShift,
    besides shares: Span<Double>, by factor: DoubleDouble, within error: Double, exponent: Int, isNegative: Bool,
    table: Span<Double>, into out: inout MutableSpan<Double>
  ) -> Int {
    let count = paddedCount(row.count)
    precondition(row.count == out.count && table.count >= 512 && (rests.count == 0 || rests.count == count))
    precondition((logits.count == 0 || logits.count == row.count) && (shares.count == 0 || shares.count == 2 &* count))
    let factors = VectorPair(repeating: factor)
    let (zero, nan) = (Vector(repeating: 0), Vector(repeating: .nan))
    let (far, least) = (Vector(repeating: leastExponent), Vector(repeating: leastFarArgument))
    // The results are these numbers times 2^(exponent - 800), by two factors, since one may be out of range.
    let power = exponent &- farExponent
    let (first, second) = (powerOfTwo(power / 2), powerOfTwo(power &- power / 2) * (isNegative ? -1 : 1))
    let normal = -1022 &- power
    let (unit, units) = normal < -960 ? (0.0, 0.0) : (powerOfTwo(normal &- 52), powerOfTwo(normal))
    let (step, half, anchor) = (
      Vector(repeating: unit), Vector(repeating: 0.5 * unit), Vector(repeating: units)
    )
    var written = 0
    var start = 0
    while start < out.count {
      if hasNaN(out, start) {
        var z = shifted(load(row, start, absent: 0), rests: rests, from: start, shift)
        var factors = factors
        if logits.count > 0 {
          let w = shifted(magnitude(load(logits, start, absent: 0)).negated, cap)
          let e = exponential(ofAny: w, vanishing: 0, table).value
          let q = constant(1).adding(smaller: e).reciprocal(Multiplier.self)
          let slope = q.times(q, Multiplier.self).times(factors, Multiplier.self)
          factors = VectorPair(high: slope.high * 4, low: slope.low * 4)
          let s = VectorPair(sum: z.high, w.high)
          z = VectorPair(large: s.high, small: s.low + (z.low + w.low))
        }
        var isFar = z.high .< far
        if shares.count > 0 {
          isFar = isFar .& VectorPair(high: load(shares, start), low: load(shares, count &+ start)).isNothing
        }
        let isBeyond = z.high .< least
        let isBetween = isFar .& .!isBeyond
        let e = exponential(
          choose(z.high, else: choose(least, else: far, where: isBeyond), where: isBetween),
          choose(z.low, else: zero, where: isBetween), table, raisedBy: Int64(farExponent))
        let value = e.times(factors, Multiplier.self)
        let reach = value.high * error
        let up = value.high + (value.low + reach)
        let down = value.high + (value.low - reach)
        let isSubnormal = value.high .< anchor
        let whole = (value.high + anchor) - anchor
        let rest = value.high - whole
        let (restUp, restDown) = (rest + (value.low + reach), rest + (value.low - reach))
        let (isAbove, isBelow) = (restDown .> half, restUp .< half.negated)
        let isWithin = (restUp .< half) .& (restDown .> half.negated)
        let rounded = whole + choose(step, else: choose(step.negated, else: zero, where: isBelow), where: isAbove)
        let isProven =
          isFar .& ((isSubnormal .& (isAbove .| isBelow .| isWithin)) .| (.!isSubnormal .& (up .== down)))
        let result = choose(rounded, else: up, where: isSubnormal) * first * second + zero
        written &+= replaceOpen(
          &out, start, by: choose(result, else: nan, where: isProven .& (.!isBeyond .| (result .== zero))))
      }
      start &+= 8
    }
    return written
  }

  /// Puts numbers in the places of a NaN.
  /// - Returns: how many are not NaN.
  @inlinable @inline(__always)
  static func replaceOpen(_ row: inout MutableSpan<Double>, _ start: Int, by vector: Vector) -> Int {
    var written = 0
    var lane = 0
    while lane < 8 && start &+ lane < row.count {
      if unsafe row[unchecked: start &+ lane].isNaN && !vector[lane].isNaN {
        unsafe row[unchecked: start &+ lane] = vector[lane]
        written &+= 1
      }
      lane &+= 1
    }
    return written
  }
}
