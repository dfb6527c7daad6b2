internal import KernelDispatch
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
        unsafe counts[index] = loops.countCommas(text.extracting(starts[index]..<starts[index + 1]))
      }
    }
    let useful = counts.firstIndex { $0.hasColon }.map { $0 + 1 } ?? counts.count
    return counts[..<useful].map(\.commas)
  }
}

/// A large tensor's text is written in chunks at the same time. `unsafe` is here for one reason: each chunk writes its
/// own part of the buffer, which neither Array nor OutputSpan can hand out.

extension JSONWriter {
  /// Tensors of fewer values are not worth the threads.
  static var leastParallelCount: Int { 4096 }
  static var valuesInChunk: Int { 1024 }
  static var chunksInWave: Int { 16 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends a tensor's text, wave by wave. Each chunk of a wave is written where it would begin if every number took
  /// the most bytes. While the next wave is written, one more task moves the chunks to where they do begin.
  ///
  /// - Precondition: room for `JSONWriter.capacity(forTensor:)` bytes; it is checked.
  /// - Returns: false if it was told to stop between two waves.
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, layout: TensorLayout, encoder: NumberEncoder, parallel: Parallel,
    isCancelled: () -> Bool
  ) -> Bool {
    let size = JSONWriter.valuesInChunk
    let count = layout.count
    let chunks = (count + size - 1) / size
    precondition(freeCapacity >= layout.textCapacity)
    return unsafe withUnsafeMutableBufferPointer { buffer, filled in
      var lengths = [Int](repeating: 0, count: chunks)
      let origin = filled
      var wave = 0..<0
      while true {
        let next = wave.upperBound..<min(wave.upperBound + JSONWriter.chunksInWave, chunks)
        let placed = filled
        unsafe lengths.withUnsafeMutableBufferPointer { lengths in
          parallel(next.count + 1) { index in
            if index == 0 {
              var end = placed
              for chunk in wave {
                let start = origin + layout.place(ofChunk: chunk, size: size)
                // Safe: no chunk is longer than its place, so this one ends before the wave that is being written.
                unsafe buffer.move(from: start, to: end, count: lengths[chunk])
                end += unsafe lengths[chunk]
              }
            } else {
              let chunk = next.lowerBound + index - 1
              let range = chunk * size..<min((chunk + 1) * size, count)
              let start = origin + layout.place(ofChunk: chunk, size: size)
              let end = origin + layout.place(ofChunk: chunk + 1, size: size)
              // Safe: the places ascend, do not overlap and end within the buffer.
              let own = unsafe UnsafeMutableBufferPointer(rebasing: buffer[start..<end])
              var output = unsafe OutputSpan(buffer: own, initializedCount: 0)
              output.append(tensor: values, in: range, layout: layout, encoder: encoder)
              unsafe lengths[chunk] = unsafe output.finalize(for: own)
            }
          }
        }
        for chunk in wave { filled += lengths[chunk] }
        if next.isEmpty { return true }
        if isCancelled() { return false }
        wave = next
      }
    }
  }
}

extension UnsafeMutableBufferPointer<UInt8> {
  /// Copies bytes; the two ranges may overlap.
  func move(from source: Int, to destination: Int, count: Int) {
    precondition(source >= 0 && destination >= 0 && count >= 0)
    precondition(source + count <= self.count && destination + count <= self.count)
    guard let base = baseAddress else { return }
    // Safe: both ranges are within the buffer.
    unsafe (base + destination).update(from: base + source, count: count)
  }
}
