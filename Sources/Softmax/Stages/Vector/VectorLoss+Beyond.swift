internal import VectorKernels

/// What is more than cross-entropy of a target that is given.
extension VectorLoss {
  /// A class index with a focal factor, a z-loss or both.
  func solveBeyond(
    row n: Int, _ logits: Span<Double>, target: Int, weight: Double, writer: inout RowWriter,
    in work: inout Workspace
  ) -> Unresolved {
    let factor = self.factor(n)
    work.row.begin(logits)
    // The focal slope is at most 1 + γ.
    guard logits[target] > -.infinity,
      exponentiate(logits, factor, reach: weight * (1 + problem.focalGamma), in: &work)
    else { return leaveOpen(row: n, work.row, &writer) }
    let minusLog = work.row.minusLog(target, of: logits)
    var push = Ball(weight)
    var loss = push * Ball(minusLog)
    if problem.focalGamma > 0 {
      guard let focal = work.row.focalFactor(target, gamma: problem.focalGamma, minusLog: minusLog) else {
        return leaveOpen(row: n, work.row, &writer)
      }
      loss = loss * focal.value
      push = push * focal.slope
    }
    var extra = Ball(0)
    if problem.zLoss > 0 {
      let penalty = work.row.penalty(problem.zLoss)
      loss = loss + penalty.loss
      extra = penalty.slope
    }
    var open = Unresolved()
    open.isLossOpen = !resolveLoss(row: n, VectorValue(loss), weight: .one, sum: &work.sum)
    let scale = Ball(factor)
    open.gradients = write(row: n, factor, &writer) { out in
      work.row.gradient(of: logits, target: target, push: scale * push, extra: scale * extra, into: &out)
    }
    return open
  }

  /// A teacher's logits: u is the weight times their softmax e'/S'.
  func solve(
    row n: Int, _ logits: Span<Double>, teacher: Span<Double>, weight: Double, writer: inout RowWriter,
    in work: inout Workspace
  ) -> Unresolved {
    let factor = self.factor(n)
    work.row.begin(logits)
    work.teacher.begin(teacher)
    let isPrediction =
      !work.row.isCapped
      && LogitsRow.areShifted(logits, top: work.row.top.value, teacher, top: work.teacher.top.value)
    if isPrediction, request.measure == .klDivergence { return clear(row: n) }
    guard exponentiate(logits, factor, reach: weight, in: &work) else { return leaveOpen(row: n, work.row, &writer) }
    work.teacher.exponentiate(teacher, exponent: work.row.exponent)
    let unit = Ball(weight) / work.teacher.sum
    let total = ScaledDoubleDouble(weight)
    guard let share = RowFactor(unit) else { return leaveOpen(row: n, work.row, &writer) }
    var target = WeightedTarget(
      shares: work.teacher.exponentials, shareError: 0x1p-80, leftOut: VectorRow.leftOut, unit: share,
      total: RowFactor(total, within: 0), restAtTop: unit * work.teacher.others(than: work.row.top.index))
    var loss: Ball?
    if request.use != .unused, let cross = work.row.cross(with: work.teacher, teacher, logits) {
      loss = Ball(weight) * Ball(work.row.logSum) + unit * cross
      if request.measure == .klDivergence {
        loss = loss.map { $0 - Ball(work.teacher.logSum) - unit * work.teacher.ownCross(teacher) }
        // Nearly all of it cancels where the teacher is near its student.
        if let found = loss, found.radius > found.high.magnitude * 0x1p-72 {
          loss = work.row.nearDivergence(logits, from: work.teacher, teacher) ?? loss
        }
      }
    }
    if problem.zLoss > 0, request.measure != .klDivergence {
      let penalty = work.row.penalty(problem.zLoss)
      loss = loss.map { $0 + penalty.loss }
      target.extra = penalty.slope
    }
    var open = Unresolved()
    open.isLossOpen = !resolveLoss(row: n, loss.flatMap { VectorValue($0) }, weight: .one, sum: &work.sum)
    if isPrediction, target.extra == nil {
      buffers.clearGradient(row: n, request.layout)
      return open
    }
    open.gradients = write(row: n, factor, &writer) { out in
      let open = work.row.gradient(of: logits, target, factor: factor, into: &out)
      guard open > 0, target.extra == nil else { return open }
      return open
        - work.row.resolveClose(logits, to: &work.teacher, teacher, factor: factor * total, into: &out)
    }
    return open
  }

  /// The Hessian of cross-entropy with target weights of the sum U, times a vector.
  func solveHessian(
    row n: Int, _ logits: Span<Double>, vector: Numbers, total: RowFactor, other: inout RowReader,
    writer: inout RowWriter, in work: inout Workspace
  ) -> Unresolved {
    let factor = RowFactor(self.factor(n) * total.value, within: 0x1p-97 + total.error)
    return other.read(vector, row: n) { vector in
      var open = Unresolved()
      guard !VectorRow.isLevel(vector) else { return clear(row: n) }
      let greatest = VectorRow.greatestMagnitude(vector)
      work.row.read(logits, exponent: max(0, factor.value.exponent + Int(greatest.exponent) + 1))
      open.gradients = write(row: n, factor.value, &writer) { out in
        work.row.hessianProduct(vector, greatest: greatest, factor: factor, into: &out)
      }
      return open
    }
  }
}

/// Probabilities in place of logits: the loss is Σ u (-log p), its gradient -u/p.
extension VectorLoss {
  func solveProbabilities(
    row n: Int, reader: inout RowReader, writer: inout RowWriter, in work: inout Workspace
  ) -> Unresolved {
    switch target {
    case .indices(let indices): return solveProbability(row: n, target: indices[n], in: &work)
    case .teacher: return leaveOpen(row: n, work.row, &writer)
    case .weights(let weights):
      _ = readTargetWeights(row: n, weights, reader: &reader, in: &work)
      let (table, shares, loops) = (exponentialTable, work.row.targetWeights, work.row.loops)
      return reader.read(problem.softmax.logits, row: n) { probabilities in
        var open = Unresolved()
        if request.use != .unused {
          let loss = loops.crossEntropy(probabilities, shares: shares.numbers.span, table: table.span)
          let isKnown = !loss.high.isNaN && !loss.low.isNaN
          let value = isKnown ? VectorValue(value: loss, error: loss.high * 0x1p-83) : nil
          open.isLossOpen = !resolveLoss(row: n, value, weight: .one, sum: &work.sum)
        }
        let factor = self.factor(n)
        open.gradients = write(row: n, factor, &writer) { out in
          guard abs(factor.exponent) <= 600 else { return work.row.leaveOpen(&out) }
          let rounding = KernelRounding(
            problem.softmax.format, exponent: factor.exponent, isNegative: !factor.isNegative)
          return loops.quotients(
            probabilities, shares: shares.numbers.span, by: factor.mantissa, rounding, into: &out)
        }
        return open
      }
    }
  }

  /// The same of a class index: only that class's probability counts.
  private func solveProbability(row n: Int, target: Int, in work: inout Workspace) -> Unresolved {
    let weight = problem.weight(ofClass: target)
    guard weight != 0 else { return clear(row: n) }
    let place = request.layout.position(row: n, class: target)
    let p = problem.softmax.logits[place]
    var open = Unresolved()
    var loss: VectorValue?
    if p >= 0x1p-300, request.use != .unused {
      let (table, inverse) = (exponentialTable, DoubleDouble(high: p).reciprocal(BaselineMultiplier.self))
      let odds = DoubleDouble(sum: 1, -p).times(inverse, BaselineMultiplier.self)
      let sums = RowSums(others: odds, sum: inverse, reciprocal: DoubleDouble(high: p))
      // As in the loop's terms.
      let log = p == 1 ? DoubleDouble(high: 0) : work.row.loops.logSum(sums, table: table.span)
      loss = VectorValue(value: log, error: log.high * 0x1p-84)
    }
    open.isLossOpen = !resolveLoss(row: n, loss, weight: ScaledDoubleDouble(weight), sum: &work.sum)
    guard let gradient = buffers.gradient else { return open }
    buffers.clearGradient(row: n, request.layout)
    let factor = self.factor(n) * ScaledDoubleDouble(weight)
    guard !factor.isZero else { return open }
    var result = Double.nan
    if p >= 0x1p-300, abs(factor.exponent) <= 300 {
      let slope = factor / ScaledDoubleDouble(p)
      result = KernelRounding(problem.softmax.format, exponent: slope.exponent, isNegative: !slope.isNegative)
        .rounded(slope.mantissa, error: slope.mantissa.high * 0x1p-96)
    }
    gradient[place] = result
    if result.isNaN { open.gradients = 1 }
    return open
  }
}

/// Σ s (row's loss) over rows, as a pair with a bound on its error.
struct VectorLossSum {
  private(set) var value = DoubleDouble(high: 0)
  private var error = 0.0
  private var terms = 0.0

  /// Adds factor·loss, unless it is out of the range where pairs are good.
  /// - Returns: whether it was added.
  mutating func add(_ loss: VectorValue, _ factor: ScaledDoubleDouble) -> Bool {
    guard abs(factor.exponent) <= 300, loss.value.high >= 0x1p-600, loss.value.high <= 0x1p600 else { return false }
    let power = powerOfTwo(factor.exponent)
    let scaled = DoubleDouble(high: factor.mantissa.high * power, low: factor.mantissa.low * power)
    let term = loss.value.times(scaled, BaselineMultiplier.self)
    value = value + term
    // Twice the exact factor's head covers its rest; the roundings of this sum of positive numbers stay below 2^-50 of
    // it.
    error += (loss.error + loss.value.high * 0x1p-98) * (scaled.high * 0x1.0000001p0)
    terms += 1
    return true
  }

  /// Adds losses that were added up elsewhere.
  mutating func add(_ rows: borrowing GroupedRows) {
    guard let sum = rows.sum else { return }
    value = value + sum.loss.value
    error += sum.loss.error
    terms += Double(sum.terms)
  }

  /// What the sum certainly lies in, scaled as the other stages' terms are; `nil` if nothing was added.
  ///
  /// Error Bounds: the terms' own, and for each addition 3.01u² of the sum so far.
  func term(scaledFor request: LossRequest) -> LossTerm? {
    guard terms > 0 else { return nil }
    let bound = error * 0x1.01p0 + value.high * (terms * 0x1p-103)
    return .finite(Ball(value, radius: bound, exponent: 0) * request.scale(BallArithmetic.standard))
  }
}
