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

  /// - Parameter relative: the error over the value, which is positive.
  @inlinable @inline(__always)
  init(value: VectorPair, relative: Double) { self.init(value: value, error: value.high * relative) }

  @inlinable @inline(__always)
  static prefix func - (a: VectorBall) -> VectorBall { VectorBall(value: -a.value, error: a.error) }

  @inlinable @inline(__always)
  static func + (a: VectorBall, b: VectorBall) -> VectorBall {
    let sum = a.value + b.value
    return VectorBall(value: sum, error: (a.error + b.error + size(sum) * 0x1p-103) * 0x1.0000001p0)
  }

  @inlinable @inline(__always)
  func times<M: ExactMultiplier>(_ b: VectorBall, _: M.Type) -> VectorBall {
    let product = value.times(b.value, M.self)
    let spread = Self.size(value) * b.error + (Self.size(b.value) * error + error * b.error)
    return VectorBall(value: product, error: (spread + Self.size(product) * 0x1p-100) * 0x1.0000001p0)
  }

  /// 1/self, where the error is at most 2^-40 of the value.
  @inlinable @inline(__always)
  func reciprocal<M: ExactMultiplier>(_: M.Type) -> VectorBall {
    let inverse = value.reciprocal(M.self)
    let size = Self.size(inverse)
    return VectorBall(value: inverse, error: size * (size * error + 0x1p-98) * 0x1.0000001p0)
  }

  @inlinable @inline(__always)
  static func size(_ x: VectorPair) -> Vector {
    unsafe unsafeBitCast(unsafeBitCast(x.high, to: SIMD8<Int64>.self) & Int64.max, to: Vector.self)
  }
}

/// Losses of eight short rows at once, and their gradients at the targets.
extension VectorLoops {
  /// Computes `gradientFactor·(p_i - 1)` of the targets, the gradient there, with an error bound.
  ///
  /// It is -gradientFactor·(S - e_i)/S, where S - e_i is R itself at the row's maximum.
  ///
  /// - Parameter error: the factors' relative error.
  ///
  /// Error Bounds: S - e_i ≥ 1 unless it is R, so its error is S's and e_i's, at most
  /// 2^-79.9·S + 2^-80.3 ≤ 2^-78.4 (S - e_i); with 1/S in all 2^-77.8, for 2^-77, and the factor's. What a faint R
  /// leaves out is multiplied by at most 2.01 of the factor.
  @inlinable @inline(never)
  public static func interleavedTargets(
    _ pairs: Span<Double>, _ rows: inout InterleavedRows, within error: Double
  ) {
    let zero = Vector(repeating: 0)
    let place = places(of: rows.target, classes: pairs.count / 16)
    let entry = place &+ (place & ~7)
    var own = VectorPair(high: gather(pairs, entry), low: gather(pairs, entry &+ 8))
    // NaN where e is below 2^-894, which is nothing beside S.
    own.low = choose(zero, else: own.low, where: own.high .== zero)
    let isTop = rows.target .== rows.top
    let rest = rows.sum + -own
    let others = VectorPair(
      high: choose(rows.others.high, else: rest.high, where: isTop),
      low: choose(rows.others.low, else: rest.low, where: isTop))
    let factor = rows.gradientFactor.times(rows.reciprocal, Multiplier.self)
    rows.valueAtTarget = -others.times(factor, Multiplier.self)
    let leftOut = choose(
      magnitude(rows.gradientFactor.high) * (3 * RowSums.leftOut), else: zero, where: isTop .& rows.isFaint)
    rows.errorAtTarget = magnitude(rows.valueAtTarget.high) * (0x1p-77 + error) + leftOut
  }

  /// Computes -log p of the targets: cross-entropy.
  ///
  /// - Precondition: log S is computed.
  /// - Parameter logits: [classes][8].
  ///
  /// Error Bounds: -log p = log S - z, where nothing cancels: log S's error and 2^-98 of the sum.
  @inlinable @inline(never)
  public static func interleavedCrossEntropies(
    _ logits: Span<Double>, shift: RowShift, _ rows: inout InterleavedRows
  ) {
    let loss = minusLogAtTarget(logits, shift: shift, rows)
    rows.loss = loss.value
    rows.lossError = loss.error
  }

  @inlinable @inline(__always)
  static func minusLogAtTarget(
    _ logits: Span<Double>, shift: RowShift, _ rows: borrowing InterleavedRows
  ) -> VectorBall {
    let a = gather(logits, places(of: rows.target, classes: logits.count / 8))
    let value = -logProbability(shifted(a, less: rows.maximum, shift), rows.logSum)
    return VectorBall(value: value, error: rows.logSum.high * logSumError + value.high * 0x1p-98)
  }

  /// Adds `lossFactor·loss` to ``InterleavedRows/total``, or writes it, correctly rounded times 2^exponent.
  ///
  /// - Precondition: the losses are computed.
  /// - Parameters:
  ///   - isTerm: whether they are added up, or written to `out`: [8].
  /// - Returns: the rows that this stage cannot do. They are not added, and NaN in `out`.
  ///
  /// Error Bounds: the losses' own; the factor is within 2^-99 and the product within 2^-103: another 2^-98.
  @inlinable @inline(never)
  public static func interleavedLosses(
    _ rows: inout InterleavedRows, isTerm: Bool, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    precondition(out.count == 8)
    let zero = Vector(repeating: 0)
    let loss = rows.loss
    let value = loss.times(rows.lossFactor, Multiplier.self)
    let error = rows.lossError * (rows.lossFactor.high * 0x1.0000001p0) + value.high * 0x1p-98
    // What pairs are good for: ``rounded(_:error:_:)`` looks at its own range.
    let isGood =
      (loss.high .>= Vector(repeating: 0x1p-600)) .& (loss.high .<= Vector(repeating: 0x1p600))
      .& (rows.others.high .>= Vector(repeating: RowSums.leastSure))
    let asked = choose(Vector(repeating: 1), else: zero, where: rows.lossFactor.high .> zero)
    if isTerm {
      let isAdded = isGood .& (asked .> zero)
      rows.total =
        rows.total
        + VectorPair(
          high: choose(value.high, else: zero, where: isAdded), low: choose(value.low, else: zero, where: isAdded))
      rows.totalError += choose(error, else: zero, where: isAdded)
      return bits(choose(zero, else: asked, where: isGood))
    }
    var result = rounded(value, error: error, rounding)
    result.isProven = result.isProven .& isGood
    store(result.provenOrNaN, &out, 0)
    return bits(choose(zero, else: asked, where: result.isProven))
  }

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
  ///   - pairs: from ``interleavedExponentials(_:shift:vanishing:table:into:_:)``.
  ///   - logits: [classes][8].
  ///   - gamma: γ.
  ///   - error: the gradient factors' relative error.
  ///   - reach: how large the pull may be.
  ///
  /// Error Bounds: e_y is within 2^-80, S and R within 2^-79.9, and S - e_y within what both are. log(1 + x) is within
  /// ``logSumError`` and x's own relative error; d e^-t = e^-t dt. The rest is in the balls.
  @inlinable @inline(never)
  public static func interleavedFocalAndPenalty(
    _ pairs: Span<Double>, _ logits: Span<Double>, shift: RowShift, _ rows: inout InterleavedRows, gamma: Double,
    within error: Double, reach: Double, table: Span<Double>
  ) {
    let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
    let place = places(of: rows.target, classes: pairs.count / 16)
    let entry = place &+ (place & ~7)
    let ownHigh = gather(pairs, entry)
    // What is left out has a row of its own.
    let isPresent = (ownHigh .> zero) .& .!rows.isFaint
    let ownLow = gather(pairs, entry &+ 8)
    let own = VectorBall(
      value: VectorPair(
        high: choose(ownHigh, else: one, where: isPresent), low: choose(ownLow, else: zero, where: isPresent)),
      relative: 0x1p-80)
    let isTop = rows.target .== rows.top
    let sum = VectorBall(value: rows.sum, relative: 0x1.2p-80)
    let others = VectorBall(
      value: VectorPair(
        high: choose(rows.others.high, else: one, where: isPresent),
        low: choose(rows.others.low, else: zero, where: isPresent)),
      relative: 0x1.2p-80)
    let difference = sum + -own
    let rest = VectorBall(
      value: VectorPair(
        high: choose(others.value.high, else: difference.value.high, where: isTop),
        low: choose(others.value.low, else: difference.value.low, where: isTop)),
      error: choose(others.error, else: difference.error, where: isTop))

    let minusLog = minusLogAtTarget(logits, shift: shift, rows)
    var loss = minusLog
    var push = VectorBall(value: VectorPair(high: one, low: zero), error: zero)
    if gamma > 0 {
      let odds = own.times(rest.reciprocal(Multiplier.self), Multiplier.self)
      let log = logSum(others: odds.value, sum: VectorPair(high: one, low: zero) + odds.value, table: table)
      let spread = odds.error / odds.value.high
      let power = VectorBall(value: log, error: log.high * (spread + logSumError))
        .times(VectorBall(value: VectorPair(high: Vector(repeating: gamma), low: zero), error: zero), Multiplier.self)
      // Rows that are too far have an endless error: a mask that differs between branches costs a lane at a time.
      let isNear =
        isPresent .& (power.value.high .<= Vector(repeating: 600)) .& (power.error .<= Vector(repeating: 0x1p-40))
      let t = VectorPair(
        high: choose(power.value.high, else: zero, where: isNear),
        low: choose(power.value.low, else: zero, where: isNear))
      let decay = exponential(t.high.negated, t.low.negated, table)
      let relative = choose(power.error * 0x1.01p0 + 0x1p-80, else: Vector(repeating: .infinity), where: isNear)
      let focal = VectorBall(value: decay, error: decay.high * relative)
      let gain = odds.times(minusLog, Multiplier.self)
        .times(VectorBall(value: VectorPair(high: Vector(repeating: gamma), low: zero), error: zero), Multiplier.self)
      push = focal.times(VectorBall(value: VectorPair(high: one, low: zero), error: zero) + gain, Multiplier.self)
      loss = focal.times(loss, Multiplier.self)
    }
    let top = shifted(rows.maximum, less: zero, shift)
    let logSumExp =
      VectorBall(value: top, error: magnitude(top.high) * 0x1p-98 + Vector(repeating: shift.absolute))
      + VectorBall(value: rows.logSum, error: rows.logSum.high * logSumError)
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
    rows.pull = VectorPair(
      high: choose(pull.value.high, else: one, where: isGood), low: choose(pull.value.low, else: zero, where: isGood))
    rows.pullError = choose(pull.error / size * 0x1.01p0, else: zero, where: isGood)
    rows.valueAtTarget = atTarget.value
    rows.errorAtTarget = choose(atTarget.error, else: Vector(repeating: .infinity), where: isGood)
    rows.loss = VectorPair(
      high: choose(loss.value.high, else: zero, where: isGood), low: choose(loss.value.low, else: zero, where: isGood))
    rows.lossError = choose(loss.error, else: zero, where: isGood)
  }
}
