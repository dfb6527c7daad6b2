internal import Kernels

extension JSONWriter {
  /// Bytes that suffice for a tensor, so that a caller can take a buffer for a whole text at once.
  public static func capacity(forTensor shape: TensorShape) -> Int { shape.textCapacity }

  /// Writes nested arrays of numbers, or a bare number for the shape [].
  /// - Parameters:
  ///   - values: row-major, the product of `shape` values.
  ///   - shape: the extents, outermost first, none of them 0.
  ///   - format: what the text of each number reads back to.
  ///   - parallel: as in `JSONReader.readTensor`; the bytes are the same.
  ///   - isCancelled: asked now and then; `true` ends the writing of a large tensor.
  /// - Returns: false if it was ended so; then the text is of no use.
  @discardableResult
  public mutating func tensor(
    _ values: Span<Double>, shape: TensorShape, format: NumberFormat = .binary64, parallel: Parallel? = nil,
    isCancelled: () -> Bool = { false }
  ) -> Bool {
    separate()
    let count = shape.volume
    let level = level
    var isWhole = true
    bytes.append(addingCapacity: shape.textCapacity) { output in
      if let parallel, count >= JSONWriter.leastParallelCount {
        isWhole = output.append(
          tensor: values, shape: shape, format: format, level: level, parallel, isCancelled: isCancelled)
      } else {
        output.append(tensor: values, in: 0..<count, shape: shape, format: format, level: level)
      }
    }
    needsComma = true
    return isWhole
  }
}

extension TensorShape {
  /// How many arrays begin before the value at `index`, or end behind the value before it.
  func brackets(at index: Int) -> Int {
    var brackets = 0
    var size = 1
    for axis in indices.reversed() {
      size *= self[axis]
      if index % size != 0 { break }
      brackets += 1
    }
    return brackets
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends the part of a tensor's text that belongs to a range of its values: brackets before and behind them, and the
  /// comma behind the last but at the tensor's end.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, in range: Range<Int>, shape: TensorShape, format: NumberFormat,
    level: KernelLevel
  ) {
    let count = shape.volume
    let row = shape.last ?? 1
    var index = range.lowerBound
    var brackets = shape.brackets(at: index)
    while index < range.upperBound {
      let end = min(range.upperBound, (index / row + 1) * row)
      append(repeating: UInt8(ascii: "["), count: brackets)
      append(numbers: values, in: index..<end, format: format, level: level)
      brackets = shape.brackets(at: end)
      append(repeating: UInt8(ascii: "]"), count: brackets)
      if end < count { append(UInt8(ascii: ",")) }
      index = end
    }
  }
}
