internal import VectorKernels

/// Runs `body` for each of 0..<count, perhaps at the same time, and returns when all are done.
public typealias Parallel = @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void

/// A large tensor's text is cut into chunks that are read at the same time. `unsafe` is here for one reason: each chunk
/// writes its own part of the storage, which neither Array nor OutputSpan can hand out.
extension JSONReader {
  /// Shorter texts are not worth the threads.
  static var leastParallelText: Int { 128 << 10 }
  /// How many chunks are read before their results are joined.
  private static var chunksInWave: Int { 64 }

  /// Reads on from where an element of an innermost array must begin, as long as everything is ordinary. The effect is
  /// that of `readTensorNumbers`.
  ///
  /// What is not ordinary in a chunk is left to the sequential reader, which goes on from the last place that the chunk
  /// read. Only chunks after that place are read for nothing, at most one wave, since a tensor takes this way once.
  @_lifetime(self: copy self)
  mutating func readTensorChunks(_ builder: inout TensorBuilder, _ parallel: Parallel) -> SequenceStop {
    let (text, level) = (self.text, level)
    while text.count - position >= JSONReader.leastParallelText {
      let starts = chunkStarts()
      guard starts.count > 2 else { return .beforeValue }
      var offsets = [0]
      for count in countValues(starts, parallel) { offsets.append(offsets[offsets.count - 1] + count) }
      let total = offsets.count - 1
      guard builder.makeRoom(for: offsets[total], at: position) else { return .beforeValue }

      let rank = builder.depth
      var chunks = [TensorChunk?](repeating: nil, count: total)
      var stop = SequenceStop.beforeValue
      var isWhole = true
      var next = position
      // Safe: each task fills a part of its own, and all have returned before any number counts.
      unsafe builder.withRoom(offsets[total]) { storage, builder in
        unsafe chunks.withUnsafeMutableBufferPointer { chunks in
          parallel(total) { index in
            // Safe: the offsets ascend and end within the storage, and each index is handed out once.
            let own = unsafe UnsafeMutableBufferPointer(rebasing: storage[offsets[index]..<offsets[index + 1]])
            var values = unsafe OutputSpan(buffer: own, initializedCount: 0)
            let chunk = TensorChunk(
              text, from: starts[index], to: starts[index + 1] - 1, rank: rank, level: level, into: &values)
            unsafe chunks[index] = chunk
            _ = unsafe values.finalize(for: own)
          }
        }
        var joined = 0
        for index in 0..<total {
          guard isWhole, let chunk = chunks[index], chunk.join(&builder, rank: rank) else {
            isWhole = false
            break
          }
          joined += chunk.count
          next = chunk.isComplete ? starts[index + 1] : chunk.position
          stop = chunk.stop
          isWhole = chunk.isComplete && joined == offsets[index + 1]
        }
        return joined
      }
      position = next
      if !isWhole || total + 1 < starts.count { return stop }
    }
    return .beforeValue
  }

  /// Where the next chunks begin, and where the last of them ends: after commas that a number or a string follows.
  /// Chunks become smaller toward the end of the text, so that all threads finish together.
  private func chunkStarts() -> [Int] {
    var starts = [position]
    while starts.count <= JSONReader.chunksInWave {
      let start = starts[starts.count - 1]
      var offset = start + min(max((text.count - start) / 16, 8 << 10), 128 << 10)
      // A tensor of many short rows has few such commas. If there is none for this long, it is not read in parallel.
      let end = min(offset + 4096, text.count - LookaheadText.reach)
      while offset < end {
        if text[offset] == UInt8(ascii: ",") {
          let next = text.endOfWhitespace(from: offset + 1)
          if next < end, text.beginsNumberOrString(at: next) { break }
        }
        offset += 1
      }
      guard offset < end else { break }
      starts.append(offset + 1)
    }
    return starts
  }

  /// How many values each chunk holds if it holds only numbers: as many as commas, the one at its end included.
  ///
  /// A colon shows that the tensor ends before it, so chunks after one with a colon are left out.
  private func countValues(_ starts: [Int], _ parallel: Parallel) -> [Int] {
    let (text, loops) = (self.text, level.loops)
    var counts = [(commas: Int, hasColon: Bool)](repeating: (0, false), count: starts.count - 1)
    unsafe counts.withUnsafeMutableBufferPointer { counts in
      // Safe: each index is handed out once.
      parallel(counts.count) { index in
        unsafe counts[index] = loops.countCommas(text.extracting(starts[index]..<starts[index + 1]), stopsAtColon: true)
      }
    }
    let useful = counts.firstIndex { $0.hasColon }.map { $0 + 1 } ?? counts.count
    return counts[..<useful].map(\.commas)
  }
}

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
        var row = RowPattern()
        guard let next = readMinusInfinity(text, &position, rows: &row, into: &values) else { break }
        (stop, tails[0]) = (next, tails[0] + 1)
        if stop == .beforeValue {
          guard position <= end else {
            isComplete = true
            break
          }
          continue
        }
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
