internal import Allocation
internal import VectorKernels

/// Gradients that pairs leave open because the target is close to softmax itself (self-distillation, a teacher near its
/// student): the same difference in triples.
extension VectorRow {
  /// Computes the row's exponentials as triples.
  /// - Returns: their sum S.
  private mutating func readTriples(_ row: Span<Double>) -> TripleDouble {
    let count = 3 * paddedCount(row.count)
    if triples.count != count { triples = [Double](repeating: 0, largeCount: count) }
    // Values of its own, since a span of a part keeps all of this value from being changed.
    let (loops, top, shift, table, rests) = (loops, top, shift, exponentialTable, exponentialRests)
    var span = triples.mutableSpan
    return loops.tripleExponentials(
      row, top: top, shift: shift, table: table.span, rests: rests.span, into: &span)
  }

  /// Writes `factor·(U p_i - u_i)` in the place of each NaN, as (U e_i - u_i S)·factor/S, for target weights u that are
  /// pairs exactly: products of two binary64.
  /// - Returns: how many are rounded.
  mutating func resolveClose(
    _ row: Span<Double>, factor: ScaledDoubleDouble, into out: inout MutableSpan<Double>
  ) -> Int {
    guard canUseTriples(factor) else { return 0 }
    let total = loops.tripleTotal(targetWeights.high, targetWeights.low)
    guard total.high >= 0x1p-60, total.high <= 0x1p60 else { return 0 }
    let sum = readTriples(row)
    // A copy of its own, as above.
    let weights = targetWeights
    return resolveDifferences(
      times: total, weights.numbers.span, times: sum, factor, over: factor.over(sum), into: &out)
  }

  /// Writes `factor·(p_i - p'_i)` in the place of each NaN, as (e_i S' - e'_i S)·factor/(S S'), where p' is a teacher's
  /// softmax.
  /// - Returns: how many are rounded.
  mutating func resolveClose(
    _ row: Span<Double>, to teacher: inout VectorRow, _ teacherRow: Span<Double>, factor: ScaledDoubleDouble,
    into out: inout MutableSpan<Double>
  ) -> Int {
    guard canUseTriples(factor) else { return 0 }
    let (sum, other) = (readTriples(row), teacher.readTriples(teacherRow))
    return resolveDifferences(
      times: other, teacher.triples.span, times: sum, factor, over: factor.over(sum, other), into: &out)
  }

  /// Writes `factor·(a·e_i - b·y_i)` in the place of each NaN; the exponentials are then of no more use.
  /// - Returns: how many are rounded.
  private mutating func resolveDifferences(
    times a: TripleDouble, _ y: Span<Double>, times b: TripleDouble, _ factor: ScaledDoubleDouble,
    over quotient: DoubleDouble, into out: inout MutableSpan<Double>
  ) -> Int {
    let (loops, format) = (loops, format)
    var differences = triples.mutableSpan
    loops.tripleDifferences(&differences, times: a, y, times: b)
    return loops.roundedWhereOpen(
      triples.span, by: quotient,
      KernelRounding(format, exponent: factor.exponent, isNegative: factor.isNegative), into: &out)
  }

  private func canUseTriples(_ factor: ScaledDoubleDouble) -> Bool {
    !isCapped && !factor.isZero && abs(factor.exponent) <= 900
  }
}

extension ScaledDoubleDouble {
  /// The mantissa over sums from 1 to 2^23, within 2^-100.
  fileprivate func over(_ sums: TripleDouble...) -> DoubleDouble {
    sums.reduce(mantissa) { $0.times($1.pair.reciprocal(BaselineMultiplier.self), BaselineMultiplier.self) }
  }
}
