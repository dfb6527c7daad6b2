extension Row {
  /// Σ_c u_c (-log p_c) = Σ_c u_c ((m - a_c) + T log S) / T, times `scale` and T, so that its dyadic part stays exact; `nil`
  /// where a masked class has a share, for it is infinite. No term is negative. Rational only where it is zero.
  mutating func scaledLoss(
    _ shares: Shares, total: A.Real, _ poll: inout Poll
  ) throws(ComputationError) -> A.Real? {
    var sum = total * (try scaledLogSum(&poll))
    for c in 0..<slice.classes where !shares.isZero(c) {
      try poll.spend(arithmetic.costOfExponential / 4)
      if slice.isMasked(c) { return nil }
      sum = sum + shares.share(c, arithmetic) * gap(c)
    }
    return sum
  }
}
