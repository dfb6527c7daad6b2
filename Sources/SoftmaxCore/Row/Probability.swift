extension Row {
  /// p_i = e^d_i / S. Rational only for a level or masked class.
  func probability(_ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    try exponential(i, &poll) * inverse
  }

  /// log p_i = -((m - a_i) + T log S) / T for a class that is not masked: an exact part and a tail of known sign, which never
  /// cancel. Rational only for a single class.
  mutating func logProbability(_ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    -perTemperature(gap(i) + (try scaledLogSum(&poll)))
  }
}
