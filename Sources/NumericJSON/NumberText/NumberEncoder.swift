internal import KernelDispatch
public import VectorKernels

/// The format of a number that is written as text: the shortest decimal that reads back to the same number of the
/// format, and of the shortest the closest.
public typealias NumberFormat = BinaryFormat

/// Writes numbers as text, eight at a time: a format, and the vector loops that find the decimals.
struct NumberEncoder {
  let format: NumberFormat
  private let loops: any VectorLoops.Type

  init(format: NumberFormat, level: KernelLevel) {
    self.format = format
    loops = level.loops
  }

  /// The most bytes that a number takes: "-2.2250738585072014e-308".
  static var maximumLength: Int { 24 }
  /// How many bytes after a number and its comma may be written to, since 32 bytes are stored for each number.
  static var slack: Int { 8 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends numbers with commas between them, or breaks where rows end.
  ///
  /// - Precondition: room for `maximumLength` + 1 bytes a number, for the breaks' brackets, and `slack` more. The
  ///   numbers' part is checked.
  @_lifetime(self: copy self)
  mutating func append(numbers values: Span<Double>, rows: RowBreaks = .none, encoder: NumberEncoder) {
    precondition(freeCapacity >= values.count * (NumberEncoder.maximumLength + 1) + NumberEncoder.slack)
    if values.isEmpty { return }
    var rows = rows
    // Safe: each number takes at most `maximumLength` bytes and its comma one, the room for all was checked, and the
    // count is of the bytes written.
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      guard let base = buffer.baseAddress else { return }
      let start = unsafe base + count
      count += unsafe encoder.write(values, &rows, to: start) - start
    }
  }
}

extension NumberEncoder {
  /// Writes numbers with commas or breaks between them and returns where they end.
  ///
  /// While the texts of one batch are put together, the decimals of the next are computed. The one is a short chain of
  /// steps for each number, the other a long chain for all; together they keep the processor busier.
  fileprivate func write(
    _ values: Span<Double>, _ rows: inout RowBreaks, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let tables = NumberTables.all
    return unsafe withBatch(start) { first in
      first.find(values, from: 0, encoder: self, tables)
      guard values.count > NumberBatch.size else {
        return unsafe first.write(values.count, &rows, with: self, tables, to: start) - 1
      }
      return unsafe withBatch(start) { second in
        var (batch, next) = (first, second)
        var cursor = unsafe start
        var index = 0
        while index &+ NumberBatch.size < values.count {
          next.find(values, from: index &+ NumberBatch.size, encoder: self, tables)
          unsafe cursor = batch.write(NumberBatch.size, &rows, with: self, tables, to: cursor)
          swap(&batch, &next)
          index &+= NumberBatch.size
        }
        return unsafe batch.write(values.count &- index, &rows, with: self, tables, to: cursor) - 1
      }
    }
  }

  /// Finds the decimals of `values[start ..< start + 8]`. Returns whether all are decided.
  @inline(__always)
  fileprivate func findDecimals(
    of values: Span<Double>, from start: Int, _ tables: TextTables, into block: inout DecimalBlock
  ) -> Bool {
    !loops.shortestDecimals(of: values, from: start, format: format, tables, into: &block)
  }

  @inline(__always)
  fileprivate func layOutDigits(of block: inout DecimalBlock) { loops.layOutDigits(of: &block) }

  /// Writes the texts of some numbers of a block. Returns where they end.
  @inline(__always)
  fileprivate func writeTexts(
    of block: UnsafePointer<DecimalBlock>, _ lanes: Range<Int>, _ tables: TextTables,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    unsafe loops.writeTexts(of: block, lanes, tables, to: start)
  }
}

/// Hands out a batch on the stack: `withUnsafeTemporaryAllocation` would take so many bytes from the heap.
@inline(__always)
private func withBatch(
  _ start: UnsafeMutablePointer<UInt8>, _ body: (NumberBatch) -> UnsafeMutablePointer<UInt8>
) -> UnsafeMutablePointer<UInt8> {
  var blocks = InlineArray<2, DecimalBlock>(repeating: DecimalBlock())
  var span = blocks.mutableSpan
  return unsafe span.withUnsafeMutableBufferPointer { blocks in
    guard let base = blocks.baseAddress else { return unsafe start }
    return unsafe body(NumberBatch(blocks: base))
  }
}

/// Up to sixteen numbers that are being written. The blocks outlive it.
@safe private struct NumberBatch {
  /// Two, so that one block's chain of steps can begin while the other's goes on.
  static var blockCount: Int { 2 }
  static var size: Int { 8 * blockCount }

  let blocks: UnsafeMutablePointer<DecimalBlock>

  /// Finds the decimals of as many of `values[start ..< start + size]` as there are.
  @inline(__always)
  func find(_ values: Span<Double>, from start: Int, encoder: NumberEncoder, _ tables: TextTables) {
    let count = min(NumberBatch.blockCount, (values.count &- start &+ 7) &>> 3)
    var isDecided = true
    for block in 0..<count {
      let first = start &+ 8 &* block
      if unsafe !encoder.findDecimals(of: values, from: first, tables, into: &blocks[block]) {
        isDecided = false
        decideExactly(values, from: first, block: block, format: encoder.format)
      }
    }
    for block in 0..<count { unsafe encoder.layOutDigits(of: &blocks[block]) }
    if isDecided { return }
    for block in 0..<count {
      layOutNames(values, from: start &+ 8 &* block, block: block, format: encoder.format)
    }
  }

  /// Finds the decimals that the vector loops have left undecided, among `values[start ..< start + 8]`.
  @inline(never)
  private func decideExactly(_ values: Span<Double>, from start: Int, block: Int, format: NumberFormat) {
    let undecided = unsafe blocks[block][.undecided]
    for lane in 0..<8 where undecided[lane] == 1 {
      guard let decimal = format.exactDecimal(of: values[start + lane]) else { continue }
      unsafe blocks[block][.tens][lane] = decimal.digits / 10
      unsafe blocks[block][.last][lane] = decimal.digits % 10
      unsafe blocks[block][.exponent][lane] = UInt64(bitPattern: Int64(decimal.exponent))
      if decimal.digits == 0 { unsafe blocks[block][.sign][lane] = 0 }
    }
  }

  /// Lays out what is no number of the format.
  @inline(never)
  private func layOutNames(_ values: Span<Double>, from start: Int, block: Int, format: NumberFormat) {
    let undecided = unsafe blocks[block][.undecided]
    for lane in 0..<8 where undecided[lane] == 1 {
      let value = values[start + lane]
      guard !format.nearest(to: value.magnitude).isFinite else { continue }
      let name = NumberName(of: value)
      unsafe blocks[block][.layout][lane] = name.layout
      unsafe blocks[block][.length][lane] = UInt64(name.text.utf8.count)
      unsafe blocks[block][.tail][lane] = TextTail.comma
    }
  }

  /// Writes the texts of the first `count` numbers, each with a comma, and breaks before those that begin a row, and
  /// returns where they end.
  @inline(__always)
  func write(
    _ count: Int, _ rows: inout RowBreaks, with encoder: NumberEncoder, _ tables: TextTables,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var cursor = unsafe start
    var number = 0
    while number < count {
      if rows.distance == 0 { unsafe cursor = rows.write(over: cursor - 1) }
      // What is left of the block, of the numbers and of the row.
      let lane = number & 7
      let length = min(8 &- lane, count &- number, rows.distance)
      unsafe cursor = encoder.writeTexts(of: blocks + number &>> 3, lane..<lane &+ length, tables, to: cursor)
      rows.distance &-= length
      number &+= length
    }
    return unsafe cursor
  }
}
