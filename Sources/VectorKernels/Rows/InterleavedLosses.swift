/// Σ lossFactor·loss over short rows, lane by lane.
@frozen
public struct InterleavedSum: Sendable {
  public var value = VectorPair(repeating: DoubleDouble(high: 0))
  /// How far from the real sum it may be except for the additions: 3.01u² of it for each.
  public var error = Vector(repeating: 0)

  @inlinable
  public init() {}
}

/// Losses of groups of eight short rows, and their gradients at the targets.
extension VectorLoops {
  /// Computes `gradientFactor·(p_i - 1)` of the targets, the gradient there except for a cap, with an error bound.
  ///
  /// It is -gradientFactor·(S - e_i)/S, where S - e_i is R itself at the row's maximum.
  ///
  /// - Parameter error: the factors' relative error, and four times that of z.
  ///
  /// Error Bounds: S - e_i ≥ 1 unless it is R, so its error is S's and e_i's, at most
  /// 2^-79.9·S + 2^-80.27 ≤ 2^-78.4 (S - e_i); with 1/S in all 2^-77.8, for 2^-77, and the factor's. The error of z
  /// is in R and e_i ≤ R, 3 (S - e_i) together, and once in 1/S. What a faint R leaves out is multiplied by at most
  /// 2.01 of the factor.
  @inlinable @inline(never)
  public static func interleavedTargets(
    _ pairs: Span<Double>, _ rows: inout MutableSpan<InterleavedRows>, within error: Double
  ) {
    let (count, length) = (pairs.count / 2, groupLength(pairs.count / 2, rows.count))
    let zero = Vector(repeating: 0)
    var group = 0
    while group < rows.count {
      let (target, sum) = unsafe (rows[unchecked: group].target, rows[unchecked: group].sum)
      let (others, gradientFactor) = unsafe (rows[unchecked: group].others, rows[unchecked: group].gradientFactor)
      var own = gatherPair(pairs, places(of: target, group: group, length: length), count)
      // NaN where e is below 2^-894, which is nothing beside S.
      own.low = choose(zero, else: own.low, where: own.high .== zero)
      let isTop = unsafe isEqual(target, rows[unchecked: group].top)
      let rest = sum.adding(smaller: -own)
      let difference = choose(others, else: rest, where: isTop)
      let factor = unsafe gradientFactor.times(rows[unchecked: group].reciprocal, Multiplier.self)
      let value = -difference.times(factor, Multiplier.self)
      let leftOut = unsafe choose(
        magnitude(gradientFactor.high) * (3 * RowSums.leftOut), else: zero,
        where: isTop .& rows[unchecked: group].isFaint)
      unsafe rows[unchecked: group].valueAtTarget = value
      unsafe rows[unchecked: group].errorAtTarget = magnitude(value.high) * (0x1p-77 + error) + leftOut
      group &+= 1
    }
  }

  /// Puts the correctly rounded gradients at the targets, times 2^exponent, in the places of the products there; NaN
  /// where this stage cannot prove them.
  ///
  /// - Precondition: the products are written, and the gradients at the targets computed.
  /// - Parameters:
  ///   - slopes: the derivatives of capped logits, from
  ///     ``interleavedCapped(_:cap:scale:table:into:slopes:_:)``, or none.
  ///   - out: [groups][classes][8].
  /// - Returns: the rows with a NaN.
  @inlinable @inline(never)
  public static func interleavedTargetResults(
    _ rows: Span<InterleavedRows>, slopes: Span<Double>, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits {
    let length = groupLength(out.count, rows.count)
    precondition(slopes.count == 0 || slopes.count == 2 &* out.count)
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      let place = unsafe places(of: rows[unchecked: group].target, group: group, length: length)
      let products = gather(out.span, place)
      var derivative = unsafe VectorBall(
        value: rows[unchecked: group].valueAtTarget, error: rows[unchecked: group].errorAtTarget)
      if slopes.count > 0 {
        let slope = VectorBall(value: gatherPair(slopes, place, out.count), relative: 0x1p-80)
        derivative = derivative.times(slope, Multiplier.self)
      }
      let result = rounded(derivative.value, error: derivative.error, rounding)
      let (one, zero) = (Vector(repeating: 1), Vector(repeating: 0))
      let others = unsafe rows[unchecked: group].open - choose(zero, else: one, where: isEqual(products, products))
      scatter(result.provenOrNaN, to: place, of: &out)
      found |= bits(others + result.open, in: group)
      group &+= 1
    }
    return found
  }

  /// Writes the correctly rounded gradients of rows of two classes, times 2^exponent; NaN where this stage cannot prove
  /// them. That of the target is the other's with the other sign, since S - e_i is the other's exponential.
  ///
  /// - Parameters:
  ///   - pairs, error, out: as in ``interleavedProducts(_:_:isGradient:within:_:into:)``.
  /// - Returns: the rows with a NaN.
  @inlinable @inline(never)
  public static func interleavedOpposites(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, within error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits {
    let count = out.count
    precondition(groupLength(count, rows.count) == 16 && pairs.count == 2 &* count)
    let zero = Vector(repeating: 0)
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      let factor = unsafe rows[unchecked: group].gradientFactor
        .times(rows[unchecked: group].reciprocal, Multiplier.self)
      let isFirst = unsafe isEqual(rows[unchecked: group].target, zero)
      let (first, second) = (16 &* group, 16 &* group &+ 8)
      let e = VectorPair(
        high: choose(load(pairs, second), else: load(pairs, first), where: isFirst),
        low: choose(load(pairs, count &+ second), else: load(pairs, count &+ first), where: isFirst))
      let result = roundedProduct(e, factor, within: Vector(repeating: error), rounding)
      let other = result.provenOrNaN
      // Of zero, which has no sign, zero too.
      let own = zero - other
      store(choose(own, else: other, where: isFirst), &out, first)
      store(choose(other, else: own, where: isFirst), &out, second)
      found |= bits(result.open, in: group)
      group &+= 1
    }
    return found
  }

  /// Puts eight numbers in their places. Unchecked, because callers have the places from ``places(of:classes:)``.
  @inlinable @inline(__always)
  static func scatter(_ numbers: Vector, to place: SIMD8<Int64>, of memory: inout MutableSpan<Double>) {
    var lane = 0
    while lane < 8 {
      unsafe memory[unchecked: Int(place[lane])] = numbers[lane]
      lane &+= 1
    }
  }

  /// Where the rows' classes are among all groups.
  @inlinable @inline(__always)
  static func places(of index: Vector, group: Int, length: Int) -> SIMD8<Int64> {
    places(of: index, classes: length / 8) &+ SIMD8(repeating: Int64(group &* length))
  }

  /// Eight pairs whose low parts come `count` places after their high parts.
  @inlinable @inline(__always)
  static func gatherPair(_ pairs: Span<Double>, _ place: SIMD8<Int64>, _ count: Int) -> VectorPair {
    VectorPair(high: gather(pairs, place), low: gather(pairs, place &+ SIMD8(repeating: Int64(count))))
  }

  /// Computes -log p of the targets: cross-entropy.
  ///
  /// - Precondition: log S is computed.
  /// - Parameter logits, rests: as in ``interleavedExponentials(_:rests:shift:vanishing:table:into:_:)``.
  ///
  /// Error Bounds: -log p = log S - z, where nothing cancels: log S's error, z's and 2^-98 of the sum.
  @inlinable @inline(never)
  public static func interleavedCrossEntropies(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, _ rows: inout MutableSpan<InterleavedRows>
  ) {
    let length = groupLength(logits.count, rows.count)
    precondition(rests.count == 0 || rests.count == logits.count)
    forEachGroup(of: &rows) { rows, group in
      let loss = minusLogAtTarget(logits, rests: rests, group: group, length: length, shift: shift, rows)
      rows.loss = loss.value
      rows.lossError = loss.error
    }
  }

  @inlinable @inline(__always)
  static func minusLogAtTarget(
    _ logits: Span<Double>, rests: Span<Double>, group: Int, length: Int, shift: RowShift,
    _ rows: borrowing InterleavedRows
  ) -> VectorBall {
    let place = places(of: rows.target, group: group, length: length)
    var z = shifted(gather(logits, place), less: rows.maximum, shift)
    if rests.count > 0 { z.low += gather(rests, place) }
    let value = -logProbability(z, rows.logSum)
    // The maximum's z is zero.
    let argumentError = choose(
      Vector(repeating: 0), else: Vector(repeating: shift.absolute), where: rows.target .== rows.top)
    return VectorBall(
      value: value, error: rows.logSum.high * (logSumError + shift.absolute) + value.high * 0x1p-98 + argumentError)
  }

  /// Adds `lossFactor·loss` to a sum, or writes it, correctly rounded times 2^exponent.
  ///
  /// - Precondition: the losses are computed.
  /// - Parameters:
  ///   - asked: the rows whose losses are asked for.
  ///   - sum: where they are added up; else they are written to `out`, [groups][8].
  /// - Returns: those that this stage cannot do. They are not added, and NaN in `out`.
  ///
  /// Error Bounds: the losses' own; the factor is within 2^-99 and the product within 2^-103: another 2^-98.
  @inlinable @inline(never)
  public static func interleavedLosses(
    _ rows: Span<InterleavedRows>, of asked: RowBits, isTerm: Bool, addingTo sum: inout InterleavedSum,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits {
    precondition(out.count == 8 &* rows.count)
    let (zero, one) = (Vector(repeating: 0), Vector(repeating: 1))
    var found: RowBits = 0
    var group = 0
    while group < rows.count {
      // Unchecked, because the loop ends at the last group.
      let (loss, factor) = unsafe (rows[unchecked: group].loss, rows[unchecked: group].lossFactor)
      let value = loss.times(factor, Multiplier.self)
      let error = unsafe rows[unchecked: group].lossError * (factor.high * 0x1.0000001p0) + value.high * 0x1p-98
      // What pairs are good for: ``rounded(_:error:_:)`` looks at its own range.
      let isGood =
        unsafe (loss.high .>= Vector(repeating: 0x1p-600)) .& (loss.high .<= Vector(repeating: 0x1p600))
        .& .!rows[unchecked: group].isFaint
      let marks = choose(one, else: zero, where: lanes(of: asked, in: group))
      if isTerm {
        let isAdded = isGood .& (marks .> zero)
        let high = choose(value.high, else: zero, where: isAdded)
        sum.value = sum.value + VectorPair(high: high, low: choose(value.low, else: zero, where: isAdded))
        sum.error += choose(error, else: zero, where: isAdded)
        found |= bits(choose(zero, else: marks, where: isGood), in: group)
      } else {
        var result = rounded(value, error: error, rounding)
        result.isProven = result.isProven .& isGood
        store(result.provenOrNaN, &out, 8 &* group)
        found |= bits(choose(zero, else: marks, where: result.isProven), in: group)
      }
      group &+= 1
    }
    return found
  }
}

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
  ///   - reach: how large the pull may be. It may be as small as 2^-600, as that of a row that is right by far.
  ///
  /// Error Bounds: e_y is within 2^-80, S and R within 2^-79.9, each and what z's absolute error makes of it, and
  /// S - e_y within what both are. log(1 + x) is within ``logSumError`` and x's own relative error, of x up to 2^700
  /// too; d e^-t = e^-t dt. The rest is in the balls. Where results are proven, which are 2^-960 and more, the product
  /// with a small push has lost at most 2^-1073, 2^-93 of it, to underflow: e_y and e^-t have 2^-83 to spare.
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
      let penalty = penalty(rows, shift)
      loss = loss + penalty.loss
      let extra = penalty.slope
      let pull = push + extra
      let atTarget = (extra.times(own, Multiplier.self) + -push.times(rest, Multiplier.self))
        .times(sum.reciprocal(Multiplier.self), Multiplier.self)
        .times(
          VectorBall(value: rows.gradientFactor, error: magnitude(rows.gradientFactor.high) * error), Multiplier.self)

      let size = magnitude(pull.value.high)
      let isGood =
        isPresent .& (pull.error .<= size * 0x1p-60) .& (size .<= Vector(repeating: reach))
        .& (size .>= Vector(repeating: 0x1p-600))
      rows.pull = choose(pull.value, else: 1, where: isGood)
      rows.pullError = choose(pull.error / size * 0x1.01p0, else: zero, where: isGood)
      rows.valueAtTarget = atTarget.value
      rows.errorAtTarget = choose(atTarget.error, else: Vector(repeating: .infinity), where: isGood)
      rows.loss = choose(loss.value, else: 0, where: isGood)
      rows.lossError = choose(loss.error, else: zero, where: isGood)
    }
  }

  /// log Σ e^(a/T), which may cancel.
  /// - Precondition: log S is computed.
  @inlinable @inline(__always)
  static func logSumExp(_ rows: borrowing InterleavedRows, _ shift: RowShift) -> VectorBall {
    let top = shifted(rows.maximum, less: Vector(repeating: 0), shift) + rows.offset
    return VectorBall(value: top, error: magnitude(top.high) * 0x1p-98 + Vector(repeating: shift.absolute))
      + VectorBall(value: rows.logSum, error: rows.logSum.high * (logSumError + shift.absolute))
  }

  /// A z-loss over the target's weight, λ/w LSE², and what it adds to the pull, 2 λ/w LSE.
  @inlinable @inline(__always)
  static func penalty(_ rows: borrowing InterleavedRows, _ shift: RowShift) -> (loss: VectorBall, slope: VectorBall) {
    let logSumExp = logSumExp(rows, shift)
    let penalty = VectorBall(value: rows.penalty, relative: 0x1p-98).times(logSumExp, Multiplier.self)
    return (penalty.times(logSumExp, Multiplier.self), penalty + penalty)
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
