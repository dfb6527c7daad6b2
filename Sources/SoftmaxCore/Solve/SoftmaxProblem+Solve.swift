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
    let outputCount = SoftmaxQuestions.count(outputs, layout.classes)
    counts.outputs += layout.batch * outputCount
    let numbers = try Shelf.filled(places.count, with: 0.0) { shelf throws(ComputationError) in
      var open: [OpenItem]?
      if stage == .fast && FastRow.serves(self) { open = try settleFast(places, on: shelf, execution) }
      let items = OpenItems(open, layout, outputs: outputCount)
      let spent = try execution.reduce(items.runs.count, join: +) { k throws(ComputationError) in
        let run = items.runs[k]
        var climb = Climb(execution, from: stage)
        for index in run.items {
          let n = items[index].number
          let slice = Slice(self, item: n)
          if let argmax = places.argmax { shelf[argmax.lowerBound + n] = Double(slice.top) }
          var questions = SoftmaxQuestions(slice, outputs, format, run.outputs(of: outputCount)) {
            output, position, value in
            if let place = places.place(of: output, item: n, at: position) { shelf[place] = value }
          }
          if items.arePartly {
            questions.keepOpen { output, position in
              places.place(of: output, item: n, at: position).map { shelf[$0].isNaN } ?? false
            }
          }
          try climb.settle(&questions)
        }
        return climb.counts
      }
      if let spent { counts = counts + spent }
    }
    return places.result(of: numbers)
  }

  /// The first stage over all items: what it cannot prove is NaN. - Returns: the items with such outputs.
  private func settleFast(
    _ places: SoftmaxPlaces, on shelf: Shelf<Double>, _ execution: Execution
  ) throws(ComputationError) -> [OpenItem] {
    let chunks = Chunks(layout)
    return try execution.reduce(chunks.count, join: +) { k throws(ComputationError) in
      var poll = Poll(execution)
      var row = FastRow(self, execution.level)
      var gatherer = Gatherer(layout)
      var open: [OpenItem] = []
      for n in chunks[k] {
        try poll.spend(FastRow.cost(layout.classes))
        let count = try settle(n, places, on: shelf, &row, &gatherer, &poll)
        if count > 0 { open.append(OpenItem(number: n, count: count)) }
      }
      return open
    } ?? []
  }
}
