internal import Allocation
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

/// Which rows of a tensor stand in groups of eight, and how their numbers get there and back.
struct RowSelection {
  private let layout: Layout
  /// The rows in order.
  private(set) var numbers: [Int] = []
  /// Numbers that do not lie side by side as binary64.
  private var run: [Double] = []

  init(_ layout: Layout, room: Int) {
    self.layout = layout
    numbers.reserveCapacity(room)
  }

  var count: Int { numbers.count }

  mutating func append(_ n: Int) { numbers.append(n) }

  mutating func append(_ rows: Range<Int>) { numbers.append(contentsOf: rows) }

  mutating func removeAll() { numbers.removeAll(keepingCapacity: true) }

  /// How many groups they are in.
  var groups: Int { (count + 7) / 8 }

  /// Rows that are moved together: those that lie one behind the other in the tensor, or a tile, eight side by side
  /// that are a group.
  private struct Stretch {
    /// Where the first of them is in the tensor.
    let start: Int
    let end: Int
    let isTile: Bool
  }

  private func stretch(from row: Int) -> Stretch {
    let first = numbers[row]
    let start = layout.start(of: first)
    var end = row + 1
    if layout.inner == 1 {
      // The numbers ascend, so that as many as rows are all of them.
      if numbers[count - 1] - first == count - 1 - row { end = count }
      while end < count, numbers[end] == numbers[end - 1] + 1 { end += 1 }
      return Stretch(start: start, end: end, isTile: false)
    }
    let isTile =
      row % 8 == 0 && row + 8 <= count && numbers[row + 7] == first + 7 && first % layout.inner + 8 <= layout.inner
    return Stretch(start: start, end: isTile ? row + 8 : end, isTile: isTile)
  }

  /// Goes through the numbers that lie one behind the other, or `inner` apart, both in the tensor and in the groups.
  ///
  /// - Parameters:
  ///   - rows: called with so many of whole rows, from a row on, and where they begin in the tensor.
  ///   - lanes: called with eight of a tile's class: where they begin in the groups and in the tensor.
  @inline(__always)
  private func forEachRun(
    rows: (_ count: Int, _ row: Int, _ start: Int) -> Void, lanes: (_ index: Int, _ start: Int) -> Void
  ) {
    let classes = layout.classes
    var row = 0
    while row < count {
      let stretch = stretch(from: row)
      if stretch.isTile {
        for c in 0..<classes { lanes(row * classes + 8 * c, stretch.start + c * layout.inner) }
      } else {
        rows((stretch.end - row) * classes, row, stretch.start)
      }
      row = stretch.end
    }
  }

  /// Copies the rows of a tensor into groups.
  mutating func gather(_ tensor: Numbers, into groups: inout [Double]) {
    groups.resize(to: 8 * self.groups * layout.classes)
    var groups = groups.mutableSpan
    var run = exchange(&run, with: [])
    defer { self.run = run }
    let (classes, inner) = (layout.classes, layout.inner)
    forEachRun { count, row, start in
      tensor.withRun(count, from: start, step: inner, copiedInto: &run) { numbers in
        interleave(numbers, classes: classes, from: row, into: &groups)
      }
    } lanes: { index, start in
      tensor.withRun(8, from: start, copiedInto: &run) { numbers in
        for lane in 0..<8 { groups[index + lane] = numbers[lane] }
      }
    }
  }

  /// Copies the rows of groups into a tensor.
  mutating func write(_ groups: [Double], to tensor: ResultBuffer) {
    let groups = groups.span
    var run = exchange(&run, with: [])
    defer { self.run = run }
    let (classes, inner) = (layout.classes, layout.inner)
    forEachRun { count, row, start in
      tensor.write(count, from: start, step: inner, by: &run) { numbers in
        deinterleave(groups, classes: classes, from: row, into: &numbers)
      }
    } lanes: { index, start in
      tensor.write(groups.extracting(index..<index + 8), from: start)
    }
  }
}

/// What the loops compute z of: the logits of groups of rows, or the z of capped ones.
struct RowArguments {
  /// [groups][classes][8], where a lane without a row holds an earlier one, or zeros; or twice that, the z's high parts
  /// and then the low parts.
  fileprivate(set) var pairs: [Double]
  /// How many logits there are.
  fileprivate(set) var count = 0
  /// The temperature, and how far z may be from the real one.
  let shift: RowShift

  var numbers: Span<Double> {
    @_lifetime(borrow self) get { pairs.span.extracting(first: count) }
  }

  /// What each z is more than the numbers and the shift say; empty if it is nothing.
  var rests: Span<Double> {
    @_lifetime(borrow self) get { pairs.span.extracting(droppingFirst: count) }
  }
}

/// A tensor's rows in groups, and what the loops know of them.
struct RowGroups {
  private let tensor: Numbers
  private let cap: RowCap?
  private(set) var arguments: RowArguments
  /// The logits, where they are capped.
  private var logits: [Double] = []
  private(set) var exponentials: DoubleDoubleBuffer  // [2][groups][classes][8]
  /// The derivatives of capped logits, if the logits are.
  private(set) var capSlopes = DoubleDoubleBuffer()
  private var rows: [InterleavedRows]  // [groups]
  /// How many groups there are.
  private var count = 0

  /// - Parameters:
  ///   - room: how many rows there are at most, a multiple of eight.
  ///   - temperature, cap: those of the rows.
  ///   - rows: what is known of each group beforehand.
  init(
    _ tensor: Numbers, classes: Int, room: Int, temperature: Double, cap: RowCap? = nil,
    _ rows: InterleavedRows = InterleavedRows()
  ) {
    self.tensor = tensor
    self.cap = cap
    arguments = RowArguments(
      pairs: [Double](repeating: 0, largeCount: room * classes),
      shift: cap.map { RowShift(known: $0.error) } ?? RowShift(maximum: 0, temperature: temperature))
    exponentials = DoubleDoubleBuffer(uninitialized: room * classes)
    self.rows = [InterleavedRows](repeating: rows, largeCount: room / 8)
  }

  /// What is known of a group.
  subscript(group: Int) -> InterleavedRows {
    _read { yield rows[group] }
    _modify { yield &rows[group] }
  }

  /// Where a row's first class is; the next ones are eight apart.
  func place(ofRow row: Int, classes: Int) -> Int { (row & ~7) * classes + row % 8 }

  /// The classes of the largest logits of the first rows read, `most` of each as ``TopClasses`` has them: one row
  /// behind the other.
  func top(_ most: Int, classes: Int, rows: Int) -> [Int] {
    var found = [Int](repeating: 0, count: most * rows)
    let logits = cap == nil ? arguments.pairs : logits
    for row in 0..<rows {
      let start = place(ofRow: row, classes: classes)
      for c in 0..<classes {
        TopClasses.insert(c, of: logits.span, from: start, step: 8, into: &found, at: row * most, most: most)
      }
    }
    return found
  }

  /// Sets the target classes of rows from one on, as far as none of them is `ignored`.
  /// - Returns: how many it has set.
  mutating func setTargets(from row: Int, _ targets: Span<Int>, before ignored: Int) -> Int {
    var rows = rows.mutableSpan
    for index in targets.indices {
      let target = targets[index]
      if target == ignored { return index }
      rows[(row + index) / 8].target[(row + index) % 8] = Double(target)
    }
    return targets.count
  }

  /// Reads some rows, and computes their exponentials and the sums of these.
  mutating func read(_ selection: inout RowSelection, by loops: any VectorLoops.Type, vanishing: Double) {
    count = selection.groups
    if let cap {
      readCapped(&selection, cap, by: loops)
    } else {
      selection.gather(tensor, into: &arguments.pairs)
      arguments.count = arguments.pairs.count
    }
    let (arguments, table) = (arguments, exponentialTable)
    var exponentials = exchange(&self.exponentials, with: DoubleDoubleBuffer())
    exponentials.resize(to: arguments.count)
    var pairs = exponentials.numbers.mutableSpan
    change { rows in
      loops.interleavedExponentials(
        arguments.numbers, rests: arguments.rests, shift: arguments.shift, vanishing: vanishing, table: table.span,
        into: &pairs, &rows)
    }
    self.exponentials = exponentials
  }

  /// Reads some rows, and caps them.
  private mutating func readCapped(_ selection: inout RowSelection, _ cap: RowCap, by loops: any VectorLoops.Type) {
    selection.gather(tensor, into: &logits)
    var pairs = exchange(&arguments.pairs, with: [])
    var capSlopes = exchange(&self.capSlopes, with: DoubleDoubleBuffer())
    let (logits, table) = (logits, exponentialTable)
    arguments.count = logits.count
    pairs.resize(to: 2 * logits.count)
    capSlopes.resize(to: logits.count)
    var z = pairs.mutableSpan
    var slopes = capSlopes.numbers.mutableSpan
    change { rows in
      loops.interleavedCapped(
        logits.span, cap: cap.shift, scale: cap.scale, table: table.span, into: &z, slopes: &slopes, &rows)
    }
    arguments.pairs = pairs
    self.capSlopes = capSlopes
  }

  mutating func computeLogSums(by loops: any VectorLoops.Type) {
    let table = exponentialTable
    change { rows in loops.interleavedLogSums(&rows, table: table.span) }
  }

  /// Lets a loop change what is known of the rows.
  @inline(__always)
  mutating func change<Result>(_ loop: (inout MutableSpan<InterleavedRows>) -> Result) -> Result {
    let count = count
    var all = rows.mutableSpan
    var rows = all._mutatingExtracting(first: count)
    return loop(&rows)
  }

  /// What is known of the rows.
  var span: Span<InterleavedRows> {
    @_lifetime(borrow self) get { rows.span.extracting(first: count) }
  }
}

extension DoubleDoubleBuffer {
  /// The pairs times the derivatives of capped logits; as they are where the logits are not capped, and there are none.
  /// - Parameter vanishing: no result shows a product below this.
  func times(
    _ slopes: DoubleDoubleBuffer, vanishing: Double = 0, by loops: any VectorLoops.Type
  ) -> DoubleDoubleBuffer {
    guard slopes.numbers.count > 0 else { return self }
    var result = DoubleDoubleBuffer(uninitialized: slopes.numbers.count / 2)
    var products = result.numbers.mutableSpan
    loops.multiplied(high, low, by: slopes.numbers.span, vanishing: vanishing, into: &products)
    return result
  }
}
