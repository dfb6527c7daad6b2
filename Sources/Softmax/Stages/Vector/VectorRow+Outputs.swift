internal import VectorKernels

extension VectorRow {
  /// The outputs of row n, as far as this stage can prove them: writes each into its place, NaN where it cannot.
  /// - Returns: how many are NaN.
  mutating func solve(
    _ logits: Span<Double>, number n: Int, outputs: OutputLayout, by writer: inout RowWriter,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int {
    let layout = outputs.layout
    let isDividedByTemperature = outputs.parts.contains { $0.output == .jacobian }
    // 2^exponent is more than 1/T: what the Jacobian's entries may be above a probability.
    read(logits, exponent: isDividedByTemperature ? max(0, 2 - Int(temperature.exponent)) : 0)
    var open = 0
    let chosen = outputs.top(of: logits)
    for part in outputs.parts {
      let buffer = part.buffer
      switch part.output {
      case .probabilities:
        open += writer.write(buffer, row: n) { out in probabilities(into: &out) }
      case .logProbabilities:
        open += writer.write(buffer, row: n) { out in logProbabilities(logits, into: &out) }
      case .logSumExp:
        let result = logSumExp
        buffer[n] = result
        if result.isNaN { open += 1 }
      case .entropy:
        let result = entropy(logits)
        buffer[n] = result
        if result.isNaN { open += 1 }
      case .argmax:
        buffer[n] = Double(top.index)
      case .jacobian:
        for l in 0..<layout.classes {
          try poll.spend(VectorRow.cost(layout.classes))
          let first = outputs.position(of: part, row: n, at: l * layout.classes)
          open += writer.write(buffer, at: first) { out in
            jacobian(l, isMasked: logits[l] == -.infinity, into: &out)
          }
        }
      case .topIndices(let count):
        for place in 0..<count {
          buffer[outputs.position(of: part, row: n, at: place)] = Double(chosen[place])
        }
      case .topProbabilities(let count):
        for place in 0..<count {
          let result = probability(chosen[place])
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      case .topLogProbabilities(let count):
        let bounds = logSumBounds
        for place in 0..<count {
          let result = logProbability(logits[chosen[place]], bounds)
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      }
    }
    return open
  }
}

extension VectorRow {
  /// Writes `factor·(p_i - 1[i = target])`, the gradient for a class index. - Returns: how many are not proven, and
  /// NaN.
  ///
  /// At the target it is -factor·(S - e_l)/S, where S - e_l is R itself at the row's maximum.
  ///
  /// - Parameter error: the factor's relative error.
  ///
  /// Error Bounds: away from the target the probability's and the factor's. S - e_l ≥ 1 unless it is R, so its error is
  /// S's and e_l's, at most 2^-79.9·S + 2^-80.3 ≤ 2^-78.4 (S - e_l); with 1/S in all 2^-77.8, for 2^-77, and the
  /// factor's. What a faint R leaves out is multiplied by at most 2.01.
  func gradient(
    target: Int, factor: ScaledDoubleDouble, within error: Double = 0x1p-98, into out: inout MutableSpan<Double>
  ) -> Int {
    guard !factor.isZero else {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    guard abs(factor.exponent) <= 900, factor.exponent <= exponent else { return leaveOpen(&out) }
    let slope = factor.mantissa.times(sums.reciprocal, BaselineMultiplier.self)
    var rounding = KernelRounding(format, exponent: factor.exponent, isNegative: factor.isNegative)
    var open = loops.scaled(
      exponentials.high, exponentials.low, by: slope, within: probabilityError + error, rounding, into: &out)

    if out[target].isNaN { open -= 1 }
    rounding.scale = -rounding.scale
    let isTop = target == top.index
    var others = sums.others
    if !isTop {
      var own = exponentials[target]
      if own.low.isNaN { own.low = 0 }
      others = sums.sum + -own
    }
    let value = others.times(slope, BaselineMultiplier.self)
    let leftOut = isTop && sums.isFaint ? 3 * RowSums.leftOut : 0
    out[target] = rounding.rounded(value, error: value.high * (0x1p-77 + error) + leftOut)
    if out[target].isNaN { open += 1 }
    return open
  }

  /// Writes the row `p_l (1[l=i] - p_i) / T` of the Jacobian, i over the classes. - Returns: how many are not proven,
  /// and NaN.
  ///
  /// It is the gradient for class l with the factor -p_l/T, which is within 2^-79.05 of its real value.
  func jacobian(_ l: Int, isMasked: Bool, into out: inout MutableSpan<Double>) -> Int {
    if isMasked {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    // Zero marks an exponential that is left out: it may be undecided, or too small for any result.
    guard exponentials[l].high > 0 else { return leaveOpen(&out) }
    let p = exponentials[l].times(sums.reciprocal, BaselineMultiplier.self)
    var factor = ScaledDoubleDouble(p) / ScaledDoubleDouble(temperature)
    factor.isNegative = true
    return gradient(target: l, factor: factor, within: probabilityError, into: &out)
  }

  /// Makes every result NaN, for the next stage to compute. - Returns: how many.
  func leaveOpen(_ out: inout MutableSpan<Double>) -> Int {
    for i in 0..<out.count { out[i] = .nan }
    return out.count
  }

  /// Takes a row's targets and computes its target weights u.
  mutating func readTargetWeights(_ target: Span<Double>, _ weights: VectorTargetWeights) {
    targetWeights.makeRoom(for: target.count)
    let loops = loops
    var pairs = targetWeights.numbers.mutableSpan
    loops.shares(
      of: target, slopeHigh: weights.slopeHigh.span, slopeLow: weights.slopeLow.span,
      baseHigh: weights.baseHigh.span, baseLow: weights.baseLow.span, into: &pairs)
  }

  /// Takes a row's class and computes its target weights u: `(1-ε) w` more at the class than elsewhere.
  mutating func readTargetWeights(_ target: Int, _ weights: VectorTargetWeights) {
    targetWeights.makeRoom(for: weights.baseHigh.count)
    for i in weights.baseHigh.indices {
      targetWeights[i] = DoubleDouble(high: weights.baseHigh[i], low: weights.baseLow[i])
    }
    targetWeights[target] =
      targetWeights[target] + DoubleDouble(high: weights.slopeHigh[target], low: weights.slopeLow[target])
  }

  /// U and Σ u (-z) of the target weights read, or `nil` where they are not good enough: zero, tiny or huge.
  ///
  /// - Returns: the second is not finite where a masked class has a weight.
  func targetWeightSums(_ row: Span<Double>) -> ShareSums? {
    let sums = loops.shareSums(targetWeights.high, targetWeights.low, row, shift: shift)
    guard sums.total.high >= 0x1p-300, sums.total.high <= 0x1p300, !sums.total.low.isNaN else { return nil }
    return sums
  }

  /// Σ u_c (-log p_c) = U·log S + Σ u (-z) of the target weights read, or `nil`.
  ///
  /// Error Bounds: both terms are ≥ 0: 2^-79.75 and 2^-89 of each, 2^-79.7 of the sum. What underflows stays below
  /// 2^-1050.
  func loss(_ weights: ShareSums) -> VectorValue? {
    let cross = weights.cross.high
    guard !sums.isFaint, !weights.cross.low.isNaN, cross == 0 || (cross >= 0x1p-700 && cross <= 0x1p900)
    else { return nil }
    let value = weights.total.times(logSum.value, BaselineMultiplier.self) + weights.cross
    return VectorValue(value: value, error: value.high * 0x1.4p-80)
  }

  /// Writes `factor·(U p_i - u_i)`, the gradient for the target weights read. - Returns: how many are not proven, and
  /// NaN.
  ///
  /// At the row's maximum, where a confident row's U p and u cancel, it is factor·((U - u) - u R)/S.
  ///
  /// Error Bounds: slope = factor·U/S is within 2^-79.85 and U's 2^-88.9. At the maximum U - u is within 2^-88 U, u·R
  /// within 2^-79.85 of itself, the sum and the product with factor/S within 2^-79.85 of both.
  func gradient(weights: ShareSums, factor: ScaledDoubleDouble, into out: inout MutableSpan<Double>) -> Int {
    guard !factor.isZero else {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    // U is made a mantissa too, so that the kernel's numbers stay near 1.
    let total = ScaledDoubleDouble(weights.total)
    let whole = factor * total
    guard abs(whole.exponent) <= 900, whole.exponent <= exponent else { return leaveOpen(&out) }
    let overTotal = factor.mantissa
    let power = KernelRounding(.binary64, exponent: factor.exponent - whole.exponent).scale
    let unit = DoubleDouble(high: overTotal.high * power, low: overTotal.low * power)
    let slope = whole.mantissa.times(sums.reciprocal, BaselineMultiplier.self)
    let rounding = KernelRounding(format, exponent: whole.exponent, isNegative: whole.isNegative)
    var open = loops.gradient(
      exponentials.high, exponentials.low, shareHigh: targetWeights.high, shareLow: targetWeights.low, slope: slope,
      factor: unit, rounding, into: &out)

    let i = top.index
    let own = targetWeights[i]
    guard out[i].isNaN, !sums.isFaint, !own.low.isNaN else { return open }
    let others = weights.total + -own
    let pulled = own.times(sums.others, BaselineMultiplier.self)
    let scaled = unit.times(sums.reciprocal, BaselineMultiplier.self)
    let value = (others + -pulled).times(scaled, BaselineMultiplier.self)
    let error =
      (weights.total.high * 0x1p-87 + (others.high.magnitude + pulled.high) * 0x1.2p-79) * scaled.high
    out[i] = rounding.rounded(value, error: error + value.high.magnitude * 0x1p-100)
    if !out[i].isNaN { open -= 1 }
    return open
  }
}
