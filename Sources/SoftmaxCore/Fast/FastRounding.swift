internal import Kernels

extension KernelRounding {
  /// The nearest number of the format to `scale` times each real that `result` is within `error` of; NaN where there is more
  /// than one, or where the format ends. The kernels' test (`Kernel.rounded`) for one number.
  ///
  /// - Parameter error: at least 2^-104 |result.high| more than the derived bound.
  func rounded(_ result: DoubleDouble, error: Double) -> Double {
    let size = result.high.magnitude
    if size + error < vanishing { return 0 }
    guard size >= least, size <= greatest else { return .nan }
    var up = result.high + (result.low + error)
    var down = result.high + (result.low - error)
    if isSingle {
      let margin = size * 0x1p-51
      up = Self.toSingle(up + margin)
      down = Self.toSingle(down - margin)
    }
    return up == down ? up * scale : .nan
  }
  /// To nearest, 24 bits, as Veltkamp does.
  private static func toSingle(_ x: Double) -> Double {
    let c = x * 0x1.00000008p29
    return c - (c - x)
  }
}
