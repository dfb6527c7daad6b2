/// What numbers in plain notation a text goes on with.
public enum PlainNumberKind {
  /// For ``VectorLoops/readShortNumbers(_:_:limit:rows:into:)``.
  case short
  /// For ``VectorLoops/readLongNumbers(_:_:limit:rows:powers:into:)``.
  case long

  /// Nil for numbers of another kind, and near the end of the text.
  @inlinable
  public init?(_ text: Span<UInt8>, at position: Int) {
    guard position >= 0, position < text.count &- 22 else { return nil }
    // Safe: all these bytes are in the text.
    let (isShort, isLong) = unsafe text.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return (false, false) }
      return unsafe (
        LongNumberCutter.placeOfComma(base + (position &+ 4)) < 8,
        LongNumberCutter.placeOfComma(base + (position &+ 14)) < 8
      )
    }
    guard isShort || isLong else { return nil }
    self = isShort ? .short : .long
  }
}

/// Sequences of numbers in plain notation, eight at a time.
extension VectorLoops {
  /// Reads numbers of one to seven digits, a point and more digits, 14 to 22 bytes with the sign, each followed by a
  /// comma, or each by a comma and a space; where a row ends, with the brackets. Stops at the first other number, and
  /// near the end of the text, the limit or the room.
  ///
  /// The next number's start depends on the comma before it only, which is a short chain of steps from number to
  /// number; everything else is done for eight at once. A block is cut before the previous block's numbers are
  /// computed, because words that were just stored one by one cannot yet be loaded as a vector.
  ///
  /// - Parameters:
  ///   - position: where a number may begin, or the space before it; at the end, where the first number not read
  ///     begins.
  ///   - limit: no number that begins at or after it is read.
  ///   - rows: where rows end.
  ///   - powers: the first 64 bits of 10^-18...10^-12; the last word means nothing.
  @inlinable @inline(never)
  public static func readLongNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, powers: Words,
    into values: inout OutputSpan<Double>
  ) {
    let last = min(limit, text.count) &- LongNumberCutter.reach
    guard position < last else { return }
    // Safe: a block is cut only where `reach` bytes follow, numbers are stored only where there is room for eight, and
    // `filled` says how many of them count.
    unsafe text.withUnsafeBufferPointer { text in
      unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
        unsafe withUnsafeTemporaryAllocation(of: LongNumberBlock.self, capacity: 2) { blocks in
          unsafe blocks.initialize(repeating: LongNumberBlock())
          guard let bytes = text.baseAddress, let base = buffer.baseAddress, var block = blocks.baseAddress else {
            return
          }
          var next = unsafe block + 1
          var start = unsafe bytes[position] == UInt8(ascii: " ") ? position &+ 1 : position
          let cutter = unsafe LongNumberCutter(bytes, at: start, rowLength: rows.length)
          var end = start
          // The columns at these two.
          var column = rows.column
          var endColumn = column
          // The last number that fits is left to the caller, which looks at what follows it.
          var count = buffer.count &- filled > 8 ? unsafe cutter.cut(from: &end, &endColumn, into: block) : 0
          while count > 0 {
            var nextEnd = end
            var nextColumn = endColumn
            var nextCount = 0
            if count == 8, buffer.count &- filled > 16, end < last {
              nextCount = unsafe cutter.cut(from: &nextEnd, &nextColumn, into: next)
            }
            let (patterns, others) = unsafe nearestBinaries(of: block.pointee, powers: powers)
            unsafe UnsafeMutableRawPointer(base + filled).storeBytes(of: patterns, as: Words.self)
            if others.hasAny {
              count = min(count, others.leadingZeroLanes)
              end = cutter.end(of: count, from: start, column: column)
            }
            filled &+= count
            position = end
            if count < 8 { return }
            (start, end, count) = (end, nextEnd, nextCount)
            (column, endColumn) = (endColumn, nextColumn)
            // Safe: both are whole blocks.
            unsafe swap(&block, &next)
          }
        }
      }
    }
  }
}

/// Eight texts of up to 22 bytes. For each its first three words, the first byte in the lowest place; bytes after the
/// comma mean nothing. In memory the rows are in this order, 64 bytes apart.
@frozen @usableFromInline
struct LongNumberBlock: BitwiseCopyable {
  @usableFromInline
  var first = Words.zero
  @usableFromInline
  var second = Words.zero
  @usableFromInline
  var third = Words.zero

  @inlinable
  init() {}
}

/// Cuts a text at its commas, as long as each is 14 to 22 bytes after its number's start and follows a digit.
///
/// It is not a `NumberCutter`: that looks for marks in windows of 64 bytes, which hold two or three long numbers, and
/// then shifts them by each number's length. Here eight bytes are looked at for each, and only where a comma can be.
@safe @usableFromInline
struct LongNumberCutter {
  /// How many bytes a block may look at: a space, eight times 26 bytes (22 with a comma, two brackets and a space; the
  /// words loaded of each are shorter), and 64 more, so that the batches end where reading one by one would end.
  @inlinable
  static var reach: Int { 1 &+ 8 &* 26 &+ 64 }

  @usableFromInline
  let text: UnsafePointer<UInt8>
  /// What the four bytes before the next number are, in the bits of `mask`: "," or ", ", and before it 0x3_. This finds
  /// most texts that are no numbers early.
  @usableFromInline
  let separator: UInt32
  @usableFromInline
  let mask: UInt32
  /// From a number's start to the next number's, if the comma is 14 bytes after the start.
  @usableFromInline
  let stride: Int
  /// The same four bytes after a row's last number: "],[" or "], [", and before the former 0x3_.
  @usableFromInline
  let rowSeparator: UInt32
  @usableFromInline
  let rowMask: UInt32
  /// The column of a row's last number.
  @usableFromInline
  let lastColumn: Int

  @inlinable @inline(__always)
  init(_ text: UnsafePointer<UInt8>, at start: Int, rowLength: Int) {
    unsafe self.text = text
    lastColumn = rowLength &- 1
    // Safe: within `reach`.
    let comma = unsafe start &+ 14 &+ LongNumberCutter.placeOfComma(text + (start &+ 14))
    let isSpaced = unsafe text[comma &+ 1] == UInt8(ascii: " ")
    (separator, mask, stride) = isSpaced ? (0x202C_3000, 0xFFFF_F000, 16) : (0x2C30_0000, 0xFFF0_0000, 15)
    (rowSeparator, rowMask) = isSpaced ? (0x5B20_2C5D, 0xFFFF_FFFF) : (0x5B2C_5D30, 0xFFFF_FFF0)
  }

  /// The place of the first comma among eight bytes, if no byte below "-" is before it; 8 if there is none.
  ///
  /// Subtracting 0x2D from a byte sets its high bit if the byte is less, and bytes of 0xAD and more keep theirs.
  /// Borrows reach only later bytes.
  @inlinable @inline(__always)
  static func placeOfComma(_ p: UnsafePointer<UInt8>) -> Int {
    let marks = unsafe (NumberCutter.load(p) &- 0x2D2D_2D2D_2D2D_2D2D) & 0x8080_8080_8080_8080
    return marks.trailingZeroBitCount &>> 3
  }

  /// Cuts eight texts, or as many as fit the pattern. `position` and `column` are the first's, and then those of the
  /// first not cut.
  @inlinable @inline(__always)
  func cut(from position: inout Int, _ column: inout Int, into block: UnsafeMutablePointer<LongNumberBlock>) -> Int {
    // Safe: lanes of a block's rows, and bytes within `reach`.
    let words = UnsafeMutableRawPointer(block)
    guard lastColumn &- column >= 8 else { return unsafe cutRows(from: &position, &column, into: words) }
    // What is the same for all numbers is added to the pointer, so that it is not part of the chain through `offset`.
    var base = unsafe text + position
    var offset = 0
    var count = 0
    while count < 8 {
      let start = unsafe base + offset
      let next = unsafe offset &+ LongNumberCutter.placeOfComma(start + 14)
      let nextBase = unsafe base + stride
      if unsafe LongNumberCutter.loadFour(nextBase + (next &- 4)) & mask != separator { break }
      unsafe LongNumberCutter.store(start, into: words + 8 &* count)
      unsafe base = nextBase
      offset = next
      count &+= 1
    }
    position = unsafe base - text + offset
    column &+= count
    return count
  }

  /// The same where a row may end. Not inlined: a loop that has grown too large would have its vector code as calls.
  @usableFromInline
  func cutRows(from position: inout Int, _ column: inout Int, into words: UnsafeMutableRawPointer) -> Int {
    // Locals, which stay in registers: for all that the compiler knows, the words stored are `self`.
    let (separator, mask, stride, lastColumn) = (separator, mask, stride, lastColumn)
    var start = unsafe text + position
    var left = lastColumn &- column
    var count = 0
    while count < 8 {
      let words = unsafe words + 8 &* count
      if left == 0 {
        guard let next = unsafe cutRowEnd(at: start, into: words) else { break }
        unsafe start = next
        left = lastColumn
      } else {
        // The comma's place is added last, to keep the chain from number to number short.
        let next = unsafe start + stride + LongNumberCutter.placeOfComma(start + 14)
        if unsafe LongNumberCutter.loadFour(next - 4) & mask != separator { break }
        unsafe LongNumberCutter.store(start, into: words)
        unsafe start = next
        left &-= 1
      }
      count &+= 1
    }
    unsafe position = start - text
    column = lastColumn &- left
    return count
  }

  /// Cuts a row's last text, whose comma is one byte further on, and the next number one more.
  /// - Returns: the next row's first number, if there is one.
  private func cutRowEnd(
    at start: UnsafePointer<UInt8>, into words: UnsafeMutableRawPointer
  ) -> UnsafePointer<UInt8>? {
    let place = unsafe LongNumberCutter.placeOfComma(start + 15)
    let next = unsafe start + (stride &+ 2) + place
    let first = unsafe next.pointee
    let isNumber = first &- UInt8(ascii: "0") < 10 || first == UInt8(ascii: "-")
    guard unsafe LongNumberCutter.loadFour(next - 4) & rowMask == rowSeparator, isNumber else { return nil }
    unsafe LongNumberCutter.store(start, into: words)
    // A comma in the bracket's place, as after other numbers.
    let end = place &+ 14
    unsafe words.storeBytes(of: UInt8(ascii: ","), toByteOffset: 64 &* (end &>> 3) &+ (end & 7), as: UInt8.self)
    return unsafe next
  }

  /// Stores a text's three words into a lane, whose first word is at `words`.
  @inlinable @inline(__always)
  static func store(_ text: UnsafePointer<UInt8>, into words: UnsafeMutableRawPointer) {
    unsafe words.storeBytes(of: NumberCutter.load(text), as: UInt64.self)
    unsafe words.storeBytes(of: NumberCutter.load(text + 8), toByteOffset: 64, as: UInt64.self)
    unsafe words.storeBytes(of: NumberCutter.load(text + 16), toByteOffset: 128, as: UInt64.self)
  }

  @inlinable @inline(__always)
  static func loadFour(_ p: UnsafePointer<UInt8>) -> UInt32 {
    UInt32(littleEndian: unsafe UnsafeRawPointer(p).loadUnaligned(as: UInt32.self))
  }

  /// Where the number after `count` cut numbers begins.
  @usableFromInline
  func end(of count: Int, from start: Int, column: Int) -> Int {
    var (position, column) = (start, column)
    for _ in 0..<count {
      let isLast = column == lastColumn
      unsafe position &+=
        stride &+ LongNumberCutter.placeOfComma(text + (position &+ (isLast ? 15 : 14))) &+ (isLast ? 2 : 0)
      column = isLast ? 0 : column &+ 1
    }
    return position
  }
}
