/// Results in binary64 from exponentials below 2^-894, which the other loops have no pairs for.
extension VectorLoops {
  /// Far exponentials are multiplied by 2^800, so that their low parts are normal numbers.
  @inlinable @inline(__always) static var farExponent: Int { 800 }
  /// The least argument of a far exponential, e^-1100 = 2^-1587.
  @inlinable @inline(__always) static var leastFarArgument: Double { -1100 }

  /// Writes the correctly rounded `factor·e^z·2^exponent` in the place of each NaN whose z is below -620, subnormal
  /// results and zeros among them, where this stage can prove it.
  ///
  /// - Parameters:
  ///   - row: [classes], the logits.
  ///   - shift: what makes z of them.
  ///   - factor: positive, in [2^-30, 2^30].
  ///   - error: a bound of the factor's and the exponential's relative errors together, with 2^-102 to spare.
  ///   - exponent: in -900...900.
  ///   - isNegative: whether the results' sign is changed.
  ///   - table: ``exponentialTable``.
  ///   - out: [classes]; other places stay as they are.
  /// - Returns: how many are written.
  ///
  /// Error Bounds: those of ``scaled(_:_:by:within:_:into:)``. Below 2^-1022, in units g of 2^-1074, `high` is first
  /// rounded to a multiple h, by adding and taking away 2^52 units, and `high - h` is exact. With the rest, it is on
  /// one side of half a unit or the other at both ends of the enclosure; where an end is that half but for its own
  /// rounding, nothing is proven.
  @inlinable @inline(never)
  public static func farProducts(
    _ row: Span<Double>, shift: RowShift, by factor: DoubleDouble, within error: Double, exponent: Int,
    isNegative: Bool, table: Span<Double>, into out: inout MutableSpan<Double>
  ) -> Int {
    precondition(row.count == out.count && table.count >= 512)
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
        let z = shifted(load(row, start, absent: 0), shift)
        let isFar = (z.high .< far) .& (z.high .>= least)
        let e = exponential(
          choose(z.high, else: far, where: isFar), choose(z.low, else: zero, where: isFar), table,
          raisedBy: Int64(farExponent))
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
        written &+= replaceOpen(&out, start, by: choose(result, else: nan, where: isProven))
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
