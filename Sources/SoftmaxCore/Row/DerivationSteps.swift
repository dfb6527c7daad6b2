extension Row {
  /// ∂L/∂p_l = -1 / p_l = -S / e^d_l.
  func lossByProbability(_ l: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    -(sum / (try exponential(l, &poll)))
  }

  /// The quotient rule's first term where i = l: p_l / T.
  func quotientFirst(_ l: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    perTemperature(try probability(l, &poll))
  }

  /// The quotient rule's second term: p_l p_i / T.
  func quotientSecond(_ l: Int, _ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    try product(l, i, &poll)
  }

  /// -1 / p_l · J[l][i] = -(1[l=i] - p_i) / T: the chain rule's product and the gradient at once.
  func lossByLogit(_ l: Int, _ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    guard l == i else { return perTemperature(try probability(i, &poll)) }
    guard near > 1, isNear(l) else { return perTemperature(-(try others(than: l, &poll) * inverse)) }
    // With an exact part, as ``product(_:_:_:)`` has it.
    return perTemperature((try excess(l, &poll) - arithmetic.whole(near - 1)) / arithmetic.whole(near))
  }
}
