/// Eight short rows at once, one in each lane.
///
/// A row of ten classes fills one vector and a quarter of another, and folding its lanes and dividing cost as much as
/// the exponentials. Here element `8c + j` of a block is class c of row j, so every lane works, and one division serves
/// eight rows.
///
/// It is passed by reference, because modules built for different instruction sets pass vectors by value differently.
@frozen
public struct InterleavedRows: Sendable {
  /// The rows' largest logits, and the lowest indices that hold them.
  public var maximum = Vector(repeating: 0)
  public var top = Vector(repeating: 0)
  /// R, S and 1/S, as in ``RowSums``.
  public var others = VectorPair(repeating: DoubleDouble(high: 0))
  public var sum = VectorPair(repeating: DoubleDouble(high: 1))
  public var reciprocal = VectorPair(repeating: DoubleDouble(high: 1))

  /// log S, within ``logSumError``.
  public var logSum = VectorPair(repeating: DoubleDouble(high: 0))
  /// The rows' target classes.
  public var target = Vector(repeating: 0)
  /// The gradients there but for a power of two, and their errors.
  public var valueAtTarget = VectorPair(repeating: DoubleDouble(high: 0))
  public var errorAtTarget = Vector(repeating: 0)
  /// What the gradients are multiplied by, in ±[2^-20, 2^20], and the losses, in [2^-20, 2^20] or zero for a row that
  /// asks for none.
  public var gradientFactor = VectorPair(repeating: DoubleDouble(high: 1))
  public var lossFactor = VectorPair(repeating: DoubleDouble(high: 0))
  /// λ of the z-loss over the target's weight, within 2^-98.
  public var penalty = VectorPair(repeating: DoubleDouble(high: 0))

  /// What p is multiplied by in the gradient, besides the factor; 1 for cross-entropy. And its relative error.
  public var pull = VectorPair(repeating: DoubleDouble(high: 1))
  public var pullError = Vector(repeating: 0)
  /// The losses but for their factor, and their errors; zero for a row that has none here.
  public var loss = VectorPair(repeating: DoubleDouble(high: 0))
  public var lossError = Vector(repeating: 0)

  /// How many of each row's products are not proven.
  public var open = Vector(repeating: 0)

  /// Σ lossFactor·(-log p) over the rows added, lane by lane, and how far from the real sum it may be but for the
  /// additions: 3.01u² of it for each.
  public var total = VectorPair(repeating: DoubleDouble(high: 0))
  public var totalError = Vector(repeating: 0)

  @inlinable
  public init() {}

  /// R is so small that the terms left out of it could matter.
  @inlinable @inline(__always)
  var isFaint: SIMDMask<SIMD8<Int64>> { others.high .< Vector(repeating: RowSums.leastSure) }
}

/// A bit for each of eight rows, the first in the lowest.
public typealias RowBits = UInt8

/// Copies a row into a lane of a block: [classes][8]. The row's elements lie `step` apart in the tensor.
@inlinable @inline(__always)
public func interleave(
  _ tensor: Span<Double>, from start: Int, step: Int, lane: Int, into block: inout MutableSpan<Double>
) {
  let last = start &+ (block.count / 8 &- 1) &* step
  precondition(block.count & 7 == 0 && lane >= 0 && lane < 8 && step > 0 && start >= 0 && last < tensor.count)
  var position = start
  var place = lane
  // Unchecked, because all positions lie between the first and the last.
  while place < block.count {
    unsafe block[unchecked: place] = tensor[unchecked: position]
    position &+= step
    place &+= 8
  }
}

/// Copies a lane of a block back into a row.
@inlinable @inline(__always)
public func deinterleave(_ block: Span<Double>, lane: Int, into row: inout MutableSpan<Double>) {
  precondition(block.count == 8 &* row.count && lane >= 0 && lane < 8)
  var position = 0
  // Unchecked, because the block has as many elements in the lane as the row.
  while position < row.count {
    unsafe row[unchecked: position] = block[unchecked: 8 &* position &+ lane]
    position &+= 1
  }
}

extension VectorLoops {
  /// Writes e^z of each logit as a pair, and adds each row's up.
  ///
  /// - Parameters:
  ///   - logits: [classes][8]; in each row a finite one, no NaN, no +∞. At most 2^23 classes.
  ///   - shift: the temperature; its maximum is of no use.
  ///   - vanishing, table: as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - pairs: [classes][2][8], written: the high parts, then the low parts, as in that loop.
  ///
  /// Error Bounds: those of that loop, whose blocks of 64 terms are these; no lanes are folded.
  @inlinable @inline(never)
  public static func interleavedExponentials(
    _ logits: Span<Double>, shift: RowShift, vanishing: Double, table: Span<Double>,
    into pairs: inout MutableSpan<Double>, _ rows: inout InterleavedRows
  ) {
    precondition(logits.count >= 8 && logits.count & 7 == 0 && pairs.count == 2 &* logits.count && table.count >= 512)
    var best = load(logits, 0)
    var place = Vector(repeating: 0)
    var start = 8
    while start < logits.count {
      let next = load(logits, start)
      let above = next .> best
      best.replace(with: next, where: above)
      place.replace(with: Vector(repeating: Double(start &>> 3)), where: above)
      start &+= 8
    }

    let zero = Vector(repeating: 0)
    var total = VectorPair(high: zero, low: zero)
    start = 0
    while start < logits.count {
      var block = VectorPair(high: zero, low: zero)
      let end = start &+ min(512, logits.count &- start)
      while start < end {
        let z = shifted(load(logits, start), less: best, shift)
        let e = exponential(ofAny: z, vanishing: vanishing, table)
        store(e.value.high, &pairs, 2 &* start)
        store(e.provenLow, &pairs, 2 &* start &+ 8)
        let isTop = place .== Vector(repeating: Double(start &>> 3))
        block = block.accumulating(
          VectorPair(high: e.value.high.replacing(with: zero, where: isTop), low: e.value.low))
        start &+= 8
      }
      total = total + VectorPair(large: block.high, small: block.low)
    }
    rows.maximum = best
    rows.top = place
    rows.others = total
    rows.sum = VectorPair(high: Vector(repeating: 1), low: zero) + total
    rows.reciprocal = rows.sum.reciprocal(Multiplier.self)
  }

  /// Computes log S. - Precondition: as for ``logSum(_:table:)``, but that rows with a faint R may be among them.
  @inlinable @inline(never)
  public static func interleavedLogSums(_ rows: inout InterleavedRows, table: Span<Double>) {
    rows.logSum = logSum(others: rows.others, sum: rows.sum, table: table)
  }

  /// Writes the correctly rounded `e_i/S`, or `gradientFactor·pull·e_i/S·2^exponent`; NaN where this stage cannot prove
  /// it.
  ///
  /// - Parameters:
  ///   - pairs: from ``interleavedExponentials(_:shift:vanishing:table:into:_:)``.
  ///   - isGradient: whether the factors count.
  ///   - error: a bound as in ``scaled(_:_:by:within:_:into:)``.
  ///   - out: [classes][8].
  /// - Returns: the rows with a NaN.
  ///
  /// Error Bounds: those of that loop, and the pull's own.
  @inlinable @inline(never)
  public static func interleavedProducts(
    _ pairs: Span<Double>, _ rows: inout InterleavedRows, isGradient: Bool, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    precondition(pairs.count == 2 &* out.count && out.count & 7 == 0)
    let slope =
      isGradient
      ? rows.gradientFactor.times(rows.pull, Multiplier.self).times(rows.reciprocal, Multiplier.self) : rows.reciprocal
    let errors = Vector(repeating: error) + (isGradient ? rows.pullError : Vector(repeating: 0))
    var open = Vector(repeating: 0)
    var start = 0
    while start < out.count {
      let e = VectorPair(high: load(pairs, 2 &* start), low: load(pairs, 2 &* start &+ 8))
      let result = roundedProduct(e, slope, within: errors, rounding)
      store(result.provenOrNaN, &out, start)
      open += result.open
      start &+= 8
    }
    rows.open = open
    return bits(open)
  }

  /// Writes the correctly rounded `z_i - log S`, or NaN where this stage cannot prove it; -∞ for a masked class.
  ///
  /// - Precondition: log S is computed.
  /// - Parameters:
  ///   - logits: [classes][8].
  ///   - out: [classes][8].
  /// - Returns: the rows with a NaN; those whose R is faint are among them.
  ///
  /// Error Bounds: those of ``logProbabilities(_:rests:shift:logSum:error:_:into:)``.
  @inlinable @inline(never)
  public static func interleavedLogProbabilities(
    _ logits: Span<Double>, shift: RowShift, _ rows: inout InterleavedRows, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits {
    precondition(logits.count == out.count && out.count & 7 == 0)
    var open = Vector(repeating: 0).replacing(with: 1, where: rows.isFaint)
    var start = 0
    while start < out.count {
      let a = load(logits, start)
      let result = roundedLogProbability(
        of: a, at: shifted(a, less: rows.maximum, shift), rows.logSum, error: rows.logSum.high * logSumError, rounding)
      store(result.provenOrNaN, &out, start)
      open += result.open
      start &+= 8
    }
    return bits(open)
  }

  /// Where in a block the rows' classes are. - Precondition: they are whole numbers in 0..<classes; it is checked.
  @inlinable @inline(__always)
  static func places(of index: Vector, classes: Int) -> SIMD8<Int64> {
    let isInside = (index .>= 0) .& (index .< Vector(repeating: Double(classes)))
    precondition(bits(choose(Vector(repeating: 1), else: Vector(repeating: 0), where: isInside)) == 255)
    // Adding 2^52 leaves a whole number in the lowest bits.
    let classes = unsafe unsafeBitCast(index + 0x1p52, to: SIMD8<Int64>.self) & 0xFFFF_FFFF
    return (classes &<< 3) | SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
  }

  /// Lane by lane one or the other. SIMD's own `replacing` is a loop, of which the compiler takes only so many into one
  /// function before it leaves others as calls.
  @inlinable @inline(__always)
  static func choose(_ a: Vector, else b: Vector, where mask: SIMDMask<SIMD8<Int64>>) -> Vector {
    // Safe: a mask's lanes are 0 and -1, and all have the same layout.
    let bits = unsafe unsafeBitCast(mask, to: SIMD8<Int64>.self)
    let (first, second) = unsafe (unsafeBitCast(a, to: SIMD8<Int64>.self), unsafeBitCast(b, to: SIMD8<Int64>.self))
    return unsafe unsafeBitCast((first & bits) | (second & ~bits), to: Vector.self)
  }

  /// The lanes that are not zero.
  @inlinable @inline(__always)
  static func bits(_ marks: Vector) -> RowBits {
    let powers = Vector(repeating: 0).replacing(with: Vector(1, 2, 4, 8, 16, 32, 64, 128), where: marks .> 0)
    return RowBits(truncatingIfNeeded: Int(powers.sum()))
  }
}
