/// Losses of groups of eight short rows that have a focal factor or a z-loss.
extension VectorLoops {
  /// Computes the losses and the gradients' pull and value at the target where there is a focal factor or a z-loss:
  ///
  ///     F (-log p) + λ/w LSE²,  F = (1-p)^γ      A + 2 λ/w LSE,  A = F (1 + γ x (-log p))
  ///     gradientFactor·(2 λ/w LSE e_y - A Σ_{j≠y} e_j)/S
  ///
  /// with the odds x = p/(1-p) = e_y/Σ_{j≠y} e_j, as the stages after this one have them. A row of which this stage
  /// cannot tell enough has no loss, and an endless error at the target.
  ///
  /// - Precondition: log S is computed.
  /// - Parameters:
  ///   - pairs: from ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///   - logits, rests: as there.
  ///   - gamma: γ.
  ///   - error: the gradient factors' relative error.
  ///   - reach: how large the pull may be.
  ///
  /// Error Bounds: e_y is within 2^-80, S and R within 2^-79.9, each and what z's absolute error makes of it, and
  /// S - e_y within what both are. log(1 + x) is within ``logSumError`` and x's own relative error; d e^-t = e^-t dt.
  /// The rest is in the balls.
  @inlinable @inline(never)
  public static func interleavedFocalAndPenalty(
    _ pairs: Span<Double>, _ logits: Span<Double>, rests: Span<Double>, shift: RowShift,
    _ rows: inout MutableSpan<InterleavedRows>, gamma: Double, within error: Double, reach: Double, table: Span<Double>
  ) {
    let length = groupLength(logits.count, rows.count)
    precondition(pairs.count == 2 &* logits.count && (rests.count == 0 || rests.count == logits.count))
    forEachGroup(of: &rows) { rows, group in
      let (zero, one) = (Vector(repeating: 0), VectorBall(1))
      let stored = gatherPair(pairs, places(of: rows.target, group: group, length: length), logits.count)
      // What is left out has a row of its own.
      let isPresent = (stored.high .> zero) .& .!rows.isFaint
      let own = VectorBall(
        value: choose(stored, else: 1, where: isPresent), relative: 0x1p-80 + shift.absolute)
      let isTop = rows.target .== rows.top
      let sumError = 0x1.2p-80 + shift.absolute
      let sum = VectorBall(value: rows.sum, relative: sumError)
      let others = VectorBall(value: choose(rows.others, else: 1, where: isPresent), relative: sumError)
      let difference = sum + -own
      let rest = VectorBall(
        value: choose(others.value, else: difference.value, where: isTop),
        error: choose(others.error, else: difference.error, where: isTop))

      let minusLog = minusLogAtTarget(logits, rests: rests, group: group, length: length, shift: shift, rows)
      var loss = minusLog
      var push = one
      if gamma > 0 {
        let odds = own.times(rest.reciprocal(Multiplier.self), Multiplier.self)
        let log = logSum(others: odds.value, sum: one.value + odds.value, table: table)
        let spread = odds.error / odds.value.high
        let power = VectorBall(value: log, error: log.high * (spread + logSumError))
          .times(VectorBall(gamma), Multiplier.self)
        // Rows that are too far have an endless error: a mask that differs between branches costs a lane at a time.
        let isNear =
          isPresent .& (power.value.high .<= Vector(repeating: 600)) .& (power.error .<= Vector(repeating: 0x1p-40))
        let t = choose(power.value, else: 0, where: isNear)
        let decay = exponential(t.high.negated, t.low.negated, table)
        let relative = choose(power.error * 0x1.01p0 + 0x1p-80, else: Vector(repeating: .infinity), where: isNear)
        let focal = VectorBall(value: decay, error: decay.high * relative)
        let gain = odds.times(minusLog, Multiplier.self)
          .times(VectorBall(gamma), Multiplier.self)
        push = focal.times(one + gain, Multiplier.self)
        loss = focal.times(loss, Multiplier.self)
      }
      let top = shifted(rows.maximum, less: zero, shift) + rows.offset
      let logSumExp =
        VectorBall(value: top, error: magnitude(top.high) * 0x1p-98 + Vector(repeating: shift.absolute))
        + VectorBall(value: rows.logSum, error: rows.logSum.high * (logSumError + shift.absolute))
      let penalty = VectorBall(value: rows.penalty, relative: 0x1p-98).times(logSumExp, Multiplier.self)
      loss = loss + penalty.times(logSumExp, Multiplier.self)
      let extra = penalty + penalty
      let pull = push + extra
      let atTarget = (extra.times(own, Multiplier.self) + -push.times(rest, Multiplier.self))
        .times(sum.reciprocal(Multiplier.self), Multiplier.self)
        .times(
          VectorBall(value: rows.gradientFactor, error: magnitude(rows.gradientFactor.high) * error), Multiplier.self)

      let size = magnitude(pull.value.high)
      let isGood =
        isPresent .& (pull.error .<= size * 0x1p-60) .& (size .<= Vector(repeating: reach))
        .& (size .>= Vector(repeating: 1 / reach))
      rows.pull = choose(pull.value, else: 1, where: isGood)
      rows.pullError = choose(pull.error / size * 0x1.01p0, else: zero, where: isGood)
      rows.valueAtTarget = atTarget.value
      rows.errorAtTarget = choose(atTarget.error, else: Vector(repeating: .infinity), where: isGood)
      rows.loss = choose(loss.value, else: 0, where: isGood)
      rows.lossError = choose(loss.error, else: zero, where: isGood)
    }
  }
}

/// All reals within an error of a pair, lane by lane. Each operation's error is that of its operands and of itself,
/// some positive terms, whose own roundings a factor of 1 + 2^-28 covers.
@frozen
public struct VectorBall {
  public var value: VectorPair
  public var error: Vector

  @inlinable @inline(__always)
  public init(value: VectorPair, error: Vector) {
    self.value = value
    self.error = error
  }

  /// A number exactly, in every lane.
  @inlinable @inline(__always)
  init(_ value: Double) {
    self.init(value: VectorPair(repeating: DoubleDouble(high: value)), error: Vector(repeating: 0))
  }

  /// - Parameter relative: the error over the value, which is positive.
  @inlinable @inline(__always)
  init(value: VectorPair, relative: Double) { self.init(value: value, error: value.high * relative) }

  @inlinable @inline(__always)
  static prefix func - (a: VectorBall) -> VectorBall { VectorBall(value: -a.value, error: a.error) }

  @inlinable @inline(__always)
  static func + (a: VectorBall, b: VectorBall) -> VectorBall {
    let sum = a.value + b.value
    return VectorBall(value: sum, error: (a.error + b.error + magnitude(sum.high) * 0x1p-103) * 0x1.0000001p0)
  }

  @inlinable @inline(__always)
  func times<M: ExactMultiplier>(_ b: VectorBall, _: M.Type) -> VectorBall {
    let product = value.times(b.value, M.self)
    let spread = magnitude(value.high) * b.error + (magnitude(b.value.high) * error + error * b.error)
    return VectorBall(value: product, error: (spread + magnitude(product.high) * 0x1p-100) * 0x1.0000001p0)
  }

  /// 1/self, where the error is at most 2^-40 of the value.
  @inlinable @inline(__always)
  func reciprocal<M: ExactMultiplier>(_: M.Type) -> VectorBall {
    let inverse = value.reciprocal(M.self)
    let size = magnitude(inverse.high)
    return VectorBall(value: inverse, error: size * (size * error + 0x1p-98) * 0x1.0000001p0)
  }
}
