/// Decimal to the nearest binary64, eight numbers at a time, after D. Lemire, "Number Parsing at a Gigabyte per Second"
/// (2021).
extension VectorLoops {
  /// Finds the bits of the eight numbers in a block, each of which ends at a comma 14 to 22 bytes after its start.
  ///
  /// - Returns: the bits, and a lane that is not zero for each number that this path cannot decide: its text does not
  ///   match `-?d{1,7}\.d+` with at most 19 significant digits and no leading zero, its value is below 2^32 · 10^-18,
  ///   or 64 bits of the power of ten are too few.
  ///
  /// Of the product of two 64-bit numbers, 55 bits are needed: 53, one to round, and one that the product may lack. The
  /// missing part of the power can carry into them only if all bits below are ones. No number is exactly half-way
  /// between two, since 10^-12 and smaller powers have too many factors of five.
  @inlinable @inline(__always)
  static func nearestBinaries(of block: LongNumberBlock, powers: Words) -> (patterns: Words, others: Words) {
    let zeros: UInt64 = 0x3030_3030_3030_3030
    let highBits: UInt64 = 0x8080_8080_8080_8080
    // Everything after the comma becomes zeros.
    let window = (block.second &>> 48) | (block.third &<< 16)
    let kept = bitsBefore((window &- 0x2D2D_2D2D_2D2D_2D2D) & highBits)
    var first = block.first ^ zeros
    var second = (block.second ^ zeros) & ((kept &<< 48) | 0x0000_FFFF_FFFF_FFFF)
    var third = (block.third ^ zeros) & (kept &>> 16)

    // Remove the sign, then the point; what follows moves up.
    let isNegative = (first & 0xFF) .== Words(repeating: UInt64(UInt8(ascii: "-") ^ UInt8(ascii: "0")))
    first = first.replacing(with: (first &>> 8) | (second &<< 56), where: isNegative)
    second = second.replacing(with: (second &>> 8) | (third &<< 56), where: isNegative)
    third = third.replacing(with: third &>> 8, where: isNegative)
    // Subtracting 1 from a byte borrows into its high bit only if the byte is zero. Borrows reach only later bytes.
    let points: Words = first ^ 0x1E1E_1E1E_1E1E_1E1E
    let integer = bitsBefore((points &- 0x0101_0101_0101_0101) & ~points & highBits)
    let moved: Words = (first &>> 8) | (second &<< 56)
    first = moved ^ ((first ^ moved) & integer)
    second = (second &>> 8) | (third &<< 56)
    third = third &>> 8

    // Adding 0x76 sets a byte's high bit if the byte is 10 or more. Only bytes that are no digits carry further.
    let ten: UInt64 = 0x7676_7676_7676_7676
    let noDigits: Words = (first &+ ten) | first | (second &+ ten) | second | (third &+ ten) | third
    // Zero minus one has all bits set in the later bytes; those before the point count.
    let isZeroLed: Words = ((first & 0xFF) &- 1) & integer & ~0xFF
    var power = Words.zero
    var biased = Words.zero
    for count in 1...7 {
      let isCount = integer .== Words(repeating: 1 &<< UInt64(truncatingIfNeeded: 8 &* count) &- 1)
      power = power.replacing(with: powers[count &- 1], where: isCount)
      biased = biased.replacing(with: biasedExponent(ofPower: count &- 19), where: isCount)
    }

    let sixteen = valueOfEight(first).lowerProduct(Words(repeating: 100_000_000)) &+ valueOfEight(second)
    let thousand = Words(repeating: 1000)
    // Three last digits, and a zero before them to make four.
    let significand =
      sixteen.lowerProduct(thousand) &+ (sixteen.upperHalf.lowerProduct(thousand) &<< 32) &+ valuesOfFour(third &<< 8)
    let leadingZeros = 31 &- binaryExponent(significand.upperHalf)
    let scaled = significand &<< leadingZeros
    let high = scaled.upperProduct(power)
    let upperBit = high &>> 63
    let leading = (high &>> 9) &>> upperBit
    biased = biased &+ upperBit &- leadingZeros
    // Where the 54 bits round up to 2^53, the carry into the exponent makes it the next power of two.
    let magnitude = (((biased &- 1) &<< 53) &+ leading &+ 1) &>> 1
    let sign = Words.zero.replacing(with: 1 &<< 63, where: isNegative)
    // The highest bit is set if the product's lowest nine bits are ones, or a factor's highest bit is zero.
    let undecided = (((high &+ 1) & 0x1FF) &- 1) | ~(scaled & power)
    return (magnitude | sign, (noDigits & highBits) | isZeroLed | (undecided & (1 &<< 63)) | (third &>> 24))
  }

  /// All bits of the bytes before the first whose high bit is set; all if there is none.
  @inlinable @inline(__always)
  static func bitsBefore(_ highBits: Words) -> Words {
    let ones = highBits &>> 7
    return (ones &- 1) & ~ones
  }

  /// floor(log2 10^q) + 63 + 1023: the biased exponent of the product of two 64-bit numbers whose highest bits are set,
  /// or one more. 217706 / 2^16 is close enough to log2(10).
  @inlinable @inline(__always)
  static func biasedExponent(ofPower q: Int) -> UInt64 {
    UInt64(truncatingIfNeeded: (217_706 &* q) &>> 16 &+ (63 &+ 1023))
  }

  /// floor(log2) of words below 2^32; -1023 of zero.
  @inlinable @inline(__always)
  static func binaryExponent(_ word: Words) -> Words {
    // 2^52 + word, an exact number.
    let sum = unsafe unsafeBitCast(word | 0x4330_0000_0000_0000, to: Vector.self)
    return (unsafe unsafeBitCast(sum - Vector(repeating: 0x1p52), to: Words.self) &>> 52) &- 1023
  }

  /// The numbers that eight digits write.
  @inlinable @inline(__always)
  static func valueOfEight(_ digits: Words) -> Words {
    let fours = valuesOfFour(digits)
    return fours.lowerProduct(Words(repeating: 10_000)) &+ fours.upperHalf
  }

  /// The numbers that four digits write, in each half: pairs, then fours.
  @inlinable @inline(__always)
  static func valuesOfFour(_ digits: Words) -> Words {
    let tens = Words(digits.quarters &* Words(repeating: 0x0A01_0A01_0A01_0A01).quarters)
    let pairs = ((tens &>> 8) & 0x00FF_00FF_00FF_00FF).quarters
    let hundreds = Words(pairs &* Words(repeating: 0x0001_0064_0001_0064).quarters)
    return (hundreds &+ (hundreds &>> 16)) & 0x0000_FFFF_0000_FFFF
  }
}

/// Short decimals in plain notation to the nearest binary64, eight at a time: each is an integer below 10^8 divided by
/// a power of ten, which is exact except for one rounding.
extension VectorLoops {
  /// Finds the eight numbers in a block. No vector is an argument or a result, since a call would take it apart.
  ///
  /// - Returns: how many there are before the first that this path does not decide: its text does not match
  ///   `-?d{1,7}(\.d+)?` with at most eight digits and no leading zero.
  @inlinable @inline(__always)
  static func nearestBinaries(
    of block: UnsafePointer<ShortNumberBlock>, to out: UnsafeMutablePointer<Double>
  ) -> Int {
    let lengths = unsafe block.pointee.lengths
    let zeros: UInt64 = 0x3030_3030_3030_3030
    let highBits: UInt64 = 0x8080_8080_8080_8080
    // Everything after the number becomes zeros.
    let isShort = lengths .< Words(repeating: 8)
    let part = (Words(repeating: 1) &<< (lengths &<< 3)) &- 1
    var first = unsafe (block.pointee.first ^ zeros) & part.replacing(with: .max, where: .!isShort)
    var second = unsafe (block.pointee.second ^ zeros) & part.replacing(with: 0, where: isShort)

    // Remove the sign, then the point; what follows moves up.
    let isNegative = (first & 0xFF) .== Words(repeating: UInt64(UInt8(ascii: "-") ^ UInt8(ascii: "0")))
    first = first.replacing(with: (first &>> 8) | (second &<< 56), where: isNegative)
    second = second.replacing(with: second &>> 8, where: isNegative)
    // The high bit of the last byte, where it is in the first word.
    let lengthBits = (lengths &- Words(where: isNegative)) &<< 3
    let last = (Words(repeating: 1 &<< 63) &>> (64 &- lengthBits)).replacing(
      with: 0, where: lengthBits .> Words(repeating: 64))
    // Subtracting 1 from a byte borrows into its high bit only if the byte is zero. Borrows reach only later bytes.
    let points: Words = first ^ 0x1E1E_1E1E_1E1E_1E1E
    let point = (points &- 0x0101_0101_0101_0101) & ~points & highBits
    // The digits before the point, or all of them.
    let integer = bitsBefore(point | (last &<< 8))
    let moved: Words = (first &>> 8) | (second &<< 56)
    first = moved ^ ((first ^ moved) & integer)
    second = second &>> 8

    // Adding 0x76 sets a byte's high bit if the byte is 10 or more. Only bytes that are no digits carry further.
    let noDigits: Words = ((first &+ 0x7676_7676_7676_7676) | first) & highBits
    // Zero minus one has all bits set in the later bytes; those before the point count.
    let isZeroLed: Words = ((first & 0xFF) &- 1) & integer & ~0xFF
    var power = Vector(repeating: 0)
    var powerOfTen = 1e7
    for count in 1...7 {
      let isCount = integer .== Words(repeating: 1 &<< UInt64(truncatingIfNeeded: 8 &* count) &- 1)
      power = power.replacing(with: powerOfTen, where: isCount)
      powerOfTen /= 10
    }
    let significand = unsafe unsafeBitCast(valueOfEight(first) | 0x4330_0000_0000_0000, to: Vector.self) - 0x1p52
    let magnitude = unsafe unsafeBitCast(significand / power, to: Words.self)
    let sign = Words.zero.replacing(with: 1 &<< 63, where: isNegative)
    let isNoCount = Words(where: power .== Vector(repeating: 0))
    let isTooLong = (Words(repeating: 10) &- lengths) &>> 63
    unsafe UnsafeMutableRawPointer(out).storeBytes(of: magnitude | sign, as: Words.self)
    let others = noDigits | isZeroLed | isNoCount | isTooLong | second | (point & last)
    return others.hasAny ? others.leadingZeroLanes : 8
  }
}

/// Eight numbers' texts: of each the first two words from its start on, the first byte in the lowest place; its length
/// in bytes; and where it starts. Bytes after its end mean nothing. In memory the rows are in this order, 64 bytes
/// apart.
@frozen @usableFromInline
struct ShortNumberBlock: NumberBlock {
  @usableFromInline
  var first = Words.zero
  @usableFromInline
  var second = Words.zero
  @usableFromInline
  var lengths = Words.zero
  @usableFromInline
  var starts = Words.zero

  @inlinable
  init() {}
  @inlinable @inline(__always)
  static func cut(_ cutter: inout NumberCutter, into block: UnsafeMutablePointer<ShortNumberBlock>) -> Int {
    unsafe cutter.cut(into: UnsafeMutableRawPointer(block), isShort: true).count
  }

  @inlinable @inline(__always)
  static func nearestBinaries<Loops: VectorLoops>(
    of block: UnsafeMutablePointer<ShortNumberBlock>, _: inout Void, by: Loops.Type,
    to out: UnsafeMutablePointer<Double>
  ) -> Int {
    unsafe Loops.nearestBinaries(of: block, to: out)
  }
}
