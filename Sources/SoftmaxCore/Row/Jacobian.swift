extension Row {
  /// J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T, on the diagonal e_l Σ_{j≠l} e_j / (S² T): nothing cancels. Rational only for
  /// a level slice or a masked class.
  func jacobian(_ l: Int, _ i: Int) -> A.Real {
    l == i
      ? perTemperature(probability(l) * (others(than: l) * inverse))
      : -perTemperature(probability(l) * probability(i))
  }
}
