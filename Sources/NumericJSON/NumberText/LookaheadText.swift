/// A place in a text after which `reach` bytes are known to follow, so that they can be read without a check each.
/// Positions are the text's own.
struct LookaheadText: ~Escapable {
  /// How far `readNumberFast` may look. The longest it reads is a sign, "0.", seven zeros, the last of three words that
  /// begins 19 digits, an exponent of 5 bytes and one byte more: less than 48 bytes.
  static var reach: Int { 64 }

  private let text: Span<UInt8>
  private let start: Int

  /// - Precondition: `start + LookaheadText.reach <= text.count`; it is checked.
  @inline(__always)
  @_lifetime(copy text)
  init(_ text: Span<UInt8>, at start: Int) {
    precondition(start >= 0 && start <= text.count &- LookaheadText.reach)
    self.text = text
    self.start = start
  }

  /// The byte at a position within reach.
  @inline(__always)
  func byte(_ position: Int) -> UInt8 {
    assert(position >= start && position < start + LookaheadText.reach)
    // Safe: the initialiser checked that `reach` bytes follow, and `readNumberFast` stays within them.
    return unsafe text[unchecked: position]
  }

  /// The eight bytes from a position on, all within reach, the first in the lowest place.
  @inline(__always)
  func word(_ position: Int) -> UInt64 {
    assert(position >= start && position <= start + LookaheadText.reach - 8)
    // Safe: as above, and every bit pattern is a UInt64.
    return UInt64(
      littleEndian: unsafe text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
  }

  /// The four bytes from a position on, likewise.
  @inline(__always)
  func halfWord(_ position: Int) -> UInt32 {
    assert(position >= start && position <= start + LookaheadText.reach - 4)
    // Safe: as above, and every bit pattern is a UInt32.
    return UInt32(
      littleEndian: unsafe text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt32.self))
  }
}
