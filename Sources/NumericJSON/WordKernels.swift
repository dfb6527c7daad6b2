/// Eight bytes at a time, or sixteen: the loads that the loops over digits and strings stand on, and the arithmetic within a
/// word (SWAR). But for pieces of storage that are read into in parallel, all `unsafe` of the reading side is here.

extension Span where Element == UInt8 {
  /// The eight bytes from `offset` on, the first in the lowest place.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    // Safe: the load checks its bounds, and every bit pattern is a UInt64; `unsafe` since it would load any type.
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

extension Span where Element == UInt8 {
  /// How many commas there are in a range, and whether there is a colon, sixteen bytes at a time.
  ///
  /// With sums and bits of vectors only: their comparisons (`.==`) the compiler takes apart lane by lane.
  func countOfCommas(in range: Range<Int>) -> (commas: Int, hasColon: Bool) {
    var others = 0
    var noColons = SIMD16<UInt8>(repeating: 0xFF)
    var offset = range.lowerBound
    while offset + 16 <= range.upperBound {
      // Each lane counts to 255 at most.
      let blocks = Swift.min(255, (range.upperBound - offset) / 16)
      var lanes = SIMD16<UInt8>.zero
      for _ in 0..<blocks {
        // Safe: the load checks its bounds, and every bit pattern is a vector of bytes.
        let block = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
        lanes &+= (block ^ UInt8(ascii: ",")).markedUnlessZero &>> 7
        noColons &= (block ^ UInt8(ascii: ":")).markedUnlessZero
        offset += 16
      }
      others += Int(SIMD16<UInt16>(truncatingIfNeeded: lanes).wrappedSum())
    }
    var hasColon = noColons & 0x80 != SIMD16(repeating: 0x80)
    while offset < range.upperBound {
      if self[offset] != UInt8(ascii: ",") { others += 1 }
      if self[offset] == UInt8(ascii: ":") { hasColon = true }
      offset += 1
    }
    return (range.count - others, hasColon)
  }
}

extension SIMD16<UInt8> {
  /// A byte's high bit is set exactly if the byte was not zero; its other bits mean nothing.
  @inline(__always)
  fileprivate var markedUnlessZero: SIMD16<UInt8> {
    // From 1 to 128, adding 127 carries into it; above, it is set already.
    self | (self &+ 0x7F)
  }
}

/// A place in a text behind which `reach` bytes are known to be there, so that they can be looked at without a check each.
/// Positions are the text's own.
struct NearText: ~Escapable {
  /// How far `fastNumber` may look. At the most it is a sign, "0.", seven zeros, the last of three words with 19 digits at
  /// its front, an exponent of 5 and one byte: these come to less than 48.
  static var reach: Int { 64 }

  private let text: Span<UInt8>
  private let start: Int

  /// - Precondition: `start + NearText.reach <= text.count`; it is checked.
  @inline(__always)
  @_lifetime(copy text)
  init(_ text: Span<UInt8>, at start: Int) {
    precondition(start >= 0 && start <= text.count &- NearText.reach)
    self.text = text
    self.start = start
  }

  /// The byte at a position within reach.
  @inline(__always)
  func byte(_ position: Int) -> UInt8 {
    assert(position >= start && position < start + NearText.reach)
    // Safe: by the initialiser's precondition and the position's, which `fastNumber` keeps.
    return unsafe text[unchecked: position]
  }

  /// The eight bytes from a position on, all within reach, the first in the lowest place.
  @inline(__always)
  func word(_ position: Int) -> UInt64 {
    assert(position >= start && position <= start + NearText.reach - 8)
    // Safe: as above, and every bit pattern is a UInt64.
    return UInt64(
      littleEndian: unsafe text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
  }

  /// The four bytes from a position on, likewise.
  @inline(__always)
  func halfWord(_ position: Int) -> UInt32 {
    assert(position >= start && position <= start + NearText.reach - 4)
    // Safe: as above, and every bit pattern is a UInt32.
    return UInt32(
      littleEndian: unsafe text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt32.self))
  }
}

/// Eight bytes as a word, or four.
enum Word {
  static var zeros: UInt64 { 0x3030_3030_3030_3030 }
  static var highBits: UInt64 { 0x8080_8080_8080_8080 }

  /// For bytes of text XOR "0" each: zero if all are digits; else the lowest bit that is set is the high bit of the first
  /// byte that is none.
  ///
  /// A byte XOR "0" is below 10 exactly for a digit; adding 0x76 carries into the byte's high bit from 10 on, and the
  /// byte's own high bit is taken with it. Carries out of a byte reach only the bytes after the first that is no digit.
  @inline(__always)
  static func markOfOthers<Bytes: FixedWidthInteger>(_ digits: Bytes) -> Bytes {
    ((digits &+ Bytes(truncatingIfNeeded: 0x7676_7676_7676_7676)) | digits) & Bytes(truncatingIfNeeded: highBits)
  }

  /// How many bytes stand before the first that is marked; all, if none is.
  @inline(__always)
  static func countBefore<Bytes: FixedWidthInteger>(_ mark: Bytes) -> Int { mark.trailingZeroBitCount &>> 3 }

  /// All bits up to the lowest that is set: those of the bytes before the first that is marked, and of that byte.
  @inline(__always)
  static func bitsThrough<Bytes: FixedWidthInteger>(_ mark: Bytes) -> Bytes { mark ^ (mark &- 1) }

  /// For eight bytes of text XOR `zeros`: how many digits stand before the first byte that is none.
  @inline(__always)
  static func countOfDigits(_ digits: UInt64) -> Int { countBefore(markOfOthers(digits)) }

  /// How many of eight bytes stand before the first that a string does not hold as it is: a quotation mark, a backslash, a
  /// control character or a part of what is not ASCII.
  ///
  /// Taking 1 from a byte, or 0x20, borrows into its high bit from below; borrows reach only the bytes after it.
  @inline(__always)
  static func countOfPlain(_ text: UInt64) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = (text ^ ones &* UInt64(UInt8(ascii: "\""))) &- ones
    let backslashes = (text ^ ones &* UInt64(UInt8(ascii: "\\"))) &- ones
    let controls = text &- ones &* 0x20
    return countBefore((quotes | backslashes | controls | text) & highBits)
  }

  /// The number that eight digits write, each in a byte, the first in the lowest place: pairs, fours, then all eight.
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
