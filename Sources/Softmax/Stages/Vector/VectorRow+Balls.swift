internal import VectorKernels

/// A row's sums as balls, for what is computed once a row.
extension VectorRow {
  /// S.
  var sum: Ball { Ball(sums.sum, radius: sums.sum.high * sumError, exponent: 0) }

  /// e_i.
  func exponential(_ i: Int) -> Ball {
    let e = exponentials[i]
    guard e.high > 0 else { return Ball(DoubleDouble(high: 0), radius: Self.leftOut, exponent: 0) }
    return Ball(e, radius: e.high * (0x1p-80 + argumentError), exponent: 0)
  }

  /// e_i of a class that is not masked, however small it is.
  func farExponential(_ i: Int, of row: Span<Double>) -> Ball {
    let z = argument(i, of: row)
    var poll = CancellationPoll()
    return BallArithmetic.standard.power(
      Ball(z, radius: z.high.magnitude * 0x1p-98 + (argumentError + shift.absolute), exponent: 0), &poll)
  }

  /// Σ_{j≠i} e_j: R itself at the row's maximum.
  func others(than i: Int) -> Ball {
    guard i == top.index else { return sum - exponential(i) }
    return Ball(sums.others, radius: sums.others.high * sumError + sumLeftOut, exponent: 0)
  }

  /// The maximum, capped if the logits are.
  private var maximum: Ball {
    let value = top.value
    guard let cap = cap?.value else { return Ball(value) }
    return withoutCancellation { poll throws(ComputationError) in
      try SoftCap(cap, maximum: value, BallArithmetic.standard, &poll).capped(value, &poll).sum
    }
  }

  /// log Σ e^(a/T) = m/T + log S.
  var logSumExpBall: Ball { maximum / Ball(temperature) + Ball(logSum) }

  /// The derivative of a capped logit.
  func capSlope(_ i: Int) -> Ball {
    let slope = capSlopes[i]
    guard slope.high > 0 else { return Ball(DoubleDouble(high: 0), radius: Self.leftOut, exponent: 0) }
    return Ball(slope, radius: slope.high * Self.capSlopeError, exponent: 0)
  }

  /// The relative error of the derivatives of capped logits, 2^-80.2.
  static var capSlopeError: Double { 0x1p-80 }
  /// The relative error of S and R, 2^-79.9 and a cap's.
  private var sumError: Double { 0x1.2p-80 + argumentError }
  /// More than an exponential that is left out.
  static var leftOut: Double { 0x1p-890 }

  /// The focal factor (1-p_l)^γ, where that can be told here.
  ///
  /// - Parameter minusLog: -log p_l.
  func focalFactor(_ l: Int, gamma: Double, minusLog: VectorValue) -> FocalFactor<BallArithmetic>? {
    guard !sums.isFaint else { return nil }
    let (own, rest, sum, isTop) = (exponential(l), others(than: l), sum, l == top.index)
    return withoutCancellation { poll throws(ComputationError) in
      try FocalFactor(
        gamma: gamma, own: own, rest: rest, sum: sum, isTop: isTop, minusLog: Ball(minusLog), .standard, &poll)
    }
  }

  /// The z-loss λ LSE².
  func penalty(_ lambda: Double) -> LogSumPenalty<BallArithmetic> {
    let logSumExp = Split<BallArithmetic>(exact: logSumExpBall, tail: Ball(0))
    return LogSumPenalty(
      lambda, logSumExp: logSumExp, isSplit: false, scale: 1, temperature: temperature, .standard)
  }

  /// Σ e'_c (-z_c) of a teacher's exponentials, or `nil` where it is infinite or not known: a class that is masked here
  /// alone may have a share.
  ///
  /// Error Bounds: the loop's 2^-89.9, the exponentials' 2^-80.27, and what was left out of them; a cap's error times
  /// those of other classes than the maximum, whose z is zero.
  func cross(
    with teacher: borrowing VectorRow, _ teacherLogits: Span<Double>, _ logits: Span<Double>
  ) -> Ball? {
    var leftOut = 0.0
    let high = teacher.exponentials.high
    for c in logits.indices where high[c] == 0 && teacherLogits[c] > -.infinity {
      guard logits[c] > -.infinity else { return nil }
      leftOut += abs(argument(c, of: logits).high)
    }
    let cross = crossSum(teacher.exponentials, logits).cross
    guard cross.high <= 0x1p900, !cross.low.isNaN else { return nil }
    let elsewhere =
      top.index == teacher.top.index ? teacher.sums.others.high + teacher.sumLeftOut : teacher.sums.sum.high
    let capError = elsewhere * 0x1.1p0 * argumentError
    return Ball(cross, radius: cross.high * 0x1.2p-80 + (leftOut * Self.leftOut + 0x1p-1000) + capError, exponent: 0)
  }

  /// The divergence from a teacher near this row; `nil` where it is not near.
  func nearDivergence(
    _ logits: Span<Double>, from teacher: borrowing VectorRow, _ teacherLogits: Span<Double>
  ) -> Ball? {
    guard !isCapped else { return nil }
    let near = loops.nearDivergence(
      logits, teacherLogits, high: teacher.exponentials.high, low: teacher.exponentials.low, top: teacher.top.index,
      shift: shift, over: teacher.sums.reciprocal)
    return near.error < .infinity ? Ball(near.value, radius: near.error, exponent: 0) : nil
  }

  /// Σ e_c (-z_c).
  ///
  /// Error Bounds: as above; each term that is left out is below 620·2^-894, and all below 2^-860.
  func ownCross(_ logits: Span<Double>) -> Ball {
    let cross = crossSum(exponentials, logits).cross
    return Ball(cross, radius: cross.high * 0x1.2p-80 + 0x1p-860, exponent: 0)
  }
}

extension Ball {
  init(_ value: VectorValue) { self.init(value.value, radius: value.error, exponent: 0) }

  /// - Parameter factor: within 2^-98.
  init(_ factor: ScaledDoubleDouble) {
    let mantissa = factor.isNegative ? -factor.mantissa : factor.mantissa
    self.init(mantissa, radius: factor.mantissa.high * 0x1p-98, exponent: factor.exponent)
  }
}

extension ScaledDoubleDouble {
  /// A ball's middle.
  init(_ ball: Ball) {
    self.init(ball.middle)
    exponent += ball.exponent
  }
}

extension VectorValue {
  /// - Returns: `nil` for a ball beyond the range where pairs are good.
  init?(_ ball: Ball) {
    guard ball.radius < .infinity, abs(ball.exponent) <= 600 else { return nil }
    let power = powerOfTwo(ball.exponent)
    value = DoubleDouble(high: ball.high * power, low: ball.low * power)
    error = ball.radius * power
  }
}
