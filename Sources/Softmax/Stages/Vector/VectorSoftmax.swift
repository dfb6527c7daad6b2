internal import VectorKernels

extension VectorRow {
  /// The outputs of row n, as far as this stage can prove them: writes each into its place, NaN where it cannot.
  /// - Returns: how many are NaN.
  mutating func solve(
    _ logits: Span<Double>, number n: Int, outputs: OutputLayout, into buffer: ConcurrentOutputBuffer<Double>,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int {
    let layout = outputs.layout
    let isDividedByTemperature = outputs.parts.contains { $0.output == .jacobian }
    // 2^exponent is more than 1/T: what the Jacobian's entries may be above a probability.
    read(logits, exponent: isDividedByTemperature ? max(0, 2 - Int(temperature.exponent)) : 0)
    var open = 0
    let chosen = outputs.top(of: logits)
    for part in outputs.parts {
      let start = part.range.lowerBound
      switch part.output {
      case .probabilities:
        open += layout.write(buffer, from: start, row: n) { out in probabilities(into: &out) }
      case .logProbabilities:
        open += layout.write(buffer, from: start, row: n) { out in logProbabilities(logits, into: &out) }
      case .logSumExp:
        let result = logSumExp
        buffer[start + n] = result
        if result.isNaN { open += 1 }
      case .entropy:
        let result = entropy(logits)
        buffer[start + n] = result
        if result.isNaN { open += 1 }
      case .argmax:
        buffer[start + n] = Double(top.index)
      case .jacobian:
        for l in 0..<layout.classes {
          try poll.spend(VectorRow.cost(layout.classes))
          let first = outputs.position(of: part, row: n, at: l * layout.classes)
          open += layout.write(buffer, at: first) { out in
            jacobian(l, isMasked: logits[l] == -.infinity, into: &out)
          }
        }
      case .topIndices(let count):
        for place in 0..<count {
          buffer[outputs.position(of: part, row: n, at: place)] = Double(chosen[place])
        }
      case .topProbabilities(let count):
        for place in 0..<count {
          let result = probability(chosen[place])
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      case .topLogProbabilities(let count):
        let bounds = logSumBounds
        for place in 0..<count {
          let result = logProbability(logits[chosen[place]], bounds)
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      }
    }
    return open
  }
}
