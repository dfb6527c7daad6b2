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

  let parts: [Part]
  let layout: Layout
  /// How many of a row's largest logits the outputs are about; 0 where none asks for them.
  let topCount: Int

  /// - Parameter buffers: as many as outputs, each as large as its tensor.
  init(_ outputs: PerOutput<SoftmaxOutput>, _ layout: Layout, into buffers: PerOutput<ResultBuffer>) {
    self.layout = layout
    parts = outputs.indices.map { place in
      let count = outputs[place].valueCount(classes: layout.classes)
      precondition(buffers[place].count == layout.batch * count)
      return Part(output: outputs[place], valuesPerRow: count, buffer: buffers[place])
    }
    topCount = parts.reduce(0) { max($0, $1.output.topCount) }
  }

  /// How many numbers there are for each row.
  var valuesPerRow: Int { parts.reduce(0) { $0 + $1.valuesPerRow } }

  /// Whether any of them is divided by the temperature.
  var areDividedByTemperature: Bool { parts.contains { $0.output == .jacobian } }

  /// Whether any of them depends on more than the order of a row's logits.
  var needExponentials: Bool { parts.contains { $0.output.needsExponentials } }

  /// Whether ``NarrowRow`` knows all of them.
  var areNarrow: Bool {
    parts.allSatisfy { part in
      switch part.output {
      case .probabilities, .logProbabilities, .argmax: true
      case .logSumExp, .entropy, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities: false
      }
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
