extension Row {
  /// log Σ e^(a_i / T) = (m + T log S) / T. Near zero it cancels without limit, and only more bits help. Rational only for a
  /// single class.
  mutating func logSumExp() -> A.Real {
    perTemperature(arithmetic.exact(slice.maximum) + scaledLogSum())
  }
}
