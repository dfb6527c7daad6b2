internal import VectorKernels

extension KernelRounding {
  /// The nearest number of the format to `scale` times each real that `result` is within `error` of; NaN where there is
  /// more than one, or where the format ends. The kernels' test (`VectorLoops.rounded`) for one number.
  ///
  /// - Parameter error: at least 2^-104 |result.high| more than the derived bound.
  func rounded(_ result: DoubleDouble, error: Double) -> Double {
    agreed(result.high + (result.low + error), result.high + (result.low - error))
  }

  /// The same where the ends are `high + (middle + tail)` with a tail that may be far below every other place: half-way
  /// cases are decided by its sign.
  ///
  /// An end's lower two parts are rounded to odd, so that rounding once more to nearest is as if they had been added
  /// exactly (Boldo and Melquiond, *Emulation of a FMA and correctly rounded sums*, 2008): a boundary between two
  /// results, less `high`, has an even last bit at the place of `middle`.
  func rounded(_ high: Double, _ middle: Double, tails up: Double, _ down: Double) -> Double {
    agreed(
      high + Self.oddRounded(DoubleDouble(sum: middle, up)), high + Self.oddRounded(DoubleDouble(sum: middle, down)))
  }

  private func agreed(_ up: Double, _ down: Double) -> Double {
    let size = up.magnitude
    if size < vanishing, down.magnitude < vanishing { return 0 }
    guard size >= least, size <= greatest else { return .nan }
    guard narrowing != 0 else { return up == down ? up * scale : .nan }
    let high = narrowed(up + size * 0x1p-51)
    let low = narrowed(down - size * 0x1p-51)
    // No zero is negative.
    return high == low ? high * scale + 0 : .nan
  }

  /// A pair's sum rounded to odd.
  private static func oddRounded(_ pair: DoubleDouble) -> Double {
    guard pair.low != 0, pair.high.bitPattern & 1 == 0 else { return pair.high }
    return (pair.low > 0) == (pair.high > 0)
      ? Double(bitPattern: pair.high.bitPattern &+ 1) : Double(bitPattern: pair.high.bitPattern &- 1)
  }

  /// To nearest in a format that is not binary64; the kernels' `narrowed` for one number.
  private func narrowed(_ x: Double) -> Double {
    let anchor = max(x.magnitude.binade, leastNormal) * narrowing
    return (x + anchor) - anchor
  }
}
