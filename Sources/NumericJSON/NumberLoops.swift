internal import Kernels

#if arch(x86_64)
  internal import KernelsV3
  internal import KernelsV4
#endif

/// The vector loops of one level over numbers as text. A level that this build does not have falls back to the baseline's: the text is the same.
extension KernelLevel {
  /// As ``Kernel.shortestDecimals(of:from:isSingle:powers:into:)``.
  func findDecimals(
    of values: Span<Double>, from start: Int, _ format: NumberFormat, _ powers: Span<UInt64>,
    into block: inout DecimalBlock
  ) -> Bool {
    let isSingle = format == .binary32
    #if arch(x86_64)
      switch self {
      case .v4:
        return LoopsV4.shortestDecimals(of: values, from: start, isSingle: isSingle, powers: powers, into: &block)
      case .v3:
        return LoopsV3.shortestDecimals(of: values, from: start, isSingle: isSingle, powers: powers, into: &block)
      case .baseline: break
      }
    #endif
    return BaselineLoops.shortestDecimals(of: values, from: start, isSingle: isSingle, powers: powers, into: &block)
  }

  /// As ``Kernel.readLongNumbers(_:_:limit:powers:into:)``. The baseline's, without vectors worth the name, are none.
  func readLongNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, into values: inout OutputSpan<Double>
  ) {
    #if arch(x86_64)
      let powers = PowersOfTen.forReading
      switch self {
      case .v4: LoopsV4.readLongNumbers(text, &position, limit: limit, powers: powers, into: &values)
      case .v3: LoopsV3.readLongNumbers(text, &position, limit: limit, powers: powers, into: &values)
      case .baseline: break
      }
    #endif
  }
}

extension PowersOfTen {
  /// 124 bits of 10^-293...10^323, the upper 60 first: four bits of room put the product of the vector loops' integer part at
  /// a word's end. An array, since a constant of this size would be copied to be handed on.
  static let forWriting: [UInt64] = (-293...323).flatMap { q in
    let place = 2 * (q - exponents.lowerBound)
    let (upper, lower) = (significands[place], significands[place + 1])
    return [upper >> 4, upper << 60 | lower >> 4]
  }

  /// The first 64 bits of 10^-18...10^-11.
  static var forReading: Words {
    var words = Words.zero
    for lane in 0..<8 { words[lane] = significands[2 &* (lane &- 18 &- exponents.lowerBound)] }
    return words
  }
}
