internal import Allocation
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
    numbers = [Double](repeating: 0, largeCount: count)
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

/// Reads the rows of tensors as binary64 numbers side by side.
struct RowReader: Sendable {
  private let layout: Layout
  /// A row that is not so in the tensor's own memory.
  private var row: [Double] = []

  init(_ layout: Layout) { self.layout = layout }

  /// Calls `body` with row n of a tensor of the logits' shape.
  mutating func read<Result, Failure: Error>(
    _ tensor: Numbers, row n: Int, _ body: (Span<Double>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try tensor.withRun(layout.classes, from: layout.start(of: n), step: layout.inner, copiedInto: &row, body)
  }
}

/// Has the rows of tensors written as binary64 numbers side by side.
struct RowWriter: Sendable {
  private let layout: Layout
  /// A row that is not so in the tensor's own memory.
  private var row: [Double] = []

  init(_ layout: Layout) { self.layout = layout }

  /// Has `body` write row n of a tensor of the logits' shape. - Returns: what `body` does.
  mutating func write<Result>(
    _ tensor: ResultBuffer, row n: Int, _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    write(tensor, at: layout.start(of: n), body)
  }

  /// The same at a position of another tensor: `classes` numbers, `inner` apart.
  mutating func write<Result>(
    _ tensor: ResultBuffer, at start: Int, _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    tensor.write(layout.classes, from: start, step: layout.inner, by: &row, body)
  }
}
