internal import Kernels

/// A large tensor's text written in pieces at the same time. `unsafe` here is for one reason: each piece writes a part of
/// the buffer that is its own, which neither Array nor OutputSpan can hand out.

extension JSONWriter {
  /// Tensors of fewer values are not worth the threads.
  static var leastParallelCount: Int { 4096 }
  static var valuesInPiece: Int { 1024 }
  static var piecesInWave: Int { 16 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends a tensor's text, wave by wave. Each piece of a wave is written where it would begin if every number took the
  /// most bytes; while the next wave is written, one more task moves it to where it does begin. Returns false if it was told
  /// to stop between two waves.
  ///
  /// - Precondition: room for `JSONWriter.capacity(forTensor:)` bytes.
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, shape: TensorShape, format: NumberFormat, level: KernelLevel,
    _ parallel: Parallel, isCancelled: () -> Bool
  ) -> Bool {
    let size = JSONWriter.valuesInPiece
    let count = shape.volume
    let pieces = (count + size - 1) / size
    precondition(freeCapacity >= shape.textCapacity)
    return unsafe withUnsafeMutableBufferPointer { buffer, filled in
      var lengths = [Int](repeating: 0, count: pieces)
      let origin = filled
      var wave = 0..<0
      while true {
        let next = wave.upperBound..<min(wave.upperBound + JSONWriter.piecesInWave, pieces)
        let placed = filled
        unsafe lengths.withUnsafeMutableBufferPointer { lengths in
          parallel(next.count + 1) { index in
            if index == 0 {
              var end = placed
              for piece in wave {
                let start = origin + shape.place(ofPiece: piece, size)
                // Safe: no piece is longer than its place, so this one ends before the wave that is being written.
                unsafe buffer.move(from: start, to: end, count: lengths[piece])
                end += unsafe lengths[piece]
              }
            } else {
              let piece = next.lowerBound + index - 1
              let range = piece * size..<min((piece + 1) * size, count)
              let start = origin + shape.place(ofPiece: piece, size)
              let end = origin + shape.place(ofPiece: piece + 1, size)
              // Safe: the places ascend, do not overlap and end within the buffer.
              let own = unsafe UnsafeMutableBufferPointer(rebasing: buffer[start..<end])
              var output = unsafe OutputSpan(buffer: own, initializedCount: 0)
              output.append(tensor: values, in: range, shape: shape, format: format, level: level)
              unsafe lengths[piece] = unsafe output.finalize(for: own)
            }
          }
        }
        for piece in wave { filled += lengths[piece] }
        if next.isEmpty { return true }
        if isCancelled() { return false }
        wave = next
      }
    }
  }
}

extension TensorShape {
  /// The most bytes that the values before one take, with their commas, and the brackets before and behind them.
  private func textCapacity(before index: Int) -> Int {
    let count = Swift.min(index, volume)
    var capacity = count * (NumberText.maximumLength + 1)
    var size = 1
    for axis in indices.reversed() {
      size *= self[axis]
      capacity += (count + size - 1) / size + count / size
    }
    return capacity
  }

  /// Where a piece of `size` values begins if every number takes the most bytes, each piece with its own slack.
  func place(ofPiece index: Int, _ size: Int) -> Int { textCapacity(before: index * size) + index * NumberText.slack }

  /// Bytes that suffice for the tensor's text, in pieces or not.
  var textCapacity: Int { place(ofPiece: volume / JSONWriter.valuesInPiece + 1, JSONWriter.valuesInPiece) }
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
