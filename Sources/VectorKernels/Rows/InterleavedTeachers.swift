/// Short rows whose targets are the softmax of a teacher's logits: each row has its teacher in the same place of other
/// groups.
extension VectorLoops {
  /// Writes the correctly rounded `gradientFactor·(pull·e_i/S - e'_i/S')·2^exponent`; NaN where this stage cannot prove
  /// it. Instead of e'_i/S', where there are no teachers, it is the target weight u_i.
  ///
  /// - Parameters:
  ///   - pairs, teacherPairs: from ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``, times the
  ///     derivatives of capped logits. The latter without teachers: u from
  ///     ``interleavedShares(of:_:weights:logits:rests:shift:isDivergence:reach:table:_:into:)``, likewise.
  ///   - teachers: what is known of them; or empty.
  ///   - logits, teacherLogits: [groups][classes][8], what the exponentials are of; or empty, where they are capped or
  ///     there are no teachers. Where the ones are the others except for a constant, the result is zero.
  ///   - error: the gradient factors' relative error, and what these and twice z's add to it.
  ///   - out: [groups][classes][8].
  /// - Returns: the rows with a NaN.
  ///
  /// Error Bounds: ``probabilityError``, the factors' and the pull's error of each of the two terms; the sum of the
  /// pairs adds 2^-103 of both. An exponential that is zero is below 2^-894, and its term below 2^-850.
  @inlinable @inline(never)
  public static func interleavedDifferences(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, teacherPairs: Span<Double>,
    teachers: Span<InterleavedRows>, logits: Span<Double>, teacherLogits: Span<Double>, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    let (count, length) = (out.count, groupLength(out.count, rows.count))
    precondition(pairs.count == 2 &* count && teacherPairs.count == pairs.count)
    precondition(teachers.count == 0 || teachers.count == rows.count)
    precondition(logits.count == 0 || (logits.count == count && teachers.count > 0))
    precondition(teacherLogits.count == logits.count)
    let (zero, leftOut) = (Vector(repeating: 0), Vector(repeating: 0x1p-850))
    // A weight that is zero is nothing.
    let otherLeftOut = Vector(repeating: teachers.count > 0 ? 0x1p-850 : 0)
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      let factor = unsafe rows[unchecked: group].gradientFactor
      let own = unsafe factor.times(rows[unchecked: group].pull, Multiplier.self)
        .times(rows[unchecked: group].reciprocal, Multiplier.self)
      var other = factor
      if teachers.count > 0 {
        other = unsafe factor.times(teachers[unchecked: group].reciprocal, Multiplier.self)
      }
      let relative = unsafe Vector(repeating: error + probabilityError) + rows[unchecked: group].pullError
      let first = group &* length
      var isSame = zero .!= zero
      if logits.count > 0 {
        isSame = unsafe areShifted(
          logits, less: rows[unchecked: group].maximum, to: teacherLogits, less: teachers[unchecked: group].maximum,
          at: first..<first &+ length)
      }
      let open = writeResults(of: group, length: length, into: &out) { start in
        let e = VectorPair(high: load(pairs, start), low: load(pairs, count &+ start))
        let u = VectorPair(high: load(teacherPairs, start), low: load(teacherPairs, count &+ start))
        let p = Multiplier.product(e, own)
        let t = Multiplier.product(u, other)
        let s = VectorPair(sum: p.high, t.high.negated)
        let sum = VectorPair(large: s.high, small: s.low + (p.low - t.low))
        let reach =
          (magnitude(p.high) + magnitude(t.high)) * relative + choose(leftOut, else: zero, where: e.high .== zero)
          + choose(otherLeftOut, else: zero, where: u.high .== zero)
        var result = rounded(sum, error: reach, rounding)
        result.set(0, where: (e.isNothing .& u.isNothing) .| isSame)
        return result
      }
      found |= bits(open, in: group)
      group &+= 1
    }
    return found
  }

  /// The rows of a group whose logits are their teachers' except for a constant.
  @inlinable @inline(__always)
  static func areShifted(
    _ logits: Span<Double>, less maximum: Vector, to teacherLogits: Span<Double>, less teacherMaximum: Vector,
    at places: Range<Int>
  ) -> VectorMask {
    let masked = Vector(repeating: -.infinity)
    var isSame = masked .== masked
    var start = places.lowerBound
    while start < places.upperBound {
      let (a, b) = (load(logits, start), load(teacherLogits, start))
      let (d, other) = (VectorPair(sum: a, maximum.negated), VectorPair(sum: b, teacherMaximum.negated))
      let isMasked = (a .== masked) .& (b .== masked)
      isSame = isSame .& (isMasked .| ((d.high .== other.high) .& (d.low .== other.low)))
      start &+= 8
    }
    return isSame
  }

  /// Computes the losses Σ p'_c (-log p_c) = log S + Σ e'_c (-z_c)/S', or the divergences, which are these less
  /// log S' + Σ e'_c (-z'_c)/S'. A row of which this stage cannot tell enough has none.
  ///
  /// - Precondition: log S and log S' are computed.
  /// - Parameters:
  ///   - logits, rests: as in ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - teacherLogits, teacherShift: the teachers', which have no rests.
  ///   - teacherPairs: the teachers' exponentials.
  ///   - isDivergence: whether the divergences are asked for.
  ///
  /// Error Bounds: log S and log S' within ``logSumError``; z's absolute error once more of log S and, in the sum, of
  /// the shares of other classes than the row's maximum, whose z is zero. The sums have blocks of 64 terms within
  /// 2^-92.9, their exponentials are within 2^-80.27 and 1/S' within 2^-79.9: 0x1.2p-79. An exponential that is left
  /// out is below 2^-894, times its z.
  @inlinable @inline(never)
  public static func interleavedTeacherLosses(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, _ rows: inout MutableSpan<InterleavedRows>,
    teacherLogits: Span<Double>, teacherShift: RowShift, teacherPairs: Span<Double>, teachers: Span<InterleavedRows>,
    isDivergence: Bool
  ) {
    let length = groupLength(logits.count, rows.count)
    precondition(rests.count == 0 || rests.count == logits.count)
    precondition(teacherLogits.count == logits.count && teacherPairs.count == 2 &* logits.count)
    precondition(teachers.count == rows.count)
    forEachGroup(of: &rows) { rows, group in
      let (zero, masked) = (Vector(repeating: 0), Vector(repeating: -.infinity))
      // Unchecked, because there are as many as rows.
      let teachers = unsafe teachers[unchecked: group]
      var cross = VectorPair.zero
      var own = VectorPair.zero
      var (leftOut, elsewhere, index) = (zero, zero, zero)
      var start = group &* length
      let end = start &+ length
      while start < end {
        var block = VectorPair.zero
        var ownBlock = VectorPair.zero
        let blockEnd = endOfBlock(from: start, to: end)
        while start < blockEnd {
          let b = load(teacherLogits, start)
          let high = load(teacherPairs, start)
          let isAbsent = high .== zero
          let low = choose(zero, else: load(teacherPairs, logits.count &+ start), where: isAbsent)
          let u = VectorPair(high: high, low: low)
          var z = shifted(load(logits, start), less: rows.maximum, rests: rests, from: start, shift)
          leftOut += choose(magnitude(z.high) * 0x1p-890, else: zero, where: isAbsent .& (b .> masked))
          z.high = choose(zero, else: z.high, where: isAbsent)
          z.low = choose(zero, else: z.low, where: isAbsent)
          if rests.count > 0 { elsewhere += choose(zero, else: u.high, where: isEqual(rows.top, index)) }
          index += Vector(repeating: 1)
          block = block.accumulating(Multiplier.product(u, -z))
          if isDivergence {
            var other = shifted(b, less: teachers.maximum, teacherShift)
            other.high = choose(zero, else: other.high, where: isAbsent)
            other.low = choose(zero, else: other.low, where: isAbsent)
            ownBlock = ownBlock.accumulating(Multiplier.product(u, -other))
          }
          start &+= 8
        }
        cross = cross + VectorPair(large: block.high, small: block.low)
        own = own + VectorPair(large: ownBlock.high, small: ownBlock.low)
      }
      var loss = sum(rows.logSum, cross, over: teachers)
      let share = rests.count > 0 ? elsewhere * teachers.reciprocal.high * 0x1.01p0 : Vector(repeating: 1)
      let argumentError = (rows.logSum.high + (share + Vector(repeating: 0x1p-860))) * shift.absolute
      loss.error += leftOut + argumentError + Vector(repeating: 0x1p-1000)
      if isDivergence {
        var entropy = sum(teachers.logSum, own, over: teachers)
        entropy.error += Vector(repeating: 0x1p-860)
        loss = loss + -entropy
        let isVague = loss.error .> magnitude(loss.value.high) * 0x1p-72
        if rests.count == 0, maskBits(isVague) != 0 {
          let near = nearDivergences(
            logits, shift: shift, rows, teacherLogits: teacherLogits, teacherPairs: teacherPairs, teachers,
            from: group &* length, length: length)
          let isBetter = near.error .< loss.error
          loss.value = choose(near.value, else: loss.value, where: isBetter)
          loss.error = choose(near.error, else: loss.error, where: isBetter)
        }
      }
      let isGood =
        (loss.error .<= magnitude(loss.value.high) * 0x1p-40) .& .!rows.isFaint .& .!teachers.isFaint
        .& (cross.high .<= Vector(repeating: 0x1p900))
      rows.loss = choose(loss.value, else: 0, where: isGood)
      rows.lossError = choose(loss.error, else: zero, where: isGood)
    }
  }

  /// Computes the entropies -Σ p log p = log S + Σ e (-z)/S in the place of the losses. A row whose R is faint has
  /// none.
  ///
  /// - Precondition: log S is computed.
  /// - Parameters:
  ///   - pairs: from ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - logits, rests: as there.
  ///
  /// Error Bounds: as for teachers that are the rows themselves. z's absolute error is once in each e and once in 1/S,
  /// and as z's own at most R/S times in the sum. Terms that are left out are below 620·2^-894 each, 2^-160 of the
  /// least R together: the sum's bound has more to spare.
  @inlinable @inline(never)
  public static func interleavedEntropies(
    _ pairs: Span<Double>, _ logits: Span<Double>, rests: Span<Double>, shift: RowShift,
    _ rows: inout MutableSpan<InterleavedRows>
  ) {
    let length = groupLength(logits.count, rows.count)
    precondition(pairs.count == 2 &* logits.count && (rests.count == 0 || rests.count == logits.count))
    forEachGroup(of: &rows) { rows, group in
      let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
      var cross = VectorPair.zero
      var start = group &* length
      let end = start &+ length
      while start < end {
        var block = VectorPair.zero
        let blockEnd = endOfBlock(from: start, to: end)
        while start < blockEnd {
          let e = VectorPair(high: load(pairs, start), low: load(pairs, logits.count &+ start))
          let z = shifted(load(logits, start), less: rows.maximum, rests: rests, from: start, shift)
          // What is masked or left out is not finite, or NaN.
          let term = Multiplier.product(e, -z)
          block = block.accumulating(choose(term, else: 0, where: e.high .> zero))
          start &+= 8
        }
        cross = cross + VectorPair(large: block.high, small: block.low)
      }
      let entropy = sum(rows.logSum, cross, over: rows)
      let share = choose(rows.others.high, else: one, where: rows.others.high .< one)
      let error = entropy.error + (entropy.value.high * 2 + share) * shift.absolute
      rows.loss = choose(entropy.value, else: 0, where: .!rows.isFaint)
      rows.lossError = choose(error, else: zero, where: .!rows.isFaint)
    }
  }

  /// log S + a sum over S'.
  @inlinable @inline(__always)
  static func sum(_ logSum: VectorPair, _ cross: VectorPair, over teachers: borrowing InterleavedRows) -> VectorBall {
    let quotient = cross.times(teachers.reciprocal, Multiplier.self)
    return VectorBall(value: logSum, relative: logSumError)
      + VectorBall(value: quotient, error: magnitude(quotient.high) * 0x1.2p-79)
  }
}

/// What is added up over the classes of rows near their teachers, lane by lane.
@frozen
public struct NearSums {
  /// Σ e' d and Σ e' (e^d - 1 - d).
  public var first = VectorPair.zero
  public var second = VectorPair.zero
  /// Σ e' |d|.
  public var size = Vector(repeating: 0)
  /// How many d are too large.
  public var far = Vector(repeating: 0)

  @inlinable @inline(__always)
  init() {}
}

/// Kullback and Leibler's divergence of a row from a teacher near it, which cancels as a difference of logarithms.
///
/// With `d_c = z_c - z'_c - (z_k - z'_k)`, k the teacher's top class, p is t e^d/Σ t e^d, and
///
///     D = log Σ t e^d - Σ t d = Q - ψ(A + Q)    A = Σ t d, Q = Σ t (e^d - 1 - d), ψ(x) = x - log(1 + x)
///
/// where Q is a sum of positive terms, each about d²/2, and ψ(A + Q) about A²/2: at most Q, and far less where the row
/// is sure of class k.
extension VectorLoops {
  /// The divergences of a group's rows, which begins at a place; the error is endless where a row is not near.
  @inlinable @inline(__always)
  static func nearDivergences(
    _ logits: Span<Double>, shift: RowShift, _ rows: borrowing InterleavedRows, teacherLogits: Span<Double>,
    teacherPairs: Span<Double>, _ teachers: borrowing InterleavedRows, from first: Int, length: Int
  ) -> VectorBall {
    let place = places(of: teachers.top, classes: length / 8) &+ SIMD8(repeating: Int64(first))
    let own = gather(logits, place)
    var sums = NearSums()
    var start = first
    let end = first &+ length
    while start < end {
      var block = NearSums()
      let blockEnd = endOfBlock(from: start, to: end)
      while start < blockEnd {
        let e = VectorPair(high: load(teacherPairs, start), low: load(teacherPairs, logits.count &+ start))
        add(
          e, load(logits, start), less: own, load(teacherLogits, start), less: teachers.maximum, by: shift,
          to: &block)
        start &+= 8
      }
      sums.first = sums.first + VectorPair(sum: block.first.high, block.first.low)
      sums.second = sums.second + VectorPair(large: block.second.high, small: block.second.low)
      sums.size += block.size
      sums.far += block.far
    }
    return divergence(sums, over: teachers.reciprocal)
  }

  /// The divergence of one row, and its error; endless where the row is not near.
  ///
  /// - Parameters:
  ///   - row, teacher: [classes], not capped.
  ///   - high, low: the teacher's exponentials, [padded classes].
  ///   - top: the teacher's top class.
  ///   - shift: the temperature.
  ///   - reciprocal: 1/S' of the teacher.
  @inlinable @inline(never)
  public static func nearDivergence(
    _ row: Span<Double>, _ teacher: Span<Double>, high: Span<Double>, low: Span<Double>, top: Int,
    shift: RowShift, over reciprocal: DoubleDouble
  ) -> (value: DoubleDouble, error: Double) {
    precondition(teacher.count == row.count && high.count == paddedCount(row.count) && low.count == high.count)
    let (own, other) = (Vector(repeating: row[top]), Vector(repeating: teacher[top]))
    var sums = NearSums()
    var (first, second) = (DoubleDouble(high: 0), DoubleDouble(high: 0))
    var start = 0
    while start < row.count {
      var block = NearSums()
      let end = endOfBlock(from: start, to: row.count)
      while start < end {
        add(
          VectorPair(high: load(high, start), low: load(low, start)), load(row, start, absent: -.infinity), less: own,
          load(teacher, start, absent: -.infinity), less: other, by: shift, to: &block)
        start &+= 8
      }
      var lane = 0
      while lane < 8 {
        first = first + DoubleDouble(sum: block.first.high[lane], block.first.low[lane])
        second = second + DoubleDouble(sum: block.second.high[lane], block.second.low[lane])
        lane &+= 1
      }
      sums.size += block.size
      sums.far += block.far
    }
    sums.first = VectorPair(repeating: first)
    sums.second = VectorPair(repeating: second)
    sums.size = Vector(repeating: sums.size.sum())
    sums.far = Vector(repeating: sums.far.sum())
    let result = divergence(sums, over: VectorPair(repeating: reciprocal))
    return (DoubleDouble(high: result.value.high[0], low: result.value.low[0]), result.error[0])
  }

  /// Adds a class's terms. A class that is masked on both sides has none.
  ///
  /// Error Bounds: d = ((a - a_k) - (b - b_k))/T is within 2^-99: two exact pairs, their sum within 3.01u² of itself
  /// whatever cancels, and a quotient.
  @inlinable @inline(__always)
  static func add(
    _ e: VectorPair, _ a: Vector, less own: Vector, _ b: Vector, less other: Vector, by shift: RowShift,
    to sums: inout NearSums
  ) {
    let (zero, one, masked) = (Vector(repeating: 0), Vector(repeating: 1), Vector(repeating: -.infinity))
    let isMasked = (a .== masked) .& (b .== masked)
    var d = overTemperature(VectorPair(sum: a, own.negated) + -VectorPair(sum: b, other.negated), shift)
    d.high = choose(zero, else: d.high, where: isMasked)
    d.low = choose(zero, else: d.low, where: isMasked)
    // NaN is far too.
    sums.far += choose(zero, else: one, where: magnitude(d.high) .<= Vector(repeating: 0x1p-4))
    let e = VectorPair(high: e.high, low: choose(zero, else: e.low, where: e.high .== zero))
    let term = Multiplier.product(e, d)
    sums.first = sums.first.accumulating(term)
    sums.size += magnitude(term.high)
    sums.second = sums.second.accumulating(Multiplier.product(e, exponentialRest(d)))
  }

  /// Q - ψ(A + Q) of sums over S'.
  ///
  /// Error Bounds: e' is within 2^-80.27, 1/S' within 2^-79.9, e^d - 1 - d within 2^-81.8 and the sums within 2^-89.9:
  /// 0x1.2p-79 of Q and of Σ t|d| for A. ψ(x) moves by at most 1.07 |x| times what x does. An exponential that is left
  /// out is below 2^-894, and what underflows below 2^-1050.
  @inlinable @inline(__always)
  static func divergence(_ sums: borrowing NearSums, over reciprocal: VectorPair) -> VectorBall {
    let first = sums.first.times(reciprocal, Multiplier.self)
    let second = sums.second.times(reciprocal, Multiplier.self)
    let x = first + second
    let rest = logarithmRest(x)
    let value = second + -rest
    let moved = magnitude(x.high) * (sums.size * reciprocal.high + second.high)
    let relative: Vector = (second.high + moved * 0x1.1p0) * 0x1.2p-79
    let rounded: Vector = magnitude(rest.high) * 0x1p-83
    let error = relative + rounded + Vector(repeating: 0x1p-860)
    let isNear = (sums.far .== Vector(repeating: 0)) .& (magnitude(x.high) .<= Vector(repeating: 0x1p-4))
    return VectorBall(value: value, error: choose(error, else: Vector(repeating: .infinity), where: isNear))
  }
}
