internal import VectorKernels

/// The outputs of softmax that are asked for, and where each goes.
struct OutputLayout: Sendable {
  struct Part: Sendable {
    let output: SoftmaxOutput
    /// How many numbers there are for each row.
    let valuesPerRow: Int
    /// The tensor's memory.
    let buffer: ResultBuffer
  }

  private(set) var parts = ShortList<Part>()
  let layout: Layout
  /// How many of a row's largest logits the outputs are about; 0 where none asks for them.
  private(set) var topCount = 0
  /// How many numbers there are for each row.
  private(set) var valuesPerRow = 0
  /// Whether any of them is divided by the temperature.
  private(set) var areDividedByTemperature = false
  /// Whether any of them depends on more than the order of a row's logits.
  private(set) var needExponentials = false
  /// Whether all are what ``ShortRows`` and ``NarrowFormatRow`` compute.
  private(set) var areCommon = true

  /// - Parameter buffers: as many as outputs, each as large as its tensor.
  init(_ outputs: ShortList<SoftmaxOutput>, _ layout: Layout, into buffers: ShortList<ResultBuffer>) {
    self.layout = layout
    for place in outputs.indices {
      let (output, buffer) = (outputs[place], buffers[place])
      let count = buffer.count / layout.batch
      precondition(buffer.count == layout.batch * output.valueCount(classes: layout.classes, top: count))
      parts.append(Part(output: output, valuesPerRow: count, buffer: buffer))
      if output.isOfTop { topCount = max(topCount, count) }
      valuesPerRow += count
      areDividedByTemperature = areDividedByTemperature || output == .jacobian
      needExponentials = needExponentials || output.needsExponentials
      areCommon = areCommon && output.isCommon
    }
  }

  /// Where in the tensor a row's number at a position of an output is; those at other positions are `layout.inner`
  /// apart.
  func position(of part: Part, row n: Int, at position: Int) -> Int {
    let (outer, inner) = (n / layout.inner, n % layout.inner)
    return (outer * part.valuesPerRow + position) * layout.inner + inner
  }

  /// The classes of a row's largest logits, as many as any output asks for.
  func top(of logits: Span<Double>, by loops: any VectorLoops.Type) -> [Int] {
    topCount == 0 ? [] : TopClasses.first(topCount, of: logits, by: loops)
  }

  /// Some of the values of row n: those whose numbers, counted through all outputs, are in the range.
  func values(of row: LogitsRow, number n: Int, in numbers: Range<Int>) -> [UnresolvedValues.Entry] {
    let top = top(of: row.logits.span, by: BaselineLoops.self)
    var entries: [UnresolvedValues.Entry] = []
    var first = 0
    for part in parts {
      for position in numbers.clamped(to: first..<(first + part.valuesPerRow)) {
        let value = part.output.value(at: position - first, classes: layout.classes, top: top)
        entries.append(
          UnresolvedValues.Entry(
            value: value, buffer: part.buffer, position: self.position(of: part, row: n, at: position - first)))
      }
      first += part.valuesPerRow
    }
    return entries
  }

  /// Writes what a row without a finite logit has.
  func writeEmpty(row n: Int) {
    for part in parts {
      for position in 0..<part.valuesPerRow {
        part.buffer[self.position(of: part, row: n, at: position)] = part.output.valueOfEmptyRow(at: position)
      }
    }
  }
}
