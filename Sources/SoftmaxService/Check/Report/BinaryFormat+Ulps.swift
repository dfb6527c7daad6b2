import VectorKernels

extension BinaryFormat {
  /// How many steps from one number of the format to the next lead from `a` to `b`; the two zeros are one number.
  ///
  /// Infinity is the step after the greatest finite number.
  /// - Parameters: two numbers of the format.
  /// - Returns: ∞ where one of them is NaN.
  func ulps(from a: Double, to b: Double) -> Double {
    if a.isNaN || b.isNaN { return .infinity }
    let (one, other) = (place(of: a.magnitude), place(of: b.magnitude))
    return a.sign == b.sign ? Double(one > other ? one - other : other - one) : Double(one + other)
  }

  /// How many steps lead from 0 to a magnitude. Below 2^63, so that a sum of two fits.
  private func place(of magnitude: Double) -> UInt64 {
    guard magnitude > 0 else { return 0 }
    if magnitude == .infinity { return place(of: greatestFinite) + 1 }
    let exponent = max(Int(magnitude.exponent), leastNormalExponent)
    let inSteps = Double(sign: .plus, exponent: precision - 1 - exponent, significand: magnitude)
    return UInt64(exponent - leastNormalExponent) << UInt64(precision - 1) + UInt64(inSteps)
  }

  /// What the last bit of a number is worth to it, at most.
  var unit: Double { Double(sign: .plus, exponent: -precision, significand: 1) }

  /// How sentences name it.
  var name: String {
    switch self {
    case .binary64: "binary64"
    case .binary32: "binary32"
    case .binary16: "binary16"
    case .bfloat16: "bfloat16"
    default: "\(precision) bits"
    }
  }
}
