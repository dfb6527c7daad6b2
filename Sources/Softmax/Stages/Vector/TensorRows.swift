internal import VectorKernels

/// Reads the rows of tensors as binary64 numbers side by side.
struct RowReader: Sendable {
  private let layout: Layout
  /// A row that is not so in the tensor's own memory.
  private var row: [Double] = []

  init(_ layout: Layout) { self.layout = layout }

  /// The last row that was read of a tensor that is being overwritten, as it was; nil for others, which keep theirs.
  func overwrittenRow(of tensor: Numbers) -> KeptLogits? {
    tensor.overwrittenType.map { KeptLogits(Numbers(copying: row.span, as: $0)) }
  }

  /// Calls `body` with row n of a tensor of the logits' shape.
  mutating func read<Result, Failure: Error>(
    _ tensor: Numbers, row n: Int, _ body: (Span<Double>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try tensor.withRun(layout.classes, from: layout.start(of: n), step: layout.inner, copiedInto: &row, body)
  }
}

extension RowReader {
  /// So many numbers fit into a core's nearest cache, with what is made of them.
  fileprivate static let blockLength = 2048

  /// Calls `body` with one block of row n after the other, each with its first class.
  @inline(__always)
  mutating func readBlocks(of tensor: Numbers, row n: Int, _ body: (_ start: Int, RawSpan, NativeFloat) -> Void) {
    var start = 0
    while start < layout.classes {
      readBlock(of: tensor, row: n, from: start) { block, element in body(start, block, element) }
      start += Self.blockLength
    }
  }

  /// Calls `body` with the block of row n that begins at a class.
  @inline(__always)
  mutating func readBlock<Result>(
    of tensor: Numbers, row n: Int, from start: Int, _ body: (RawSpan, NativeFloat) -> Result
  ) -> Result {
    let count = min(Self.blockLength, layout.classes - start)
    let first = layout.position(row: n, class: start)
    return tensor.withBytes(count, from: first, step: layout.inner, copiedInto: &row, body)
  }
}

/// Has the rows of tensors written as binary64 numbers side by side.
struct RowWriter: Sendable {
  private let layout: Layout
  /// A row that is not so in the tensor's own memory.
  private var row: [Double] = []

  init(_ layout: Layout) { self.layout = layout }

  /// Has `body` write row n of a tensor of the logits' shape.
  /// - Returns: what `body` does.
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

  /// Has `body` write one block of row n after the other, each with its first class, as long as it says that they are
  /// good.
  ///
  /// - Parameter memory: what the blocks are made of, [classes]: each part is given up once `body` has read it.
  /// - Returns: whether all are. If not, a row that is in its logits' place is as it was.
  @inline(__always)
  mutating func writeBlocks(
    of tensor: ResultBuffer, row n: Int, from memory: inout [Double],
    _ body: (_ start: Int, Span<Double>, inout MutableSpan<Double>) -> Bool
  ) -> Bool {
    var start = 0
    while start < layout.classes {
      let count = min(RowReader.blockLength, layout.classes - start)
      let first = layout.position(row: n, class: start)
      guard tensor.isOverLogits(first) else {
        let isGood = tensor.write(count, from: first, step: layout.inner, by: &row) { block in
          body(start, memory.span, &block)
        }
        guard isGood else { return false }
        start += count
        continue
      }
      row.resize(to: count)
      var block = row.mutableSpan
      guard body(start, memory.span, &block) else {
        tensor.restore(start, from: layout.start(of: n), parts: RowReader.blockLength, keptIn: memory)
        return false
      }
      tensor.keep(count, from: first, in: &memory, at: start)
      tensor.write(row.span, from: first, step: layout.inner)
      start += count
    }
    return true
  }
}

extension SoftmaxProblem {
  /// Bytes that this many threads keep of the rows that they work on: a class's exponential, what a cap makes of it,
  /// and its places in copies of the row and of the row's results, where these are not used where they are; of as many
  /// rows as go together. In the same places the later stages have the row and the order of its logits, and besides
  /// some exponentials.
  public func bytesAtWork(threads: Int) -> Int {
    let isInPlace = layout.inner == 1 && logits.isArray
    let rows = GroupedRows.serves(self) ? GroupedRows.room(layout) : 1
    let perClass = (isInPlace ? 16 : 32) + (softcap == nil ? 0 : 48)
    let exponentials = KeptExponentials.bytes(classes: layout.classes)
    return min(layout.batch, threads) * (layout.classes * rows * perClass + exponentials)
  }
}

extension LossProblem {
  /// The same with a target for each class, which has places like the row's.
  public func bytesAtWork(threads: Int) -> Int {
    let own = softmax.bytesAtWork(threads: threads)
    if case .indices = target { return own }
    let classes = softmax.layout.classes
    return own + min(softmax.layout.batch, threads) * (classes * 32 + KeptExponentials.bytes(classes: classes))
  }
}
