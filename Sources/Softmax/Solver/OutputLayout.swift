/// Where each output of softmax lies in the one array that all are computed in.
struct OutputLayout: Sendable {
  struct Part: Sendable {
    let output: SoftmaxOutput
    /// How many numbers there are for each row.
    let valuesPerRow: Int
    let range: Range<Int>
  }

  /// In the order asked for, none twice.
  let parts: [Part]
  /// How many numbers there are in all.
  let count: Int
  let layout: Layout
  /// How many of a row's largest logits the outputs are about; 0 where none asks for them.
  let topCount: Int

  init(_ outputs: [SoftmaxOutput], _ layout: Layout) {
    self.layout = layout
    var parts: [Part] = []
    var end = 0
    for output in outputs where !parts.contains(where: { $0.output == output }) {
      let start = end
      let count = output.valueCount(classes: layout.classes)
      end += layout.batch * count
      parts.append(Part(output: output, valuesPerRow: count, range: start..<end))
    }
    self.parts = parts
    count = end
    topCount = parts.reduce(0) { max($0, $1.output.topCount) }
  }

  /// How many numbers there are for each row.
  var valuesPerRow: Int { parts.reduce(0) { $0 + $1.valuesPerRow } }

  /// Where in the array a row's number at a position of an output is; those at other positions are `layout.inner`
  /// apart.
  func position(of part: Part, row n: Int, at position: Int) -> Int {
    let (outer, inner) = (n / layout.inner, n % layout.inner)
    return part.range.lowerBound + (outer * part.valuesPerRow + position) * layout.inner + inner
  }

  /// The classes of a row's largest logits, as many as any output asks for.
  func top(of logits: Span<Double>) -> [Int] { topCount == 0 ? [] : TopClasses.first(topCount, of: logits) }

  /// Some of the values of row n: those whose numbers, counted through all outputs, are in the range.
  func values(of row: LogitsRow, number n: Int, in numbers: Range<Int>) -> [UnresolvedValues.Entry] {
    let top = top(of: row.logits.span)
    var entries: [UnresolvedValues.Entry] = []
    var first = 0
    for part in parts {
      for position in numbers.clamped(to: first..<(first + part.valuesPerRow)) {
        let value = part.output.value(at: position - first, classes: layout.classes, top: top)
        entries.append(
          UnresolvedValues.Entry(value: value, position: self.position(of: part, row: n, at: position - first)))
      }
      first += part.valuesPerRow
    }
    return entries
  }

  /// Writes what a row without a finite logit has.
  func writeEmpty(row n: Int, into buffer: ConcurrentOutputBuffer<Double>) {
    for part in parts {
      for position in 0..<part.valuesPerRow {
        buffer[self.position(of: part, row: n, at: position)] = part.output.valueOfEmptyRow(at: position)
      }
    }
  }

  /// The outputs as arrays of their own. The first, most often the only one, keeps the memory.
  func result(of numbers: consuming [Double]) -> SoftmaxResult {
    var result = SoftmaxResult()
    for part in parts.reversed() {
      guard part.range.lowerBound > 0 else {
        result.set(part.output, to: numbers)
        break
      }
      result.set(part.output, to: Array(numbers[part.range]))
      numbers.removeLast(part.range.count)
    }
    return result
  }
}
