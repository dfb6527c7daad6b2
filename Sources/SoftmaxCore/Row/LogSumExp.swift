extension Row {
  /// log Σ e^(a_i / T) = (m + T log S) / T. Near zero it cancels without limit, and only more bits help. Rational only for a
  /// single class.
  mutating func logSumExp(_ poll: inout Poll) throws(ComputationError) -> A.Real {
    perTemperature(arithmetic.exact(slice.maximum) + (try scaledLogSum(&poll)))
  }
}
