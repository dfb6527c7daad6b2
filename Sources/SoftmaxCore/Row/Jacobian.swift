extension Row {
  /// J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T, on the diagonal e_l Σ_{j≠l} e_j / (S² T): nothing cancels. Rational only for
  /// a level slice or a masked class.
  func jacobian(_ l: Int, _ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    let p = try probability(l, &poll)
    return l == i
      ? perTemperature(p * (try others(than: l, &poll) * inverse)) : -perTemperature(p * (try probability(i, &poll)))
  }
}
