internal import VectorKernels

/// The vector stage of the loss and its gradient: rounds what it can prove, and says what it leaves open.
///
/// It never changes, and all threads share it. (A class, so that passing it on costs one reference count and not one
/// for each of its arrays.)
final class VectorLoss: Sendable {
  /// What is open of a row.
  struct Unresolved {
    var isLossOpen = false
    /// How many classes have an open gradient, which is NaN.
    var gradients = 0

    var count: Int { gradients + (isLossOpen ? 1 : 0) }
  }

  private let request: LossRequest
  private let buffers: LossBuffers
  private let rounding: KernelRounding
  /// The target, where it is class indices without smoothing, so that u is zero but at the target.
  private let indices: [Int]?
  /// u of other targets.
  private let weights: VectorTargetWeights?
  /// 1/(D T).
  private let scale: ScaledDoubleDouble

  /// - Returns: `nil` where this stage can prove nothing: weights so small or large that products may underflow, or a
  ///   loss that is more than cross-entropy.
  init?(_ request: LossRequest, into buffers: LossBuffers) {
    let problem = request.problem
    guard request.isPlain else { return nil }
    self.request = request
    self.buffers = buffers
    rounding = KernelRounding(problem.softmax.format)
    if case .indices(let indices) = problem.target, problem.labelSmoothing == 0 {
      self.indices = indices
      weights = nil
    } else {
      indices = nil
      guard let weights = VectorTargetWeights(problem) else { return nil }
      self.weights = weights
    }
    let divisor =
      (request.normaliser.map { ScaledDoubleDouble($0) } ?? .one) * ScaledDoubleDouble(problem.softmax.temperature)
    guard !divisor.isZero else { return nil }
    scale = .one / divisor
  }

  private var problem: LossProblem { request.problem }

  /// Whether rows are done eight at a time.
  var hasShortRows: Bool { indices != nil && ShortRows.serves(problem.softmax) }

  /// Hands row n over to be done with others. - Returns: whether it was taken.
  func take(row n: Int, into rows: inout ShortRows) -> Bool {
    guard let indices else { return false }
    let target = indices[n]
    var factor = self.factor(n)
    var lossFactor = ScaledDoubleDouble.one
    if let weight = problem.weight {
      lossFactor = ScaledDoubleDouble(weight[target])
      factor = factor * lossFactor
    }
    if let weights = problem.sampleWeight { lossFactor = lossFactor * ScaledDoubleDouble(weights[n]) }
    // Zeros, and what is infinite, are found row by row.
    guard !factor.isZero, !lossFactor.isZero,
      problem.softmax.logits[request.gradientPosition(row: n, target)] > -.infinity
    else { return false }
    return rows.take(n, of: problem.softmax.logits, target: target, gradient: factor, loss: lossFactor)
  }

  /// Does the rows taken. - Returns: those with anything open, whose losses are not added.
  func solve(_ rows: inout ShortRows) -> RowBits { rows.solve(request, into: buffers) }

  /// Rounds row n's results, or adds its loss to `sum`. - Returns: what is left open.
  func solve(
    row n: Int, with vectorRow: inout VectorRow, reader: inout RowReader, writer: inout RowWriter,
    sum: inout VectorLossSum
  ) -> Unresolved {
    guard let indices else {
      return solveWeighted(row: n, with: &vectorRow, reader: &reader, writer: &writer, sum: &sum)
    }
    return reader.read(problem.softmax.logits, row: n) { logits in
      solve(row: n, logits, target: indices[n], with: &vectorRow, writer: &writer, sum: &sum)
    }
  }

  /// Row n counts for nothing: its results are zero.
  func clear(row n: Int) { buffers.clear(row: n, request.layout) }

  /// q s/(D T): what the gradient's terms are multiplied by.
  private func factor(_ n: Int) -> ScaledDoubleDouble {
    var factor = scale
    if request.upstream != nil { factor = factor * ScaledDoubleDouble(request.upstream(row: n)) }
    if let weights = problem.sampleWeight { factor = factor * ScaledDoubleDouble(weights[n]) }
    return factor
  }

  /// A class index without smoothing: u is zero but at the target.
  private func solve(
    row n: Int, _ logits: Span<Double>, target: Int, with row: inout VectorRow, writer: inout RowWriter,
    sum: inout VectorLossSum
  ) -> Unresolved {
    var open = Unresolved()
    let weight = problem.weight.map { ScaledDoubleDouble($0[target]) } ?? .one
    guard !weight.isZero else {
      clear(row: n)
      return open
    }
    let factor = problem.weight == nil ? self.factor(n) : self.factor(n) * weight
    row.read(logits, exponent: max(0, factor.exponent))
    if logits[target] == -.infinity {
      // It is infinite, which the other stages find.
      open.isLossOpen = request.use != .unused
    } else {
      open.isLossOpen = !resolveLoss(row: n, logit: logits[target], of: row, weight: weight, sum: &sum)
    }
    open.gradients = writeGradient(row: n, factor, &writer) { out in
      row.gradient(target: target, factor: factor, into: &out)
    }
    return open
  }

  /// A loss that is -log p but for a power of two may be half-way between two results; others are not.
  private func resolveLoss(
    row n: Int, logit: Double, of row: borrowing VectorRow, weight: ScaledDoubleDouble, sum: inout VectorLossSum
  ) -> Bool {
    let factor = problem.sampleWeight.map { ScaledDoubleDouble($0[n]) * weight } ?? weight
    guard request.use == .result, factor.mantissa == DoubleDouble(high: 1) else {
      return resolveLoss(row: n, row.minusLog(logit), weight: weight, sum: &sum)
    }
    let result = row.minusLog(logit, exponent: factor.exponent)
    guard !result.isNaN else { return false }
    buffers.loss?[n] = result
    return true
  }

  /// Any target: u for each class.
  private func solveWeighted(
    row n: Int, with row: inout VectorRow, reader: inout RowReader, writer: inout RowWriter,
    sum: inout VectorLossSum
  ) -> Unresolved {
    guard let weights else { return Unresolved() }
    switch problem.target {
    case .probabilities(let targets):
      let isZero = reader.read(targets, row: n) { target in
        row.readTargetWeights(target, weights)
        return problem.labelSmoothing == 0 && !VectorLoss.hasPositive(target)
      }
      if isZero {
        clear(row: n)
        return Unresolved()
      }
    case .indices(let indices):
      row.readTargetWeights(indices[n], weights)
    case .logits:
      return Unresolved()
    }
    return reader.read(problem.softmax.logits, row: n) { logits in
      var open = Unresolved()
      let factor = self.factor(n)
      row.begin(logits)
      guard let sums = row.targetWeightSums(logits) else {
        open.isLossOpen = request.use != .unused
        open.gradients = writeGradient(row: n, factor, &writer) { out in row.leaveOpen(&out) }
        return open
      }
      row.exponentiate(logits, exponent: max(0, (factor * ScaledDoubleDouble(sums.total)).exponent))
      open.isLossOpen = !resolveLoss(row: n, row.loss(sums), weight: .one, sum: &sum)
      open.gradients = writeGradient(row: n, factor, &writer) { out in
        row.gradient(weights: sums, factor: factor, into: &out)
      }
      return open
    }
  }

  private static func hasPositive(_ values: Span<Double>) -> Bool {
    for i in 0..<values.count where values[i] > 0 { return true }
    return false
  }

  /// Rounds s·weight·loss, or adds it to the sum. - Returns: whether that worked, or nobody asked.
  private func resolveLoss(
    row n: Int, _ loss: VectorValue?, weight: ScaledDoubleDouble, sum: inout VectorLossSum
  ) -> Bool {
    guard request.use != .unused else { return true }
    guard let loss else { return false }
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

  /// Writes row n's gradient by `body`, which returns how many are NaN. - Returns: the same.
  private func writeGradient(
    row n: Int, _ factor: ScaledDoubleDouble, _ writer: inout RowWriter,
    _ body: (inout MutableSpan<Double>) -> Int
  ) -> Int {
    guard let gradient = buffers.gradient else { return 0 }
    guard !factor.isZero else {
      buffers.clearGradient(row: n, request.layout)
      return 0
    }
    return writer.write(gradient, row: n, body)
  }
}

/// Σ s (row's loss) over rows, as a pair with a bound on its error.
struct VectorLossSum {
  private(set) var value = DoubleDouble(high: 0)
  private var error = 0.0
  private var terms = 0.0

  /// Adds factor·loss, unless it is out of the range where pairs are good. - Returns: whether it was added.
  mutating func add(_ loss: VectorValue, _ factor: ScaledDoubleDouble) -> Bool {
    guard abs(factor.exponent) <= 300, loss.value.high >= 0x1p-600, loss.value.high <= 0x1p600 else { return false }
    let power = Double(sign: .plus, exponent: factor.exponent, significand: 1)
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
  mutating func add(_ rows: borrowing ShortRows) {
    guard let sum = rows.sum else { return }
    value = value + sum.loss.value
    error += sum.loss.error
    terms += Double(sum.terms)
  }

  /// What the sum certainly lies in, times scale and T as the other stages' terms are; `nil` if nothing was added.
  ///
  /// Error Bounds: the terms' own, and for each addition 3.01u² of the sum so far.
  func term(scaledFor problem: LossProblem) -> LossTerm? {
    guard terms > 0 else { return nil }
    let arithmetic = BallArithmetic.standard
    let bound = error * 0x1.01p0 + value.high * (terms * 0x1p-103)
    var sum = Ball(value, radius: bound, exponent: 0)
    if problem.labelSmoothing != 0 { sum = sum * arithmetic.whole(problem.softmax.layout.classes) }
    if problem.softmax.temperature != 1 { sum = sum * arithmetic.exact(problem.softmax.temperature) }
    return .finite(sum)
  }
}

/// What the target weights u of all rows are made of: `u_c = slope_c t_c + base_c` with `slope = (1-ε) w` and
/// `base = (ε/C) w`, each within 2^-101.
struct VectorTargetWeights: Sendable {
  var slopeHigh: [Double]  // [padded classes], the padding zero
  var slopeLow: [Double]
  var baseHigh: [Double]
  var baseLow: [Double]

  /// - Returns: `nil` where a number that is not zero is so small or large that products may underflow.
  init?(_ problem: LossProblem) {
    let classes = problem.softmax.layout.classes
    let epsilon = problem.labelSmoothing
    // ε ≤ 1, so this is 1-ε exactly.
    let rest = DoubleDouble(sum: 1, -epsilon)
    let even = VectorTargetWeights.quotient(epsilon, Double(classes))
    let zeros = [Double](repeating: 0, count: paddedCount(classes))
    slopeHigh = zeros
    slopeLow = zeros
    baseHigh = zeros
    baseLow = zeros
    var isSafe = VectorTargetWeights.isSafe(epsilon) && VectorTargetWeights.isSafe(rest.high)
    for c in 0..<classes {
      let w = DoubleDouble(high: problem.weight?[c] ?? 1)
      isSafe = isSafe && VectorTargetWeights.isSafe(w.high)
      let slope = rest.times(w, BaselineMultiplier.self)
      slopeHigh[c] = slope.high
      slopeLow[c] = slope.low
      let base = even.times(w, BaselineMultiplier.self)
      baseHigh[c] = base.high
      baseLow[c] = base.low
    }
    guard isSafe else { return nil }
  }

  private static func isSafe(_ x: Double) -> Bool { x == 0 || (x >= 0x1p-300 && x <= 0x1p300) }

  private static func quotient(_ a: Double, _ b: Double) -> DoubleDouble {
    DoubleDouble(high: a).times(
      DoubleDouble(high: b).reciprocal(BaselineMultiplier.self), BaselineMultiplier.self)
  }
}
