/// Short decimals in plain notation to the nearest binary64, eight at a time: each is an integer below 10^8 divided by
/// a power of ten, which is exact but for one rounding.
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
