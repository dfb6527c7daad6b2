public import VectorKernels

extension JSONWriter {
  /// Bytes that are enough for a tensor, so that a caller can take a buffer for a whole text at once.
  public static func capacity(forTensor extents: Span<Int>) -> Int { TensorLayout(extents).textCapacity }

  /// Writes nested arrays of numbers, or a bare number if there are no extents.
  /// - Parameters:
  ///   - values: row-major; as many as the product of `extents`.
  ///   - extents: the length of each dimension, outermost first, none of them 0.
  ///   - format: what the text of each number reads back to.
  ///   - parallel: as in `JSONReader.readTensor`; the bytes are the same.
  ///   - isCancelled: asked now and then; `true` ends the writing of a large tensor.
  /// - Returns: false if it was ended so; then the text is of no use.
  @discardableResult
  public mutating func tensor(
    _ values: Span<Double>, extents: Span<Int>, format: NumberFormat = .binary64, parallel: Parallel? = nil,
    isCancelled: () -> Bool = { false }
  ) -> Bool {
    separate()
    let layout = TensorLayout(extents)
    let encoder = NumberEncoder(format: format, level: level)
    var isWhole = true
    bytes.append(addingCapacity: layout.textCapacity) { output in
      if let parallel, layout.count >= JSONWriter.leastParallelCount {
        isWhole = output.append(
          tensor: values, layout: layout, encoder: encoder, parallel: parallel, isCancelled: isCancelled)
      } else {
        output.append(tensor: values, in: 0..<layout.count, layout: layout, encoder: encoder)
      }
    }
    needsComma = true
    return isWhole
  }
}

/// Where the brackets of a tensor's text are, and how many bytes the text may take.
struct TensorLayout {
  /// The length of each dimension, innermost first; 1 where there is none.
  private var extents = InlineArray<9, Int>(repeating: 1)
  private let rank: Int
  /// How many values there are.
  private(set) var count = 1

  /// - Precondition: no more dimensions than one above ``TensorLimits/greatestRank``, as a Jacobian has.
  init(_ extents: Span<Int>) {
    rank = extents.count
    for place in 0..<rank {
      self.extents[place] = extents[rank - 1 - place]
      count *= self.extents[place]
    }
  }

  /// The length of an innermost array.
  var row: Int { extents[0] }

  /// How many arrays begin before the value at `index`, or end after the value before it.
  func brackets(at index: Int) -> Int {
    var brackets = 0
    var size = 1
    for place in 0..<rank {
      size *= extents[place]
      if index % size != 0 { break }
      brackets += 1
    }
    return brackets
  }

  /// The most bytes that the values before `index` take, with their commas, and the brackets before and after them.
  private func textCapacity(before index: Int) -> Int {
    let count = min(index, count)
    var capacity = count * (NumberEncoder.maximumLength + 1)
    var size = 1
    for place in 0..<rank {
      size *= extents[place]
      capacity += (count + size - 1) / size + count / size
    }
    return capacity
  }

  /// Where a chunk of `size` values begins if every number takes the most bytes, each chunk with its own slack.
  func place(ofChunk index: Int, size: Int) -> Int { textCapacity(before: index * size) + index * NumberEncoder.slack }

  /// Bytes that are enough for the tensor's text, in chunks or not.
  var textCapacity: Int { place(ofChunk: count / JSONWriter.valuesInChunk + 1, size: JSONWriter.valuesInChunk) }
}

extension OutputSpan where Element == UInt8 {
  /// Appends the part of a tensor's text that belongs to a range of its values: the brackets before and after them, and
  /// the comma after the last, except at the tensor's end.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, in range: Range<Int>, layout: TensorLayout, encoder: NumberEncoder
  ) {
    let row = layout.row
    var index = range.lowerBound
    var brackets = layout.brackets(at: index)
    while index < range.upperBound {
      let end = min(range.upperBound, (index / row + 1) * row)
      append(repeating: UInt8(ascii: "["), count: brackets)
      append(numbers: values.extracting(index..<end), encoder: encoder)
      brackets = layout.brackets(at: end)
      append(repeating: UInt8(ascii: "]"), count: brackets)
      if end < layout.count { append(UInt8(ascii: ",")) }
      index = end
    }
  }
}
