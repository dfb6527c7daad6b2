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
    let places = SoftmaxPlaces(outputs, layout)
    let questionCount = SoftmaxQuestions.count(outputs, layout.classes)
    let isFast = stage == .fast && FastRow.serves(self)
    let numbers = try Shelf.filled(places.count, with: 0.0) { shelf throws(ComputationError) in
      let (_, spent) = try Chunks(layout).reduce(execution, from: stage, join: { _, _ in }) {
        (items, climb) throws(ComputationError) in
        var row = FastRow(self, execution.level)
        var gatherer = Gatherer(layout)
        for n in items {
          try climb.poll.spend(FastRow.cost(layout.classes))
          climb.counts.outputs += questionCount
          let open = isFast ? try settle(n, places, on: shelf, &row, &gatherer, &climb.poll) : nil
          guard open?.isEmpty != true else { continue }
          let slice = Slice(self, item: n)
          if let argmax = places.argmax { shelf[argmax.lowerBound + n] = Double(slice.top) }
          var questions = SoftmaxQuestions(slice, outputs, format, open: open) { output, position, value in
            if let place = places.place(of: output, item: n, at: position) { shelf[place] = value }
          }
          try climb.settle(&questions)
        }
      }
      counts = counts + spent
    }
    return places.result(of: numbers)
  }
}
