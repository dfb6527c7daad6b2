internal import Kernels

/// A piece of a tensor's text, read by itself: it begins where an element of an innermost array must, and its structure is
/// noted so that pieces can be joined in order.
///
/// Between innermost arrays, d arrays close and as many open; d = 1 between rows, 2 between matrices. Level l counts the
/// elements of the arrays of level l: values at level 0, arrays of level l - 1 above. A piece knows neither how much of its
/// first array came before it nor how much of its last comes behind, so each level has a head, a tail, and one length for
/// all arrays between.
struct TensorPiece {
  /// Where reading stopped, and how.
  var position: Int
  var stop = RunStop.beforeValue
  /// Whether it was read to its end. Else what was read up to `position` stands.
  var isComplete = false
  /// How many values were read.
  var count = 0

  private var tails = InlineArray<8, Int>(repeating: 0)
  /// -1 where no array of the level ends in the piece.
  private var heads = InlineArray<8, Int>(repeating: -1)
  /// -1 where no array of the level begins and ends in the piece.
  private var lengths = InlineArray<8, Int>(repeating: -1)

  /// Reads numbers and "-Infinity", row by row, up to the comma at `end` or to what is nothing of these.
  init(
    _ text: Span<UInt8>, from start: Int, to end: Int, rank: Int, _ level: KernelLevel,
    into values: inout OutputSpan<Double>
  ) {
    position = start
    let initialCount = values.count
    reading: while true {
      let before = values.count
      stop = readRun(text, &position, limit: end, level, into: &values)
      tails[0] += values.count - before
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
        stop = .behindValue
      }
      guard passesBreak(text, rank: rank) else { break }
    }
    count = values.count - initialCount
  }

  /// From behind a value to before the next innermost array's first, if the arrays between close and open alike and the
  /// lengths are regular; else nothing changes.
  private mutating func passesBreak(_ text: Span<UInt8>, rank: Int) -> Bool {
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

  /// Counts the piece's elements as if they had been read one by one; false, and nothing changes, if one of its arrays has
  /// not the length of the first of its depth.
  func join(_ state: inout TensorState, rank: Int) -> Bool {
    var (counts, extents) = (state.counts, state.extents)
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
    (state.counts, state.extents) = (counts, extents)
    return true
  }
}

extension Span where Element == UInt8 {
  @inline(__always)
  func endOfWhitespace(from offset: Int) -> Int {
    var offset = offset
    while offset < count, isWhitespace(self[offset]) { offset += 1 }
    return offset
  }

  @inline(__always)
  func beginsNumberOrString(at offset: Int) -> Bool {
    let byte = self[offset]
    return isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "\"")
  }

  func matches(_ literal: StaticString, at offset: Int) -> Bool {
    guard literal.utf8CodeUnitCount <= count - offset else { return false }
    for index in 0..<literal.utf8CodeUnitCount where self[offset + index] != literal.utf8(at: index) { return false }
    return true
  }
}
