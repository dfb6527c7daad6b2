/// Bytes taken eight at a time or copied in one piece, where one by one they would be most of the cost of a head.
///
/// `unsafe` here is for two reasons: eight bytes are loaded as one number (any pattern of bits is one, and the bounds are
/// checked), and a span is copied into an output's free room (which is checked too).
extension Span<UInt8> {
  /// The eight bytes at `index`, the first of them lowest.
  @inline(__always)
  private func word(at index: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// The index of the first control character (``ASCII/isControl(_:)``) in `start..<end`, or `end`.
  func firstControl(from start: Int, to end: Int) -> Int {
    var index = start
    while end - index >= 8 {
      let found = ASCII.controls(in: word(at: index))
      if found != 0 { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < end, !ASCII.isControl(self[index]) { index += 1 }
    return index
  }

  /// The end of the token that begins at `start`, or of its part before `end` (``ASCII/isToken(_:)``).
  func endOfToken(from start: Int, to end: Int) -> Int {
    var index = start
    // Most tokens are letters and hyphens.
    while end - index >= 8 {
      let found = ASCII.othersThanLettersAndHyphens(in: word(at: index))
      if found != 0 {
        index += found.trailingZeroBitCount / 8
        break
      }
      index += 8
    }
    while index < end, ASCII.isToken(self[index]) { index += 1 }
    return index
  }

  /// Equality without regard to the case of ASCII letters.
  func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard count >= 8 else {
      for index in indices where ASCII.lowercased(self[index]) != ASCII.lowercased(other[index]) { return false }
      return true
    }
    var index = 0
    while true {
      if ASCII.lowercased(word(at: index)) != ASCII.lowercased(other.word(at: index)) { return false }
      if index == count - 8 { return true }
      // The last word ends where the bytes end, whatever it shares with the one before.
      index = Swift.min(index + 8, count - 8)
    }
  }
}

extension OutputSpan<UInt8> {
  /// Appends all of `bytes`, for which there must be room.
  @_lifetime(self: copy self)
  mutating func put(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= freeCapacity)
    unsafe withUnsafeMutableBufferPointer { buffer, filled in
      unsafe bytes.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
        unsafe (to + filled).initialize(from: from, count: source.count)
        filled += source.count
      }
    }
  }
}

extension [UInt8] {
  /// Appends a span's bytes.
  mutating func append(_ bytes: Span<UInt8>) {
    makeRoom(for: bytes.count)
    append(addingCapacity: bytes.count) { (out: inout OutputSpan<UInt8>) in out.put(bytes) }
  }

  /// Room grows at least twofold, so that many small appends cost no more than a large one.
  mutating func makeRoom(for added: Int) {
    if capacity - count < added { reserveCapacity(Swift.max(count + added, 2 * count)) }
  }
}

extension ASCII {
  private static let each: UInt64 = 0x0101_0101_0101_0101

  /// The highest bit of each byte of `word` that is a control character other than HTAB.
  ///
  /// Sums of seven bits and a constant below 128 carry into the eighth and no further, so that the bytes do not disturb
  /// each other (Warren, *Hacker's Delight*, §6-1).
  @inline(__always) fileprivate static func controls(in word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let isFromSpace = low &+ 0x60 * each
    let isNoTab = (low ^ UInt64(tab) * each) &+ 0x7F * each
    let isNoDelete = (low ^ 0x7F * each) &+ 0x7F * each
    return ((~isFromSpace & isNoTab) | ~isNoDelete) & ~word & (0x80 * each)
  }

  /// The highest bit of each byte of `word` that is neither a letter nor a hyphen.
  @inline(__always) fileprivate static func othersThanLettersAndHyphens(in word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let lower = low | (0x20 * each)
    let isFromA = lower &+ (0x80 - 0x61) * each
    let isBeyondZ = lower &+ (0x80 - 0x7B) * each
    let isNoHyphen = (low ^ 0x2D * each) &+ 0x7F * each
    return (((~isFromA | isBeyondZ) & isNoHyphen) | word) & (0x80 * each)
  }

  /// Eight bytes with their letters in lower case.
  @inline(__always) fileprivate static func lowercased(_ word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let isFromA = low &+ (0x80 - 0x41) * each
    let isBeyondZ = low &+ (0x80 - 0x5B) * each
    return word | (isFromA & ~isBeyondZ & ~word & (0x80 * each)) >> 2
  }
}
