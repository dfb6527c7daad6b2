extension Ball {
  /// Where the result is a normal binary64, both ends of the ball, moved out by 2^-103 of the value, which pays for the
  /// roundings of the test itself, decide by one addition each. All else, ties and subnormals included, is decided exactly.
  @inline(__always) func rounded(to format: ResultFormat, isIrrational: Bool) -> Double? {
    let place = exponent &+ Int(truncatingIfNeeded: high.magnitude.bitPattern >> 52) &- 1023
    if format == .binary64, abs(place) < 1000, abs(exponent) < 1000 {
      let reach = (radius + high.magnitude * 0x1p-103) * (1 + 0x1p-48)
      let up = high + (low + reach)
      let down = high + (low - reach)
      if up == down {
        return exponent == 0 ? up : up * Scalar.power(exponent)
      }
    }
    return roundedExactly(to: format, isIrrational)
  }

  @inline(never) private func roundedExactly(to format: ResultFormat, _ isIrrational: Bool) -> Double? {
    radius == .infinity ? nil : interval.rounded(to: format, isIrrational: isIrrational)
  }

  /// The ball's ends. An unknown ball's are beyond everything that is ever added to it.
  var interval: BigInterval<FixedLimbs> {
    let zero = FixedLimbs()
    guard radius < .infinity else {
      let bound = BigFloat(1, like: zero).scaled(by: 1 << 40)
      return BigInterval(-bound, bound)
    }
    let first = BigFloat(high, like: zero)
    let second = BigFloat(low, like: zero)
    let reach = BigFloat(radius, like: zero)
    let lower = BigFloat.sum(.sum(first, second, .down), -reach, .down)
    let upper = BigFloat.sum(.sum(first, second, .up), reach, .up)
    return BigInterval(lower.scaled(by: exponent), upper.scaled(by: exponent))
  }

  /// An e with |x| near or above 2^e for the middle x.
  var magnitudeExponent: Int { high == 0 ? .min / 2 : exponent + Int(high.exponent) }

  var ball: Ball { self }

  func nearest(in format: ResultFormat) -> Double {
    interval.nearest(in: format)
  }
}
