internal import Kernels

#if arch(x86_64)
  internal import KernelsV3
  internal import KernelsV4
#endif

/// The kernels of one level. A level that this build does not have falls back to the baseline's: the bits are the same.
struct LoopTable: Sendable {
  let level: KernelLevel

  func maximum(_ row: Span<Double>) -> RowMaximum {
    #if arch(x86_64)
      switch level {
      case .v4: return LoopsV4.maximum(row)
      case .v3: return LoopsV3.maximum(row)
      case .baseline: break
      }
    #endif
    return BaselineLoops.maximum(row)
  }

  func exponentials(
    _ row: Span<Double>, top: RowMaximum, shift: RowShift, vanishing: Double, into exponentials: inout PairRow
  ) -> RowSums {
    let table = exponentialTable
    var pairs = exponentials.numbers.mutableSpan
    #if arch(x86_64)
      switch level {
      case .v4:
        return LoopsV4.exponentials(
          row, top: top, shift: shift, vanishing: vanishing, table: table.span, into: &pairs)
      case .v3:
        return LoopsV3.exponentials(
          row, top: top, shift: shift, vanishing: vanishing, table: table.span, into: &pairs)
      case .baseline: break
      }
    #endif
    return BaselineLoops.exponentials(
      row, top: top, shift: shift, vanishing: vanishing, table: table.span, into: &pairs)
  }

  func logSum(_ sums: RowSums) -> DoubleDouble {
    let table = exponentialTable
    #if arch(x86_64)
      switch level {
      case .v4: return LoopsV4.logSum(sums, table: table.span)
      case .v3: return LoopsV3.logSum(sums, table: table.span)
      case .baseline: break
      }
    #endif
    return BaselineLoops.logSum(sums, table: table.span)
  }

  func scaled(
    _ high: Span<Double>, _ low: Span<Double>, by factor: DoubleDouble, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    #if arch(x86_64)
      switch level {
      case .v4: return LoopsV4.scaled(high, low, by: factor, within: error, rounding, into: &out)
      case .v3: return LoopsV3.scaled(high, low, by: factor, within: error, rounding, into: &out)
      case .baseline: break
      }
    #endif
    return BaselineLoops.scaled(high, low, by: factor, within: error, rounding, into: &out)
  }

  func logProbabilities(
    _ row: Span<Double>, shift: RowShift, logSum: DoubleDouble, error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int {
    #if arch(x86_64)
      switch level {
      case .v4:
        return LoopsV4.logProbabilities(row, shift: shift, logSum: logSum, error: error, rounding, into: &out)
      case .v3:
        return LoopsV3.logProbabilities(row, shift: shift, logSum: logSum, error: error, rounding, into: &out)
      case .baseline: break
      }
    #endif
    return BaselineLoops.logProbabilities(row, shift: shift, logSum: logSum, error: error, rounding, into: &out)
  }

  func gradient(
    _ high: Span<Double>, _ low: Span<Double>, shareHigh: Span<Double>, shareLow: Span<Double>,
    slope: DoubleDouble, factor: DoubleDouble, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int {
    #if arch(x86_64)
      switch level {
      case .v4:
        return LoopsV4.gradient(
          high, low, shareHigh: shareHigh, shareLow: shareLow, slope: slope, factor: factor, rounding, into: &out)
      case .v3:
        return LoopsV3.gradient(
          high, low, shareHigh: shareHigh, shareLow: shareLow, slope: slope, factor: factor, rounding, into: &out)
      case .baseline: break
      }
    #endif
    return BaselineLoops.gradient(
      high, low, shareHigh: shareHigh, shareLow: shareLow, slope: slope, factor: factor, rounding, into: &out)
  }

  func shares(of target: Span<Double>, _ shares: FastShares, into row: inout PairRow) {
    let (slopeHigh, slopeLow) = (shares.slopeHigh.span, shares.slopeLow.span)
    let (baseHigh, baseLow) = (shares.baseHigh.span, shares.baseLow.span)
    var pairs = row.numbers.mutableSpan
    #if arch(x86_64)
      switch level {
      case .v4:
        return LoopsV4.shares(
          of: target, slopeHigh: slopeHigh, slopeLow: slopeLow, baseHigh: baseHigh, baseLow: baseLow, into: &pairs)
      case .v3:
        return LoopsV3.shares(
          of: target, slopeHigh: slopeHigh, slopeLow: slopeLow, baseHigh: baseHigh, baseLow: baseLow, into: &pairs)
      case .baseline: break
      }
    #endif
    BaselineLoops.shares(
      of: target, slopeHigh: slopeHigh, slopeLow: slopeLow, baseHigh: baseHigh, baseLow: baseLow, into: &pairs)
  }

  func shareSums(
    _ shareHigh: Span<Double>, _ shareLow: Span<Double>, _ row: Span<Double>, shift: RowShift
  ) -> ShareSums {
    #if arch(x86_64)
      switch level {
      case .v4: return LoopsV4.shareSums(shareHigh, shareLow, row, shift: shift)
      case .v3: return LoopsV3.shareSums(shareHigh, shareLow, row, shift: shift)
      case .baseline: break
      }
    #endif
    return BaselineLoops.shareSums(shareHigh, shareLow, row, shift: shift)
  }
}
