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
