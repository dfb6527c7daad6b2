extension JSONWriter {
  /// Bytes that suffice for a tensor, so that a caller can take a buffer for a whole text at once.
  public static func capacity(forTensor shape: [Int]) -> Int {
    TensorLayout(shape).capacity
  }

  /// Writes nested arrays of numbers, or a bare number for the shape [].
  /// - Parameters:
  ///   - values: row-major, the product of `shape` values.
  ///   - shape: the extents, outermost first, none of them 0.
  ///   - format: what the text of each number reads back to.
  ///   - parallel: as in `JSONReader.readTensor`; the bytes are the same.
  public mutating func tensor(
    _ values: Span<Double>, shape: [Int], format: NumberFormat = .binary64, parallel: Parallel? = nil
  ) {
    separate()
    let layout = TensorLayout(shape)
    bytes.append(addingCapacity: layout.capacity) { output in
      if let parallel, layout.count >= JSONWriter.leastParallelCount {
        output.append(tensor: values, layout: layout, format: format, parallel)
      } else {
        output.append(tensor: values, in: 0..<layout.count, layout: layout, format: format)
      }
    }
    needsComma = true
  }
}

/// How many values each level of nesting holds.
struct TensorLayout {
  let count: Int
  /// The number of values in an array at each depth, innermost first; empty for a bare number.
  let strides: [Int]

  init(_ shape: [Int]) {
    var strides: [Int] = []
    var count = 1
    for extent in shape.reversed() {
      count *= extent
      strides.append(count)
    }
    self.count = count
    self.strides = strides
  }

  /// The values in an innermost array.
  var row: Int { strides.first ?? 1 }

  /// How many arrays begin before the value at `index`, or end behind the value before it.
  func brackets(at index: Int) -> Int {
    var brackets = 0
    while brackets < strides.count, index % strides[brackets] == 0 { brackets += 1 }
    return brackets
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends the part of a tensor's text that belongs to a range of its values: brackets before and behind them, and the
  /// comma behind the last but at the tensor's end.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, in range: Range<Int>, layout: TensorLayout, format: NumberFormat
  ) {
    var index = range.lowerBound
    while index < range.upperBound {
      let end = min(range.upperBound, (index / layout.row + 1) * layout.row)
      append(repeating: UInt8(ascii: "["), count: layout.brackets(at: index))
      append(numbers: values, in: index..<end, format: format)
      append(repeating: UInt8(ascii: "]"), count: layout.brackets(at: end))
      if end < layout.count { append(UInt8(ascii: ",")) }
      index = end
    }
  }
}
