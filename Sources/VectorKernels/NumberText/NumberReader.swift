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
  /// - Parameter most: this many numbers are enough.
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

/// The rows of a block of eight texts, in the order in which they lie in memory, 64 bytes apart, with a lane for each
/// text. A block of short numbers has the first four.
@frozen @usableFromInline
enum TextRow: Int {
  /// The first two words, the first byte in the lowest place. Bytes after the text's end mean nothing.
  case first, second
  /// How many bytes come before the end, and where the text starts.
  case length, start
  /// The third word.
  case third
  /// How many bytes come before the point; before the exponent. Without these they are what comes before the next.
  case point, exponent
  /// Eight bytes from the exponent on.
  case exponentText

  @inlinable @inline(__always)
  func store(_ word: UInt64, in lane: UnsafeMutableRawPointer) {
    unsafe lane.storeBytes(of: word, toByteOffset: 64 &* rawValue, as: UInt64.self)
  }

  @inlinable @inline(__always)
  func load(from lane: UnsafeMutableRawPointer) -> Int {
    unsafe lane.load(fromByteOffset: 64 &* rawValue, as: Int.self)
  }
}

/// Cuts a text into numbers at commas and at the ends of rows, which it finds 64 bytes at a time.
@safe @usableFromInline
struct NumberCutter {
  /// How many bytes follow each number's start, to be looked at without a check. They are as many as reading one by one
  /// needs, so that both end at the same number.
  @inlinable
  static var reach: Int { 64 }
  /// No longer text is cut. It is shorter than a window with what stands between rows, so that shifts are below 64.
  @inlinable
  static var longest: Int { 32 }

  @usableFromInline
  let text: UnsafePointer<UInt8>
  /// Every number starts and ends before this, and the space after its comma too.
  @usableFromInline
  let last: Int
  /// From a number's end to the next number's start: after a comma, and after a row.
  @usableFromInline
  let stride: Int
  @usableFromInline
  let rowStride: Int
  /// What is between rows, as many bytes as `rowStride`.
  @usableFromInline
  let rowBreak: UInt32
  @usableFromInline
  let rowLength: Int
  /// Where the next number starts, and its column.
  @usableFromInline
  var start: Int
  @usableFromInline
  var column: Int
  /// Where numbers end, and what else is where, from the next number's start on.
  @usableFromInline
  var ends: UInt64 = 0
  @usableFromInline
  var marks = vector_marks(commas: 0, brackets: 0, spaces: 0, points: 0, letters: 0)

  @inlinable @inline(__always)
  init(_ text: UnsafePointer<UInt8>, at position: Int, last: Int, rows: RowPattern) {
    unsafe self.text = text
    self.last = last
    rowLength = rows.length
    column = rows.column
    start = unsafe text[position] == UInt8(ascii: " ") ? position &+ 1 : position
    // Whether a space follows the first comma. Safe: within `reach`.
    let found = unsafe vector_find_marks(text + start)
    let end = start &+ ((found.commas | found.brackets).trailingZeroBitCount & 63)
    let comma = unsafe text[end] == UInt8(ascii: "]") ? end &+ 1 : end
    // "], [" or "],[".
    (stride, rowStride, rowBreak) =
      unsafe text[comma &+ 1] == UInt8(ascii: " ") ? (2, 4, 0x5B20_2C5D) : (1, 3, 0x5B_2C5D)
  }

  /// Cuts eight numbers, or as many as there are before another text.
  ///
  /// - Parameters:
  ///   - words: a block's ``TextRow``s.
  ///   - isShort: only the rows of short numbers are wanted.
  /// - Returns: how many, and whether there may be exponents among them.
  @inlinable @inline(__always)
  mutating func cut(into words: UnsafeMutableRawPointer, isShort: Bool) -> (count: Int, hasExponents: Bool) {
    // Safe: lanes of a block's rows, and bytes within `reach` of a number's start or of its end, which is before `last`
    // too.
    var letters: UInt64 = 0
    var (start, column, ends, marks) = (self.start, self.column, self.ends, self.marks)
    var row = 0
    while row < 64 {
      if ends == 0 {
        guard start < last else { break }
        marks = unsafe vector_find_marks(text + start)
        // Where spaces follow commas, one without ends nothing. Then a comma is part of the number, which is none.
        ends = marks.brackets | (marks.commas & (stride == 1 ? .max : marks.spaces &>> 1))
        if last &- start < 64 { ends &= (1 &<< UInt64(truncatingIfNeeded: last &- start)) &- 1 }
      }
      letters |= marks.letters
      let length = ends.trailingZeroBitCount
      guard length <= NumberCutter.longest else { break }
      var next = length &+ stride
      column &+= 1
      // Safe: before `last`, behind which `reach` bytes follow.
      let p = unsafe text + start
      if (marks.brackets &>> UInt64(truncatingIfNeeded: length)) & 1 != 0 {
        guard column == rowLength, unsafe isRowEnd(p + length) else {
          column &-= 1
          break
        }
        next = length &+ rowStride
        column = 0
      }
      let lane = unsafe words + row
      unsafe TextRow.first.store(NumberCutter.load(p), in: lane)
      unsafe TextRow.second.store(NumberCutter.load(p + 8), in: lane)
      unsafe TextRow.length.store(UInt64(truncatingIfNeeded: length), in: lane)
      unsafe TextRow.start.store(UInt64(truncatingIfNeeded: start), in: lane)
      if !isShort {
        let exponent = (marks.letters | ends).trailingZeroBitCount
        let point = (marks.points | marks.letters | ends).trailingZeroBitCount
        unsafe TextRow.third.store(NumberCutter.load(p + 16), in: lane)
        unsafe TextRow.point.store(UInt64(truncatingIfNeeded: point), in: lane)
        unsafe TextRow.exponent.store(UInt64(truncatingIfNeeded: exponent), in: lane)
        marks.points = marks.points &>> UInt64(truncatingIfNeeded: next)
        marks.letters = marks.letters &>> UInt64(truncatingIfNeeded: next)
      }
      ends = ends &>> UInt64(truncatingIfNeeded: next)
      marks.brackets = marks.brackets &>> UInt64(truncatingIfNeeded: next)
      start &+= next
      row &+= 8
    }
    // A row that is too long.
    if column >= rowLength { return (0, false) }
    (self.start, self.column, self.ends, self.marks) = (start, column, ends, marks)
    if isShort || letters == 0 { return (row &>> 3, false) }
    for place in 0..<row &>> 3 {
      let lane = unsafe words + 8 &* place
      let exponent = unsafe text + (TextRow.start.load(from: lane) &+ TextRow.exponent.load(from: lane))
      unsafe TextRow.exponentText.store(NumberCutter.load(exponent), in: lane)
    }
    return (row &>> 3, true)
  }

  /// Whether a row's end and then a number begin at a closing bracket.
  @inlinable @inline(__always)
  func isRowEnd(_ p: UnsafePointer<UInt8>) -> Bool {
    // Safe: within `reach`.
    let next = unsafe p + rowStride
    let between = unsafe UInt32(littleEndian: UnsafeRawPointer(next - 4).loadUnaligned(as: UInt32.self))
    let first = unsafe next.pointee
    return between &>> UInt32(truncatingIfNeeded: 32 &- 8 &* rowStride) == rowBreak
      && (first &- UInt8(ascii: "0") < 10 || first == UInt8(ascii: "-"))
  }

  @inlinable @inline(__always)
  static func load(_ p: UnsafePointer<UInt8>) -> UInt64 {
    UInt64(littleEndian: unsafe UnsafeRawPointer(p).loadUnaligned(as: UInt64.self))
  }
}

/// Where the rows of a matrix end among the numbers of its text.
@frozen
public struct RowPattern: Sendable, Hashable {
  /// How many numbers a row has; `Int.max` where a row's end is not to be passed.
  public let length: Int
  /// How many numbers of the row came before.
  public var column: Int

  @inlinable
  public init(length: Int = .max, column: Int = 0) {
    self.length = length
    self.column = column
  }

  /// Counts more numbers.
  /// - Parameter isAtEnd: the last of them may end a row whose end was not passed.
  /// - Returns: how many rows' ends were passed.
  @inlinable
  public mutating func advance(by count: Int, isAtEnd: Bool) -> Int {
    column &+= count
    guard column >= length else { return 0 }
    var rows = column / length
    column %= length
    if isAtEnd, column == 0 {
      rows &-= 1
      column = length
    }
    return rows
  }
}
