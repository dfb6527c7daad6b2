/// What an item's gradient is multiplied and divided by, exactly: q s / (scale T D).
struct GradientFactor<A: Arithmetic> {
  let numerator: A.Real
  /// For classes near the maximum, times their number.
  let nearDenominator: A.Real
  let denominator: A.Real

  /// - Parameters:
  ///   - upstream: q.
  ///   - sampleWeight: s.
  ///   - normaliser: D.
  init(
    _ row: Row<A>, upstream: Double, sampleWeight: Double, scale: Int, normaliser: A.Real
  ) {
    let arithmetic = row.arithmetic
    numerator = arithmetic.exact(upstream) * arithmetic.exact(sampleWeight)
    var denominator = arithmetic.whole(scale) * normaliser
    if row.slice.temperature != 1 { denominator = denominator * arithmetic.exact(row.slice.temperature) }
    self.denominator = denominator
    nearDenominator = row.near == 1 ? denominator : denominator * arithmetic.whole(row.near)
  }
}

extension Row {
  /// q s r/T (U p_i - u_i), with p_i as an exact part and a tail:
  ///  - far from the maximum, U p_i - u_i = -u_i + U e^d_i / S;
  ///  - near it, with n = Σ b and p_i = 1/n + (n x_i - Σ x) / (n S), it is [(U - n u_i) + U (n x_i - Σ x) / S] / n.
  ///
  /// So neither a target that is nearly certain nor a slice that is nearly level cancels, and where the exact part is half-way
  /// between two doubles the tail's sign is known. Soft targets close to softmax itself cancel by their nature.
  /// Rational only for a level slice, a masked class, U = 0 or a zero factor.
  /// - Parameters:
  ///   - share: scale · u_i.
  ///   - total: scale · U.
  func gradient(
    _ i: Int, share: A.Real, total: A.Real, _ factor: GradientFactor<A>, _ poll: inout Poll
  ) throws(ComputationError) -> A.Real {
    if isNear(i) {
      // The only near class is the maximum, whose tail is zero.
      let y = near == 1 ? -tail * inverse : try excess(i, &poll)
      let shares = near == 1 ? share : arithmetic.whole(near) * share
      return ((total - shares) + total * y) * factor.numerator / factor.nearDenominator
    }
    return (total * (try probability(i, &poll)) - share) * factor.numerator / factor.denominator
  }
}
