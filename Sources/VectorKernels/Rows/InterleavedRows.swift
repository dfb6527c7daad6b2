/// What is known of eight short rows, one in each lane.
///
/// A row of ten classes fills one vector and a quarter of another, and folding its lanes and dividing cost as much as
/// the exponentials. Here rows go by groups of eight: element `8c + j` of a group is class c of its row j, so every
/// lane works, and one division serves eight rows. The loops take several groups at a time, [groups][classes][8], since
/// what a group waits for, the processor then does for the next one.
///
/// It is passed by reference, because modules built for different instruction sets pass vectors by value differently.
@frozen
public struct InterleavedRows: Sendable, BitwiseCopyable {
  /// The rows' largest logits, and the lowest indices that hold them; of capped logits, whose z stand for them, zeros.
  public var maximum = Vector(repeating: 0)
  public var top = Vector(repeating: 0)
  /// What capped logits over the temperature are more than their z: the maximum's; else zero.
  public var offset = VectorPair(repeating: DoubleDouble(high: 0))
  /// R, S and 1/S, as in ``RowSums``.
  public var others = VectorPair(repeating: DoubleDouble(high: 0))
  public var sum = VectorPair(repeating: DoubleDouble(high: 1))
  public var reciprocal = VectorPair(repeating: DoubleDouble(high: 1))

  /// log S, within ``logSumError``, and relatively within what the exponentials are for the error of their z.
  public var logSum = VectorPair(repeating: DoubleDouble(high: 0))
  /// The rows' target classes.
  public var target = Vector(repeating: 0)
  /// The gradients there except for a power of two, and their errors.
  public var valueAtTarget = VectorPair(repeating: DoubleDouble(high: 0))
  public var errorAtTarget = Vector(repeating: 0)
  /// What the gradients are multiplied by, in ±[2^-20, 2^20], and the losses, in [2^-20, 2^20].
  public var gradientFactor = VectorPair(repeating: DoubleDouble(high: 1))
  public var lossFactor = VectorPair(repeating: DoubleDouble(high: 1))
  /// λ of the z-loss over the target's weight, within 2^-98.
  public var penalty = VectorPair(repeating: DoubleDouble(high: 0))

  /// What p is multiplied by in the gradient, besides the factor; 1 for cross-entropy. And its relative error.
  public var pull = VectorPair(repeating: DoubleDouble(high: 1))
  public var pullError = Vector(repeating: 0)
  /// The losses except for their factor, and their errors; zero for a row that has none here.
  public var loss = VectorPair(repeating: DoubleDouble(high: 0))
  public var lossError = Vector(repeating: 0)

  /// How many of each row's products are not proven.
  public var open = Vector(repeating: 0)

  @inlinable
  public init() {}

  /// R is so small that the terms left out of it could matter.
  @inlinable @inline(__always)
  var isFaint: VectorMask { others.high .< Vector(repeating: RowSums.leastSure) }
}

/// A bit for each row of at most eight groups, the first in the lowest.
public typealias RowBits = UInt64

/// Copies rows that lie one behind the other into their places in groups.
///
/// - Parameters:
///   - run: [rows][classes].
///   - first: the number of the first of them among all rows of the groups.
///   - groups: [groups][classes][8].
@inlinable @inline(__always)
public func interleave(
  _ run: Span<Double>, classes: Int, from first: Int, into groups: inout MutableSpan<Double>
) {
  forEachPlace(of: run.count, classes: classes, from: first, in: groups.count) { position, place in
    // Both are in range.
    unsafe groups[unchecked: place] = run[unchecked: position]
  }
}

/// Copies rows back from their places in groups.
@inlinable @inline(__always)
public func deinterleave(
  _ groups: Span<Double>, classes: Int, from first: Int, into run: inout MutableSpan<Double>
) {
  forEachPlace(of: run.count, classes: classes, from: first, in: groups.count) { position, place in
    // Both are in range.
    unsafe run[unchecked: position] = groups[unchecked: place]
  }
}

/// Calls `body` with the position of each of `count` numbers in a run of rows, and with its place in groups of `room`
/// numbers: both are within these.
@inlinable @inline(__always)
func forEachPlace(
  of count: Int, classes: Int, from first: Int, in room: Int, _ body: (_ position: Int, _ place: Int) -> Void
) {
  let rows = count / classes
  precondition(classes > 0 && count == rows &* classes && first >= 0)
  precondition(((first &+ rows &+ 7) &>> 3) &* 8 &* classes <= room)
  var (row, position) = (first, 0)
  let end = first &+ rows
  while row < end {
    let group = (row &>> 3) &* 8 &* classes
    // Of a whole group eight numbers at a time, of other rows one.
    let lanes = row & 7 == 0 && row &+ 8 <= end ? 8 : 1
    for c in 0..<classes {
      if lanes == 8 {
        for lane in 0..<8 { body(position &+ lane &* classes &+ c, group &+ 8 &* c &+ lane) }
      } else {
        body(position &+ c, group &+ 8 &* c &+ (row & 7))
      }
    }
    position &+= lanes &* classes
    row &+= lanes
  }
}

extension VectorLoops {
  /// Writes e^z of each logit as a pair, and adds each row's up.
  ///
  /// - Parameters:
  ///   - logits: [groups][classes][8]; in each row a finite one, no NaN, no +∞. At most 2^23 classes. Or the z of
  ///     capped logits, whose maxima are known.
  ///   - rests: those of such z, as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``; else none.
  ///   - shift: the temperature; its maximum is of no use.
  ///   - vanishing, table: as in that loop.
  ///   - pairs: [2][groups][classes][8], written: the high parts, then the low parts, as in that loop.
  ///
  /// Error Bounds: those of that loop, whose blocks of 64 terms are these; no lanes are folded.
  @inlinable @inline(never)
  public static func interleavedExponentials(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, vanishing: Double, table: Span<Double>,
    into pairs: inout MutableSpan<Double>, _ rows: inout MutableSpan<InterleavedRows>
  ) {
    let (count, length) = (logits.count, groupLength(logits.count, rows.count))
    precondition(pairs.count == 2 &* count && table.count >= 512 && (rests.count == 0 || rests.count == count))
    var group = 0
    while group < rows.count {
      let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
      // Unchecked, as below, because the loop ends at the last group.
      if rests.count == 0 { unsafe findMaxima(of: logits, group: group, length: length, &rows[unchecked: group]) }
      let (best, place) = unsafe (rows[unchecked: group].maximum, rows[unchecked: group].top)
      var total = VectorPair.zero
      var index = zero
      var start = group &* length
      let end = start &+ length
      if length == 16, rests.count == 0 {
        total = exponentials(
          ofTwo: logits, from: start, less: best, isFirst: isEqual(place, zero), shift, vanishing, table, into: &pairs)
        start = end
      }
      while start < end {
        var block = VectorPair.zero
        let blockEnd = endOfBlock(from: start, to: end)
        while start < blockEnd {
          let z = shifted(load(logits, start), less: best, rests: rests, from: start, shift)
          let e = exponential(ofAny: z, vanishing: vanishing, table)
          store(e.value.high, &pairs, start)
          store(e.provenLow, &pairs, count &+ start)
          block = block.accumulating(
            VectorPair(high: choose(zero, else: e.value.high, where: isEqual(place, index)), low: e.value.low))
          index += one
          start &+= 8
        }
        total = total + VectorPair(large: block.high, small: block.low)
      }
      let sum = VectorPair(high: one, low: zero) + total
      // Unchecked, because the loop ends at the last group.
      unsafe rows[unchecked: group].others = total
      unsafe rows[unchecked: group].sum = sum
      unsafe rows[unchecked: group].reciprocal = sum.reciprocal(Multiplier.self)
      group &+= 1
    }
  }

  /// Writes the exponentials of a group's rows of two classes, of which the maximum's is 1.
  /// - Returns: the other's.
  @inlinable @inline(__always)
  static func exponentials(
    ofTwo logits: Span<Double>, from start: Int, less best: Vector, isFirst: VectorMask, _ shift: RowShift,
    _ vanishing: Double, _ table: Span<Double>, into pairs: inout MutableSpan<Double>
  ) -> VectorPair {
    let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
    let other = choose(load(logits, start &+ 8), else: load(logits, start), where: isFirst)
    let e = exponential(ofAny: shifted(other, less: best, shift), vanishing: vanishing, table)
    store(choose(one, else: e.value.high, where: isFirst), &pairs, start)
    store(choose(e.value.high, else: one, where: isFirst), &pairs, start &+ 8)
    store(choose(zero, else: e.provenLow, where: isFirst), &pairs, logits.count &+ start)
    store(choose(e.provenLow, else: zero, where: isFirst), &pairs, logits.count &+ (start &+ 8))
    return e.value
  }

  /// Finds the maximum of each of a group's rows, and the lowest index that holds it.
  @inlinable @inline(__always)
  static func findMaxima(of logits: Span<Double>, group: Int, length: Int, _ rows: inout InterleavedRows) {
    var start = group &* length
    let end = start &+ length
    var best = load(logits, start)
    var place = Vector(repeating: 0)
    var index = Vector(repeating: 1)
    start &+= 8
    while start < end {
      let next = load(logits, start)
      let above = isBelow(best, next)
      best = choose(next, else: best, where: above)
      place = choose(index, else: place, where: above)
      index += Vector(repeating: 1)
      start &+= 8
    }
    rows.maximum = best
    rows.top = place
  }

  /// Calls `body` with what is known of the rows of each group, and with its number.
  @inlinable @inline(__always)
  static func forEachGroup(
    of rows: inout MutableSpan<InterleavedRows>, _ body: (_ rows: inout InterleavedRows, _ group: Int) -> Void
  ) {
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      unsafe body(&rows[unchecked: group], group)
      group &+= 1
    }
  }

  /// How many numbers each of some groups has that have this many together: 8·classes. It is checked.
  @inlinable @inline(__always)
  static func groupLength(_ numbers: Int, _ groups: Int) -> Int {
    precondition(groups > 0 && groups <= 8)
    let length = numbers / groups
    precondition(length >= 8 && length & 7 == 0 && length &* groups == numbers)
    return length
  }

  /// Computes log S.
  /// - Precondition: as for ``logSum(_:table:)``, but that rows with a faint R may be among them.
  @inlinable @inline(never)
  public static func interleavedLogSums(_ rows: inout MutableSpan<InterleavedRows>, table: Span<Double>) {
    forEachGroup(of: &rows) { rows, _ in rows.logSum = logSum(others: rows.others, sum: rows.sum, table: table) }
  }

  /// Writes the correctly rounded `e_i/S`, or `gradientFactor·pull·e_i/S·2^exponent`; NaN where this stage cannot prove
  /// it.
  ///
  /// - Parameters:
  ///   - pairs: from ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - isGradient: whether the factors count.
  ///   - error: a bound as in ``scaled(_:_:by:within:_:into:)``.
  ///   - out: [groups][classes][8].
  /// - Returns: the rows with a NaN.
  ///
  /// Error Bounds: those of that loop, and the pull's own.
  @inlinable @inline(never)
  public static func interleavedProducts(
    _ pairs: Span<Double>, _ rows: inout MutableSpan<InterleavedRows>, isGradient: Bool, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    let (count, length) = (out.count, groupLength(out.count, rows.count))
    precondition(pairs.count == 2 &* count)
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      var slope = unsafe rows[unchecked: group].reciprocal
      var errors = Vector(repeating: error)
      if isGradient {
        let factor = unsafe rows[unchecked: group].gradientFactor
        slope = unsafe factor.times(rows[unchecked: group].pull, Multiplier.self).times(slope, Multiplier.self)
        errors += unsafe rows[unchecked: group].pullError
      }
      let open = writeResults(of: group, length: length, into: &out) { start in
        let e = VectorPair(high: load(pairs, start), low: load(pairs, count &+ start))
        return roundedProduct(e, slope, within: errors, rounding)
      }
      unsafe rows[unchecked: group].open = open
      found |= bits(open, in: group)
      group &+= 1
    }
    return found
  }

  /// Writes the correctly rounded `z_i - log S`, or NaN where this stage cannot prove it; -∞ for a masked class.
  ///
  /// - Precondition: log S is computed.
  /// - Parameters:
  ///   - logits, rests: as in ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - out: [groups][classes][8].
  /// - Returns: the rows with a NaN; those whose R is faint are among them.
  ///
  /// Error Bounds: those of ``logProbabilities(_:rests:shift:logSum:error:_:into:)``; z's own absolute error, and log S
  /// times it.
  @inlinable @inline(never)
  public static func interleavedLogProbabilities(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, _ rows: Span<InterleavedRows>,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    let length = groupLength(out.count, rows.count)
    precondition(logits.count == out.count && (rests.count == 0 || rests.count == out.count))
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      let (maximum, logSum) = unsafe (rows[unchecked: group].maximum, rows[unchecked: group].logSum)
      let faint = unsafe choose(
        Vector(repeating: 1), else: Vector(repeating: 0), where: rows[unchecked: group].isFaint)
      let error = logSum.high * (logSumError + shift.absolute) + Vector(repeating: shift.absolute)
      let open = writeResults(of: group, length: length, into: &out) { start in
        let a = load(logits, start)
        let z = shifted(a, less: maximum, rests: rests, from: start, shift)
        return roundedLogProbability(of: a, at: z, logSum, error: error, rounding)
      }
      found |= bits(faint + open, in: group)
      group &+= 1
    }
    return found
  }

  /// Writes the correctly rounded log Σ e^(a/T), or NaN where this stage cannot prove it.
  ///
  /// - Precondition: log S is computed.
  /// - Parameters:
  ///   - shift: as in ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - out: [groups][8].
  /// - Returns: the rows with a NaN; those whose R is faint are among them.
  ///
  /// Error Bounds: the ball's, and 2^-102 of the result for the test.
  @inlinable @inline(never)
  public static func interleavedLogSumExps(
    _ rows: Span<InterleavedRows>, shift: RowShift, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    precondition(out.count == 8 &* rows.count)
    var found: RowBits = 0
    for group in rows.indices {
      let sum = logSumExp(rows[group], shift)
      var result = rounded(sum.value, error: sum.error + magnitude(sum.value.high) * 0x1p-102, rounding)
      result.isProven = result.isProven .& .!rows[group].isFaint
      store(result.provenOrNaN, &out, 8 &* group)
      found |= bits(result.open, in: group)
    }
    return found
  }

  /// Writes a group's results, one of each row at a time, and NaN for those that are not proven.
  ///
  /// - Parameter result: what is written at a place and the seven after it.
  /// - Returns: how many those are.
  @inlinable @inline(__always)
  static func writeResults(
    of group: Int, length: Int, into out: inout MutableSpan<Double>, _ result: (_ start: Int) -> Rounded
  ) -> Vector {
    var open = Vector(repeating: 0)
    var start = group &* length
    let end = start &+ length
    while start < end {
      let result = result(start)
      store(result.provenOrNaN, &out, start)
      open += result.open
      start &+= 8
    }
    return open
  }

  /// Where in a group the rows' classes are: whole numbers in 0..<classes, or the nearest of these.
  @inlinable @inline(__always)
  static func places(of index: Vector, classes: Int) -> SIMD8<Int64> {
    let last = Vector(repeating: Double(classes &- 1))
    let least = choose(Vector(repeating: 0), else: index, where: isBelow(index, Vector(repeating: 0)))
    // Adding 2^52 leaves a whole number in the lowest bits.
    let number = choose(least, else: last, where: isBelow(least, last)) + 0x1p52
    let classes = unsafe unsafeBitCast(number, to: SIMD8<Int64>.self) & 0xFFFF_FFFF
    return (classes &<< 3) | SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
  }

  /// The rows of a group whose lanes are not zero.
  @inlinable @inline(__always)
  static func bits(_ marks: Vector, in group: Int = 0) -> RowBits {
    maskBits(isBelow(Vector(repeating: 0), marks)) &<< RowBits(truncatingIfNeeded: 8 &* group)
  }

  /// The lanes of a group's rows that are among some.
  @inlinable @inline(__always)
  static func lanes(of bits: RowBits, in group: Int) -> VectorMask {
    let own = Int64(truncatingIfNeeded: bits &>> RowBits(truncatingIfNeeded: 8 &* group))
    return (SIMD8<Int64>(repeating: own) & SIMD8(1, 2, 4, 8, 16, 32, 64, 128)) .!= 0
  }
}
