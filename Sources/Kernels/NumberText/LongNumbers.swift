/// Runs of long numbers, eight at a time: the text is cut at its commas, and ``VectorLoops/nearestBinaries(of:powers:)`` finds
/// out what stands between them.
extension VectorLoops {
  /// Reads numbers of one to seven digits, a point and more digits, 14 to 22 bytes with a minus sign, each with a comma behind
  /// it, or each with a comma and a space; up to the first that is another, or near the end of text, limit or room.
  ///
  /// Where the next number begins is found by the comma alone, which is a short chain of steps from number to number; all else
  /// is done for eight at once. A block is cut before the former block's numbers are found: words just stored one by one are
  /// not yet there to be loaded as a vector.
  ///
  /// - Parameters:
  ///   - position: where a number may begin, or the space before it; at the end, where the first that was not read begins.
  ///   - limit: no number at or behind it is read.
  ///   - powers: the first 64 bits of 10^-18...10^-12; the last word means nothing.
  @inlinable @inline(__always)
  public static func readLongNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, powers: Words,
    into values: inout OutputSpan<Double>
  ) {
    let last = min(limit, text.count) &- TextCutter.reach
    guard position >= 0, position < last else { return }
    // Safe: a block is cut only where `reach` bytes are there and found only where there is room for eight numbers, and
    // `filled` says how many of these stand.
    unsafe text.withUnsafeBufferPointer { text in
      unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
        unsafe withUnsafeTemporaryAllocation(of: TextBlock.self, capacity: 2) { blocks in
          unsafe blocks.initialize(repeating: TextBlock())
          guard let bytes = text.baseAddress, let base = buffer.baseAddress, var block = blocks.baseAddress else {
            return
          }
          var next = unsafe block + 1
          var start = unsafe bytes[position] == UInt8(ascii: " ") ? position &+ 1 : position
          let cutter = unsafe TextCutter(bytes, at: start)
          var end = start
          // Not the last of the room: what stands behind it is left to the caller.
          var count = buffer.count &- filled > 8 ? unsafe cutter.cut(from: &end, into: block) : 0
          while count > 0 {
            var nextEnd = end
            var nextCount = 0
            if count == 8, buffer.count &- filled > 16, end < last {
              nextCount = unsafe cutter.cut(from: &nextEnd, into: next)
            }
            let (patterns, others) = unsafe nearestBinaries(of: block.pointee, powers: powers)
            unsafe UnsafeMutableRawPointer(base + filled).storeBytes(of: patterns, as: Words.self)
            if others.hasAny {
              count = min(count, others.countOfZerosAtFront)
              end = cutter.end(of: count, from: start)
            }
            filled &+= count
            position = end
            if count < 8 { return }
            (start, end, count) = (end, nextEnd, nextCount)
            unsafe swap(&block, &next)
          }
        }
      }
    }
  }
}

/// Eight texts of up to 22 bytes: of each the first three words, the first byte in the lowest place; what stands behind its
/// comma means nothing. The rows stand in memory in this order, 64 bytes apart.
@frozen @usableFromInline
struct TextBlock: BitwiseCopyable {
  @usableFromInline
  var first = Words.zero
  @usableFromInline
  var second = Words.zero
  @usableFromInline
  var third = Words.zero

  @inlinable
  init() {}
}

/// Cuts a text at its commas, for as long as these come 14 to 22 bytes behind a number's begin, with digits before them.
@safe @usableFromInline
struct TextCutter {
  /// A space, and eight times 22 bytes with a comma and another space, which are 24 as the words are that are loaded of each;
  /// and 64 bytes behind them, so that a run ends where it would end if it were read one by one.
  @inlinable
  static var reach: Int { 1 &+ 8 &* 24 &+ 64 }

  @usableFromInline
  let text: UnsafePointer<UInt8>
  /// What the last four bytes before the next number are, in the bits of the mask: ", " or ",", and before it 0x3_. So the most
  /// that is no number is known for it at once.
  @usableFromInline
  let separator: UInt32
  @usableFromInline
  let mask: UInt32
  /// From a comma 14 bytes behind a number's begin, and from that begin, to the next number's.
  @usableFromInline
  let stride: Int

  @inlinable @inline(__always)
  init(_ text: UnsafePointer<UInt8>, at start: Int) {
    unsafe self.text = text
    // Safe: within `reach`.
    let comma = unsafe start &+ 14 &+ TextCutter.placeOfComma(text + (start &+ 14))
    let isSpaced = unsafe text[comma &+ 1] == UInt8(ascii: " ")
    (separator, mask, stride) = isSpaced ? (0x202C_3000, 0xFFFF_F000, 16) : (0x2C30_0000, 0xFFF0_0000, 15)
  }

  /// Where among eight bytes the first comma stands if nothing below "-" is before it; 8 if there is none.
  ///
  /// Taking 0x2D from a byte borrows into its high bit if it is less, and bytes of 0xAD and more have theirs anyway; borrows
  /// reach only the bytes behind.
  @inlinable @inline(__always)
  static func placeOfComma(_ p: UnsafePointer<UInt8>) -> Int {
    let marks = unsafe (load(p) &- 0x2D2D_2D2D_2D2D_2D2D) & 0x8080_8080_8080_8080
    return marks.trailingZeroBitCount &>> 3
  }

  @inlinable @inline(__always)
  static func load(_ p: UnsafePointer<UInt8>) -> UInt64 {
    UInt64(littleEndian: unsafe UnsafeRawPointer(p).loadUnaligned(as: UInt64.self))
  }

  /// Cuts eight texts, or as many as are found; `position` is the first's begin, and then that of what was not cut.
  @inlinable @inline(__always)
  func cut(from position: inout Int, into block: UnsafeMutablePointer<TextBlock>) -> Int {
    // All that is the same for all numbers is added to the pointer, which nothing waits for.
    var base = unsafe text + position
    var offset = 0
    // Safe: lanes of a block's rows, and bytes within `reach`.
    let words = UnsafeMutableRawPointer(block)
    var count = 0
    while count < 8 {
      let start = unsafe base + offset
      let next = unsafe offset &+ TextCutter.placeOfComma(start + 14)
      let nextBase = unsafe base + stride
      let behind = UInt32(
        littleEndian: unsafe UnsafeRawPointer(nextBase + (next &- 4)).loadUnaligned(as: UInt32.self))
      if behind & mask != separator { break }
      unsafe words.storeBytes(of: TextCutter.load(start), toByteOffset: 8 &* count, as: UInt64.self)
      unsafe words.storeBytes(of: TextCutter.load(start + 8), toByteOffset: 8 &* count &+ 64, as: UInt64.self)
      unsafe words.storeBytes(of: TextCutter.load(start + 16), toByteOffset: 8 &* count &+ 128, as: UInt64.self)
      unsafe base = nextBase
      offset = next
      count &+= 1
    }
    position = unsafe base - text + offset
    return count
  }

  /// Where the number behind `count` that were cut begins.
  @inlinable @inline(__always)
  func end(of count: Int, from start: Int) -> Int {
    var position = start
    for _ in 0..<count { unsafe position &+= stride &+ TextCutter.placeOfComma(text + (position &+ 14)) }
    return position
  }
}
