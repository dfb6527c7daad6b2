extension Row {
  /// -Σ p log p = log S + Σ e^d_i (m - a_i) / (T S): no term is negative, where LSE - Σ p z would cancel.
  mutating func entropy(_ poll: inout Poll) throws(ComputationError) -> A.Real {
    var weighted = arithmetic.whole(0)
    for i in 0..<slice.classes where !slice.isMasked(i) && slice.logits[i] != slice.maximum {
      try poll.spend(arithmetic.costOfExponential / 4)
      weighted = weighted + (try exponential(i, &poll)) * gap(i)
    }
    return try logSum(&poll) + perTemperature(weighted * inverse)
  }
}
