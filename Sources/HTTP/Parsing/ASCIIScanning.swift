internal import Allocation

/// The byte classes of RFC 9110 §5.6 and RFC 3986 §2, as bit sets over the 128 ASCII characters.
package enum ASCII {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20

  /// `token` characters (RFC 9110 §5.6.2): letters, digits and ``!#$%&'*+-.^_`|~``.
  @inline(__always) package static func isToken(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
  }

  /// What a host's name consists of, percent escapes excepted: `unreserved` and `sub-delims` (RFC 3986 §2.2, §2.3)
  /// without the comma, which would turn the field into a list.
  @inline(__always) static func isHostName(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x2BFF_6FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// What never needs an escape (RFC 3986 §2.3): letters, digits, hyphen, point, underscore and tilde.
  @inline(__always) static func isUnreserved(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// What a path consists of (RFC 3986 §3.3): `pchar` without `%`, and the slash.
  @inline(__always) static func isPath(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
  }

  /// A letter or a decimal digit.
  @inline(__always) package static func isAlphanumeric(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x03FF_0000_0000_0000, high: 0x07FF_FFFE_07FF_FFFE)
  }

  /// A decimal digit.
  @inline(__always) package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// A visible character (VCHAR, RFC 5234 §B.1).
  @inline(__always) package static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

  /// A control character that no field value may hold (RFC 9110 §5.5): all of them but HTAB.
  @inline(__always) static func isControl(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != tab) || byte == 0x7F
  }

  /// The byte in lower case, if it is a letter.
  @inline(__always) package static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  @inline(__always) private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
    byte < 0x80 && ((byte < 0x40 ? low : high) >> UInt64(byte & 0x3F)) & 1 != 0
  }
}

/// Scanning eight bytes at a time (SWAR): byte by byte it would be most of the cost of a head.
extension Span<UInt8> {
  /// The bytes from `start` up to `end`, at most eight of them, followed by zeros.
  @inline(__always)
  func word(from start: Int, to end: Int) -> UInt64 {
    let length = Swift.min(end - start, 8)
    guard length > 0 else { return 0 }
    guard count >= 8 else { return shortWord(from: start, to: end) }
    // Near the span's end, load the last eight bytes and shift out those before `start`.
    let first = Swift.min(start, count - 8)
    return (word(at: first) &>> UInt64(8 * (start - first))) & UInt64.max &>> UInt64(64 - 8 * length)
  }

  @inline(never)
  private func shortWord(from start: Int, to end: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in (start..<end).reversed() { word = word &<< 8 | UInt64(self[index]) }
    return word
  }

  /// The index of the first byte in `start..<end` that does not belong to a class, or `end`.
  ///
  /// - Parameters:
  ///   - candidates: the highest bit of each byte of a word that may lie outside the class; always that of a zero byte.
  ///   - isMember: whether a byte belongs to the class.
  @inline(__always)
  private func endOfRun(
    from start: Int, to end: Int, candidates: (UInt64) -> UInt64, _ isMember: (UInt8) -> Bool
  ) -> Int {
    var index = start
    while true {
      let found: UInt64
      if end - index >= 8 {
        found = candidates(word(at: index))
        guard found != 0 else {
          index += 8
          continue
        }
      } else {
        guard index < end else { return end }
        // The zeros after the end are candidates, so something is always found.
        found = candidates(word(from: index, to: end))
      }
      index += found.trailingZeroBitCount / 8
      guard index < end, isMember(self[index]) else { return index }
      index += 1
    }
  }

  /// The index of the first control character (``ASCII/isControl(_:)``) in `start..<end`, or `end`.
  func firstControl(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, candidates: ASCII.controls) { !ASCII.isControl($0) }
  }

  /// The index of the first space in `start..<end`, or `end`.
  func firstSpace(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, candidates: ASCII.controlsAndSpaces) { $0 != ASCII.space }
  }

  /// The end of the token characters (``ASCII/isToken(_:)``) from `start` on, or `end`.
  func endOfToken(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, candidates: ASCII.uncommon, ASCII.isToken)
  }

  /// The end of the path characters (``ASCII/isPath(_:)``) from `start` on, or `end`.
  func endOfPath(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, candidates: ASCII.uncommonInPaths, ASCII.isPath)
  }

  /// The end of the characters of a registered name, percent escapes excepted (``ASCII/isHostName(_:)``), from `start`
  /// on, or `end`.
  func endOfHostName(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, candidates: ASCII.uncommon, ASCII.isHostName)
  }

  /// Equality, in a time that depends on the number of bytes alone.
  func equals(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard count >= 8 else { return word(from: 0, to: count) == other.word(from: 0, to: count) }
    // The last word ends where the bytes end; it may overlap the one before.
    var difference = word(at: count - 8) ^ other.word(at: count - 8)
    for index in stride(from: 0, to: count - 8, by: 8) { difference |= word(at: index) ^ other.word(at: index) }
    return difference == 0
  }

  /// Equality without regard to the case of ASCII letters.
  func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard count >= 8 else {
      return ASCII.lowercased(word(from: 0, to: count)) == ASCII.lowercased(other.word(from: 0, to: count))
    }
    var index = 0
    while true {
      if ASCII.lowercased(word(at: index)) != ASCII.lowercased(other.word(at: index)) { return false }
      if index == count - 8 { return true }
      // The last word ends where the bytes end; it may overlap the one before.
      index = Swift.min(index + 8, count - 8)
    }
  }

  /// Whether the bytes of `range` equal `text`, which is in lower case, without regard to the case of ASCII letters.
  @inline(__always)
  func equalsIgnoringCase(_ text: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    var index = 0
    while text.utf8CodeUnitCount - index >= 8 {
      if ASCII.lowercased(word(at: range.lowerBound + index)) != ASCII.word(text, from: index) { return false }
      index += 8
    }
    let rest = word(from: range.lowerBound + index, to: range.upperBound)
    return ASCII.lowercased(rest) == ASCII.word(text, from: index)
  }
}

extension ASCII {
  private static let each: UInt64 = 0x0101_0101_0101_0101

  /// At most eight bytes of a text, from `start` on, as ``Swift/Span/word(from:to:)`` returns them.
  @inline(__always) static func word(_ text: StaticString, from start: Int = 0) -> UInt64 {
    if start + 8 <= text.utf8CodeUnitCount {
      // Within the text, which lives for ever.
      return unsafe UInt64(
        littleEndian: UnsafeRawPointer(text.utf8Start).loadUnaligned(fromByteOffset: start, as: UInt64.self))
    }
    var word: UInt64 = 0
    var index = text.utf8CodeUnitCount
    while index > start {
      index -= 1
      word = word &<< 8 | UInt64(unsafe text.utf8Start[index])
    }
    return word
  }

  /// The highest bit of each byte of `word` that is a control character other than HTAB.
  ///
  /// A sum of seven bits and a constant below 128 carries at most into the eighth bit, so no byte disturbs the next
  /// (Warren, *Hacker's Delight*, §6-1).
  @inline(__always) fileprivate static func controls(in word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let isFromSpace = low &+ 0x60 * each
    let isNoTab = (low ^ UInt64(tab) * each) &+ 0x7F * each
    let isNoDelete = (low ^ 0x7F * each) &+ 0x7F * each
    return ((~isFromSpace & isNoTab) | ~isNoDelete) & ~word & (0x80 * each)
  }

  /// The highest bit of each byte of `word` that is a control character or a space; some others may be marked too.
  @inline(__always) fileprivate static func controlsAndSpaces(in word: UInt64) -> UInt64 {
    ~((word & (0x7F * each)) &+ 0x5F * each) & (0x80 * each)
  }

  /// The highest bit of each byte of `word` other than a letter, digit, hyphen, point or slash: most paths have no
  /// others.
  @inline(__always) fileprivate static func uncommonInPaths(in word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let lower = low | (0x20 * each)
    let isLetter = (lower &+ (0x80 - 0x61) * each) & ~(lower &+ (0x80 - 0x7B) * each)
    // Hyphen, point, slash and the digits are neighbours in ASCII.
    let isNearDigit = (low &+ (0x80 - 0x2D) * each) & ~(low &+ (0x80 - 0x3A) * each)
    return (~(isLetter | isNearDigit) | word) & (0x80 * each)
  }

  /// The highest bit of each byte of `word` other than a letter, digit, hyphen or point: most tokens and hosts have no
  /// others.
  @inline(__always) fileprivate static func uncommon(in word: UInt64) -> UInt64 {
    let isNoSlash = ((word & (0x7F * each)) ^ 0x2F * each) &+ 0x7F * each
    return uncommonInPaths(in: word) | (~isNoSlash & (0x80 * each))
  }

  /// Eight bytes with their letters in lower case.
  @inline(__always) fileprivate static func lowercased(_ word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let isFromA = low &+ (0x80 - 0x41) * each
    let isBeyondZ = low &+ (0x80 - 0x5B) * each
    return word | (isFromA & ~isBeyondZ & ~word & (0x80 * each)) >> 2
  }
}
