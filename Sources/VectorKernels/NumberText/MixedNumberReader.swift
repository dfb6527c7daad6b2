public import CVector

/// What the reader of mixed numbers looks up. The table outlives whoever reads it, and is
/// never written after it is made.
@frozen @safe
public struct ReadingTables: @unchecked Sendable {
  /// The first 64 bits of ``powersOfTen``.
  @usableFromInline
  let powers: UnsafePointer<UInt64>
  /// Where the powers begin that served the last numbers; at first, those of plain notation.
  @usableFromInline
  var window: UInt64 = 270

  /// Every number of up to 19 digits times such a power is a normal one.
  @inlinable
  public static var powersOfTen: ClosedRange<Int> { -288...288 }
  @inlinable
  static var greatestPower: UInt64 { 288 }
  /// The last of the powers from which sixteen can be read.
  @inlinable
  static var lastWindow: UInt64 { 2 &* greatestPower &+ 1 &- 16 }

  public init(powers: UnsafePointer<UInt64>) { unsafe self.powers = powers }
}

/// Decimals of any notation to the nearest binary64, eight at a time. No vector is an argument or a result, since a
/// call would take it apart.
extension VectorLoops {
  /// Finds the digits of a block's numbers, and which texts match `-?d+(\.d+)?` with at most 24 bytes and no leading
  /// zero.
  @inlinable @inline(__always)
  static func digits(of block: UnsafeMutablePointer<MixedNumberBlock>) {
    let zeros: UInt64 = 0x3030_3030_3030_3030
    let highBits: UInt64 = 0x8080_8080_8080_8080
    // Everything after the digits becomes zeros.
    let lengths = unsafe block.pointee.exponents
    let (afterFirst, afterSecond, afterThird) = bytesFrom(lengths)
    var first = unsafe (block.pointee.first ^ zeros) & ~afterFirst
    var second = unsafe (block.pointee.second ^ zeros) & ~afterSecond
    var third = unsafe (block.pointee.third ^ zeros) & ~afterThird

    // Remove the sign, then the point; what follows moves up.
    let isNegative = (first & 0xFF) .== Words(repeating: UInt64(UInt8(ascii: "-") ^ UInt8(ascii: "0")))
    first = first.replacing(with: (first &>> 8) | (second &<< 56), where: isNegative)
    second = second.replacing(with: (second &>> 8) | (third &<< 56), where: isNegative)
    third = third.replacing(with: third &>> 8, where: isNegative)
    let signs = Words(where: isNegative)
    let integers = unsafe block.pointee.points &- signs
    let fractions = lengths &- signs &- integers
    let (pointInFirst, pointInSecond, pointInThird) = bytesFrom(integers)
    let integer = ~pointInFirst
    first = first ^ ((first ^ ((first &>> 8) | (second &<< 56))) & pointInFirst)
    second = second ^ ((second ^ ((second &>> 8) | (third &<< 56))) & pointInSecond)
    third = third ^ ((third ^ (third &>> 8)) & pointInThird)

    // Adding 0x76 sets a byte's high bit if the byte is 10 or more. Only bytes that are no digits carry further.
    let ten: UInt64 = 0x7676_7676_7676_7676
    let noDigits: Words = ((first &+ ten) | first | (second &+ ten) | second | (third &+ ten) | third) & highBits
    // Zero minus one has all bits set in the later bytes; those before the point count.
    let isZeroLed: Words = ((first & 0xFF) &- 1) & integer & ~0xFF
    // No digit before the point, or one byte after the digits before it, which is the point; and too many bytes.
    let isOther: Words = ((integers &- 1) | ((fractions ^ 1) &- 1) | (Words(repeating: 24) &- lengths)) & (1 &<< 63)
    unsafe block.pointee.sixteen =
      valueOfEight(first).lowerProduct(Words(repeating: 100_000_000)) &+ valueOfEight(second)
    unsafe block.pointee.digits = third
    unsafe block.pointee.powers = integers
    unsafe block.pointee.others = noDigits | isZeroLed | isOther
    unsafe block.pointee.signs = Words.zero.replacing(with: 1 &<< 63, where: isNegative)
  }

  /// Finds the numbers of a block from their digits, after D. Lemire, "Number Parsing at a Gigabyte per Second" (2021).
  ///
  /// Of the product of the first 19 digits and a power of ten, which are words whose highest bits are set, the upper
  /// word is known except for what the power's missing bits and further digits add. A number is decided where the most
  /// that they add does not change to what it is rounded, and where it cannot be exactly half-way between two.
  ///
  /// - Returns: how many numbers there are before the first that is not decided.
  @inlinable @inline(__always)
  static func nearestBinaries(
    of block: UnsafeMutablePointer<MixedNumberBlock>, _ tables: inout ReadingTables,
    to out: UnsafeMutablePointer<Double>
  ) -> Int {
    let (sixteen, digits) = unsafe (block.pointee.sixteen, block.pointee.digits)
    let thousand = Words(repeating: 1000)
    // Three more digits, and a zero before them to make four.
    let three = valuesOfFour((digits &<< 8) & 0xFFFF_FF00)
    let significand =
      sixteen.lowerProduct(thousand) &+ (sixteen.upperHalf.lowerProduct(thousand) &<< 32) &+ three
    let isSmall = significand.upperHalf.isZero
    let moved = significand.replacing(with: significand &<< 32, where: isSmall)
    let leadingZeros = 31 &- binaryExponent(moved.upperHalf)
    let scaled = moved &<< leadingZeros

    // Safe: the reader's own block.
    let row = unsafe block.pointee.powers &+ (ReadingTables.greatestPower &- 19)
    let isBeyond = row .> Words(repeating: 2 &* ReadingTables.greatestPower)
    let place = row.replacing(with: 0, where: isBeyond)
    tables.window = vector_window(place, tables.window, ReadingTables.lastWindow)
    let power: Words = unsafe vector_look_up(tables.powers, place, tables.window)
    var high = scaled.upperProduct(power)
    // The true product is at least `high` and below `high` + `more` + 1.
    var more = Words(repeating: 1)
    var others = unsafe block.pointee.others | Words(where: isBeyond)
    // Exactly half-way cases have a power of at least 10^-4, or more than 19 digits.
    var canBeHalfway = Words(where: place .> Words(repeating: ReadingTables.greatestPower &- 5))
    let rest = digits &>> 24
    if rest.hasAny {
      let hasRest = Words(where: .!rest.isZero)
      // Five digits, from a word of eight whose first three are zeros, as a fraction in 32 bits.
      let fraction = valueOfEight(rest &<< 24).lowerProduct(Words(repeating: 2_814_749_767)) &>> 16
      high = high &+ (fraction.lowerProduct(power.upperHalf).upperHalf &>> (32 &- leadingZeros))
      more = more &+ (hasRest &<< 2)
      canBeHalfway = canBeHalfway | hasRest
      // For so few zeros before the significand, all errors of the sum are below 4.
      others = others | (hasRest & Words(where: (significand &>> 34).isZero))
    }
    let upperBit = high &>> 63
    let shift = upperBit &+ 9
    let bits = high &>> shift
    // floor(log2 10^q) + 63 + 1023 and one for the upper bit, without the zeros. 217706 / 2^16 is close enough to
    // log2(10); what is added first keeps it positive.
    let offset = UInt64(1200 &<< 16) &- ReadingTables.greatestPower &* 217_706
    let log2 = (place.lowerProduct(Words(repeating: 217_706)) &+ offset) &>> 16
    let biased = log2 &- (1200 &- 63 &- 1023) &+ upperBit &- leadingZeros &- (Words(where: isSmall) &<< 5)
    // Where the 54 bits round up to 2^53, the carry into the exponent makes it the next power of two.
    let rounded = (((biased &- 1) &<< 53) &+ bits &+ 1) &>> 1
    let roundedMore = (((biased &- 1) &<< 53) &+ ((high &+ more) &>> shift) &+ 1) &>> 1
    let isHalfway = Words(where: ((bits &<< shift) ^ high).isZero) & bits & canBeHalfway
    let isZero = significand.isZero
    others = others | ((rounded ^ roundedMore) | isHalfway).replacing(with: 0, where: isZero)
    let magnitude = rounded.replacing(with: 0, where: isZero)
    unsafe UnsafeMutableRawPointer(out).storeBytes(of: magnitude | block.pointee.signs, as: Words.self)
    return others.hasAny ? others.leadingZeroLanes : 8
  }

  /// Adds the exponents of a block's numbers to their powers of ten.
  @inlinable @inline(__always)
  static func exponents(of block: UnsafeMutablePointer<MixedNumberBlock>) {
    let texts = unsafe block.pointee.exponentTexts
    let lengths = unsafe block.pointee.lengths &- block.pointee.exponents
    let isNone = lengths.isZero
    let mark = (texts &>> 8) & 0xFF
    let isNegative = mark .== Words(repeating: UInt64(UInt8(ascii: "-")))
    let isSigned = isNegative .| (mark .== Words(repeating: UInt64(UInt8(ascii: "+"))))
    let signs = Words(where: isSigned)
    // One to three digits, moved to the end of a word.
    let count = lengths &- 1 &- signs
    let isOtherCount = Words(where: (count &- 1) .> Words(repeating: 2))
    let digits: Words = (((texts &>> 8) &>> (signs &<< 3)) ^ 0x3030_3030_3030_3030) &<< (0 &- (count &<< 3))
    let noDigits: Words = ((digits &+ 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
    let isOther = isOtherCount | noDigits | (((texts | 0x20) & 0xFF) ^ UInt64(UInt8(ascii: "e")))
    let hundreds = (digits &>> 40) & 0xFF
    let tens = (digits &>> 48) & 0xFF
    var value = tens.lowerProduct(Words(repeating: 10)) &+ hundreds.lowerProduct(Words(repeating: 100))
    value = value &+ (digits &>> 56)
    value = value.replacing(with: 0 &- value, where: isNegative)
    // Safe: the reader's own block.
    unsafe block.pointee.powers = block.pointee.powers &+ value.replacing(with: 0, where: isNone)
    unsafe block.pointee.others = block.pointee.others | isOther.replacing(with: 0, where: isNone)
  }

  /// All bits of three words from a byte on, where the words are one after another.
  @inlinable @inline(__always)
  static func bytesFrom(_ count: Words) -> (first: Words, second: Words, third: Words) {
    let bits = count &<< 3
    let second = (bits &- 64).replacing(with: 0, where: bits .< Words(repeating: 64))
    let third = (bits &- 128).replacing(with: 0, where: bits .< Words(repeating: 128))
    return (vector_bits_from(bits), vector_bits_from(second), vector_bits_from(third))
  }
}

/// Eight numbers' texts, the rows of which are those of ``TextRow``, and what is found of them.
@frozen @usableFromInline
struct MixedNumberBlock: NumberBlock {
  @usableFromInline
  var first = Words.zero
  @usableFromInline
  var second = Words.zero
  @usableFromInline
  var lengths = Words.zero
  @usableFromInline
  var starts = Words.zero
  @usableFromInline
  var third = Words.zero
  @usableFromInline
  var points = Words.zero
  @usableFromInline
  var exponents = Words.zero
  @usableFromInline
  var exponentTexts = Words.zero
  /// The number that the first sixteen digits write, with zeros for those that are missing.
  @usableFromInline
  var sixteen = Words.zero
  /// Up to eight more digits, each in a byte.
  @usableFromInline
  var digits = Words.zero
  /// 10^19 times the power of ten that the first 19 digits are multiplied by.
  @usableFromInline
  var powers = Words.zero
  /// Not zero where the text is no number that this path reads.
  @usableFromInline
  var others = Words.zero
  /// The sign bit.
  @usableFromInline
  var signs = Words.zero
  @usableFromInline
  var hasExponents = false

  @inlinable
  init() {}
  @inlinable @inline(__always)
  static func cut(_ cutter: inout NumberCutter, into block: UnsafeMutablePointer<MixedNumberBlock>) -> Int {
    let (count, hasExponents) = unsafe cutter.cut(into: UnsafeMutableRawPointer(block), isShort: false)
    unsafe block.pointee.hasExponents = hasExponents
    return count
  }

  @inlinable @inline(__always)
  static func nearestBinaries<Loops: VectorLoops>(
    of block: UnsafeMutablePointer<MixedNumberBlock>, _ tables: inout ReadingTables, by: Loops.Type,
    to out: UnsafeMutablePointer<Double>
  ) -> Int {
    unsafe Loops.digits(of: block)
    if unsafe block.pointee.hasExponents { unsafe Loops.exponents(of: block) }
    return unsafe Loops.nearestBinaries(of: block, &tables, to: out)
  }
}
