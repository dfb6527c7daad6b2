public import CVector

/// Sequences of numbers that are cut at their commas, eight at a time.
extension VectorLoops {
  /// Reads numbers of at most ten bytes in plain notation, each followed by a comma, or each by a comma and a space;
  /// where a row ends, with the brackets. Stops at the first other number, and near the end of the text, the limit or
  /// the room.
  ///
  /// - Parameters:
  ///   - position: where a number may begin, or the space before it; at the end, where the first number not read
  ///     begins.
  ///   - limit: no number that begins at or after it is read.
  ///   - rows: where rows end.
  @inlinable @inline(never)
  public static func readShortNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, into values: inout OutputSpan<Double>
  ) {
    read(ShortNumberBlock.self, text, &position, limit: limit, rows: rows, by: (), atMost: .max, into: &values)
  }

  /// Reads numbers of any notation among each other, of at most 24 bytes and an exponent, with the same between them.
  /// It is slower than what reads numbers of one kind.
  ///
  /// - Parameter most: so many numbers are enough.
  @inlinable @inline(never)
  public static func readMixedNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, _ tables: ReadingTables,
    atMost most: Int, into values: inout OutputSpan<Double>
  ) {
    read(MixedNumberBlock.self, text, &position, limit: limit, rows: rows, by: tables, atMost: most, into: &values)
  }

  /// Cuts the text into blocks of one kind, and finds the numbers of each.
  @inlinable @inline(__always)
  static func read<Block: NumberBlock>(
    _: Block.Type, _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, by tables: Block.Tables,
    atMost most: Int, into values: inout OutputSpan<Double>
  ) {
    let last = min(limit, text.count &- NumberCutter.reach) &- 1
    // The cutter first looks at what follows one number.
    guard position >= 0, position < last &- 4 else { return }
    // Safe: the cutter looks only at bytes of the text, numbers are stored only where there is room for eight, and
    // `filled` says how many of them count.
    unsafe text.withUnsafeBufferPointer { text in
      unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
        guard let bytes = text.baseAddress, let base = buffer.baseAddress else { return }
        var blocks = InlineArray<2, Block>(repeating: Block())
        var span = blocks.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer { blocks in
          guard var block = blocks.baseAddress else { return }
          var next = unsafe block + 1
          let room = buffer.count &- filled > most ? filled &+ most : buffer.count
          var tables = tables
          var cutter = unsafe NumberCutter(bytes, at: position, last: last, rows: rows)
          // The last number that fits is left to the caller, which looks at what follows it.
          var count = room &- filled > 8 ? unsafe Block.cut(&cutter, into: block) : 0
          while count > 0 {
            var end = cutter.start
            // Cut before the previous block is computed: words just stored cannot yet be loaded as a vector.
            let nextCount = count == 8 && room &- filled > 16 ? unsafe Block.cut(&cutter, into: next) : 0
            let decided = unsafe Block.nearestBinaries(of: block, &tables, by: Self.self, to: base + filled)
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
}

extension VectorLoops {
  /// How many commas there are in a text, and whether there is a colon.
  ///
  /// - Parameters:
  ///   - text: where they are counted.
  ///   - stopsAtColon: what is far behind a colon is not looked at.
  @inlinable @inline(never)
  public static func countCommas(_ text: Span<UInt8>, stopsAtColon: Bool) -> (commas: Int, hasColon: Bool) {
    let highBits: UInt64 = 0x8080_8080_8080_8080
    var commas = 0
    var hasColon = false
    var offset = 0
    // Safe: 64 bytes are loaded only where so many are left.
    return unsafe text.withUnsafeBytes { text in
      while text.count &- offset >= 64 {
        // So many blocks that a byte can count them.
        let blocks = min(31, (text.count &- offset) / 64)
        var others = Words.zero
        var noColons = Words(repeating: highBits)
        for _ in 0..<blocks {
          let block = unsafe text.loadUnaligned(fromByteOffset: offset, as: Words.self)
          others = others &+ ((notZero(block ^ 0x2C2C_2C2C_2C2C_2C2C) & highBits) &>> 7)
          noColons = noColons & notZero(block ^ 0x3A3A_3A3A_3A3A_3A3A)
          offset &+= 64
        }
        let sums = vector_sum_bytes(others)
        commas &+= 64 &* blocks
        for lane in 0..<8 { commas &-= Int(truncatingIfNeeded: sums[lane]) }
        if (noColons ^ highBits).hasAny { hasColon = true }
        if hasColon, stopsAtColon { return (commas, true) }
      }
      while offset < text.count {
        if unsafe text[offset] == UInt8(ascii: ",") { commas &+= 1 }
        if unsafe text[offset] == UInt8(ascii: ":") { hasColon = true }
        offset &+= 1
      }
      return (commas, hasColon)
    }
  }

  /// A byte's high bit is set exactly where the byte was not zero; its other bits mean nothing.
  @inlinable @inline(__always)
  static func notZero(_ bytes: Words) -> Words {
    // Adding 127 sets it for 1 to 127. Bytes above have it already, and nothing is carried out of a byte.
    bytes | ((bytes & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F)
  }
}

/// Eight numbers' texts of one kind. It begins with the rows of ``TextRow``, as many as the kind needs.
@usableFromInline
protocol NumberBlock: BitwiseCopyable {
  /// What is looked up to find the numbers.
  associatedtype Tables

  init()

  var starts: Words { get }

  /// Cuts eight numbers, or as many as there are before another text.
  /// - Returns: how many.
  static func cut(_ cutter: inout NumberCutter, into block: UnsafeMutablePointer<Self>) -> Int

  /// Finds the eight numbers.
  /// - Returns: how many there are before the first that is not decided.
  static func nearestBinaries<Loops: VectorLoops>(
    of block: UnsafeMutablePointer<Self>, _ tables: inout Tables, by: Loops.Type, to out: UnsafeMutablePointer<Double>
  ) -> Int
}
