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
    let classes = layout.classes
    func shelf(_ output: SoftmaxOutputs, _ count: Int) -> Shelf<Double>? {
      outputs.contains(output) ? Shelf(repeating: 0, count: count) : nil
    }
    let probabilities = shelf(.probabilities, layout.count)
    let logProbabilities = shelf(.logProbabilities, layout.count)
    let logSumExp = shelf(.logSumExp, layout.batch)
    let entropy = shelf(.entropy, layout.batch)
    let jacobian = shelf(.jacobian, outputs.contains(.jacobian) ? layout.batch * classes * classes : 0)
    let argmax = outputs.contains(.argmax) ? Shelf(repeating: 0, count: layout.batch) : nil
    let chunks = Chunks(layout)
    counts =
      try counts
      + chunks.forEach(execution, from: stage) { (_, items, climb) throws(ComputationError) in
        for n in items {
          let slice = Slice(self, item: n)
          let start = layout.start(of: n)
          argmax?[n] = slice.top
          var questions = SoftmaxQuestions(slice, outputs, format) { output, position, value in
            switch output {
            case .probabilities: probabilities?[start + position * layout.inner] = value
            case .logProbabilities: logProbabilities?[start + position * layout.inner] = value
            case .logSumExp: logSumExp?[n] = value
            case .entropy: entropy?[n] = value
            default: jacobian?[n * classes * classes + position] = value
            }
          }
          climb.counts.outputs += questions.openCount
          try climb.settle(&questions)
        }
      }
    var result = SoftmaxResult()
    result.probabilities = probabilities?.elements
    result.logProbabilities = logProbabilities?.elements
    result.logSumExp = logSumExp?.elements
    result.entropy = entropy?.elements
    result.argmax = argmax?.elements
    result.jacobian = jacobian?.elements
    return result
  }
}
