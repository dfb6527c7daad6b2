/// Where each output of softmax lies in the one array that all are computed in.
struct OutputLayout: Sendable {
  struct Part: Sendable {
    let output: SoftmaxOutput
    let range: Range<Int>
  }

  /// In the order asked for, none twice.
  let parts: [Part]
  /// How many numbers there are in all.
  let count: Int
  let layout: Layout

  init(_ outputs: [SoftmaxOutput], _ layout: Layout) {
    self.layout = layout
    var parts: [Part] = []
    var end = 0
    for output in outputs where !parts.contains(where: { $0.output == output }) {
      let start = end
      switch output.arrangement(classes: layout.classes) {
      case .likeLogits: end += layout.count
      case .perRow(let count): end += layout.batch * count
      }
      parts.append(Part(output: output, range: start..<end))
    }
    self.parts = parts
    count = end
  }

  /// How many numbers there are for each row.
  var valuesPerRow: Int { parts.reduce(0) { $0 + $1.output.valueCount(classes: layout.classes) } }

  /// Where in the array a row's number at a position of an output is.
  func position(of part: Part, row n: Int, at position: Int) -> Int {
    switch part.output.arrangement(classes: layout.classes) {
    case .likeLogits: part.range.lowerBound + layout.start(of: n) + position * layout.inner
    case .perRow(let count): part.range.lowerBound + n * count + position
    }
  }

  /// Some of the values of row n: those whose numbers, counted through all outputs, are in the range.
  func values(row n: Int, in numbers: Range<Int>) -> [UnresolvedValues.Entry] {
    var entries: [UnresolvedValues.Entry] = []
    var first = 0
    for part in parts {
      let count = part.output.valueCount(classes: layout.classes)
      for position in numbers.clamped(to: first..<(first + count)) {
        let value = part.output.value(at: position - first, classes: layout.classes)
        entries.append(
          UnresolvedValues.Entry(value: value, position: self.position(of: part, row: n, at: position - first)))
      }
      first += count
    }
    return entries
  }

  /// Writes what a row without a finite logit has.
  func writeEmpty(row n: Int, into buffer: ConcurrentOutputBuffer<Double>) {
    for part in parts {
      for position in 0..<part.output.valueCount(classes: layout.classes) {
        buffer[self.position(of: part, row: n, at: position)] = part.output.valueOfEmptyRow
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
