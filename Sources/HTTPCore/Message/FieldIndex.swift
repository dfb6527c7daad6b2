/// Where the field lines of a head or of an answer begin, and what their names are about.
///
/// Most questions are about a field that is not there, and few of those need a look at the lines: each name leaves a mark.
/// For the others the first lines' places are kept, in few bytes and no memory of its own; lines behind them are looked for.
struct FieldIndex: Sendable {
  private var lineCount: UInt32 = 0
  private var first: UInt32 = 0
  /// How far from the first line others begin; 0 for those that are not kept.
  private var distances = InlineArray<8, UInt16>(repeating: 0)
  private var marks: UInt64 = 0

  /// The number of lines.
  var count: Int { Int(lineCount) }
  /// Where the first line begins, if there is one.
  var start: Int { Int(first) }

  /// Takes the line that begins at `start`, with its name.
  @inline(__always)
  mutating func append(_ name: Span<UInt8>, at start: Int) {
    if lineCount == 0 { first = UInt32(truncatingIfNeeded: start) }
    if count < distances.count { distances[count] = UInt16(exactly: start - self.start) ?? 0 }
    lineCount += 1
    marks |= FieldName.mark(of: name)
  }

  /// False only if no line is named so.
  func mayHold(_ name: FieldName) -> Bool { marks & name.mark != 0 }

  /// False only if no line is named like any of those whose marks these are.
  func mayHold(anyOf marks: UInt64) -> Bool { self.marks & marks != 0 }

  /// How far the lines have been gone through.
  struct Cursor {
    fileprivate var taken = 0
    fileprivate var start = 0
  }

  /// Where the next line begins in the bytes that this index is about.
  @inline(__always)
  func next(_ cursor: inout Cursor, in bytes: Span<UInt8>) -> Int? {
    guard cursor.taken < count else { return nil }
    let distance = cursor.taken < distances.count ? Int(distances[cursor.taken]) : 0
    let isKept = cursor.taken == 0 || distance > 0
    cursor.start = isKept ? start + distance : bytes.firstControl(from: cursor.start, to: bytes.count) + 2
    cursor.taken += 1
    return cursor.start
  }
}
