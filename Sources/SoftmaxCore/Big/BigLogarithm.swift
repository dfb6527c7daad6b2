extension BigArithmetic {
  /// log(1 + x) for x >= 0.
  ///
  /// With y near log(1 + x) and w = (1 + x) e^-y, log(1 + x) = y + 2 atanh t, t = (w - 1) / (w + 1), is exact for any y. y is the
  /// binary64 logarithm, or for x below 2^-20 zero, so that t = x / (2 + x) keeps its relative precision.
  /// From the interval's lower end; over its width the logarithm grows by no more than the width.
  func logOfOnePlus(_ x: BigInterval<L>, _ poll: inout Poll) throws(ComputationError) -> BigInterval<L> {
    let one = whole(1)
    let low = BigInterval(exactly: x.lower)
    var result: BigInterval<L>
    if x.lower.sign <= 0 {
      result = BigInterval(exactly: BigFloat(like: zero))
    } else if x.lower.exponent < -20 {
      result = try doubleInverseTangent(low / (whole(2) + low), &poll)
    } else {
      let sum = low + one
      let near = Scalar.log(sum.lower.approximation)
      let y = exact(near)
      let w = sum * (try exponential(-y, &poll))
      result = try y + doubleInverseTangent((w - one) / (w + one), &poll)
    }
    if !x.isExact {
      let width = BigFloat.sum(x.upper, -x.lower, .up)
      result.upper = .sum(result.upper, width, .up)
    }
    return result
  }

  /// 2 atanh t = 2 t Σ t^2n / (2n + 1), for |t| < 2^-20.
  ///
  /// Each step of Horner's scheme cuts a product and a coefficient and multiplies what came before by less than 2^-40; t² is cut
  /// once, and a t anywhere in its interval moves it by less than an ulp: together less than 8 ulps, either way.
  private func doubleInverseTangent(
    _ t: BigInterval<L>, _ poll: inout Poll
  ) throws(ComputationError) -> BigInterval<L> {
    let magnitude = t.lower.isMagnitudeLess(than: t.upper) ? t.upper : t.lower
    guard magnitude.sign != 0 else { return t }
    let square = FixedPoint.fixed(BigFloat.product(magnitude, magnitude, .down))
    // t^2n < 2^-F ends the series.
    let terms = UInt64(64 * zero.count / max(1, -2 * magnitude.exponent) + 1)
    var sum = FixedPoint.inverse(of: 2 * terms + 1, like: zero)
    for n in stride(from: Int(terms) - 1, through: 0, by: -1) {
      if isLong { try poll.spend(costOfProduct) }
      sum = FixedPoint.product(sum, square)
      _ = sum.add(FixedPoint.inverse(of: UInt64(2 * n + 1), like: zero))
    }
    let series = FixedPoint.interval(sum, below: 8, above: 8, power: 1)
    return t * series
  }
}
