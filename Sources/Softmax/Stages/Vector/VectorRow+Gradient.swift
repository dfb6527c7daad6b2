internal import Allocation
internal import VectorKernels

extension Ball {
  init(_ factor: RowFactor) {
    self.init(factor.value)
    radius += high.magnitude * factor.error * 0x1.1p0
  }
}

/// A number of a row, and a bound of its relative error.
struct RowFactor: Sendable {
  let value: ScaledDoubleDouble
  let error: Double

  init(_ value: ScaledDoubleDouble, within error: Double) {
    self.value = value
    self.error = error
  }

  /// - Returns: `nil` where hardly a digit is known, or the number is zero.
  init?(_ ball: Ball) {
    guard ball.radius <= ball.high.magnitude * 0x1p-60, ball.high != 0 else { return nil }
    value = ScaledDoubleDouble(ball)
    error = ball.radius / ball.high.magnitude * 0x1.1p0
  }
}

/// A row whose target is one class, where it is sure of one: `factor·p` at the maximum and `factor·(p - 1)` at the
/// target are ± the factor but for a faint part. The factor itself may be half-way between two numbers but for less
/// than a pair tells: 1/(N T) is 2^-108 from that for means over 10, 20, 40 … rows at T = 0.1.
struct SureRow {
  /// Within 2^-138.
  let factor: TripleDouble
  let target: Int
  let top: Int
  /// R and S.
  let others: Double
  let sum: Double

  /// A derivative, or NaN where it is not the factor but for a faint part, or not decided so.
  ///
  /// Error Bounds: the faint part is e/S or R/S. These are within some 2^-79, and the plain products and quotient
  /// within 2^-51; a part that is left out is below ``RowSums/leftOut``.
  /// - Parameter e: the class's exponential.
  func derivative(_ i: Int, _ e: Double, _ rounding: KernelRounding) -> Double {
    let share = (i == target ? e : others) / sum
    guard (i == target) != (i == top), share <= 0x1p-60 else { return .nan }
    let part = factor.high * share
    let error = part.magnitude * 0x1p-50 + factor.high.magnitude * RowSums.leftOut
    return i == target
      ? rounding.rounded(-factor, less: -part, within: error) : rounding.rounded(factor, less: part, within: error)
  }
}

extension VectorRow {
  /// Rounds what is open of the gradient of a row that is sure of a class.
  ///
  /// - Parameter factor: what multiplies p - 1 of the target, within 2^-138.
  /// - Returns: how many are rounded.
  func resolveSure(target: Int, factor: ScaledTriple, into out: inout MutableSpan<Double>) -> Int {
    guard !isCapped, abs(factor.exponent) <= 900 else { return 0 }
    let sure = SureRow(
      factor: factor.mantissa, target: target, top: top.index, others: sums.others.high, sum: sums.sum.high)
    let rounding = KernelRounding(format, exponent: factor.exponent)
    var resolved = 0
    for i in [target, top.index] where out[i].isNaN {
      out[i] = sure.derivative(i, exponentials[i].high, rounding)
      if !out[i].isNaN { resolved += 1 }
    }
    return resolved
  }

  /// Writes `factor·(p_i - 1[i = target])`, the gradient for a class index.
  ///
  /// At the target it is -factor·(S - e_l)/S, where S - e_l is R itself at the row's maximum.
  ///
  /// - Parameter error: the factor's relative error.
  /// - Returns: how many are not proven, and NaN.
  ///
  /// Error Bounds: away from the target the probability's and the factor's. S - e_l ≥ 1 unless it is R, so its error is
  /// S's and e_l's, at most 2^-79.9·S + 2^-80.27 ≤ 2^-78.4 (S - e_l); with 1/S in all 2^-77.8, for 2^-77, and the
  /// factor's. A cap's error is in R and e_l ≤ R, 3 (S - e_l) together, and once in 1/S. What a faint R leaves out is
  /// multiplied by at most 2.01.
  func gradient(
    of row: Span<Double>, target: Int, factor: ScaledDoubleDouble, within error: Double = 0x1p-98,
    into out: inout MutableSpan<Double>
  ) -> Int {
    var open = products(RowFactor(factor, within: error), of: row, into: &out)
    guard !factor.isZero, isInReach(factor) else { return open }
    if out[target].isNaN { open -= 1 }
    let isTop = target == top.index
    if isTop, isAlone {
      out[target] = 0
      return open
    }
    var rounding = KernelRounding(format, exponent: factor.exponent, isNegative: factor.isNegative)
    rounding.scale = -rounding.scale
    var others = sums.others
    if !isTop {
      var own = exponentials[target]
      if own.low.isNaN { own.low = 0 }
      others = sums.sum + -own
    }
    var value = others.times(slope(factor), BaselineMultiplier.self)
    if isCapped { value = value.times(capSlopes[target], BaselineMultiplier.self) }
    let leftOut = isTop && sums.isFaint ? 3 * RowSums.leftOut : 0
    out[target] = rounding.rounded(value, error: value.high * (0x1p-77 + (error + 4 * argumentError)) + leftOut)
    if out[target].isNaN { open += 1 }
    return open
  }

  /// Writes `(push + extra)·p_i - push·1[i = target]`, the gradient where a class index has a focal factor or a z-loss
  /// beside it.
  ///
  /// At the target it is (extra·e_l - push·(S - e_l))/S.
  ///
  /// - Returns: how many are not proven, and NaN.
  func gradient(
    of row: Span<Double>, target: Int, push: Ball, extra: Ball, into out: inout MutableSpan<Double>
  ) -> Int {
    guard let pull = RowFactor(push + extra) else { return leaveOpen(&out) }
    var open = products(pull, of: row, into: &out)
    if out[target].isNaN { open -= 1 }
    let value = throughCap((extra * exponential(target) - push * others(than: target)) / sum, target)
    out[target] = value.rounded(to: format, isIrrational: false) ?? .nan
    if out[target].isNaN { open += 1 }
    return open
  }

  /// A derivative with respect to a capped logit, as one with respect to the logit.
  private func throughCap(_ derivative: Ball, _ i: Int) -> Ball { isCapped ? derivative * capSlope(i) : derivative }

  /// Writes `factor·p_i`, times the derivative of a capped logit.
  /// - Returns: how many are not proven, and NaN.
  func products(_ factor: RowFactor, of row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    guard !factor.value.isZero else {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    guard isInReach(factor.value) else { return leaveOpen(&out) }
    let rounding = KernelRounding(format, exponent: factor.value.exponent, isNegative: factor.value.isNegative)
    let open = loops.scaled(
      pullHigh, pullLow, by: slope(factor.value), within: shareError + (factor.error + pullError), rounding, into: &out)
    guard open > 0 else { return 0 }
    let left = open - resolveFarProducts(row, factor, isDerivative: true, into: &out)
    guard left > 0 else { return 0 }
    let scale = Ball(factor) / sum
    return left - resolveFar(row, into: &out) { e, i in throughCap(scale * e, i) }
  }

  /// Rounds those of `factor·p_i` that are open for the sake of exponentials that were left out, in the format that
  /// shows so small ones.
  ///
  /// - Parameters:
  ///   - isDerivative: whether they are multiplied by the derivatives of capped logits too.
  ///   - shares: what is taken from them, [2][padded classes]; or empty. Those with any of it stay open.
  /// - Returns: how many were rounded.
  func resolveFarProducts(
    _ row: Span<Double>, _ factor: RowFactor, isDerivative: Bool, besides shares: Span<Double> = Span(),
    into out: inout MutableSpan<Double>
  ) -> Int {
    guard format == .binary64 else { return 0 }
    let table = exponentialTable
    let capped = isDerivative && isCapped ? row : row.extracting(first: 0)
    return withArguments(of: row) { arguments, rests in
      loops.farProducts(
        arguments, rests: rests, shift: shift, logits: capped, cap: cap?.shift ?? shift, besides: shares,
        by: slope(factor.value), within: shareError + (factor.error + (isDerivative ? pullError : 0)),
        exponent: factor.value.exponent, isNegative: factor.value.isNegative, table: table.span, into: &out)
    }
  }

  /// Rounds what is open for the sake of exponentials that were left out, if they are few: each costs four times as
  /// much as a class in the ball stage, which has to do all of a row.
  ///
  /// - Parameter value: the result for an exponential and its class.
  /// - Returns: how many were rounded.
  func resolveFar(
    _ row: Span<Double>, into out: inout MutableSpan<Double>, _ value: (Ball, Int) -> Ball
  ) -> Int {
    var (left, resolved) = (8 + row.count / 4, 0)
    for i in 0..<out.count where out[i].isNaN && exponentials[i].high == 0 {
      if left == 0 { break }
      left -= 1
      out[i] = value(farExponential(i, of: row), i).rounded(to: format, isIrrational: false) ?? .nan
      if !out[i].isNaN { resolved += 1 }
    }
    return resolved
  }

  /// Whether the loops can multiply probabilities by a number: ``read(_:exponent:)`` was told of it.
  private func isInReach(_ factor: ScaledDoubleDouble) -> Bool {
    abs(factor.exponent) <= 900 && factor.exponent <= exponent
  }

  /// What the derivatives of capped logits add to the relative error of a product: 2^-80.2 and 2^-103.
  private var pullError: Double { isCapped ? 0x1.1p0 * Self.capSlopeError : 0 }

  /// The factor's mantissa over S.
  private func slope(_ factor: ScaledDoubleDouble) -> DoubleDouble {
    factor.mantissa.times(sums.reciprocal, BaselineMultiplier.self)
  }

  /// Makes every result NaN, for the next stage to compute.
  /// - Returns: how many.
  func leaveOpen(_ out: inout MutableSpan<Double>) -> Int {
    for i in 0..<out.count { out[i] = .nan }
    return out.count
  }

  /// Writes `factor·(pull p_i - u_i)`, the gradient for target weights u.
  /// - Returns: how many are not proven, and NaN.
  ///
  /// Error Bounds: the loop's. slope = factor·pull/S is within 2^-79.85 and the pull's own error, e·slope within
  /// 2^-79.0 and that, for which 0x1.2p-79 is taken; u·factor within 2^-96.9 and the unit's own error, for 2^-96.
  func gradient(
    of row: Span<Double>, _ target: borrowing WeightedTarget, factor: ScaledDoubleDouble,
    into out: inout MutableSpan<Double>
  ) -> Int {
    guard !factor.isZero else {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    guard let pull = target.pull, !pull.value.isNegative else { return leaveOpen(&out) }
    // The pull is made a mantissa too, so that the kernel's numbers stay near 1.
    let whole = factor * pull.value
    let unit = factor * target.unit.value
    let power = unit.exponent - whole.exponent
    guard isInReach(whole), abs(power) <= 310 else { return leaveOpen(&out) }
    let scaled = DoubleDouble(high: unit.mantissa.high * powerOfTwo(power), low: unit.mantissa.low * powerOfTwo(power))
    let shares = target.shares.times(capSlopes, by: loops)
    var open = loops.gradient(
      pullHigh, pullLow, shareHigh: shares.high, shareLow: shares.low,
      slope: slope(whole), within: 0x1.2p-79 + (pull.error + (2 * argumentError + pullError)), factor: scaled,
      within: 0x1p-96 + (target.unit.error + (target.shareError + pullError)),
      shareLeftOut: target.leftOut * scaled.high,
      KernelRounding(format, exponent: whole.exponent, isNegative: whole.isNegative), into: &out)
    if open > 0, target.leftOut == 0 {
      open -= resolveFarProducts(
        row, RowFactor(whole, within: pull.error), isDerivative: true, besides: shares.numbers.span, into: &out)
    }
    guard open > 0 else { return 0 }
    let factor = Ball(factor)
    var known: Ball?
    var left =
      open
      - resolveFar(row, into: &out) { e, i in
        guard let own = target.weight(i) else { return .unknown }
        let overSum = known ?? Ball(pull) / sum
        known = overSum
        return throughCap((overSum * e - own) * factor, i)
      }
    // Where most are open, the target is close to softmax itself, and the maximum no better off than the others.
    if left <= out.count / 2, out[top.index].isNaN, let value = gradientAtTop(target) {
      out[top.index] = (value * factor).rounded(to: format, isIrrational: false) ?? .nan
      if !out[top.index].isNaN { left -= 1 }
    }
    return left
  }

  /// pull p_i - u_i at the row's maximum, where a confident row's U p and u cancel, as ((U - u) + extra - u R)/S.
  private func gradientAtTop(_ target: borrowing WeightedTarget) -> Ball? {
    guard let own = target.weight(top.index), let rest = target.restAtTop ?? restAtTop(target) else { return nil }
    let moved = target.extra.map { rest + $0 } ?? rest
    return throughCap((moved - own * others(than: top.index)) / sum, top.index)
  }

  /// U - u of the row's maximum as the sum of the others' u: where the target is as confident as the row, U - u keeps
  /// nothing of them.
  private func restAtTop(_ target: borrowing WeightedTarget) -> Ball? {
    guard let rest = elsewhere(target.shares) else { return nil }
    let count = Double(target.shares.high.count)
    let error = rest.high * (0x1p-98 + target.shareError + count * 0x1p-104) + count * target.leftOut
    return Ball(rest, radius: error, exponent: 0) * Ball(target.unit)
  }

  /// Writes `factor·p_i (v_i - Σ p_j v_j)`, the Hessian of cross-entropy times a vector v.
  ///
  /// - Parameter greatest: the largest |v|.
  /// - Returns: how many are not proven, and NaN.
  ///
  /// Error Bounds: the loop's, and for the mean ``VectorLoops/meanError(size:greatest:)``.
  func hessianProduct(
    _ vector: Span<Double>, greatest: Double, factor: RowFactor, into out: inout MutableSpan<Double>
  ) -> Int {
    guard isInReach(factor.value), !factor.value.isZero, greatest >= 0x1p-300, greatest <= 0x1p300,
      factor.value.exponent + Int(greatest.exponent) + 1 <= exponent
    else { return leaveOpen(&out) }
    let centre = vector[top.index]
    let product = loops.shareSums(
      exponentials.high, exponentials.low, vector, rests: Span(), shift: RowShift(maximum: centre, temperature: 1))
    let meanError = BaselineLoops.meanError(
      size: Vector(repeating: product.size * sums.reciprocal.high), greatest: Vector(repeating: greatest))
    return loops.centredProducts(
      exponentials.high, exponentials.low, vector: vector, centre: centre,
      mean: -product.cross.times(sums.reciprocal, BaselineMultiplier.self), within: meanError[0],
      slope: slope(factor.value), within: 0x1.2p-79 + factor.error,
      KernelRounding(format, exponent: factor.value.exponent, isNegative: factor.value.isNegative), into: &out)
  }

  /// Whether some numbers are all the same.
  static func isLevel(_ numbers: Span<Double>) -> Bool {
    for i in numbers.indices where numbers[i] != numbers[0] { return false }
    return true
  }

  /// The largest size of some finite numbers: of their patterns without the sign, the greatest.
  static func greatestMagnitude(_ numbers: Span<Double>) -> Double {
    var greatest: UInt64 = 0
    for i in numbers.indices { greatest = max(greatest, numbers[i].magnitude.bitPattern) }
    return Double(bitPattern: greatest)
  }
}

/// Gradients that pairs leave open because the target is close to softmax itself (self-distillation, a teacher near its
/// student): the same difference in triples.
extension VectorRow {
  /// Computes the row's exponentials as triples.
  /// - Returns: their sum S.
  private mutating func readTriples(_ row: Span<Double>) -> TripleDouble {
    readTriples(row, top: top, shift)
  }

  /// Σ e^(a/T) - 1 for logits that are at most 0, or little more, within 2^-129 where it is small.
  mutating func powersLessOne(_ row: Span<Double>) -> TripleDouble {
    // No class is the one that counts as 1.
    let none = RowMaximum(value: 0, index: paddedCount(row.count))
    let sum = readTriples(row, top: none, RowShift(maximum: 0, temperature: temperature))
    return (sum + TripleDouble(-2)).normalised
  }

  private mutating func readTriples(_ row: Span<Double>, top: RowMaximum, _ shift: RowShift) -> TripleDouble {
    let count = 3 * paddedCount(row.count)
    if triples.count != count { triples = [Double](repeating: 0, largeCount: count) }
    // Values of its own, since a span of a part keeps all of this value from being changed.
    let (loops, table, rests) = (loops, exponentialTable, exponentialRests)
    var span = triples.mutableSpan
    return loops.tripleExponentials(
      row, top: top, shift: shift, table: table.span, rests: rests.span, into: &span)
  }

  /// Writes `factor·(U p_i - u_i)` in the place of each NaN, as (U e_i - u_i S)·factor/S, for target weights u that are
  /// pairs exactly: products of two binary64.
  /// - Returns: how many are rounded.
  mutating func resolveClose(
    _ row: Span<Double>, factor: ScaledDoubleDouble, into out: inout MutableSpan<Double>
  ) -> Int {
    guard canUseTriples(factor) else { return 0 }
    let total = loops.tripleTotal(targetWeights.high, targetWeights.low)
    guard total.high >= 0x1p-60, total.high <= 0x1p60 else { return 0 }
    let sum = readTriples(row)
    // A copy of its own, as above.
    let weights = targetWeights
    return resolveDifferences(
      times: total, weights.numbers.span, times: sum, factor, over: factor.over(sum), into: &out)
  }

  /// Writes `factor·(p_i - p'_i)` in the place of each NaN, as (e_i S' - e'_i S)·factor/(S S'), where p' is a teacher's
  /// softmax.
  /// - Returns: how many are rounded.
  mutating func resolveClose(
    _ row: Span<Double>, to teacher: inout VectorRow, _ teacherRow: Span<Double>, factor: ScaledDoubleDouble,
    into out: inout MutableSpan<Double>
  ) -> Int {
    guard canUseTriples(factor) else { return 0 }
    let (sum, other) = (readTriples(row), teacher.readTriples(teacherRow))
    return resolveDifferences(
      times: other, teacher.triples.span, times: sum, factor, over: factor.over(sum, other), into: &out)
  }

  /// Writes `factor·(a·e_i - b·y_i)` in the place of each NaN; the exponentials are then of no more use.
  /// - Returns: how many are rounded.
  private mutating func resolveDifferences(
    times a: TripleDouble, _ y: Span<Double>, times b: TripleDouble, _ factor: ScaledDoubleDouble,
    over quotient: DoubleDouble, into out: inout MutableSpan<Double>
  ) -> Int {
    let (loops, format) = (loops, format)
    var differences = triples.mutableSpan
    loops.tripleDifferences(&differences, times: a, y, times: b)
    return loops.roundedWhereOpen(
      triples.span, by: quotient,
      KernelRounding(format, exponent: factor.exponent, isNegative: factor.isNegative), into: &out)
  }

  private func canUseTriples(_ factor: ScaledDoubleDouble) -> Bool {
    !isCapped && !factor.isZero && abs(factor.exponent) <= 900
  }
}

extension ScaledDoubleDouble {
  /// The mantissa over sums from 1 to 2^23, within 2^-100.
  fileprivate func over(_ sums: TripleDouble...) -> DoubleDouble {
    sums.reduce(mantissa) { $0.times($1.pair.reciprocal(BaselineMultiplier.self), BaselineMultiplier.self) }
  }
}
