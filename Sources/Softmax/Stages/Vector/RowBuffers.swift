internal import VectorKernels

/// A row of double-double numbers as the kernels keep it, in one array: the high parts, padded to whole vectors, and
/// behind them the low parts.
struct DoubleDoubleBuffer: Sendable {
  var numbers: [Double] = []  // [2][padded classes]

  /// Sees that there is room for a row of so many classes; what was there is then of no use.
  mutating func makeRoom(for classes: Int) {
    let count = 2 * paddedCount(classes)
    guard numbers.count != count else { return }
    numbers = []
    numbers.append(addingCapacity: count) { output in output.append(repeating: 0, count: count) }
  }

  var high: Span<Double> {
    @_lifetime(borrow self) get { numbers.span.extracting(first: numbers.count / 2) }
  }

  var low: Span<Double> {
    @_lifetime(borrow self) get { numbers.span.extracting(last: numbers.count / 2) }
  }

  subscript(position: Int) -> DoubleDouble {
    get { DoubleDouble(high: numbers[position], low: numbers[numbers.count / 2 + position]) }
    set {
      numbers[position] = newValue.high
      numbers[numbers.count / 2 + position] = newValue.low
    }
  }
}

/// Reads the rows of tensors as contiguous numbers.
struct StridedRowReader: Sendable {
  let layout: Layout
  /// [classes] where a row's elements lie apart, else empty.
  private var row: [Double]

  init(_ layout: Layout) {
    self.layout = layout
    row = layout.inner == 1 ? [] : [Double](repeating: 0, count: layout.classes)
  }

  /// Calls `body` with row n of a tensor of the logits' shape.
  mutating func read<Result, Failure: Error>(
    _ tensor: [Double], row n: Int, _ body: (Span<Double>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = layout.start(of: n)
    guard layout.inner != 1 else { return try body(tensor.span.extracting(start..<(start + layout.classes))) }
    let source = tensor.span
    for c in 0..<layout.classes { row[c] = source[start + c * layout.inner] }
    return try body(row.span)
  }
}

extension Layout {
  /// Has `body` write row n of a tensor of the logits' shape, which begins at `origin` in a buffer.
  /// - Returns: what `body` does.
  func write<Result>(
    _ buffer: ConcurrentOutputBuffer<Double>, from origin: Int, row n: Int,
    _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    write(buffer, at: origin + start(of: n), body)
  }

  /// The same at a position of the buffer: `classes` numbers, `inner` apart.
  func write<Result>(
    _ buffer: ConcurrentOutputBuffer<Double>, at start: Int, _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    guard inner != 1 else { return buffer.write(start..<(start + classes), body) }
    var results = [Double](repeating: 0, count: classes)
    var span = results.mutableSpan
    let result = body(&span)
    for c in 0..<classes { buffer[start + c * inner] = results[c] }
    return result
  }
}
