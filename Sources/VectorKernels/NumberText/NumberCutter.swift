public import CVector

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
