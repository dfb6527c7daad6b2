internal import VectorKernels

extension VectorRow {
  /// The outputs of row n, as far as this stage can prove them: writes each into its place, NaN where it cannot.
  /// - Returns: how many are NaN.
  mutating func solve(
    _ logits: Span<Double>, number n: Int, outputs: OutputLayout, by writer: inout RowWriter,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int {
    let layout = outputs.layout
    begin(logits)
    if outputs.needExponentials {
      // 2^exponent is more than 1/T: what the Jacobian's entries may be above a probability.
      exponentiate(logits, exponent: outputs.areDividedByTemperature ? max(0, 2 - Int(temperature.exponent)) : 0)
    }
    var open = 0
    let chosen = outputs.top(of: logits, by: loops)
    for place in outputs.parts.indices {
      let part = outputs.parts[place]
      let buffer = part.buffer
      switch part.output {
      case .probabilities:
        open += writer.write(buffer, row: n) { out in probabilities(of: logits, into: &out) }
      case .logProbabilities:
        open += writer.write(buffer, row: n) { out in logProbabilities(logits, into: &out) }
      case .logSumExp:
        let result = logSumExp
        buffer[n] = result
        if result.isNaN { open += 1 }
      case .entropy:
        let result = entropy(logits)
        buffer[n] = result
        if result.isNaN { open += 1 }
      case .argmax:
        buffer[n] = Double(top.index)
      case .jacobian:
        for l in 0..<layout.classes {
          try poll.spend(VectorRow.cost(layout.classes))
          let first = outputs.position(of: part, row: n, at: l * layout.classes)
          open += writer.write(buffer, at: first) { out in
            jacobian(l, of: logits, into: &out)
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
          let result = logProbability(chosen[place], of: logits, bounds)
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      }
    }
    return open
  }
}

extension VectorRow {
  /// Writes the row `p_l (1[l=i] - p_i) / T` of the Jacobian, i over the classes. - Returns: how many are not proven,
  /// and NaN.
  ///
  /// It is the gradient for class l with the factor -p_l/T, whose relative error is that of a probability.
  func jacobian(_ l: Int, of row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    if row[l] == -.infinity {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    // Zero marks an exponential that is left out: it may be undecided, or too small for any result.
    guard exponentials[l].high > 0 else { return leaveOpen(&out) }
    let p = exponentials[l].times(sums.reciprocal, BaselineMultiplier.self)
    var factor = ScaledDoubleDouble(p) / ScaledDoubleDouble(temperature)
    factor.isNegative = true
    return gradient(of: row, target: l, factor: factor, within: shareError, into: &out)
  }
}
