internal import VectorKernels

extension SoftmaxProblem {
  /// Computes the outputs asked for, each the number of the result format nearest to its exact value.
  ///
  /// Edge cases: a masked class has probability 0 and log-probability -Infinity; a row without any other has zeros, and
  /// -Infinity for logarithms. Entropy, and every output of capped logits, is not proved to be irrational: should it be
  /// half-way between two numbers, it goes on until it is cancelled.
  /// - Parameters:
  ///   - outputs: what is asked for.
  ///   - buffers: where each output's numbers go: as many as the output has, of a type that holds them.
  ///   - execution: how it is run, and when it is to stop.
  /// - Throws: ``ComputationError/cancelled``.
  public func solve(
    _ outputs: ShortList<SoftmaxOutput>, into buffers: ShortList<ResultBuffer>, _ execution: Execution
  ) throws(ComputationError) {
    try solve(OutputLayout(outputs, layout, into: buffers), execution)
  }

  /// The same in arrays, one for each output; those of the largest logits are about `top` of them.
  public func numbers(
    of outputs: ShortList<SoftmaxOutput>, top: Int = 1, _ execution: Execution
  ) throws(ComputationError) -> ShortList<[Double]> {
    let counts = ShortList(count: outputs.count) {
      layout.batch * outputs[$0].valueCount(classes: layout.classes, top: top)
    }
    return try ResultBuffer.arrays(counts) { buffers throws(ComputationError) in
      try solve(outputs, into: buffers, execution)
    }
  }

  private func solve(_ outputs: OutputLayout, _ execution: Execution) throws(ComputationError) {
    execution.counter?.add(outputs: layout.batch * outputs.valuesPerRow)
    let isForVectors = execution.firstStage == .vector && VectorRow.serves(self)
    var left = 0..<layout.batch
    while !left.isEmpty {
      let part = UnresolvedRows.part(of: left)
      left = part.upperBound..<left.upperBound
      let open = isForVectors ? try solveByVectors(part, outputs, execution) : nil
      if let open, open.isEmpty { continue }
      let rows = UnresolvedRows(open, of: part, layout: layout, outputs: outputs.valuesPerRow)
      let spent = try execution.reduce(rows.shares.count, join: +) { k throws(ComputationError) in
        try resolve(rows.shares[k], of: rows, outputs, StageEscalation(execution))
      }
      if let spent { execution.counter?.add(spent) }
    }
  }

  /// The vector stage over some rows: what it cannot prove is NaN.
  /// - Returns: the rows with such outputs.
  private func solveByVectors(
    _ rows: Range<Int>, _ outputs: OutputLayout, _ execution: Execution
  ) throws(ComputationError) -> [UnresolvedRow] {
    let chunks = ParallelChunks(layout, rows)
    return try execution.reduce(chunks.count, join: +) { k throws(ComputationError) in
      var work = VectorWork(self, execution)
      try solve(chunks[k], outputs, in: &work, execution.level)
      return work.open
    } ?? []
  }

  /// The other stages over some rows, or some of a row's outputs.
  /// - Returns: what they were asked for.
  private func resolve(
    _ share: UnresolvedRows.Share, of rows: UnresolvedRows, _ outputs: OutputLayout,
    _ escalation: consuming StageEscalation
  ) throws(ComputationError) -> StageCounts {
    for index in share.rows {
      let n = rows[index].number
      // The vector stage leaves no empty row.
      if !rows.haveResults, isEmpty(row: n) {
        outputs.writeEmpty(row: n)
        continue
      }
      let row = LogitsRow(self, rows[index])
      let parts = outputs.values(of: row, number: n, in: share.outputs(of: outputs.valuesPerRow))
      var values = try UnresolvedValues(
        parts, of: row, format: format, haveResults: rows.haveResults, &escalation.poll)
      try escalation.resolve(&values)
    }
    return escalation.counts
  }
}

// MARK: The vector stage

/// What the vector stage works with over some rows, and the rows with outputs that it leaves open.
private struct VectorWork: ~Copyable {
  var poll: CancellationPoll
  var narrow: NarrowFormatRow
  var row: VectorRow
  var writer: RowWriter
  var open: [UnresolvedRow] = []

  init(_ problem: borrowing SoftmaxProblem, _ execution: Execution) {
    poll = CancellationPoll(execution)
    narrow = NarrowFormatRow(problem, execution.level)
    row = VectorRow(problem, execution.level)
    writer = RowWriter(problem.layout)
  }
}

extension SoftmaxProblem {
  private func solve(
    _ rows: Range<Int>, _ outputs: OutputLayout, in work: inout VectorWork, _ level: KernelLevel
  ) throws(ComputationError) {
    var reader = RowReader(layout)
    guard outputs.areGrouped, GroupedRows.serves(self) else {
      for n in rows {
        try work.poll.spend(VectorRow.cost(layout.classes))
        if isEmpty(row: n) { outputs.writeEmpty(row: n) } else { try solve(row: n, outputs, by: &reader, in: &work) }
      }
      return
    }
    var groups = GroupedRows(self, level)
    var left = rows
    while !left.isEmpty {
      let taken = groups.take(left)
      left.removeFirst(taken)
      try work.poll.spend(taken * GroupedRows.cost(layout.classes))
      try solve(&groups, outputs, by: &reader, in: &work)
    }
  }

  /// Rows in groups, then by itself each that is left open.
  private func solve(
    _ groups: inout GroupedRows, _ outputs: OutputLayout, by reader: inout RowReader, in work: inout VectorWork
  ) throws(ComputationError) {
    let left = groups.solve(outputs)
    for row in 0..<groups.count where left & (1 << row) != 0 {
      try solve(row: groups.number(row), outputs, by: &reader, in: &work)
    }
    groups.removeAll()
  }

  private func solve(
    row n: Int, _ outputs: OutputLayout, by reader: inout RowReader, in work: inout VectorWork
  ) throws(ComputationError) {
    if work.narrow.solve(logits, number: n, outputs: outputs, by: &reader, &work.writer) { return }
    let count = try reader.read(logits, row: n) { logits throws(ComputationError) in
      try work.row.solve(logits, number: n, outputs: outputs, by: &work.writer, &work.poll)
    }
    if count > 0 {
      work.open.append(UnresolvedRow(number: n, count: count, logits: reader.overwrittenRow(of: logits)))
    }
  }
}

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
  /// Whether all are what ``NarrowFormatRow`` computes.
  private(set) var areCommon = true

  /// - Parameter buffers: as many as outputs, each as large as its tensor.
  init(
    _ outputs: borrowing ShortList<SoftmaxOutput>, _ layout: Layout, into buffers: borrowing ShortList<ResultBuffer>
  ) {
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
      areCommon = areCommon && output.common != nil
    }
  }

  /// Whether ``GroupedRows`` computes them: all but the Jacobian of more than two classes, and so few of the largest
  /// logits that each is put into its place. The order of the logits alone is found row by row.
  var areGrouped: Bool {
    areCommon
      || needExponentials && (!areDividedByTemperature || layout.classes == 2) && topCount <= TopClasses.mostInserted
  }

  /// 2 to this is at least what the outputs may be above a probability.
  func exponent(temperature: Double) -> Int {
    areDividedByTemperature ? VectorRow.exponentOverTemperature(temperature) : 0
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
  func values(of row: LogitsRow, number n: Int, in numbers: Range<Int>) -> [UnresolvedValues.Part] {
    let top = top(of: row.logits.span, by: BaselineLoops.self)
    var first = 0
    return parts.map { part in
      let all = first..<(first + part.valuesPerRow)
      first = all.upperBound
      let asked = numbers.clamped(to: all)
      let (output, classes) = (part.output, layout.classes)
      return UnresolvedValues.Part(
        buffer: part.buffer, start: position(of: part, row: n, at: 0), step: layout.inner,
        functions: (asked.lowerBound - all.lowerBound)..<(asked.upperBound - all.lowerBound)
      ) { output.value(at: $0, classes: classes, top: top) }
    }
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
