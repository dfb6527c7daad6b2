/// Bytes taken eight at a time or copied in one piece, where one by one they would be most of the cost of a head.
///
/// `unsafe` here is for three reasons: eight bytes are loaded as one number (any pattern of bits is one, and the bounds are
/// checked), a span is copied into an output's free room (which is checked too), and so is a text of the program's own,
/// whose place is its pointer.
extension Span<UInt8> {
  /// The eight bytes at `index`, the first of them lowest.
  @inline(__always)
  private func word(at index: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// The bytes from `start` up to `end`, or the first eight of them, with zeros behind.
  @inline(__always)
  func word(from start: Int, to end: Int) -> UInt64 {
    let length = Swift.min(end - start, 8)
    guard length > 0 else { return 0 }
    guard count >= 8 else { return shortWord(from: start, to: end) }
    // Near the span's end the word that ends there, moved.
    let place = Swift.min(start, count - 8)
    return (word(at: place) &>> UInt64(8 * (start - place))) & UInt64.max &>> UInt64(64 - 8 * length)
  }

  @inline(never)
  private func shortWord(from start: Int, to end: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in (start..<end).reversed() { word = word &<< 8 | UInt64(self[index]) }
    return word
  }

  /// The index of the first byte in `start..<end` that is not of a class, or `end`.
  ///
  /// - Parameters:
  ///   - others: the highest bit of each byte of a word that is not, or need not be, of the class; zero is none of it.
  ///   - isMember: says so for sure.
  @inline(__always)
  private func endOfRun(
    from start: Int, to end: Int, others: (UInt64) -> UInt64, _ isMember: (UInt8) -> Bool
  ) -> Int {
    var index = start
    while true {
      let found: UInt64
      if end - index >= 8 {
        found = others(word(at: index))
        guard found != 0 else {
          index += 8
          continue
        }
      } else {
        guard index < end else { return end }
        // The zeros behind the end are found if nothing is before.
        found = others(word(from: index, to: end))
      }
      index += found.trailingZeroBitCount / 8
      guard index < end, isMember(self[index]) else { return index }
      index += 1
    }
  }

  /// The index of the first control character (``ASCII/isControl(_:)``) in `start..<end`, or `end`.
  func firstControl(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, others: ASCII.controls) { !ASCII.isControl($0) }
  }

  /// The index of the first space in `start..<end`, or `end`.
  func firstSpace(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, others: ASCII.controlsAndSpaces) { $0 != ASCII.space }
  }

  /// The end of the token characters (``ASCII/isToken(_:)``) from `start` on, or `end`.
  func endOfToken(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, others: ASCII.uncommon, ASCII.isToken)
  }

  /// The end of the path characters (``ASCII/isPath(_:)``) from `start` on, or `end`.
  func endOfPath(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, others: ASCII.uncommonInPaths, ASCII.isPath)
  }

  /// The end of the characters that a registered name is made of beside escapes (``ASCII/isHostName(_:)``) from `start` on, or `end`.
  func endOfHostName(from start: Int, to end: Int) -> Int {
    endOfRun(from: start, to: end, others: ASCII.uncommon, ASCII.isHostName)
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
      // The last word ends where the bytes end, whatever it shares with the one before.
      index = Swift.min(index + 8, count - 8)
    }
  }

  /// Whether the bytes of `range` are `text`, which is in lower case, but for the case of their letters.
  @inline(__always)
  func holds(_ text: StaticString, in range: Range<Int>) -> Bool {
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

extension OutputSpan<UInt8> {
  /// Appends all of `bytes`, for which there must be room.
  @inline(__always)
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

  /// Appends a text of the program's own, for which there must be room.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func put(_ text: StaticString) {
    put(text.span)
  }
}

extension StaticString {
  /// The text's bytes.
  @inline(__always)
  var span: Span<UInt8> {
    @_lifetime(immortal)
    get {
      // They are there as long as the program.
      unsafe _overrideLifetime(Span(_unsafeStart: utf8Start, count: utf8CodeUnitCount), copying: ())
    }
  }
}

extension [UInt8] {
  /// A span's bytes.
  init(copying bytes: Span<UInt8>) {
    self.init()
    append(bytes)
  }

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

  /// The bytes of a text, or eight of them from `start` on, as ``Swift/Span/word(from:to:)`` gives them.
  @inline(__always) static func word(_ text: StaticString, from start: Int = 0) -> UInt64 {
    var word: UInt64 = 0
    var index = min(start + 8, text.utf8CodeUnitCount)
    while index > start {
      index -= 1
      word = word &<< 8 | UInt64(unsafe text.utf8Start[index])
    }
    return word
  }

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

  /// The highest bit of each byte of `word` that is a control character or a space; some others may be marked too.
  @inline(__always) fileprivate static func controlsAndSpaces(in word: UInt64) -> UInt64 {
    ~((word & (0x7F * each)) &+ 0x5F * each) & (0x80 * each)
  }

  /// The highest bit of each byte of `word` that is no letter, digit, hyphen, point or slash, of which most paths are made.
  @inline(__always) fileprivate static func uncommonInPaths(in word: UInt64) -> UInt64 {
    let low = word & (0x7F * each)
    let lower = low | (0x20 * each)
    let isLetter = (lower &+ (0x80 - 0x61) * each) & ~(lower &+ (0x80 - 0x7B) * each)
    // From the hyphen to the nine there is nothing else.
    let isNearDigit = (low &+ (0x80 - 0x2D) * each) & ~(low &+ (0x80 - 0x3A) * each)
    return (~(isLetter | isNearDigit) | word) & (0x80 * each)
  }

  /// The highest bit of each byte of `word` that is no letter, digit, hyphen or point, of which most tokens and hosts are made.
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
