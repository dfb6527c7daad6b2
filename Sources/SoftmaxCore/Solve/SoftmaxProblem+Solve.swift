extension SoftmaxProblem {
  /// Computes the outputs asked for, each the number of the result format nearest to its exact value.
  ///
  /// Edge cases: a masked class has probability 0 and log-probability -Infinity. Entropy alone is not proved to be irrational:
  /// should it be undecided at 16,384 bits, it is taken for the nearest number.
  /// - Throws: ``ComputationError/cancelled``.
  public func solve(_ outputs: SoftmaxOutputs, _ execution: Execution) throws(ComputationError) -> SoftmaxResult {
    var counts = StageCounts()
    return try solve(outputs, execution, from: .fast, &counts)
  }

  /// The same, from a stage of choice, and with the stages counted.
  public func solve(
    _ outputs: SoftmaxOutputs, _ execution: Execution, from stage: Stage, _ counts: inout StageCounts
  ) throws(ComputationError) -> SoftmaxResult {
    let layout = layout
    let shelves = SoftmaxShelves(outputs, layout)
    let fast = FastSoftmax(self, shelves)
    let total = SoftmaxQuestions.count(outputs, layout.classes)
    let chunks = Chunks(layout)
    counts =
      try counts
      + chunks.forEach(execution, from: stage) { (_, items, climb) throws(ComputationError) in
        var row = stage == .fast ? FastRow(self, execution.level) : nil
        var gatherer = Gatherer(layout)
        for n in items {
          try climb.poll.spend(FastRow.cost(layout.classes))
          let open = row.mutate { row in fast.settle(n, &row, &gatherer) }
          climb.counts.outputs += total
          guard open?.isEmpty != true else { continue }
          let slice = Slice(self, item: n)
          shelves.argmax?[n] = slice.top
          var questions = SoftmaxQuestions(slice, outputs, format, open: open) { output, position, value in
            shelves.put(output, item: n, at: position, value)
          }
          try climb.settle(&questions)
        }
      }
    return shelves.result
  }
}

extension Optional {
  /// What `body` makes of the value in place, if there is one.
  mutating func mutate<Result>(_ body: (inout Wrapped) -> Result) -> Result? {
    guard var value = self else { return nil }
    self = nil
    defer { self = value }
    return body(&value)
  }
}
