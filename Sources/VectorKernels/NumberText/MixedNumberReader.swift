/// Sequences of numbers of any length and notation among each other, eight at a time.
extension VectorLoops {
  /// Reads numbers of at most 24 bytes and an exponent, each followed by a comma, or each by a comma and a space; where
  /// a row ends, with the brackets. It is slower than what reads numbers of one kind. Stops at the first other number,
  /// and near the end of the text, the limit or the room.
  ///
  /// - Parameters:
  ///   - position: where a number may begin, or the space before it; at the end, where the first number not read
  ///     begins.
  ///   - limit: no number that begins at or after it is read.
  ///   - rows: where rows end.
  ///   - most: so many numbers are enough.
  @inlinable @inline(never)
  public static func readMixedNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, _ tables: ReadingTables,
    atMost most: Int, into values: inout OutputSpan<Double>
  ) {
    let last = min(limit, text.count &- NumberCutter.reach) &- 1
    // The cutter first looks at what follows one number.
    guard position >= 0, position < last &- 4 else { return }
    // Safe: as for short numbers.
    unsafe text.withUnsafeBufferPointer { text in
      unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
        guard let bytes = text.baseAddress, let base = buffer.baseAddress else { return }
        var blocks = InlineArray<2, MixedNumberBlock>(repeating: MixedNumberBlock())
        var span = blocks.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer { blocks in
          guard var block = blocks.baseAddress else { return }
          var next = unsafe block + 1
          let room = min(buffer.count, filled &+ most)
          var tables = tables
          var cutter = unsafe NumberCutter(bytes, at: position, last: last, rows: rows)
          // The last number that fits is left to the caller, which looks at what follows it.
          var count = room &- filled > 8 ? unsafe cut(&cutter, into: block) : 0
          while count > 0 {
            var end = cutter.start
            // Cut before the previous block is computed: words just stored cannot yet be loaded as a vector.
            let nextCount = count == 8 && room &- filled > 16 ? unsafe cut(&cutter, into: next) : 0
            unsafe digits(of: block)
            if unsafe block.pointee.hasExponents { unsafe exponents(of: block) }
            let decided = unsafe nearestBinaries(of: block, &tables, to: base + filled)
            if decided < count {
              count = decided
              unsafe end = Int(truncatingIfNeeded: block.pointee.starts[count])
            }
            filled &+= count
            position = end
            if count < 8 { return }
            count = nextCount
            unsafe swap(&block, &next)
          }
        }
      }
    }
  }

  @inlinable @inline(__always)
  static func cut(_ cutter: inout NumberCutter, into block: UnsafeMutablePointer<MixedNumberBlock>) -> Int {
    let (count, hasExponents) = unsafe cutter.cut(into: UnsafeMutableRawPointer(block), isShort: false)
    unsafe block.pointee.hasExponents = hasExponents
    return count
  }
}

/// Eight numbers' texts, the rows of which are those of ``TextRow``, and what is found of them.
@frozen @usableFromInline
struct MixedNumberBlock: BitwiseCopyable {
  @usableFromInline
  var first = Words.zero
  @usableFromInline
  var second = Words.zero
  @usableFromInline
  var lengths = Words.zero
  @usableFromInline
  var starts = Words.zero
  @usableFromInline
  var third = Words.zero
  @usableFromInline
  var points = Words.zero
  @usableFromInline
  var exponents = Words.zero
  @usableFromInline
  var exponentTexts = Words.zero
  /// The number that the first sixteen digits write, with zeros for those that are missing.
  @usableFromInline
  var sixteen = Words.zero
  /// Up to eight more digits, each in a byte.
  @usableFromInline
  var digits = Words.zero
  /// 10^19 times the power of ten that the first 19 digits are multiplied by.
  @usableFromInline
  var powers = Words.zero
  /// Not zero where the text is no number that this path reads.
  @usableFromInline
  var others = Words.zero
  /// The sign bit.
  @usableFromInline
  var signs = Words.zero
  @usableFromInline
  var hasExponents = false

  @inlinable
  init() {}
}
