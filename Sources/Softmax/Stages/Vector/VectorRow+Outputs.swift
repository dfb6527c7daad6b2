internal import VectorKernels

extension VectorRow {
  /// The outputs of row n, as far as this stage can prove them: writes each into its place, NaN where it cannot.
  /// - Returns: how many are NaN.
  mutating func solve(
    _ logits: Span<Double>, number n: Int, outputs: OutputLayout, by writer: inout RowWriter,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int {
    let layout = outputs.layout
    begin(logits)
    if outputs.needExponentials { exponentiate(logits, exponent: outputs.exponent(temperature: temperature)) }
    var open = 0
    let chosen = outputs.top(of: logits, by: loops)
    for place in outputs.parts.indices {
      let part = outputs.parts[place]
      let buffer = part.buffer
      switch part.output {
      case .probabilities:
        open += writer.write(buffer, row: n) { out in probabilities(of: logits, into: &out) }
      case .logProbabilities:
        open += writer.write(buffer, row: n) { out in logProbabilities(logits, into: &out) }
      case .logSumExp:
        let result = logSumExp(logits)
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
            jacobian(l, of: logits, into: &out)
          }
        }
      case .topIndices:
        for place in 0..<part.valuesPerRow {
          buffer[outputs.position(of: part, row: n, at: place)] = Double(chosen[place])
        }
      case .topProbabilities:
        for place in 0..<part.valuesPerRow {
          let result = probability(chosen[place])
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      case .topLogProbabilities:
        let bounds = logSumBounds
        for place in 0..<part.valuesPerRow {
          let result = logProbability(chosen[place], of: logits, bounds)
          buffer[outputs.position(of: part, row: n, at: place)] = result
          if result.isNaN { open += 1 }
        }
      }
    }
    return open
  }
}

extension VectorRow {
  /// The relative error of a probability.
  var shareError: Double { probabilityError + 2 * argumentError }

  /// Writes the row's probabilities.
  /// - Returns: how many are not proven, and NaN.
  func probabilities(of row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    let open = loops.scaled(
      exponentials.high, exponentials.low, by: sums.reciprocal, within: shareError,
      KernelRounding(format), into: &out)
    guard open > 0 else { return 0 }
    let left = open - resolveFarProducts(row, RowFactor(.one, within: 0), isDerivative: false, into: &out)
    guard left > 0 else { return 0 }
    let sum = sum
    return left - resolveFar(row, into: &out) { e, _ in e / sum }
  }

  /// Writes the row's log-probabilities.
  /// - Returns: how many are not proven, and NaN.
  func logProbabilities(_ row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    let logSum = self.logSum
    var open = withArguments(of: row) { arguments, rests in
      loops.logProbabilities(
        arguments, rests: rests, shift: shift, logSum: logSum.value, error: logSum.error + argumentError,
        KernelRounding(format, isOfSums: true), into: &out)
    }
    guard open > 0 else { return 0 }
    // z is often exactly half-way between two results, and log S far below it: its sign decides, which the loop left
    // out.
    let bounds = bounds(of: logSum)
    for i in 0..<out.count where out[i].isNaN {
      out[i] = logProbability(i, of: row, bounds)
      if !out[i].isNaN { open -= 1 }
    }
    return open
  }

  /// The probability of one class, correctly rounded, or NaN.
  func probability(_ i: Int) -> Double {
    let e = exponentials[i]
    // Zeros mean a result known to be zero; zero and NaN, one that is not known.
    guard e.high > 0 else { return e.low == 0 ? 0 : .nan }
    let value = e.times(sums.reciprocal, BaselineMultiplier.self)
    return KernelRounding(format).rounded(value, error: value.high * shareError)
  }

  /// The log-probability of one class, correctly rounded, or NaN.
  func logProbability(_ i: Int, of row: Span<Double>, _ logSum: LogSumBounds) -> Double {
    row[i] == -.infinity ? -.infinity : 0 - minusLog(i, of: row, logSum, exponent: 0)
  }

  /// log S, for ``logProbability(_:of:_:)``.
  var logSumBounds: LogSumBounds { bounds(of: logSum) }
}

extension VectorRow {
  /// Writes the row `p_l (1[l=i] - p_i) / T` of the Jacobian, i over the classes.
  ///
  /// It is the gradient for class l with the factor -p_l/T, whose relative error is that of a probability.
  ///
  /// - Returns: how many are not proven, and NaN.
  func jacobian(_ l: Int, of row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    if row[l] == -.infinity {
      for i in 0..<out.count { out[i] = 0 }
      return 0
    }
    // Zero marks an exponential that is left out: it may be undecided, or too small for any result.
    guard exponentials[l].high > 0 else { return leaveOpen(&out) }
    let p = exponentials[l].times(sums.reciprocal, BaselineMultiplier.self)
    var factor = ScaledDoubleDouble(p) / ScaledDoubleDouble(temperature)
    factor.isNegative = true
    return gradient(of: row, target: l, factor: factor, within: shareError, into: &out)
  }
}

// MARK: Logarithms

/// log S as `high + tail`, the tail between two bounds.
struct LogSumBounds: Sendable {
  var high: Double
  var least: Double
  var greatest: Double
}

extension VectorRow {
  /// log S.
  ///
  /// Error Bounds: the kernel's, and R's own, since d log(1+R)/log(1+R) ≤ dR/R. A faint row's is R, except for
  /// R²/2 < 2^-700 R: within 2^-79.9 of itself and what R leaves out.
  var logSum: VectorValue {
    if sums.isFaint {
      let error = sums.others.high * (0x1.3p-80 + argumentError)
      return VectorValue(value: sums.others, error: error + sumLeftOut)
    }
    let table = exponentialTable
    let value = loops.logSum(sums, table: table.span)
    return VectorValue(value: value, error: value.high * (logSumError + argumentError))
  }

  /// log S with bounds of its tail. It is certainly positive, however faint, when there is another finite logit, and
  /// zero when there is none.
  ///
  /// The least positive number stands for anything in (0, 2^-1074): no boundary between two results, and no sum of
  /// binary64 numbers, lies that close to another.
  private func bounds(of logSum: VectorValue) -> LogSumBounds {
    if isAlone { return LogSumBounds(high: 0, least: 0, greatest: 0) }
    guard !sums.isFaint else {
      // Four half units of the head: its rest, an end's rounding, and more than its error.
      let head = logSum.value.high
      let reach = head * 0x1p-51 + RowSums.leftOut
      return LogSumBounds(high: 0, least: max(.leastNonzeroMagnitude, head - reach), greatest: head + reach)
    }
    let value = logSum.value
    return LogSumBounds(high: value.high, least: value.low - logSum.error, greatest: value.low + logSum.error)
  }

  /// -log p = log S - z of one logit.
  ///
  /// Error Bounds: nothing cancels: log S's error, z's and 2^-98 of the sum.
  func minusLog(_ i: Int, of row: Span<Double>) -> VectorValue {
    let logSum = self.logSum
    let value = logSum.value + -argument(i, of: row)
    return VectorValue(value: value, error: logSum.error + argumentError(i, of: row) + value.high * 0x1p-98)
  }

  /// -log p = log S - z of one logit, which is not masked, times 2^exponent, correctly rounded, or NaN; half-way cases
  /// included.
  func minusLog(_ i: Int, of row: Span<Double>, exponent: Int) -> Double {
    minusLog(i, of: row, bounds(of: logSum), exponent: exponent)
  }

  private func minusLog(_ i: Int, of row: Span<Double>, _ logSum: LogSumBounds, exponent: Int) -> Double {
    if isAlone { return 0 }
    return rounded(-argument(i, of: row), within: argumentError(i, of: row), plus: logSum, exponent: exponent)
  }

  /// log Σ e^(a/temperature), correctly rounded, or NaN.
  mutating func logSumExp(_ row: Span<Double>) -> Double {
    guard cap == nil else { return logSumExpBall.rounded(to: format, isIrrational: false) ?? .nan }
    let top = VectorRow.quotient(DoubleDouble(high: shift.maximum), temperature)
    let result = rounded(top, within: 0, plus: bounds(of: logSum), exponent: 0)
    guard result.isNaN, top.high <= 0x1p-10 else { return result }
    // Log-probabilities, whose powers add up to nearly 1.
    let sum = powersLessOne(row).pair
    guard sum.high.magnitude <= 0x1p-9 else { return result }
    let x = Ball(sum, radius: 0x1p-129 + sum.high.magnitude * 0x1p-103, exponent: 0)
    let log = withoutCancellation { poll throws(ComputationError) in
      let arithmetic = BallArithmetic.standard
      guard sum.high < 0 else { return arithmetic.logOfOnePlus(x, &poll) }
      return -arithmetic.logOfOnePlus(-x / (arithmetic.whole(1) + x), &poll)
    }
    return log.rounded(to: format, isIrrational: false) ?? .nan
  }

  /// `x + log S`, times 2^exponent, correctly rounded, or NaN; x as ``argument(_:of:)`` has it. The sum may cancel.
  ///
  /// x and log S's head are added exactly; what is left of log S then widens the result or tells the side of a half-way
  /// case.
  ///
  /// Error Bounds: the tail's sum is off by at most 2^-53 of itself, for 2^-52; x by `error` and what the shift says.
  private func rounded(
    _ x: DoubleDouble, within error: Double, plus logSum: LogSumBounds, exponent: Int
  ) -> Double {
    guard abs(exponent) <= 900 else { return .nan }
    let s = DoubleDouble(sum: x.high, logSum.high)
    let m = DoubleDouble(sum: s.low, x.low)
    let slack = x.high.magnitude * shift.relative + (shift.absolute + error)
    let up = m.low + logSum.greatest
    let down = m.low + logSum.least
    return KernelRounding(format, exponent: exponent).rounded(
      s.high, m.high, tails: up + (up.magnitude * 0x1p-52 + slack), down - (down.magnitude * 0x1p-52 + slack))
  }

  /// -Σ p log p = log S + Σ e (-z) / S, correctly rounded, or NaN.
  ///
  /// Error Bounds: both terms are ≥ 0. log S within 2^-79.75; the second within 2^-80.27 + 2^-79.9 + 2^-89 < 2^-79.07,
  /// each of its own size, so 0x1.1p-79 of the sum. A cap's error is once in each e and once in 1/S, and as z's own at
  /// most R/S times in the second. A faint row's sums are not good enough, except that one class alone has none.
  func entropy(_ row: Span<Double>) -> Double {
    guard !sums.isFaint else { return isAlone ? 0 : .nan }
    let cross = crossSum(exponentials, row).cross
    let value = logSum.value + cross.times(sums.reciprocal, BaselineMultiplier.self)
    let error = value.high * (0x1.1p-79 + 2 * argumentError) + min(1, sums.others.high) * argumentError
    return KernelRounding(format).rounded(value, error: error)
  }
}
