/// Short rows in triples, for gradients that pairs leave open because U p and u cancel: the target is close to softmax
/// itself, or one class of which the row is sure.
extension VectorLoops {
  /// Writes the correctly rounded `gradientFactor·(U e_i/S - u_i)·2^exponent` in the place of each NaN, as
  /// (U e_i - u_i S)·gradientFactor/S, where this can prove it.
  ///
  /// - Parameters:
  ///   - logits: [groups][classes][8], not capped.
  ///   - shift: the temperature.
  ///   - asked: the rows with a NaN.
  ///   - shares: u, [2][groups][classes][8], exact pairs.
  ///   - error: the gradient factors' relative error.
  ///   - table: ``exponentialTable``.
  ///   - rests: ``exponentialRests``.
  ///   - triples: [3][classes][8], for use meanwhile.
  ///   - out: [groups][classes][8].
  /// - Returns: the rows that still have one.
  ///
  /// Error Bounds: those of ``tripleExponentials(_:top:shift:table:rests:into:)`` and
  /// ``tripleDifferences(_:times:_:times:)``. The quotient is within the factor's error and 2^-101.2, its product with
  /// the pair within 2^-102.5.
  @inlinable @inline(never)
  public static func interleavedCloseDifferences(
    _ logits: Span<Double>, shift: RowShift, _ rows: Span<InterleavedRows>, of asked: RowBits, shares: Span<Double>,
    within error: Double, table: Span<Double>, rests: Span<Double>, _ rounding: KernelRounding,
    triples: inout MutableSpan<Double>, into out: inout MutableSpan<Double>
  ) -> RowBits {
    let (count, length) = (out.count, groupLength(out.count, rows.count))
    precondition(logits.count == count && shares.count == 2 &* count && triples.count == 3 &* length)
    precondition(table.count >= 512 && rests.count >= 256)
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      if (asked &>> RowBits(truncatingIfNeeded: 8 &* group)) & 0xFF != 0 {
        let open = unsafe closeDifferences(
          logits, shift: shift, rows[unchecked: group], from: group &* length, shares: shares, within: error,
          table: table, rests: rests, rounding, triples: &triples, into: &out)
        found |= bits(open, in: group) & asked
      }
      group &+= 1
    }
    return found
  }

  /// The same of one group, which begins at a place.
  ///
  /// At the row's maximum, with R and W the sums of e and of u over the other classes, U - u S is W - u R. A faint R
  /// leaves out 2^-871.
  ///
  /// - Returns: how many of each row are still open.
  @inlinable @inline(__always)
  static func closeDifferences(
    _ logits: Span<Double>, shift: RowShift, _ rows: borrowing InterleavedRows, from first: Int, shares: Span<Double>,
    within error: Double, table: Span<Double>, rests: Span<Double>, _ rounding: KernelRounding,
    triples: inout MutableSpan<Double>, into out: inout MutableSpan<Double>
  ) -> Vector {
    let (zero, one, count, length) = (Vector(repeating: 0), Vector(repeating: 1), out.count, triples.count / 3)
    var (others, otherShares, topShare) = (VectorTriple.zero, VectorTriple.zero, VectorTriple.zero)
    var index = zero
    var start = 0
    while start < length {
      var (block, shareBlock) = (VectorTriple.zero, VectorTriple.zero)
      let end = endOfBlock(from: start, to: length)
      while start < end {
        let z = tripleShifted(load(logits, first &+ start), less: rows.maximum, shift)
        var e = tripleExponential(ofAny: z, table, rests)
        store(e.high, &triples, start)
        store(e.middle, &triples, length &+ start)
        store(e.low, &triples, 2 &* length &+ start)
        let u = VectorPair(high: load(shares, first &+ start), low: load(shares, count &+ first &+ start))
        let isTop = rows.top .== index
        topShare.high += choose(u.high, else: zero, where: isTop)
        topShare.middle += choose(u.low, else: zero, where: isTop)
        // The maximum's other parts are zero.
        e.high = choose(zero, else: e.high, where: isTop)
        block = block + e
        shareBlock =
          shareBlock
          + VectorTriple(
            high: choose(zero, else: u.high, where: isTop), middle: choose(zero, else: u.low, where: isTop), low: zero)
        index += one
        start &+= 8
      }
      others = (others + block.normalised).normalised
      otherShares = (otherShares + shareBlock.normalised).normalised
    }
    let sum = (others + VectorTriple(high: one, middle: zero, low: zero)).normalised
    let total = (otherShares + topShare).normalised
    let quotient = rows.gradientFactor.times(sum.pair.reciprocal(Multiplier.self), Multiplier.self)
    let size = magnitude(quotient.high) * 0x1.01p0
    // Where U is not known, its error is endless.
    let isKnown = rows.pullError .< one
    var open = zero
    index = zero
    start = 0
    while start < length {
      let isTop = rows.top .== index
      let e = VectorTriple(
        high: load(triples, start), middle: load(triples, length &+ start), low: load(triples, 2 &* length &+ start))
      let u = VectorTriple(
        high: load(shares, first &+ start), middle: load(shares, count &+ first &+ start), low: zero)
      let p = choose(otherShares, else: total, where: isTop).times(e, Multiplier.self)
      let t = choose(others, else: sum, where: isTop).times(u, Multiplier.self)
      let difference = (p + -t).normalised.pair
      let leftOut =
        choose(total.high * 0x1p-893, else: zero, where: e.high .== zero)
        + choose(u.high * 0x1p-870, else: zero, where: isTop)
      let reach = (p.high + t.high) * 0x1.2p-130 + (leftOut + Vector(repeating: 0x1p-1040))
      let value = difference.times(quotient, Multiplier.self)
      var result = rounded(
        value, error: reach * size + magnitude(value.high) * (error + 0x1p-100), rounding)
      let known = load(out, first &+ start)
      let isOpen = known .!= known
      result.isProven = result.isProven .& isKnown
      open += choose(result.open, else: zero, where: isOpen)
      store(choose(result.provenOrNaN, else: known, where: isOpen), &out, first &+ start)
      index += one
      start &+= 8
    }
    return open
  }
}
