public import Kernels

/// The vector loops, compiled for x86-64-v3 (AVX2 and FMA). What each does stands at its namesake in ``Kernel``.
public enum LoopsV3 {
  public static func maximum(_ row: Span<Double>) -> RowMaximum { Kernel<FusedArithmetic>.maximum(row) }

  public static func exponentials(
    _ row: Span<Double>, top: RowMaximum, shift: RowShift, vanishing: Double, table: Span<Double>,
    into pairs: inout MutableSpan<Double>
  ) -> RowSums {
    Kernel<FusedArithmetic>.exponentials(
      row, top: top, shift: shift, vanishing: vanishing, table: table, into: &pairs)
  }

  public static func logSum(_ sums: RowSums, table: Span<Double>) -> DoubleDouble {
    Kernel<FusedArithmetic>.logSum(sums, table: table)
  }

  public static func scaled(
    _ high: Span<Double>, _ low: Span<Double>, by factor: DoubleDouble, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    Kernel<FusedArithmetic>.scaled(high, low, by: factor, within: error, rounding, into: &out)
  }

  public static func logProbabilities(
    _ row: Span<Double>, shift: RowShift, logSum: DoubleDouble, error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int {
    Kernel<FusedArithmetic>.logProbabilities(row, shift: shift, logSum: logSum, error: error, rounding, into: &out)
  }

  public static func gradient(
    _ high: Span<Double>, _ low: Span<Double>, shareHigh: Span<Double>, shareLow: Span<Double>,
    slope: DoubleDouble, factor: DoubleDouble, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    Kernel<FusedArithmetic>.gradient(
      high, low, shareHigh: shareHigh, shareLow: shareLow, slope: slope, factor: factor, rounding, into: &out)
  }

  public static func shares(
    of target: Span<Double>, slopeHigh: Span<Double>, slopeLow: Span<Double>, baseHigh: Span<Double>,
    baseLow: Span<Double>, into pairs: inout MutableSpan<Double>
  ) {
    Kernel<FusedArithmetic>.shares(
      of: target, slopeHigh: slopeHigh, slopeLow: slopeLow, baseHigh: baseHigh, baseLow: baseLow,
      into: &pairs)
  }

  public static func shareSums(
    _ shareHigh: Span<Double>, _ shareLow: Span<Double>, _ row: Span<Double>, shift: RowShift
  ) -> ShareSums {
    Kernel<FusedArithmetic>.shareSums(shareHigh, shareLow, row, shift: shift)
  }

  public static func shortestDecimals(
    of values: Span<Double>, from start: Int, isSingle: Bool, powers: Span<UInt64>, into block: inout DecimalBlock
  ) -> Bool {
    Kernel<FusedArithmetic>.shortestDecimals(of: values, from: start, isSingle: isSingle, powers: powers, into: &block)
  }

  public static func readLongNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, powers: Words,
    into values: inout OutputSpan<Double>
  ) {
    Kernel<FusedArithmetic>.readLongNumbers(text, &position, limit: limit, powers: powers, into: &values)
  }
}
