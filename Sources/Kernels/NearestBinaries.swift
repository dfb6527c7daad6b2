/// Decimal to the nearest binary64, eight numbers at a time, after D. Lemire, "Number Parsing at a Gigabyte per Second"
/// (2021).
extension Kernel {
  /// Finds the bits of the block's numbers, which are normal ones or zero.
  ///
  /// - Returns: whether any lane is undecided.
  ///
  /// Of the product of 64 bits each, 55 are needed: 53, one to round, one that the product may lack. Only if all bits below
  /// are ones can what is missing of the power carry into them. No number is half-way between two, since 10^-12 and less
  /// have too many factors of five.
  @inlinable @inline(__always)
  public static func nearestBinaries(of block: inout DigitBlock) -> Bool {
    let front = valueOfEight(block[.first])
    let back = valueOfEight(block[.second]).lowerProduct(Words(repeating: 1000)) &+ valueOfFour(block[.third])
    // 10^11 is 23 · 2^32 + 1,215,752,192.
    let product =
      front.lowerProduct(Words(repeating: 1_215_752_192)) &+ (front.lowerProduct(Words(repeating: 23)) &<< 32)
    let significand = product &+ back
    let zeros = 1086 &- binaryExponent(significand)
    let scaled = significand &<< zeros
    let high = scaled.upperProduct(block[.power])
    let upperBit = high &>> 63
    let leading = high &>> (upperBit &+ 9)
    // floor(log2 10^q) + 64, q = integerDigits - 19.
    let log2Offset = UInt64(64 &<< 16) &- 19 &* 217_706
    let log2 = (block[.integerDigits].lowerProduct(Words(repeating: 217_706)) &+ log2Offset) &>> 16
    let biased = log2 &+ 1022 &+ upperBit &- zeros
    // Where 54 bits round up to 2^53, the carry into the exponent makes it the next power of two.
    let magnitude = (((biased &- 1) &<< 53) &+ leading &+ 1) &>> 1
    block[.pattern] = magnitude | (block[.sign] & (1 &<< 63))
    let isDecided = (.!(~high & 0x1FF).isZero) .& .!(scaled &>> 63).isZero
    let undecided = Words(where: .!isDecided)
    block[.undecided] = undecided
    return undecided.hasAny
  }

  /// floor(log2) + 1023 of words below 2^63.5, one more where rounding to 53 bits makes it so; of zero 0.
  @inlinable @inline(__always)
  static func binaryExponent(_ word: Words) -> Words {
    // Both halves as exact numbers: 2^84 + upper half · 2^32, and 2^52 + lower half.
    let upper = unsafe unsafeBitCast(word.upperHalf | 0x4530_0000_0000_0000, to: Vector.self)
    let lower = unsafe unsafeBitCast(word.lowerHalf | 0x4330_0000_0000_0000, to: Vector.self)
    let value = (upper - Vector(repeating: 0x1.00000001p84)) + lower
    return unsafe unsafeBitCast(value, to: Words.self) &>> 52
  }

  /// The numbers that eight digits write: pairs, fours, then all eight.
  @inlinable @inline(__always)
  static func valueOfEight(_ digits: Words) -> Words {
    let fours = valueOfFour(digits)
    return (fours & 0xFFFF).lowerProduct(Words(repeating: 10_000)) &+ (fours &>> 32)
  }

  /// The numbers that four digits write, in each half.
  @inlinable @inline(__always)
  static func valueOfFour(_ digits: Words) -> Words {
    let tens = Words(digits.quarters &* Words(repeating: 0x0A01_0A01_0A01_0A01).quarters)
    let pairs = ((tens &>> 8) & 0x00FF_00FF_00FF_00FF).halves
    let hundreds = Words(pairs &* Words(repeating: 0x0064_0001_0064_0001).halves)
    return (hundreds &>> 16) & 0x0000_FFFF_0000_FFFF
  }
}
