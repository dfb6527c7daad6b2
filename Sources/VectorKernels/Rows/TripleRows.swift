/// Rows in triples, for differences of which pairs have lost all: U p - u where the target is close to softmax itself.
///
/// A target that is softmax rounded cancels 53 bits, and another 53 are wanted of what is left. Pairs that are good to
/// 2^-80 cannot give them. Here each exponential is good to 2^-131, at about four times the work.
extension VectorLoops {
  /// z = (a - maximum)/temperature as a triple; not finite where a is -∞ or a - maximum overflows.
  ///
  /// Error Bounds: exact at temperature 1, by TwoSum; otherwise 2^-150 |z|. Each quotient is within 2.01u of what is
  /// left, so that what is left after two is below 4.1u² |z|, known to some u³ |z|, and divided for 3u of it. What
  /// underflows is below 2^-170, as in ``shifted(_:_:)``.
  @inlinable @inline(__always)
  static func tripleShifted(_ a: Vector, less maximum: Vector, _ shift: RowShift) -> VectorTriple {
    let d = VectorPair(sum: a, maximum.negated)
    if shift.temperature == 1 { return VectorTriple(high: d.high, middle: d.low, low: Vector(repeating: 0)) }
    let temperature = Vector(repeating: shift.temperature)
    let q = d.high * shift.inverse
    let p = Multiplier.product(q, temperature)
    let first = VectorPair(sum: d.high - p.high, p.low.negated)
    let second = VectorPair(sum: first.high, d.low)
    let rest = VectorPair(sum: second.high, second.low + first.low)
    let nextQ = rest.high * shift.inverse
    let nextP = Multiplier.product(nextQ, temperature)
    return VectorTriple(
      high: q, middle: nextQ, low: (((rest.high - nextP.high) - nextP.low) + rest.low) * shift.inverse)
  }

  /// One step of Horner's scheme, c + x y, where |x y| ≤ |c|/2: `|low| ≤ 2.1u |high|`.
  ///
  /// Error Bounds: 4.2u² of c, since the low part takes two roundings, and 14u² of x y, x's low part being at most
  /// 2^-61.9 and y's 2.1u |y.high|; what that is more than u |x.high| adds 2^-113 |y|.
  @inlinable @inline(__always)
  static func hornerStep(_ c: VectorPair, _ x: VectorPair, _ y: VectorPair) -> VectorPair {
    let product = Multiplier.product(x, y)
    let sum = VectorPair(large: c.high, small: product.high)
    return VectorPair(high: sum.high, low: sum.low + (product.low + c.low))
  }

  /// e^z of each lane as a short triple; exactly 1 for 0.
  ///
  /// Method: that of ``exponential(_:_:_:)``, with z = k·ln 2/256 + r, |r| ≤ ρ = 2^-9.528, and
  /// e^r = 1 + r + r²/2 + r³Q(r).
  ///
  /// Edge Cases: `-620 ≤ z.high ≤ 2^-10`; `|z.middle| ≤ 2^-51 |z.high|`, `|z.low| ≤ 2^-103 |z.high|`.
  ///
  /// Error Bounds: relative 2^-131. Everything in parts of e^z:
  /// - *Reduction*, 2^-143. The first three parts of ln 2/256 have 34 bits, so that their products with k, |k| < 2^18,
  ///   are exact; the fourth leaves out 2^-169·2^18. z.high less the first is exact, as there. The other terms are
  ///   added exactly except for z.low, at most 2^-93.7, and k times the fourth, 2^-98: some roundings of 2^-93 u. So
  ///   r's parts are at most ρ, 2^-61.9 and 2^-114.
  /// - *r + r²/2*, 2^-165: each product of two parts is exact that is above 2^-124, the errors of adding them included.
  /// - *r³Q*, 2^-131.7. Q = 1/6 + r/24 + … is doubled, and r³ halved. Its terms from r^8/8! on, 2^-91.5, are computed
  ///   in plain binary64, within 3u; those from r^12/12!, 2^-143, are left out. The last Horner step is within 4.2u²,
  ///   its coefficient within u², the steps before it within that times ρ: 5.3u² of Q. r²/2, as a pair, times r is
  ///   within 10u², times Q another 14u²: below 30u² of r³/6 ≤ 2^-31.1, or 2^-132.2. That r's low part is left out is
  ///   another 2^-19.1-115.
  /// - *Table*, 2^-155: its entries are within 2^-160 as triples. The products with them and the sums are exact except
  ///   for parts below 2^-104 and roundings of these.
  @inlinable @inline(__always)
  static func tripleExponential(
    _ z: VectorTriple, _ table: Span<Double>, _ rests: Span<Double>
  ) -> VectorTriple {
    let magic = Vector(repeating: 0x1.8p52)
    let shifted = Multiplier.multiplyAdd(z.high, Vector(repeating: 0x1.71547652b82fep8), magic)
    let k = shifted - magic
    let bits = unsafe unsafeBitCast(shifted, to: SIMD8<Int64>.self)
    let entry = bits & 255
    let power = unsafe unsafeBitCast(
      ((bits & ~255) &<< 44) &+ SIMD8<Int64>(repeating: 0x3FF0_0000_0000_0000), to: Vector.self)

    let r0 = Multiplier.multiplyAdd(k, Vector(repeating: -0x1.62e42fef8p-9), z.high)
    let first = VectorPair(sum: r0, k * -0x1.1cf79abc8p-44)
    let second = VectorPair(sum: z.middle, k * -0x1.e3b39804p-80)
    let third = Multiplier.multiplyAdd(k, Vector(repeating: 0x1.a12a17e1979b3p-117), z.low)
    let top = VectorPair(sum: first.high, second.high)
    let next = VectorPair(sum: first.low, top.low)
    let rest = VectorPair(sum: next.high, next.low + (second.low + third))
    let r = VectorTriple(high: top.high, middle: rest.high, low: rest.low)

    // r²/2.
    let square = Multiplier.product(r.high * 0.5, r.high)
    let cross = Multiplier.product(r.high, r.middle)
    let smallest = Multiplier.multiplyAdd(r.middle * 0.5, r.middle, r.high * r.low)
    let squareMiddle = VectorPair(sum: square.low, cross.high)
    let squareLow = squareMiddle.low + (cross.low + smallest)

    // r³Q.
    let x = r.high
    let pair = VectorPair(high: x, low: r.middle)
    var Q = Vector(repeating: 0x1.ae64567f544e4p-25)
    Q = Multiplier.multiplyAdd(Q, x, Vector(repeating: 0x1.27e4fb7789f5cp-21))
    Q = Multiplier.multiplyAdd(Q, x, Vector(repeating: 0x1.71de3a556c734p-18))
    Q = Multiplier.multiplyAdd(Q, x, Vector(repeating: 0x1.a01a01a01a01ap-15))
    let seventh = VectorPair(large: Vector(repeating: 0x1.a01a01a01a01ap-12), small: Q * x)
    var sum = VectorPair(high: seventh.high, low: seventh.low + 0x1.a01a01a01a01ap-72)
    sum = hornerStep(constant(0x1.6c16c16c16c17p-9, -0x1.f49f49f49f49fp-64), pair, sum)
    sum = hornerStep(constant(0x1.1111111111111p-6, 0x1.1111111111111p-62), pair, sum)
    sum = hornerStep(constant(0x1.5555555555555p-4, 0x1.5555555555555p-58), pair, sum)
    sum = hornerStep(constant(0x1.5555555555555p-2, 0x1.5555555555555p-56), pair, sum)
    let cube = Multiplier.product(VectorPair(high: square.high, low: squareMiddle.high), pair)
    let cubic = Multiplier.product(cube, sum)

    // p = r + r²/2 + r³Q, the middle and the low part.
    let one = VectorPair(large: r.high, small: square.high)
    let p = VectorPair(large: one.high, small: cubic.high)
    let a = VectorPair(sum: one.low, p.low)
    let b = VectorPair(sum: r.middle, squareMiddle.high)
    let c = VectorPair(sum: a.high, b.high)
    let pMiddle = VectorPair(sum: c.high, cubic.low)
    let pLow = pMiddle.low + ((c.low + (a.low + b.low)) + (r.low + squareLow))

    // T + T p.
    let t = gatherPairs(table, entry)
    let tableLow = gather(rests, entry)
    let f = Multiplier.product(t.high, p.high)
    let g = Multiplier.product(t.high, pMiddle.high)
    let h = Multiplier.product(t.low, p.high)
    let small = Multiplier.multiplyAdd(
      t.high, pLow, Multiplier.multiplyAdd(t.low, pMiddle.high, tableLow * p.high))
    let whole = VectorPair(large: t.high, small: f.high)
    let i = VectorPair(sum: whole.low, t.low)
    let j = VectorPair(sum: g.high, h.high)
    let l = VectorPair(sum: f.low, j.high)
    let m = VectorPair(sum: i.high, l.high)
    let low = (m.low + (i.low + (j.low + l.low))) + ((g.low + h.low) + (small + tableLow))
    let e = VectorTriple(high: whole.high, middle: m.high, low: low).normalised
    return VectorTriple(high: e.high * power, middle: e.middle * power, low: e.low * power)
  }

  /// e^z, or zero where z is below -620.
  @inlinable @inline(__always)
  static func tripleExponential(
    ofAny z: VectorTriple, _ table: Span<Double>, _ rests: Span<Double>
  ) -> VectorTriple {
    let (zero, least) = (Vector(repeating: 0), Vector(repeating: leastExponent))
    let isFar = z.high .< least
    let e = tripleExponential(
      VectorTriple(
        high: choose(least, else: z.high, where: isFar), middle: choose(zero, else: z.middle, where: isFar),
        low: choose(zero, else: z.low, where: isFar)), table, rests)
    return VectorTriple(
      high: choose(zero, else: e.high, where: isFar), middle: choose(zero, else: e.middle, where: isFar),
      low: choose(zero, else: e.low, where: isFar))
  }

  /// Writes e^z of each logit as a triple, and adds them up.
  ///
  /// - Parameters:
  ///   - row, top, shift: as in ``exponentials(_:rests:top:shift:vanishing:table:into:)``.
  ///   - table: ``exponentialTable``.
  ///   - rests: ``exponentialRests``.
  ///   - triples: [3][padded classes], written: the high, the middle and the low parts; e^z within 2^-131 for
  ///     z ≥ -620, and zero below.
  /// - Returns: S = 1 + the sum of all but the maximum's, within 2^-130.9, and 2^-871 for the terms left out.
  ///
  /// Error Bounds: in a lane 64 triples are added. Their sum's middle part is at most 2^-45 of it, its low part 2^-91,
  /// which takes three roundings for each: 2^-136. Other additions are within 2^-147 each, at most 2^18 of them.
  @inlinable @inline(never)
  public static func tripleExponentials(
    _ row: Span<Double>, top: RowMaximum, shift: RowShift, table: Span<Double>, rests: Span<Double>,
    into triples: inout MutableSpan<Double>
  ) -> TripleDouble {
    let count = paddedCount(row.count)
    precondition(triples.count == 3 &* count && table.count >= 512 && rests.count >= 256)
    let zero = Vector(repeating: 0)
    var total = TripleDouble(1)
    var start = 0
    while start < row.count {
      var block = VectorTriple.zero
      let end = endOfBlock(from: start, to: row.count)
      while start < end {
        let a = load(row, start, absent: -.infinity)
        var e = tripleExponential(
          ofAny: tripleShifted(a, less: Vector(repeating: shift.maximum), shift), table, rests)
        store(e.high, &triples, start)
        store(e.middle, &triples, count &+ start)
        store(e.low, &triples, 2 &* count &+ start)
        if start == top.index & ~7 {
          // The maximum's is the total's first term; its other parts are zero.
          e.high = choose(zero, else: e.high, where: indices(from: start) .== Vector(repeating: Double(top.index)))
        }
        block = block + e
        start &+= 8
      }
      total = added(block, to: total)
    }
    return total
  }

  /// A total and the eight lanes of a block.
  @inlinable @inline(__always)
  static func added(_ block: VectorTriple, to total: TripleDouble) -> TripleDouble {
    let block = block.normalised
    var total = total
    var lane = 0
    while lane < 8 {
      let part = TripleDouble(high: block.high[lane], middle: block.middle[lane], low: block.low[lane])
      total = (total + part).normalised
      lane &+= 1
    }
    return total
  }

  /// The sum of pairs that are not negative, within 2^-135: the additions of
  /// ``tripleExponentials(_:top:shift:table:rests:into:)``.
  ///
  /// - Parameters:
  ///   - high, low: [padded classes].
  @inlinable @inline(never)
  public static func tripleTotal(_ high: Span<Double>, _ low: Span<Double>) -> TripleDouble {
    precondition(high.count & 7 == 0 && low.count == high.count)
    let zero = Vector(repeating: 0)
    var total = TripleDouble(0)
    var start = 0
    while start < high.count {
      var block = VectorTriple.zero
      let end = endOfBlock(from: start, to: high.count)
      while start < end {
        block = block + VectorTriple(high: load(high, start), middle: load(low, start), low: zero)
        start &+= 8
      }
      total = added(block, to: total)
    }
    return total
  }

  /// Writes `a·x_i - b·y_i` in the place of x, as a pair and its error.
  ///
  /// - Parameters:
  ///   - x: [3][padded classes], triples as ``tripleExponentials(_:top:shift:table:rests:into:)`` writes them; then the
  ///     high parts, the low parts and the errors.
  ///   - a: what they are multiplied by, in [2^-60, 2^60], within 2^-130.9.
  ///   - y: the same; or [2][padded classes], pairs that are not negative, exact.
  ///   - b: likewise.
  ///
  /// Error Bounds: each product is within 2^-131 + 2^-130.9 + 2^-143, their difference within 2^-147 of their sizes
  /// more: 2^-129.9 of these, for which 2^-129.8 is taken. What cancelling leaves is known as well as that. A zero
  /// among the triples stands for less than 2^-894. What underflows is below 2^-1070 times a or b. The pair is within
  /// 2^-104 of the difference, which is not in the error.
  @inlinable @inline(never)
  public static func tripleDifferences(
    _ x: inout MutableSpan<Double>, times a: TripleDouble, _ y: Span<Double>, times b: TripleDouble
  ) {
    let count = x.count / 3
    let isPairs = y.count == 2 &* count
    precondition(count & 7 == 0 && x.count == 3 &* count && (isPairs || y.count == 3 &* count))
    let (first, second) = (VectorTriple(repeating: a), VectorTriple(repeating: b))
    let zero = Vector(repeating: 0)
    let (xLeftOut, yLeftOut) = (
      Vector(repeating: a.high * 0x1p-893), Vector(repeating: isPairs ? 0 : b.high * 0x1p-893)
    )
    var start = 0
    while start < count {
      let e = VectorTriple(
        high: load(x, start), middle: load(x, count &+ start), low: load(x, 2 &* count &+ start))
      let u = VectorTriple(
        high: load(y, start), middle: load(y, count &+ start), low: isPairs ? zero : load(y, 2 &* count &+ start))
      let p = first.times(e, Multiplier.self)
      let t = second.times(u, Multiplier.self)
      let difference = (p + -t).normalised.pair
      let leftOut =
        choose(xLeftOut, else: zero, where: e.high .== zero) + choose(yLeftOut, else: zero, where: u.high .== zero)
      store(difference.high, &x, start)
      store(difference.low, &x, count &+ start)
      store((p.high + t.high) * 0x1.2p-130 + (leftOut + 0x1p-1040), &x, 2 &* count &+ start)
      start &+= 8
    }
  }

  /// Writes the correctly rounded `factor·value·2^exponent` in the place of each NaN, where this can prove it.
  ///
  /// - Parameters:
  ///   - values: [3][padded classes], from ``tripleDifferences(_:times:_:times:)``.
  ///   - factor: positive, within 2^-98, in [2^-60, 2].
  ///   - out: [classes]; other places than those of NaN stay as they are.
  /// - Returns: how many are written.
  ///
  /// Error Bounds: the values' own, and 2^-97.9 of the product for the factor and the pairs.
  @inlinable @inline(never)
  public static func roundedWhereOpen(
    _ values: Span<Double>, by factor: DoubleDouble, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    let count = paddedCount(out.count)
    precondition(values.count == 3 &* count)
    let factors = VectorPair(repeating: factor)
    var written = 0
    var start = 0
    while start < out.count {
      if hasNaN(out, start) {
        let value = VectorPair(high: load(values, start), low: load(values, count &+ start))
          .times(factors, Multiplier.self)
        let error = load(values, 2 &* count &+ start) * (factor.high * 0x1.01p0) + magnitude(value.high) * 0x1.2p-98
        written &+= replaceOpen(&out, start, by: rounded(value, error: error, rounding).provenOrNaN)
      }
      start &+= 8
    }
    return written
  }

  /// Whether a NaN is among eight numbers of a row, or as many as it has.
  /// - Precondition: `start` is inside it.
  @inlinable @inline(__always)
  static func hasNaN(_ row: borrowing MutableSpan<Double>, _ start: Int) -> Bool {
    var place = start
    let end = min(row.count, start &+ 8)
    while place < end {
      if unsafe row[unchecked: place].isNaN { return true }
      place &+= 1
    }
    return false
  }
}
