internal import VectorKernels

/// The vector stage of the loss and its derivatives: rounds what it can prove, and says what it leaves open.
///
/// It never changes, and all threads share it. (A class, so that passing it on costs one reference count and not one
/// for each of its arrays.)
final class VectorLoss: Sendable {
  /// What is open of a row.
  struct Unresolved {
    var isLossOpen = false
    /// How many classes have an open derivative, which is NaN.
    var gradients = 0

    var count: Int { gradients + (isLossOpen ? 1 : 0) }
  }

  /// What a thread works with.
  struct Workspace: ~Copyable {
    var narrow: NarrowFormatRow
    var row: VectorRow
    /// The teacher's row, where there is one.
    var teacher: VectorRow
    var sum = VectorLossSum()
  }

  /// What the target weights u of the rows are made of.
  enum RowTarget {
    /// Class indices without smoothing: u is zero but at the target.
    case indices([Int])
    case weights(VectorTargetWeights)
    /// A teacher's logits, and the weight of all classes.
    case teacher(Numbers, weight: Double)

    init?(_ problem: LossProblem) {
      switch problem.target {
      case .indices(let indices) where problem.labelSmoothing == 0:
        self = .indices(indices)
      case .indices, .probabilities:
        guard let weights = VectorTargetWeights(problem) else { return nil }
        self = .weights(weights)
      case .logits(let logits):
        let weight = problem.weight(ofClass: 0)
        if problem.labelSmoothing == 0, problem.weight?.allSatisfy({ $0 == weight }) ?? true {
          guard VectorTargetWeights.isSafe(weight) else { return nil }
          self = .teacher(logits, weight: weight)
        } else {
          guard let weights = VectorTargetWeights(problem) else { return nil }
          self = .weights(weights)
        }
      }
    }
  }

  let request: LossRequest
  let buffers: LossBuffers
  let target: RowTarget
  /// 1/(D T), or 1/(D T²) for the Hessian.
  private let scale: ScaledDoubleDouble

  /// - Returns: `nil` where this stage can prove nothing: weights so small or large that products may underflow, or a
  ///   function that it does not know.
  init?(_ request: LossRequest, into buffers: LossBuffers) {
    let problem = request.problem
    guard !problem.takesProbabilities || request.measure != .klDivergence, let target = RowTarget(problem) else {
      return nil
    }
    self.request = request
    self.buffers = buffers
    self.target = target
    let temperature = ScaledDoubleDouble(problem.softmax.temperature)
    var divisor = (request.normaliser.map { ScaledDoubleDouble($0) } ?? .one) * temperature
    if case .hessianProduct = request.derivative { divisor = divisor * temperature }
    guard !divisor.isZero else { return nil }
    scale = .one / divisor
  }

  var problem: LossProblem { request.problem }

  /// Whether rows are done eight at a time.
  var hasGroupedRows: Bool {
    if problem.takesProbabilities { return false }
    // The Hessian is also multiplied by what the target weights add up to.
    if case (.weights, .hessianProduct?) = (target, request.derivative) { return false }
    // Nor are a teacher's weights made in groups where they are smoothed or differ between classes.
    if case (.weights, .logits) = (target, problem.target) { return false }
    return GroupedRows.serves(problem.softmax)
  }

  /// What does its rows in groups.
  func groupedRows(_ level: KernelLevel) -> GroupedRows {
    let areEven = problem.weight == nil && problem.sampleWeight == nil && request.upstream?.count ?? 1 == 1
    return GroupedRows(problem.softmax, loss: request, factors: areEven ? factors(0, weight: 1) : nil, level)
  }

  /// Hands the first of some rows over to be done with others, where all have the same factors: those before the first
  /// that does not count.
  /// - Returns: how many were taken.
  func take(_ all: Range<Int>, into rows: inout GroupedRows) -> Int {
    guard rows.areEven else { return 0 }
    guard case .indices(let indices) = problem.target else { return rows.take(all) }
    return rows.take(all, targets: indices, ignoring: problem.ignoreIndex)
  }

  /// Hands row n over to be done with others.
  /// - Returns: whether it was taken. Zeros, and what is infinite, are found row by row.
  func take(row n: Int, into rows: inout GroupedRows) -> Bool {
    switch target {
    case .indices(let indices):
      return rows.take(n, target: indices[n], factors(n, weight: problem.weight(ofClass: indices[n])))
    case .teacher(_, let weight): return rows.take(n, target: 0, factors(n, weight: weight))
    case .weights:
      var target = 0
      if case .indices(let indices) = problem.target { target = indices[n] }
      // The classes' weights are in the target weights.
      return rows.take(n, target: target, factors(n, weight: 1))
    }
  }

  /// What the gradient and the loss of row n are multiplied by, whose target has a weight.
  private func factors(_ n: Int, weight: Double) -> GroupedRows.Factors {
    var gradient = factor(n)
    var loss = ScaledDoubleDouble.one
    if problem.weight != nil {
      loss = ScaledDoubleDouble(weight)
      gradient = gradient * loss
    }
    if let weights = problem.sampleWeight { loss = loss * ScaledDoubleDouble(weights[n]) }
    return GroupedRows.Factors(gradient: gradient, loss: loss, weight: weight)
  }

  /// Does the rows taken.
  /// - Returns: those with anything open, whose losses are not added.
  func solve(_ rows: inout GroupedRows) -> RowBits { rows.solve(request, into: buffers) }

  /// Rounds row n's results, or adds its loss to the sum.
  ///
  /// - Parameters:
  ///   - reader: reads the logits, and before them the targets.
  ///   - other: reads what is read beside the logits.
  /// - Returns: what is left open.
  func solve(
    row n: Int, reader: inout RowReader, other: inout RowReader, writer: inout RowWriter, in work: inout Workspace
  ) -> Unresolved {
    let logits = problem.softmax.logits
    guard !problem.takesProbabilities else {
      return solveProbabilities(row: n, reader: &reader, writer: &writer, in: &work)
    }
    guard !hasOneClass else { return clear(row: n) }
    switch target {
    case .indices(let indices):
      if solveNarrow(row: n, target: indices[n], reader: &reader, writer: &writer, in: &work) { return Unresolved() }
      return reader.read(logits, row: n) { logits in
        solve(row: n, logits, target: indices[n], other: &other, writer: &writer, in: &work)
      }
    case .weights(let weights):
      let isComplete = readTargetWeights(row: n, weights, reader: &reader, in: &work)
      return reader.read(logits, row: n) { logits in
        work.row.begin(logits)
        let sums = work.row.targetWeightSums(logits)
        guard !isComplete || !isNothing(weights: sums.total.high) else { return clear(row: n) }
        return solveWeighted(
          row: n, logits, sums, greatest: isComplete ? 0 : weights.greatest, other: &other, writer: &writer, in: &work)
      }
    case .teacher(let teacher, let weight):
      guard !isNothing(weights: weight) else { return clear(row: n) }
      return reader.read(logits, row: n) { logits in
        if case .hessianProduct(let vector) = request.derivative {
          return solveHessian(
            row: n, logits, vector: vector, total: RowFactor(ScaledDoubleDouble(weight), within: 0), other: &other,
            writer: &writer, in: &work
          )
        }
        return other.read(teacher, row: n) { teacher in
          solve(row: n, logits, teacher: teacher, weight: weight, writer: &writer, in: &work)
        }
      }
    }
  }

  /// q s/(D T): what the gradient's terms are multiplied by; over T again for the Hessian.
  func factor(_ n: Int) -> ScaledDoubleDouble {
    var factor = scale
    if request.upstream != nil { factor = factor * ScaledDoubleDouble(request.upstream(row: n)) }
    if let weights = problem.sampleWeight { factor = factor * ScaledDoubleDouble(weights[n]) }
    return factor
  }

  /// Row n counts for nothing: its results are zero.
  /// - Returns: that nothing is open.
  @discardableResult
  func clear(row n: Int) -> Unresolved {
    buffers.clear(row: n, request.layout)
    return Unresolved()
  }

  /// Whether p is 1 in all rows, so that the cross-entropy and its derivatives are zero.
  private var hasOneClass: Bool {
    request.layout.classes == 1 && problem.zLoss == 0 && request.measure != .klDivergence
  }

  /// Whether a row with target weights that are multiplied by such a number has zeros alone.
  func isNothing(weights: Double) -> Bool { weights == 0 && (problem.zLoss == 0 || request.measure == .klDivergence) }

  /// A class index without smoothing: u is zero but at the target.
  private func solve(
    row n: Int, _ logits: Span<Double>, target: Int, other: inout RowReader, writer: inout RowWriter,
    in work: inout Workspace
  ) -> Unresolved {
    let weight = problem.weight(ofClass: target)
    guard !isNothing(weights: weight) else { return clear(row: n) }
    if case .hessianProduct(let vector) = request.derivative {
      return solveHessian(
        row: n, logits, vector: vector, total: RowFactor(ScaledDoubleDouble(weight), within: 0), other: &other,
        writer: &writer, in: &work)
    }
    guard problem.isCrossEntropy else {
      return solveBeyond(row: n, logits, target: target, weight: weight, writer: &writer, in: &work)
    }
    var open = Unresolved()
    let lossWeight = ScaledDoubleDouble(weight)
    let factor = problem.weight == nil ? self.factor(n) : self.factor(n) * lossWeight
    work.row.read(logits, exponent: max(0, factor.exponent))
    if logits[target] == -.infinity {
      // It is infinite, which the other stages find.
      open.isLossOpen = request.use != .unused
    } else {
      open.isLossOpen = !resolveLoss(
        row: n, target, of: logits, work.row, weight: lossWeight, sum: &work.sum)
    }
    open.gradients = write(row: n, factor, &writer) { out in
      let open = work.row.gradient(of: logits, target: target, factor: factor, into: &out)
      guard open > 0, !factor.isZero else { return open }
      return open
        - work.row.resolveSure(
          target: target, factor: request.gradientFactor(row: n, weight: weight), into: &out)
    }
    return open
  }

  /// A loss that is -log p except for a power of two may be half-way between two results; others are not.
  private func resolveLoss(
    row n: Int, _ target: Int, of logits: Span<Double>, _ row: borrowing VectorRow, weight: ScaledDoubleDouble,
    sum: inout VectorLossSum
  ) -> Bool {
    let factor = problem.sampleWeight.map { ScaledDoubleDouble($0[n]) * weight } ?? weight
    guard request.use == .result, factor.mantissa == DoubleDouble(high: 1) else {
      return resolveLoss(row: n, row.minusLog(target, of: logits), weight: weight, sum: &sum)
    }
    let result = row.minusLog(target, of: logits, exponent: factor.exponent)
    guard !result.isNaN else { return false }
    buffers.loss?[n] = result
    return true
  }

  /// Reads a row's target weights.
  /// - Returns: false where some of a teacher's shares, which nothing is added to, are left out of them.
  func readTargetWeights(
    row n: Int, _ weights: VectorTargetWeights, reader: inout RowReader, in work: inout Workspace
  ) -> Bool {
    switch problem.target {
    case .probabilities(let targets):
      reader.read(targets, row: n) { work.row.readTargetWeights($0, weights) }
    case .indices(let indices):
      work.row.readTargetWeights(indices[n], weights, classes: problem.softmax.layout.classes)
    case .logits(let teacher):
      return reader.read(teacher, row: n) { teacher in
        work.teacher.begin(teacher)
        // What the gradient has of a share is at most that times this.
        let reach = factor(n) * ScaledDoubleDouble(weights.greatest)
        work.teacher.exponentiate(teacher, exponent: max(0, reach.exponent + 1))
        work.row.readTargetWeights(of: work.teacher, weights, classes: teacher.count)
        guard problem.labelSmoothing == 0 else { return true }
        for c in teacher.indices where work.teacher.exponentials.high[c] == 0 && teacher[c] > -.infinity {
          return false
        }
        return true
      }
    }
    return true
  }

  /// Any target weights, computed before.
  ///
  /// A teacher's shares are within ``probabilityError``. Those that are left out are below 2^-894, so that U misses
  /// less than 2^-570 by them; their part of the loss is not known.
  ///
  /// - Parameter greatest: the largest weight of a class, where some shares are left out; else 0.
  private func solveWeighted(
    row n: Int, _ logits: Span<Double>, _ sums: ShareSums, greatest: Double, other: inout RowReader,
    writer: inout RowWriter, in work: inout Workspace
  ) -> Unresolved {
    // Where they are tiny or huge, hardly a digit of them is known.
    guard sums.total.high >= 0x1p-300, sums.total.high <= 0x1p300, !sums.total.low.isNaN else {
      return leaveOpen(row: n, work.row, &writer)
    }
    var shareError = 0.0
    if case .logits = problem.target { shareError = 0x1.2p-79 }
    let total = RowFactor(ScaledDoubleDouble(sums.total), within: 0x1p-88 + shareError)
    if case .hessianProduct(let vector) = request.derivative {
      return solveHessian(row: n, logits, vector: vector, total: total, other: &other, writer: &writer, in: &work)
    }
    let factor = self.factor(n)
    var target = WeightedTarget(
      shares: work.row.targetWeights, shareError: shareError, leftOut: greatest * VectorRow.leftOut, total: total)
    var penalty: LogSumPenalty<BallArithmetic>?
    let isDivergence = request.measure == .klDivergence
    if problem.zLoss > 0, !isDivergence {
      guard exponentiate(logits, factor, reach: sums.total.high, in: &work) else {
        return leaveOpen(row: n, work.row, &writer)
      }
      penalty = work.row.penalty(problem.zLoss)
      target.extra = penalty?.slope
    } else {
      work.row.exponentiate(logits, exponent: max(0, (factor * total.value).exponent))
    }
    var loss = greatest > 0 ? nil : work.row.loss(sums, within: shareError)
    if let more = isDivergence ? work.row.targetLogs : penalty?.loss {
      loss = loss.flatMap { VectorValue(Ball($0) + more) }
    } else if isDivergence {
      loss = nil
    }
    var open = Unresolved()
    open.isLossOpen = !resolveLoss(row: n, loss, weight: .one, sum: &work.sum)
    open.gradients = write(row: n, factor, &writer) { out in
      var open = work.row.gradient(of: logits, target, factor: factor, into: &out)
      guard open > 0, penalty == nil, problem.labelSmoothing == 0, shareError == 0 else { return open }
      let places = stride(from: 0, to: logits.count, by: 1)
      if !work.row.isCapped, work.row.targetWeights.areLevel(places, beside: logits) {
        for i in 0..<out.count { out[i] = 0 }
        return 0
      }
      if let (target, weight) = work.row.targetWeights.only(places) {
        open -= work.row.resolveSure(
          target: target, factor: request.gradientFactor(row: n, weight: weight), into: &out)
      }
      return open == 0 ? 0 : open - work.row.resolveClose(logits, factor: factor, into: &out)
    }
    return open
  }

  /// Computes a row's exponentials where the gradient is factor·(U p - u), U ≤ `reach`, with a z-loss beside it.
  /// - Returns: false where the numbers leave binary64.
  func exponentiate(
    _ logits: Span<Double>, _ factor: ScaledDoubleDouble, reach: Double, in work: inout Workspace
  ) -> Bool {
    // A row's logarithm of its classes is below 20.
    let logSumExp = abs(work.row.top.value) / problem.softmax.temperature + 20
    let reach = reach + 2 * problem.zLoss * logSumExp
    guard reach.isFinite else { return false }
    work.row.exponentiate(logits, exponent: max(0, (factor * ScaledDoubleDouble(reach)).exponent + 1))
    return true
  }

  /// Rounds s·weight·loss, or adds it to the sum.
  /// - Returns: whether that worked, or nobody asked.
  func resolveLoss(
    row n: Int, _ loss: VectorValue?, weight: ScaledDoubleDouble, sum: inout VectorLossSum
  ) -> Bool {
    guard request.use != .unused else { return true }
    guard let loss else { return false }
    if loss.value.high == 0, loss.error == 0 {
      // For certain.
      if request.use == .result { buffers.loss?[n] = 0 }
      return true
    }
    let factor = problem.sampleWeight.map { ScaledDoubleDouble($0[n]) * weight } ?? weight
    guard request.use == .result else { return sum.add(loss, factor) }
    guard abs(factor.exponent) <= 900 else { return false }
    let value = loss.value.times(factor.mantissa, BaselineMultiplier.self)
    // The factor's mantissa is at most 2, its error 2^-99 and the product's 2^-103.
    let result = KernelRounding(problem.softmax.format, exponent: factor.exponent)
      .rounded(value, error: 2 * loss.error + value.high.magnitude * 0x1p-98)
    guard !result.isNaN else { return false }
    buffers.loss?[n] = result
    return true
  }

  /// Leaves all of row n to the next stage.
  func leaveOpen(row n: Int, _ row: borrowing VectorRow, _ writer: inout RowWriter) -> Unresolved {
    var open = Unresolved()
    open.isLossOpen = request.use != .unused
    open.gradients = write(row: n, factor(n), &writer) { out in row.leaveOpen(&out) }
    return open
  }

  /// Writes row n's derivatives by `body`, which returns how many are NaN.
  /// - Returns: the same.
  func write(
    row n: Int, _ factor: ScaledDoubleDouble, _ writer: inout RowWriter, _ body: (inout MutableSpan<Double>) -> Int
  ) -> Int {
    guard let gradient = buffers.gradient else { return 0 }
    guard !factor.isZero else {
      buffers.clearGradient(row: n, request.layout)
      return 0
    }
    return writer.write(gradient, row: n, body)
  }
}
