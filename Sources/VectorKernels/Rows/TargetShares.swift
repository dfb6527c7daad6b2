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
      let t = VectorPair(high: load(pairs, start), low: Vector(repeating: 0))
      let u = share(of: t, smoothing, weight: load(weights, start))
      store(u.high, &pairs, start)
      store(u.low, &pairs, count &+ start)
      start &+= 8
    }
  }

  /// Writes a row's u, where t is a teacher's softmax e'/S'.
  ///
  /// - Parameters:
  ///   - high, low: e', from ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - reciprocal: 1/S'.
  ///   - weights: as in ``shares(_:_:weights:)``.
  ///   - pairs: [2][padded classes], written: u as ``share(of:_:weight:)`` has it, within ``probabilityError`` and
  ///     2^-97, relatively. Of an e' that is left out it has what ε says; where ε is 0, zero and e's low part.
  @inlinable @inline(never)
  public static func shares(
    ofTeacher high: Span<Double>, _ low: Span<Double>, over reciprocal: DoubleDouble, _ smoothing: TargetSmoothing,
    weights: Span<Double>, into pairs: inout MutableSpan<Double>
  ) {
    let count = weights.count
    precondition(count & 7 == 0 && high.count == count && low.count == count && pairs.count == 2 &* count)
    let (zero, factor) = (Vector(repeating: 0), VectorPair(repeating: reciprocal))
    var start = 0
    while start < count {
      let e = VectorPair(high: load(high, start), low: load(low, start))
      let isAbsent = e.high .== zero
      let t = choose(e.times(factor, Multiplier.self), else: 0, where: .!isAbsent)
      var u = share(of: t, smoothing, weight: load(weights, start))
      if smoothing.base.high == 0 { u.low = choose(e.low, else: u.low, where: isAbsent) }
      store(u.high, &pairs, start)
      store(u.low, &pairs, count &+ start)
      start &+= 8
    }
  }

  /// u of targets t.
  ///
  /// - Returns: u within 2^-98.5, relatively, and t's own error; exactly, where ε is 0 and t has no low part. Where a
  ///   part underflows, the low part is NaN, which makes every result computed from it fail its rounding test, and the
  ///   high part is not zero, since zero would mean no share at all.
  ///
  /// Error Bounds: nothing cancels. ε/C is within 2^-101, the products take 5u² and 4u², the sum 4u²: 2^-100.1.
  @inlinable @inline(__always)
  static func share(of t: VectorPair, _ smoothing: TargetSmoothing, weight: Vector) -> VectorPair {
    let (zero, least) = (Vector(repeating: 0), Vector(repeating: 0x1p-900))
    var share = t
    if smoothing.base.high > 0 {
      let (slope, base) = (VectorPair(repeating: smoothing.slope), VectorPair(repeating: smoothing.base))
      let p = Multiplier.product(t.high, slope.high)
      let low = Multiplier.multiplyAdd(t.high, slope.low, Multiplier.multiplyAdd(t.low, slope.high, p.low))
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

/// What a divergence has of the targets t alone.
extension VectorLoops {
  /// u (-log p), 0 where u is 0.
  ///
  /// - Returns: NaN for a p above 1 and below 2^-700.
  ///
  /// Error Bounds: relative 2^-84, and u's own. -log p = log(1 + x) with x = (1 - p)/p. 1 - p is a pair exactly, and
  /// 1/p within 2^-101, so x and with it the logarithm are within 2^-100; ``logSum(others:sum:table:)`` has 2^-86 of
  /// its own.
  @inlinable @inline(__always)
  static func entropyTerm(of p: Vector, times u: VectorPair, _ table: Span<Double>) -> VectorPair {
    let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
    let isKnown = (p .>= Vector(repeating: 0x1p-700)) .& (p .<= one) .& (u.high .> zero)
    let own = VectorPair(high: choose(p, else: one, where: isKnown), low: zero)
    let inverse = own.reciprocal(Multiplier.self)
    let rest = VectorPair(sum: one, own.high.negated)
    let log = logSum(others: rest.times(inverse, Multiplier.self), sum: inverse, table: table)
    let other = choose(zero, else: Vector(repeating: .nan), where: u.high .== zero)
    return choose(log.times(u, Multiplier.self), else: VectorPair(high: other, low: other), where: isKnown)
  }

  /// Adds up Σ t (-log t) of a row's targets t ≥ 0.
  ///
  /// - Parameter targets: [padded classes], the padding zero.
  /// - Returns: NaN where a target is above 1 or below 2^-700.
  ///
  /// Error Bounds: relative 2^-83: no term is negative, each is within 2^-84, and the additions are within 2^-89.9 as
  /// in ``exponentials(_:rests:top:shift:vanishing:table:into:)``. What underflows stays below 2^-1050.
  @inlinable @inline(never)
  public static func entropy(ofTargets targets: Span<Double>, table: Span<Double>) -> DoubleDouble {
    precondition(targets.count & 7 == 0 && table.count >= 512)
    var sum = DoubleDouble(high: 0)
    var start = 0
    while start < targets.count {
      var block = VectorPair.zero
      let end = endOfBlock(from: start, to: targets.count)
      while start < end {
        let t = load(targets, start)
        block = block.accumulating(
          entropyTerm(of: t, times: VectorPair(high: t, low: Vector(repeating: 0)), table))
        start &+= 8
      }
      sum = sum + folded(block)
    }
    return sum
  }
}

/// Probabilities p in place of logits, with target weights u as ``share(of:_:weight:)`` has them.
extension VectorLoops {
  /// The loss Σ u (-log p).
  ///
  /// - Parameters:
  ///   - probabilities: p, [classes], in [0, 1].
  ///   - shares: u, [2][padded classes], the padding zero.
  /// - Returns: NaN where a p with a weight is below 2^-700.
  ///
  /// Error Bounds: relative 2^-83: no term is negative, each is within 2^-84, and the additions are within 2^-89.9 as
  /// in ``exponentials(_:rests:top:shift:vanishing:table:into:)``. Terms are at least 2^-953 or zero.
  @inlinable @inline(never)
  public static func crossEntropy(
    _ probabilities: Span<Double>, shares: Span<Double>, table: Span<Double>
  ) -> DoubleDouble {
    let count = paddedCount(probabilities.count)
    precondition(shares.count == 2 &* count && table.count >= 512)
    var sum = DoubleDouble(high: 0)
    var start = 0
    while start < probabilities.count {
      var block = VectorPair.zero
      let end = endOfBlock(from: start, to: probabilities.count)
      while start < end {
        let u = VectorPair(high: load(shares, start), low: load(shares, count &+ start))
        block = block.accumulating(entropyTerm(of: load(probabilities, start, absent: 1), times: u, table))
        start &+= 8
      }
      sum = sum + folded(block)
    }
    return sum
  }

  /// Writes the correctly rounded `factor·u_i/p_i·2^exponent`, the gradient but for its sign, or NaN where this stage
  /// cannot prove it.
  ///
  /// - Parameters:
  ///   - probabilities, shares: as above.
  ///   - factor: positive, in [2^-30, 2^30], within 2^-98.
  ///   - out: [classes].
  /// - Returns: how many are NaN; those whose p is below 2^-300 and has a weight are among them.
  ///
  /// Error Bounds: u and the factor are within 2^-98, 1/p within 2^-101 and the products within 2^-103 each.
  @inlinable @inline(never)
  public static func quotients(
    _ probabilities: Span<Double>, shares: Span<Double>, by factor: DoubleDouble, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int {
    let count = paddedCount(probabilities.count)
    precondition(out.count == probabilities.count && shares.count == 2 &* count)
    let (one, factors) = (Vector(repeating: 1), VectorPair(repeating: factor))
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let p = load(probabilities, start, absent: 1)
      let u = VectorPair(high: load(shares, start), low: load(shares, count &+ start))
      let isKnown = p .>= Vector(repeating: 0x1p-300)
      let inverse = VectorPair(high: choose(p, else: one, where: isKnown), low: Vector(repeating: 0))
        .reciprocal(Multiplier.self)
      let value = u.times(inverse, Multiplier.self).times(factors, Multiplier.self)
      var result = rounded(value, error: value.high * 0x1p-96, rounding)
      result.isProven = result.isProven .& isKnown
      result.set(0, where: u.isNothing)
      store(result.provenOrNaN, row: &out, start)
      open += result.open
      start &+= 8
    }
    return Int(open.sum())
  }
}

/// Short rows with target weights that come from targets: each row's lie in the same places of other groups.
extension VectorLoops {
  /// Writes target weights u, and computes their sums U, which the gradients' p are multiplied by, and the losses
  /// Σ u_c (-log p_c) = U·log S + Σ u_c (-z_c), or the divergences, which are these less Σ t_c (-log t_c). A row of
  /// which this stage cannot tell enough has no loss, and where it cannot tell U, its error is endless.
  ///
  /// - Precondition: log S is computed, if a loss is asked for.
  /// - Parameters:
  ///   - targets: t ≥ 0, [groups][classes][8]; or empty, where it is 1 for the target class and 0 for the others.
  ///   - weights: w, zeros or in [2^-300, 2^300]; [classes], or more.
  ///   - logits, rests: as in ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - isDivergence: whether the divergences are asked for: then u is t.
  ///   - reach: how large U may be; as small as 1/reach.
  ///   - pairs: [2][groups][classes][8], written: the high parts, then the low parts: u as ``share(of:_:weight:)`` has
  ///     it.
  ///
  /// Error Bounds: u, z and the additions are within 2^-89 of either sum, as in ``shareSums(_:_:_:rests:shift:)``; z's
  /// absolute error is in the second times the u of other classes than the row's maximum, whose z is zero. Σ t (-log t)
  /// is as in ``entropy(ofTargets:table:)``. The rest is in the balls.
  @inlinable @inline(never)
  public static func interleavedShares(
    of targets: Span<Double>, _ smoothing: TargetSmoothing, weights: Span<Double>, logits: Span<Double>,
    rests: Span<Double>, shift: RowShift, isDivergence: Bool, reach: Double, table: Span<Double>,
    _ rows: inout MutableSpan<InterleavedRows>, into pairs: inout MutableSpan<Double>
  ) {
    let length = groupLength(logits.count, rows.count)
    precondition(targets.count == 0 || targets.count == logits.count)
    precondition(rests.count == 0 || rests.count == logits.count)
    precondition(pairs.count == 2 &* logits.count && weights.count >= length / 8)
    forEachGroup(of: &rows) { rows, group in
      let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
      var total = VectorPair.zero
      var cross = VectorPair.zero
      var entropy = VectorPair.zero
      var elsewhere = zero
      var (place, index) = (0, zero)
      var start = group &* length
      let end = start &+ length
      while start < end {
        var totals = VectorPair.zero
        var crosses = VectorPair.zero
        var entropies = VectorPair.zero
        let blockEnd = endOfBlock(from: start, to: end)
        while start < blockEnd {
          let t = targets.count > 0 ? load(targets, start) : choose(one, else: zero, where: index .== rows.target)
          // Unchecked, because there are as many as classes.
          let u = share(
            of: VectorPair(high: t, low: zero), smoothing, weight: unsafe Vector(repeating: weights[unchecked: place]))
          store(u.high, &pairs, start)
          store(u.low, &pairs, logits.count &+ start)
          let isNothing = u.high .== zero
          var z = shifted(load(logits, start), less: rows.maximum, rests: rests, from: start, shift)
          z.high = choose(zero, else: z.high, where: isNothing)
          z.low = choose(zero, else: z.low, where: isNothing)
          totals = totals.accumulating(u)
          if rests.count > 0 { elsewhere += choose(zero, else: u.high, where: isEqual(rows.top, index)) }
          crosses = crosses.accumulating(Multiplier.product(u, -z))
          if isDivergence {
            entropies = entropies.accumulating(entropyTerm(of: t, times: VectorPair(high: t, low: zero), table))
          }
          place &+= 1
          index += one
          start &+= 8
        }
        total = total + VectorPair(large: totals.high, small: totals.low)
        cross = cross + VectorPair(large: crosses.high, small: crosses.low)
        entropy = entropy + VectorPair(large: entropies.high, small: entropies.low)
      }
      if rests.count == 0 { elsewhere = total.high }
      var loss =
        VectorBall(value: total, relative: 0x1p-88)
        .times(VectorBall(value: rows.logSum, relative: logSumError + shift.absolute), Multiplier.self)
        + VectorBall(
          value: cross,
          error: cross.high * 0x1p-88 + (elsewhere * (shift.absolute * 0x1.01p0) + Vector(repeating: 0x1p-1000)))
      if isDivergence { loss = loss + -VectorBall(value: entropy, relative: 0x1p-83) }
      // A part that is NaN, because something underflowed, does not equal itself.
      let isGood =
        (total.high .>= Vector(repeating: 1 / reach)) .& (total.high .<= Vector(repeating: reach))
        .& (total.low .== total.low)
      let hasLoss =
        isGood .& (cross.high .<= Vector(repeating: 0x1p900)) .& (cross.low .== cross.low)
        .& (loss.error .<= magnitude(loss.value.high) * 0x1p-40)
      rows.pull = choose(total, else: 1, where: isGood)
      rows.pullError = choose(Vector(repeating: 0x1p-88), else: Vector(repeating: .infinity), where: isGood)
      rows.loss = choose(loss.value, else: 0, where: hasLoss)
      rows.lossError = choose(loss.error, else: zero, where: hasLoss)
    }
  }

  /// Adds a z-loss to the losses and pulls of rows with target weights, or to those of rows with teachers, whose pull
  /// is 1. A row of which this stage cannot tell enough has no loss, and where it cannot tell the pull, its error is
  /// endless.
  ///
  /// - Precondition: log S is computed, and the losses, if they are asked for.
  /// - Parameters:
  ///   - shift: as in ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - reach: how large the pull may be.
  ///
  /// Error Bounds: the balls'.
  @inlinable @inline(never)
  public static func interleavedPenalties(
    _ rows: inout MutableSpan<InterleavedRows>, shift: RowShift, haveTeachers: Bool, reach: Double
  ) {
    forEachGroup(of: &rows) { rows, _ in
      let zero = Vector(repeating: 0)
      let penalty = penalty(rows, shift)
      let own = haveTeachers ? VectorBall(1) : VectorBall(value: rows.pull, error: rows.pull.high * rows.pullError)
      let pull = own + penalty.slope
      let size = magnitude(pull.value.high)
      let isGood = (pull.error .<= size * 0x1p-60) .& (size .<= Vector(repeating: reach)) .& .!rows.isFaint
      let loss = VectorBall(value: rows.loss, error: rows.lossError) + penalty.loss
      let hasLoss = isGood .& (rows.loss.high .> zero)
      rows.pull = choose(pull.value, else: 1, where: isGood)
      rows.pullError = choose(pull.error / size * 0x1.01p0, else: Vector(repeating: .infinity), where: isGood)
      rows.loss = choose(loss.value, else: 0, where: hasLoss)
      rows.lossError = choose(loss.error, else: zero, where: hasLoss)
    }
  }
}
