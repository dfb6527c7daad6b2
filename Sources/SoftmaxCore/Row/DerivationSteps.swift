extension Row {
  /// ∂L/∂p_l = -1 / p_l = -S / e^d_l.
  func lossByProbability(_ l: Int) -> A.Real {
    -(sum / exponential(l))
  }

  /// The quotient rule's first term where i = l: p_l / T.
  func quotientFirst(_ l: Int) -> A.Real {
    perTemperature(probability(l))
  }

  /// The quotient rule's second term: p_l p_i / T.
  func quotientSecond(_ l: Int, _ i: Int) -> A.Real {
    perTemperature(probability(l) * probability(i))
  }

  /// -1 / p_l · J[l][i] = -(1[l=i] - p_i) / T: the chain rule's product and the gradient at once.
  func lossByLogit(_ l: Int, _ i: Int) -> A.Real {
    perTemperature(l == i ? -(others(than: l) * inverse) : probability(i))
  }
}
