extension SoftmaxProblem {
  /// Computes the outputs asked for, each the number of the result format nearest to its exact value.
  ///
  /// Edge cases: a masked class has probability 0 and log-probability -Infinity; a row without any other has zeros, and
  /// -Infinity for logarithms. Entropy alone is not proved to be
  /// irrational: should it be undecided at 16,384 bits, it is taken for the nearest number.
  /// - Throws: ``ComputationError/cancelled``.
  public func solve(_ outputs: [SoftmaxOutput], _ execution: Execution) throws(ComputationError) -> SoftmaxResult {
    var counts = StageCounts()
    return try solve(outputs, execution, from: .vector, &counts)
  }

  /// The same, from a stage of choice, and with the stages counted.
  public func solve(
    _ outputs: [SoftmaxOutput], _ execution: Execution, from stage: Stage, _ counts: inout StageCounts
  ) throws(ComputationError) -> SoftmaxResult {
    let sizes = outputs.map { layout.batch * $0.valueCount(classes: layout.classes) }
    let arrays = try ResultBuffer.arrays(sizes) { buffers throws(ComputationError) in
      try solve(outputs, into: buffers, execution, from: stage, &counts)
    }
    var result = SoftmaxResult()
    for (output, numbers) in zip(outputs, arrays) { result.set(output, to: numbers) }
    return result
  }

  /// The same, where each output's numbers go into a buffer: as many as the output has, of a type that holds them.
  public func solve(
    _ outputs: [SoftmaxOutput], into buffers: [ResultBuffer], _ execution: Execution
  ) throws(ComputationError) {
    var counts = StageCounts()
    try solve(outputs, into: buffers, execution, from: .vector, &counts)
  }

  private func solve(
    _ outputs: [SoftmaxOutput], into buffers: [ResultBuffer], _ execution: Execution, from stage: Stage,
    _ counts: inout StageCounts
  ) throws(ComputationError) {
    let outputs = OutputLayout(outputs, layout, into: buffers)
    counts.outputs += layout.batch * outputs.valuesPerRow
    let isForVectors = stage == .vector && VectorRow.serves(self)
    let open = isForVectors ? try solveByVectors(outputs, execution) : nil
    let rows = UnresolvedRows(open, layout: layout, outputs: outputs.valuesPerRow)
    let spent = try execution.reduce(rows.shares.count, join: +) { k throws(ComputationError) in
      try resolve(rows.shares[k], of: rows, outputs, StageEscalation(execution, from: stage))
    }
    if let spent { counts = counts + spent }
  }

  /// The vector stage over all rows: what it cannot prove is NaN. - Returns: the rows with such outputs.
  private func solveByVectors(
    _ outputs: OutputLayout, _ execution: Execution
  ) throws(ComputationError) -> [UnresolvedRow] {
    let chunks = ParallelChunks(layout)
    return try execution.reduce(chunks.count, join: +) { k throws(ComputationError) in
      var poll = CancellationPoll(execution)
      var row = VectorRow(self, execution.level)
      var reader = RowReader(layout)
      var writer = RowWriter(layout)
      var open: [UnresolvedRow] = []
      func solve(_ n: Int) throws(ComputationError) {
        let count = try reader.read(logits, row: n) { logits throws(ComputationError) in
          try row.solve(logits, number: n, outputs: outputs, by: &writer, &poll)
        }
        if count > 0 { open.append(UnresolvedRow(number: n, count: count)) }
      }
      guard outputs.areForShortRows, ShortRows.serves(self) else {
        for n in chunks[k] {
          try poll.spend(VectorRow.cost(layout.classes))
          if isEmpty(row: n) { outputs.writeEmpty(row: n) } else { try solve(n) }
        }
        return open
      }
      var short = ShortRows(self, execution.level)
      func solveShort() throws(ComputationError) {
        let left = short.solve(outputs)
        for lane in 0..<short.count where left & (1 << lane) != 0 { try solve(short.number(lane)) }
        short.removeAll()
      }
      for n in chunks[k] {
        try poll.spend(ShortRows.cost(layout.classes))
        short.take(n, of: logits)
        if short.isFull { try solveShort() }
      }
      try solveShort()
      return open
    } ?? []
  }

  /// The other stages over some rows, or some of a row's outputs. - Returns: what they were asked for.
  private func resolve(
    _ share: UnresolvedRows.Share, of rows: UnresolvedRows, _ outputs: OutputLayout,
    _ escalation: consuming StageEscalation
  ) throws(ComputationError) -> StageCounts {
    for index in share.rows {
      let n = rows[index].number
      if isEmpty(row: n) {
        outputs.writeEmpty(row: n)
        continue
      }
      let row = LogitsRow(self, number: n)
      var entries = outputs.values(of: row, number: n, in: share.outputs(of: outputs.valuesPerRow))
      if rows.haveResults { entries.removeAll { !$0.buffer[$0.position].isNaN } }
      var values = UnresolvedValues(entries, of: row, format: format)
      try escalation.resolve(&values)
    }
    return escalation.counts
  }
}
