/// Arithmetic on the bytes of a word, eight or four at once ("SIMD within a register").
enum SWAR {
  static var zeros: UInt64 { 0x3030_3030_3030_3030 }
  static var highBits: UInt64 { 0x8080_8080_8080_8080 }

  /// For bytes of text XOR "0": zero if all are digits. Otherwise the lowest bit set is the high bit of the first byte
  /// that is not a digit.
  ///
  /// A byte XOR "0" is below 10 exactly for a digit. Adding 0x76 sets the byte's high bit from 10 on, and the byte's
  /// own high bit is kept. Carries reach only bytes after the first that is not a digit.
  @inline(__always)
  static func nonDigits<Bytes: FixedWidthInteger>(_ digits: Bytes) -> Bytes {
    ((digits &+ Bytes(truncatingIfNeeded: 0x7676_7676_7676_7676)) | digits) & Bytes(truncatingIfNeeded: highBits)
  }

  /// How many bytes come before the first marked one; all of them if none is marked.
  @inline(__always)
  static func countBefore<Bytes: FixedWidthInteger>(_ mark: Bytes) -> Int { mark.trailingZeroBitCount &>> 3 }

  /// All bits up to the lowest one set: those of the bytes before the first marked one, and of that byte.
  @inline(__always)
  static func bitsThrough<Bytes: FixedWidthInteger>(_ mark: Bytes) -> Bytes { mark ^ (mark &- 1) }

  /// For eight bytes of text XOR `zeros`: how many digits come before the first byte that is not one.
  @inline(__always)
  static func countOfDigits(_ digits: UInt64) -> Int { countBefore(nonDigits(digits)) }

  /// How many of eight bytes come before the first that may not be in a JSON string as it is, or that needs a closer
  /// look: a quotation mark, a backslash, a control character, or a byte that is not ASCII.
  ///
  /// Subtracting 1 or 0x20 from a byte borrows into its high bit if the byte is less. Borrows reach only later bytes.
  @inline(__always)
  static func countOfPlain(_ text: UInt64) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = (text ^ ones &* UInt64(UInt8(ascii: "\""))) &- ones
    let backslashes = (text ^ ones &* UInt64(UInt8(ascii: "\\"))) &- ones
    let controls = text &- ones &* 0x20
    return countBefore((quotes | backslashes | controls | text) & highBits)
  }

  /// The number that eight digits write, each digit in a byte, the first in the lowest: pairs, fours, then all eight.
  @inline(__always)
  static func value(ofDigits digits: UInt64) -> UInt64 {
    let pairs = ((digits &* (1 + 10 << 8)) &>> 8) & 0x00FF_00FF_00FF_00FF
    let fours = ((pairs &* (1 + 100 << 16)) &>> 16) & 0x0000_FFFF_0000_FFFF
    return (fours &* (1 + 10_000 << 32)) &>> 32
  }

  /// The number that four digits write, likewise.
  @inline(__always)
  static func value(ofDigits digits: UInt32) -> UInt32 {
    let pairs = ((digits &* (1 + 10 << 8)) &>> 8) & 0x00FF_00FF
    return (pairs &* (1 + 100 << 16)) &>> 16
  }
}
