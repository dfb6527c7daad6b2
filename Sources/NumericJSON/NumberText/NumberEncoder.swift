internal import KernelDispatch
internal import VectorKernels

/// Writes numbers as text, eight at a time: a format, and the vector loops that find the decimals.
///
/// A number's text is the shortest decimal that reads back to the same number of the format, and of the shortest the
/// closest.
struct NumberEncoder {
  let format: BinaryFormat
  private let loops: any VectorLoops.Type

  init(format: BinaryFormat, level: KernelLevel) {
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
  /// While the texts of eight numbers are put together, the digits of the next eight are laid out, and the decimals of
  /// those after them are found. None of the three waits for another, which keeps the processor busy: each alone is one
  /// long chain of steps.
  fileprivate func write(
    _ values: Span<Double>, _ rows: inout RowBreaks, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let tables = NumberTables.all
    var blocks = InlineArray<3, DecimalBlock>(repeating: DecimalBlock())
    var span = blocks.mutableSpan
    return unsafe span.withUnsafeMutableBufferPointer { blocks in
      guard let base = blocks.baseAddress else { return unsafe start }
      var (finding, layingOut, writing) = unsafe (
        NumberBatch(block: base), NumberBatch(block: base + 1), NumberBatch(block: base + 2)
      )
      var cursor = unsafe start
      var first = 0
      while true {
        if first < values.count { finding.find(values, from: first, encoder: self, tables) }
        let second = first &- NumberBatch.size
        if second >= 0, second < values.count { layingOut.layOut(values, from: second, encoder: self) }
        let third = second &- NumberBatch.size
        if third >= 0 {
          let count = min(NumberBatch.size, values.count &- third)
          unsafe cursor = writing.write(count, &rows, with: self, tables, to: cursor)
          if third &+ count == values.count { return unsafe cursor - 1 }
        }
        first &+= NumberBatch.size
        (finding, layingOut, writing) = (writing, finding, layingOut)
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

/// Eight numbers, or fewer at the end, that are being written. The block outlives it.
@safe private struct NumberBatch {
  static var size: Int { 8 }

  let block: UnsafeMutablePointer<DecimalBlock>
  /// Whether the vector loops decided all of the decimals.
  private var isDecided = true

  init(block: UnsafeMutablePointer<DecimalBlock>) { unsafe self.block = block }

  /// Finds the decimals of as many of `values[start ..< start + size]` as there are.
  @inline(__always)
  mutating func find(_ values: Span<Double>, from start: Int, encoder: NumberEncoder, _ tables: TextTables) {
    isDecided = unsafe encoder.findDecimals(of: values, from: start, tables, into: &block.pointee)
    if !isDecided { decideExactly(values, from: start, format: encoder.format) }
  }

  /// Makes texts of the decimals that were found.
  @inline(__always)
  func layOut(_ values: Span<Double>, from start: Int, encoder: NumberEncoder) {
    unsafe encoder.layOutDigits(of: &block.pointee)
    if !isDecided { layOutNames(values, from: start, format: encoder.format) }
  }

  /// Finds the decimals that the vector loops have left undecided, among `values[start ..< start + 8]`.
  @inline(never)
  private func decideExactly(_ values: Span<Double>, from start: Int, format: BinaryFormat) {
    let undecided = unsafe block.pointee[.undecided]
    for lane in 0..<8 where undecided[lane] == 1 {
      guard let decimal = format.exactDecimal(of: values[start + lane]) else { continue }
      unsafe block.pointee[.tens][lane] = decimal.digits / 10
      unsafe block.pointee[.last][lane] = decimal.digits % 10
      unsafe block.pointee[.exponent][lane] = UInt64(bitPattern: Int64(decimal.exponent))
      if decimal.digits == 0 { unsafe block.pointee[.sign][lane] = 0 }
    }
  }

  /// Lays out what is no number of the format.
  @inline(never)
  private func layOutNames(_ values: Span<Double>, from start: Int, format: BinaryFormat) {
    let undecided = unsafe block.pointee[.undecided]
    for lane in 0..<8 where undecided[lane] == 1 {
      let value = values[start + lane]
      guard !format.nearest(to: value.magnitude).isFinite else { continue }
      let name = NumberName(of: value)
      unsafe block.pointee[.layout][lane] = name.layout
      unsafe block.pointee[.length][lane] = UInt64(name.text.utf8.count)
      unsafe block.pointee[.tail][lane] = TextTail.comma
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
      let length = min(count &- number, rows.distance)
      unsafe cursor = encoder.writeTexts(of: block, number..<number &+ length, tables, to: cursor)
      rows.distance &-= length
      number &+= length
    }
    return unsafe cursor
  }
}
