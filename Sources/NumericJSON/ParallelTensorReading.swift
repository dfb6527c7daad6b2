/// A large tensor's text in pieces, read at the same time. `unsafe` here is for one reason: each piece writes a part of
/// storage that is its own, which neither Array nor OutputSpan can hand out.

extension JSONReader {
  /// Texts shorter than this are not worth the threads.
  static var leastParallelText: Int { 128 << 10 }
  /// How many pieces are read before their results are joined.
  private static var piecesInWave: Int { 64 }

  /// Reads on from where an element of an innermost array must begin, for as long as all is ordinary, as `readTensorRuns`
  /// does and to the same effect.
  ///
  /// What is not ordinary in a piece is left to the sequential reader, which goes on at the piece's last good place. So
  /// nothing is read twice, but what was read in vain behind that place: at most one wave, for this is done once a tensor.
  @_lifetime(self: copy self)
  mutating func readTensorPieces(_ state: inout TensorState, _ parallel: Parallel) -> RunStop {
    let (text, level) = (self.text, level)
    while text.count - position >= JSONReader.leastParallelText {
      let starts = pieceStarts()
      guard starts.count > 2 else { return .beforeValue }
      var offsets = [0]
      for count in countValues(starts, parallel) { offsets.append(offsets[offsets.count - 1] + count) }
      let total = offsets.count - 1
      guard state.makeRoom(for: offsets[total], at: position) else { return .beforeValue }

      let rank = state.depth
      var pieces = [TensorPiece?](repeating: nil, count: total)
      var stop = RunStop.beforeValue
      var isWhole = true
      var next = position
      unsafe state.withRoom(offsets[total]) { storage, state in
        unsafe pieces.withUnsafeMutableBufferPointer { pieces in
          parallel(total) { index in
            // Safe: the offsets ascend and end within the storage, and each index is handed out once.
            let own = unsafe UnsafeMutableBufferPointer(rebasing: storage[offsets[index]..<offsets[index + 1]])
            var values = unsafe OutputSpan(buffer: own, initializedCount: 0)
            let piece = TensorPiece(
              text, from: starts[index], to: starts[index + 1] - 1, rank: rank, level, into: &values)
            unsafe pieces[index] = piece
            _ = unsafe values.finalize(for: own)
          }
        }
        var joined = 0
        for index in 0..<total {
          guard isWhole, let piece = pieces[index], piece.join(&state, rank: rank) else {
            isWhole = false
            break
          }
          joined += piece.count
          next = piece.isComplete ? starts[index + 1] : piece.position
          stop = piece.stop
          isWhole = piece.isComplete && joined == offsets[index + 1]
        }
        return joined
      }
      position = next
      if !isWhole || total + 1 < starts.count { return stop }
    }
    return .beforeValue
  }

  /// Where the next pieces begin, and where the last of them ends: behind commas that a number or a string follows. They
  /// grow smaller toward the end, so that all threads end together.
  private func pieceStarts() -> [Int] {
    var starts = [position]
    while starts.count <= JSONReader.piecesInWave {
      let start = starts[starts.count - 1]
      var offset = start + min(max((text.count - start) / 16, 8 << 10), 128 << 10)
      // A tensor of many short rows has few such commas; one that has none for long is not read in parallel.
      let end = min(offset + 4096, text.count - NearText.reach)
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

  /// How many values each piece holds if it holds nothing but numbers: as many as commas, the one at its end included.
  ///
  /// A colon tells that the tensor ends before it; pieces behind one that has it are left out.
  private func countValues(_ starts: [Int], _ parallel: Parallel) -> [Int] {
    let text = self.text
    var counts = [(commas: Int, hasColon: Bool)](repeating: (0, false), count: starts.count - 1)
    unsafe counts.withUnsafeMutableBufferPointer { counts in
      // Safe: each index is handed out once.
      parallel(counts.count) { index in
        unsafe counts[index] = text.countOfCommas(in: starts[index]..<starts[index + 1])
      }
    }
    let useful = counts.firstIndex { $0.hasColon }.map { $0 + 1 } ?? counts.count
    return counts[..<useful].map(\.commas)
  }
}

extension TensorState {
  /// Room for `count` values more; false where they might be too many.
  mutating func makeRoom(for count: Int, at position: Int) -> Bool {
    let needed = values.count + count
    if needed > maximumCount { return false }
    if needed > values.capacity { reserve(atLeast: needed, at: position) }
    return true
  }

  /// Lets `body` fill storage behind the values, of which there is room for `count`; it returns how many it filled, from
  /// the first on.
  mutating func withRoom(
    _ count: Int, _ body: (UnsafeMutableBufferPointer<Double>, inout TensorState) -> Int
  ) {
    var values: [Double] = []
    swap(&values, &self.values)
    values.append(addingCapacity: count) { output in
      unsafe output.withUnsafeMutableBufferPointer { storage, filled in
        filled = unsafe body(storage, &self)
      }
    }
    swap(&values, &self.values)
  }
}
