internal import VectorKernels

/// Reads the rows of tensors as binary64 numbers side by side.
struct RowReader: Sendable {
  private let layout: Layout
  /// A row that is not so in the tensor's own memory.
  private var row: [Double] = []
  /// The last rows read, of each tensor.
  private var strips: [RowStrip] = []

  init(_ layout: Layout) { self.layout = layout }

  /// Calls `body` with row n of a tensor of the logits' shape.
  mutating func read<Result, Failure: Error>(
    _ tensor: Numbers, row n: Int, _ body: (Span<Double>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard RowStrip.serves(layout) else {
      return try tensor.withRun(
        layout.classes, from: layout.start(of: n), step: layout.inner, copiedInto: &row, body)
    }
    let index = RowStrip.index(of: tensor.address, in: &strips, layout)
    if !strips[index].rows.contains(n) { strips[index].read(tensor, from: n, layout) }
    let (numbers, places) = (strips[index].numbers, strips[index].places(ofRow: n, layout))
    return try body(numbers.span.extracting(places))
  }
}

extension RowReader {
  /// So many numbers fit into a core's nearest cache, with what is made of them.
  fileprivate static let blockLength = 2048

  /// Whether rows are read and written by themselves, so that blocks of them can be.
  static func hasBlocks(_ layout: Layout) -> Bool { !RowStrip.serves(layout) }

  /// Calls `body` with one block of row n after the other, each with its first class.
  @inline(__always)
  mutating func readBlocks(of tensor: Numbers, row n: Int, _ body: (_ start: Int, RawSpan, NarrowElement) -> Void) {
    var start = 0
    while start < layout.classes {
      readBlock(of: tensor, row: n, from: start) { block, element in body(start, block, element) }
      start += Self.blockLength
    }
  }

  /// Calls `body` with the block of row n that begins at a class.
  @inline(__always)
  mutating func readBlock<Result>(
    of tensor: Numbers, row n: Int, from start: Int, _ body: (RawSpan, NarrowElement) -> Result
  ) -> Result {
    let count = min(Self.blockLength, layout.classes - start)
    let first = layout.start(of: n) + start * layout.inner
    return tensor.withBytes(count, from: first, step: layout.inner, copiedInto: &row, body)
  }
}

/// Has the rows of tensors written as binary64 numbers side by side.
///
/// Where rows are written together, the last ones wait: ``flush()`` writes them.
struct RowWriter: Sendable {
  private let layout: Layout
  /// A row that is not so in the tensor's own memory.
  private var row: [Double] = []
  /// The rows that wait, of each tensor.
  private var strips: [RowStrip] = []

  init(_ layout: Layout) { self.layout = layout }

  /// Has `body` write row n of a tensor of the logits' shape. - Returns: what `body` does.
  mutating func write<Result>(
    _ tensor: ResultBuffer, row n: Int, _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    guard RowStrip.serves(layout) else { return write(tensor, at: layout.start(of: n), body) }
    let index = RowStrip.index(of: tensor.address, in: &strips, layout)
    if !strips[index].hasRoom(forRow: n, layout) {
      strips[index].write(layout)
      strips[index].begin(atRow: n, tensor)
    }
    return strips[index].append(row: n, layout, body)
  }

  /// The same at a position of another tensor: `classes` numbers, `inner` apart.
  mutating func write<Result>(
    _ tensor: ResultBuffer, at start: Int, _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    tensor.write(layout.classes, from: start, step: layout.inner, by: &row, body)
  }

  /// Has `body` write one block of row n after the other, each with its first class, as long as it says that they are
  /// good. - Returns: whether all are.
  @inline(__always)
  mutating func writeBlocks(
    of tensor: ResultBuffer, row n: Int, _ body: (_ start: Int, inout MutableSpan<Double>) -> Bool
  ) -> Bool {
    var start = 0
    while start < layout.classes {
      let count = min(RowReader.blockLength, layout.classes - start)
      let first = layout.start(of: n) + start * layout.inner
      let isGood = tensor.write(count, from: first, step: layout.inner, by: &row) { block in body(start, &block) }
      guard isGood else { return false }
      start += count
    }
    return true
  }

  /// Writes the rows that wait.
  mutating func flush() {
    for index in strips.indices { strips[index].write(layout) }
  }
}

/// Up to eight rows of a tensor that lie beside each other in its memory, class by class.
///
/// One such row alone touches a line of memory for each class. Where these lines are whole pages apart, they share few
/// places in the caches, and drive each other out before the next row comes. Together the rows use each line at once.
///
/// `unsafe` is here for one reason: one of the rows is written as a span of its own.
@safe private struct RowStrip: Sendable {
  /// The tensor's.
  let address: UInt
  /// Those that it holds.
  private(set) var rows = 0..<0
  private(set) var numbers: [Double]  // [8][classes and a line more]
  /// Where they are to be written.
  private var target: ResultBuffer?

  private static let mostRows = 8
  /// Fewer lines find room in a cache as they are, and more rows of so many would need much memory.
  private static let classes = 32...8192
  /// Numbers in a page of 4 KiB.
  private static let page = 512

  /// Whether a tensor's rows are read and written so.
  static func serves(_ layout: Layout) -> Bool {
    layout.inner > 1 && layout.inner % page == 0 && classes.contains(layout.classes)
  }

  /// The place of a tensor's strip among others; one is made where there is none.
  static func index(of address: UInt, in strips: inout [RowStrip], _ layout: Layout) -> Int {
    if let index = strips.firstIndex(where: { $0.address == address }) { return index }
    strips.append(RowStrip(address, layout))
    return strips.count - 1
  }

  private init(_ address: UInt, _ layout: Layout) {
    self.address = address
    numbers = [Double](repeating: 0, count: Self.mostRows * Self.step(layout))
  }

  /// From one row to the next: a line more than the classes take, so that the rows share no places either.
  private static func step(_ layout: Layout) -> Int { layout.classes + 8 }

  /// Where one of the rows is.
  func places(ofRow n: Int, _ layout: Layout) -> Range<Int> {
    let start = (n - rows.lowerBound) * Self.step(layout)
    return start..<(start + layout.classes)
  }

  /// Reads row n and those beside it that follow.
  mutating func read(_ tensor: Numbers, from n: Int, _ layout: Layout) {
    rows = n..<(n + min(Self.mostRows, layout.inner - n % layout.inner))
    let (start, step, count) = (layout.start(of: n), Self.step(layout), rows.count)
    var copy: [Double] = []
    var numbers = numbers.mutableSpan
    for c in 0..<layout.classes {
      tensor.withRun(count, from: start + c * layout.inner, copiedInto: &copy) { line in
        for index in line.indices { numbers[index * step + c] = line[index] }
      }
    }
  }

  /// Whether row n can follow the others.
  func hasRoom(forRow n: Int, _ layout: Layout) -> Bool {
    !rows.isEmpty && n == rows.upperBound && rows.count < Self.mostRows && n % layout.inner > 0
  }

  mutating func begin(atRow n: Int, _ tensor: ResultBuffer) {
    rows = n..<n
    target = tensor
  }

  /// Adds a row that `body` writes. - Returns: what `body` does.
  mutating func append<Result>(row n: Int, _ layout: Layout, _ body: (inout MutableSpan<Double>) -> Result) -> Result {
    rows = rows.lowerBound..<(n + 1)
    let places = places(ofRow: n, layout)
    return unsafe numbers.withUnsafeMutableBufferPointer { numbers in
      var row = unsafe MutableSpan(_unsafeElements: UnsafeMutableBufferPointer(rebasing: numbers[places]))
      return body(&row)
    }
  }

  /// Writes the rows, and forgets them.
  mutating func write(_ layout: Layout) {
    guard let target, let first = rows.first else { return }
    let (start, step, numbers) = (layout.start(of: first), Self.step(layout), numbers)
    var line = InlineArray<8, Double>(repeating: 0)
    for c in 0..<layout.classes {
      for index in 0..<rows.count { line[index] = numbers[index * step + c] }
      target.write(line.span.extracting(first: rows.count), from: start + c * layout.inner)
    }
    rows = 0..<0
  }
}

extension SoftmaxProblem {
  /// Bytes that so many threads keep of the rows that they work on: a class's exponential, and its places in copies of
  /// the row and of the row's results, where these are not used where they are.
  public func bytesAtWork(threads: Int) -> Int {
    let isInPlace = layout.inner == 1 && logits.isArray
    return min(layout.batch, threads) * layout.classes * (isInPlace ? 16 : RowStrip.serves(layout) ? 160 : 32)
  }
}
