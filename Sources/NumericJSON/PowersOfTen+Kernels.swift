internal import Kernels

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
