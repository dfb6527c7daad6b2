internal import VectorKernels

/// A chunk of a tensor's text that was read by itself. It begins where an element of an innermost array must begin, and
/// records its structure so that chunks can be joined in order.
///
/// Between innermost arrays, d arrays close and as many open: d = 1 between rows, 2 between matrices. Level 0 counts
/// values, level l the arrays of level l - 1. A chunk knows neither how much of its first array came before it nor how
/// much of its last comes after it. So each level has a head, a tail, and one length for all arrays in between.
struct TensorChunk {
  /// Where reading stopped, and how.
  private(set) var position: Int
  private(set) var stop = SequenceStop.beforeValue
  /// Whether the chunk was read to its end. If not, what was read before `position` still counts.
  private(set) var isComplete = false
  /// How many values were read.
  private(set) var count = 0

  private var tails = InlineArray<8, Int>(repeating: 0)
  /// -1 where no array of the level ends in the chunk.
  private var heads = InlineArray<8, Int>(repeating: -1)
  /// -1 where no array of the level begins and ends in the chunk.
  private var lengths = InlineArray<8, Int>(repeating: -1)

  /// Reads numbers and "-Infinity", row by row, up to the comma at `end` or to anything else.
  init(
    _ text: Span<UInt8>, from start: Int, to end: Int, rank: Int, level: KernelLevel,
    into values: inout OutputSpan<Double>
  ) {
    position = start
    let initialCount = values.count
    reading: while true {
      let before = values.count
      var rows = RowPattern(length: rank > 1 && tails[0] < lengths[0] ? lengths[0] : .max, column: tails[0])
      stop = readNumbers(text, &position, limit: end, rows: rows, level: level, into: &values)
      tails[1] += rows.advance(by: values.count - before, isAtEnd: stop == .afterValue)
      tails[0] = rows.column
      if stop == .beforeValue {
        if position > end {
          isComplete = true
          break
        }
        guard !values.isFull, text.matches("\"-Infinity\"", at: position) else { break }
        values.append(-.infinity)
        tails[0] += 1
        position = text.endOfWhitespace(from: position + 11)
        if position < text.count, text[position] == UInt8(ascii: ",") {
          position += 1
          if position > end {
            isComplete = true
            break
          }
          continue
        }
        stop = .afterValue
      }
      guard passRowBreak(text, rank: rank) else { break }
    }
    count = values.count - initialCount
  }

  /// Moves from the end of a value to the first value of the next innermost array, if as many arrays open as close and
  /// their lengths are regular. If not, nothing changes and it returns false.
  private mutating func passRowBreak(_ text: Span<UInt8>, rank: Int) -> Bool {
    var cursor = position
    var closed = 0
    while cursor < text.count, text[cursor] == UInt8(ascii: "]") {
      closed += 1
      cursor = text.endOfWhitespace(from: cursor + 1)
    }
    guard closed > 0, closed < rank, cursor < text.count, text[cursor] == UInt8(ascii: ",") else { return false }
    cursor = text.endOfWhitespace(from: cursor + 1)
    for _ in 0..<closed {
      guard cursor < text.count, text[cursor] == UInt8(ascii: "[") else { return false }
      cursor = text.endOfWhitespace(from: cursor + 1)
    }
    guard cursor < text.count, text.beginsNumberOrString(at: cursor) else { return false }

    var (tails, heads, lengths) = (self.tails, self.heads, self.lengths)
    for level in 0..<closed {
      if heads[level] < 0 {
        heads[level] = tails[level]
      } else if lengths[level] < 0 {
        lengths[level] = tails[level]
      } else if lengths[level] != tails[level] {
        return false
      }
      tails[level] = 0
      tails[level + 1] += 1
    }
    (self.tails, self.heads, self.lengths) = (tails, heads, lengths)
    position = cursor
    return true
  }

  /// Counts the chunk's elements as if they had been read one by one. If one of its arrays is not as long as the first
  /// of its depth, nothing changes and it returns false.
  func join(_ builder: inout TensorBuilder, rank: Int) -> Bool {
    var (counts, extents) = (builder.counts, builder.extents)
    for level in 0..<rank {
      let index = rank - 1 - level
      guard heads[level] >= 0 else {
        counts[index] += tails[level]
        continue
      }
      let first = counts[index] + heads[level]
      if extents[index] < 0 { extents[index] = first }
      if extents[index] != first || (lengths[level] >= 0 && extents[index] != lengths[level]) { return false }
      counts[index] = tails[level]
    }
    (builder.counts, builder.extents) = (counts, extents)
    return true
  }
}

extension Span where Element == UInt8 {
  @inline(__always)
  func beginsNumberOrString(at offset: Int) -> Bool {
    let byte = self[offset]
    return isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "\"")
  }
}
