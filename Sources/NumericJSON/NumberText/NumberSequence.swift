internal import Allocation
internal import VectorKernels

/// Where the reading of a sequence of numbers stopped.
enum SequenceStop {
  /// Where a value must begin: the fast path does not read it, or the limit or the storage's end is reached.
  case beforeValue
  /// After a value, at a byte that is neither a comma nor white space, or near the text's end.
  case afterValue
}

/// Reads numbers with commas and white space between them into storage, as long as everything is ordinary. This is the
/// hot loop of reading.
///
/// - Parameters:
///   - position: where a value must begin; at the end, where the reading stopped.
///   - limit: no number that begins at or after it is read.
///   - rows: where rows end. An end is passed if a number or a string follows in the next row.
@inline(never)
func readNumbers(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern = RowPattern(), level: KernelLevel,
  into values: inout OutputSpan<Double>
) -> SequenceStop {
  // The baseline has no vectors that would make batches pay.
  if level.isBaseline {
    return readSingly(text, &position, limit: limit, rows, atMost: .max, into: &values) ?? .beforeValue
  }
  var rows = rows
  let loops = level.loops
  // How many numbers to read singly before trying a batch again. At first 16 if this may be the only row, since a batch
  // does not pay for a short sequence; 1 after a batch that read something; twice as many after one that did not.
  var patience = rows.length == .max ? 16 : 1
  // How many numbers of mixed kinds to read before trying those of one kind again: more where that was in vain.
  var mixedCount = 64
  while true {
    let start = values.count
    if let stop = readSingly(text, &position, limit: limit, rows, atMost: patience, into: &values) { return stop }
    let before = values.count
    _ = rows.advance(by: before &- start, isAtEnd: false)
    guard beginsNumber(text, at: position) else { continue }
    switch PlainNumberKind(text, at: position) {
    case .short: loops.readShortNumbers(text, &position, limit: limit, rows: rows, into: &values)
    case .long:
      loops.readLongNumbers(
        text, &position, limit: limit, rows: rows, powers: PowersOfTen.forLong, into: &values)
    case nil: break
    }
    let count = values.count &- before
    _ = rows.advance(by: count, isAtEnd: false)
    if count >= 16 {
      mixedCount = 64
    } else if beginsNumber(text, at: position) {
      loops.readMixedNumbers(
        text, &position, limit: limit, rows: rows, PowersOfTen.forReading, atMost: mixedCount, into: &values)
      _ = rows.advance(by: values.count &- before &- count, isAtEnd: false)
      mixedCount = min(2 &* mixedCount, 4096)
    }
    patience = values.count &- before >= 8 ? 1 : min(2 &* patience, 1024)
  }
}

/// Whether a number begins here or after a space.
@inline(__always)
private func beginsNumber(_ text: Span<UInt8>, at position: Int) -> Bool {
  guard position &+ 1 < text.count else { return false }
  let byte = text[position] == UInt8(ascii: " ") ? text[position &+ 1] : text[position]
  return isDigit(byte) || byte == UInt8(ascii: "-")
}

/// Reads up to `count` numbers one by one; returns nil if there may be more.
private func readSingly(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, _ rows: RowPattern, atMost count: Int,
  into values: inout OutputSpan<Double>
) -> SequenceStop? {
  // Safe: an element is written only below the buffer's count, in order, and `filled` says how many were.
  unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
    let last = min(limit &- 1, text.count &- LookaheadText.reach)
    guard position >= 0, last >= 0 else { return .beforeValue }
    // The loop keeps these in registers.
    var cursor = position
    var index = filled
    // So many numbers come before the row's end.
    var left = rows.length &- rows.column
    defer {
      position = cursor
      filled = index
    }
    let end = buffer.count &- filled > count ? filled &+ count : buffer.count
    while UInt(bitPattern: cursor) <= UInt(bitPattern: last), index < end {
      let ahead = LookaheadText(text, at: cursor)
      guard let (end, pattern) = readNumberFast(ahead, at: cursor) else {
        guard isWhitespace(ahead.byte(cursor)) else { return .beforeValue }
        cursor = endOfWhitespace(text, cursor)
        continue
      }
      unsafe buffer[index] = Double(bitPattern: pattern)
      index &+= 1
      cursor = end
      left &-= 1
      if left == 0 {
        guard let start = startOfNextRow(text, end) else { return .afterValue }
        cursor = start
        left = rows.length
        continue
      }
      if ahead.byte(end) != UInt8(ascii: ",") {
        cursor = endOfWhitespace(text, end)
        guard cursor < text.count, text[cursor] == UInt8(ascii: ",") else { return .afterValue }
      }
      cursor &+= 1
    }
    return index < end || end == buffer.count ? .beforeValue : nil
  }
}

/// The same near the text's end, where the fast path cannot look ahead: it reads a copy of the last bytes with zeros
/// after them, which are part of no number. In a request of ten numbers these are three.
@inline(never)
func readLastNumbers(
  _ text: Span<UInt8>, _ position: inout Int, rows: RowPattern, level: KernelLevel,
  into values: inout OutputSpan<Double>
) -> SequenceStop {
  guard position < text.count, text.count - position < LookaheadText.reach else { return .beforeValue }
  let rest = text.extracting(position..<text.count)
  let copy = InlineArray<128, UInt8>(initializingWith: { (out: inout OutputSpan<UInt8>) in
    out.append(rest)
    out.append(repeating: 0, count: out.freeCapacity)
  })
  var cursor = 0
  let stop = readNumbers(
    copy.span, &cursor, limit: rest.count, rows: rows, level: level, into: &values)
  position += cursor
  return stop
}

/// Reads "-Infinity" or "-inf", and the comma after it or the end of its row, as ``readNumbers`` does with numbers; nil
/// where neither string stands, or there is no room.
@inline(__always)
func readMinusInfinity(
  _ text: Span<UInt8>, _ position: inout Int, rows: inout RowPattern, into values: inout OutputSpan<Double>
) -> SequenceStop? {
  let start = text.endOfWhitespace(from: position)
  let length = lengthOfMinusInfinity(text, start)
  guard length > 0, !values.isFull else { return nil }
  values.append(-.infinity)
  position = start + length
  rows.column += 1
  guard rows.column < rows.length else {
    guard let next = startOfNextRow(text, position) else { return .afterValue }
    position = next
    rows.column = 0
    return .beforeValue
  }
  position = text.endOfWhitespace(from: position)
  guard position < text.count, text[position] == UInt8(ascii: ",") else { return .afterValue }
  position += 1
  return .beforeValue
}

/// The length of "-Infinity" or "-inf" with its quotes; 0 where neither stands. In both, eight bytes decide most.
@inline(__always)
private func lengthOfMinusInfinity(_ text: Span<UInt8>, _ start: Int) -> Int {
  guard start + 11 <= text.count else { return text.matches("\"-inf\"", at: start) ? 6 : 0 }
  let word = text.word(at: start)
  if word == 0x696E_6966_6E49_2D22 {  // "-Infini
    return text.word(at: start + 3) == 0x2279_7469_6E69_666E ? 11 : 0  // nfinity"
  }
  return word & 0xFFFF_FFFF_FFFF == 0x2266_6E69_2D22 ? 6 : 0  // "-inf"
}

/// Passes "],[" with white space anywhere, after a row's last number. Nil if something else is there, or no number or
/// string follows.
@inline(never)
private func startOfNextRow(_ text: Span<UInt8>, _ end: Int) -> Int? {
  var cursor = end
  let between: InlineArray<3, UInt8> = [UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: "[")]
  for index in between.indices {
    cursor = text.endOfWhitespace(from: cursor)
    guard cursor < text.count, text[cursor] == between[index] else { return nil }
    cursor += 1
  }
  cursor = text.endOfWhitespace(from: cursor)
  return cursor < text.count && text.beginsNumberOrString(at: cursor) ? cursor : nil
}

/// Not inlined, to leave the hot loop its registers.
@inline(never)
private func endOfWhitespace(_ text: Span<UInt8>, _ position: Int) -> Int { text.endOfWhitespace(from: position) }

/// A place in a text after which `reach` bytes are known to follow, so that they can be read without a check each.
/// Positions are the text's own.
struct LookaheadText: ~Escapable {
  /// How far `readNumberFast` may look. The longest it reads is a sign, 48 bytes of digits with the point among them,
  /// an exponent of 5 bytes and one byte more.
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
