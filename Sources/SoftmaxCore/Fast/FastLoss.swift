internal import Kernels

/// The first stage of the loss and its gradient: answers what it can prove, and says what it cannot.
///
/// It never changes, and all threads share it. (A class, so that handing it on costs a reference count and not one for each
/// of its arrays.)
final class FastLoss: Sendable {
  /// What is left of an item.
  struct Rest {
    var isLossOpen = false
    /// How many classes have an open gradient, which is NaN.
    var gradients = 0

    var count: Int { gradients + (isLossOpen ? 1 : 0) }
  }

  private let problem: LossProblem
  private let use: LossQuestions.LossUse
  private let wantsGradient: Bool
  /// The gradient if it is wanted, and behind it the losses if they are results.
  private let shelf: Shelf<Double>
  private let rounding: KernelRounding
  /// `nil` for class indices without smoothing, where u is zero but at the target.
  private let shares: FastShares?
  private let targets: [Double]
  private let indices: [Int]
  private let upstream: [Double]?
  /// 1/(D T).
  private let scale: FastFactor

  /// - Returns: `nil` where this stage has nothing to offer: weights so small or large that products may underflow.
  init?(
    _ problem: LossProblem, use: LossQuestions.LossUse, gradient: Bool, upstream: [Double]?, normaliser: ExactSum?,
    _ shelf: Shelf<Double>
  ) {
    self.problem = problem
    self.use = use
    self.upstream = upstream
    self.shelf = shelf
    wantsGradient = gradient
    rounding = KernelRounding(isSingle: problem.softmax.format == .binary32)
    switch problem.target {
    case .indices(let indices):
      self.indices = indices
      targets = []
    case .probabilities(let targets):
      self.targets = targets
      indices = []
    }
    if indices.isEmpty || problem.labelSmoothing != 0 {
      let classes = problem.softmax.layout.classes
      guard let shares = FastShares(classes: classes, weight: problem.weight, labelSmoothing: problem.labelSmoothing)
      else { return nil }
      self.shares = shares
    } else {
      shares = nil
    }
    let divisor = (normaliser.map { FastFactor($0) } ?? .one) * FastFactor(problem.softmax.temperature)
    guard !divisor.isZero else { return nil }
    scale = .one / divisor
  }

  /// Answers item n. - Returns: what is left open.
  func settle(_ n: Int, _ row: inout FastRow, _ gatherer: inout Gatherer, _ total: inout FastTotal) -> Rest {
    gatherer.read(problem.softmax.logits, n) { logits in
      guard shares == nil else { return nil }
      return settleIndex(n, logits, &row, &total)
    } ?? settleShares(n, &row, &gatherer, &total)
  }

  /// Where the losses begin on the shelf.
  private var lossStart: Int { wantsGradient ? problem.softmax.layout.count : 0 }

  /// q s/(D T): what the gradient's terms are multiplied by.
  private func factor(_ n: Int) -> FastFactor {
    var factor = scale
    if let upstream { factor = factor * FastFactor(upstream[problem.reduction == .none ? n : 0]) }
    if let weights = problem.sampleWeight { factor = factor * FastFactor(weights[n]) }
    return factor
  }

  private func settleIndex(
    _ n: Int, _ logits: Span<Double>, _ row: inout FastRow, _ total: inout FastTotal
  ) -> Rest {
    var rest = Rest()
    let target = indices[n]
    let weight = problem.weight.map { FastFactor($0[target]) } ?? .one
    // The zeros are there already.
    guard !weight.isZero else { return rest }
    let factor = problem.weight == nil ? self.factor(n) : self.factor(n) * weight
    row.read(logits, exponent: max(0, factor.exponent))
    if logits[target] == -.infinity {
      // It is infinite, and the exact stages know what becomes of that.
      rest.isLossOpen = use != .unused
    } else {
      rest.isLossOpen = !settleLoss(n, logits[target], row, weight, &total)
    }
    settleGradient(n, factor, &rest) { out in row.gradient(target: target, factor: factor, into: &out) }
    return rest
  }

  /// A loss that is -log p but for a power of two may be a half-way case; others are not.
  private func settleLoss(
    _ n: Int, _ logit: Double, _ row: borrowing FastRow, _ weight: FastFactor, _ total: inout FastTotal
  ) -> Bool {
    let factor = problem.sampleWeight.map { FastFactor($0[n]) * weight } ?? weight
    guard use == .result, factor.mantissa == DoubleDouble(high: 1) else {
      return settleLoss(n, row.minusLog(logit), weight, &total)
    }
    let result = row.minusLog(logit, exponent: factor.exponent)
    guard !result.isNaN else { return false }
    shelf[lossStart + n] = result
    return true
  }

  private func settleShares(
    _ n: Int, _ row: inout FastRow, _ gatherer: inout Gatherer, _ total: inout FastTotal
  ) -> Rest {
    guard let shares else { return Rest() }
    if indices.isEmpty {
      let isNothing = gatherer.read(targets, n) { target in
        row.readShares(target, shares)
        return problem.labelSmoothing == 0 && !FastLoss.hasPositive(target)
      }
      // The zeros are there already.
      if isNothing { return Rest() }
    } else {
      row.readShares(indices[n], shares)
    }
    return gatherer.read(problem.softmax.logits, n) { logits in
      var rest = Rest()
      let factor = self.factor(n)
      row.begin(logits)
      guard let sums = row.shareSums(logits) else {
        rest.isLossOpen = use != .unused
        settleGradient(n, factor, &rest) { out in row.leaveOpen(&out) }
        return rest
      }
      row.exponentiate(logits, exponent: max(0, (factor * FastFactor(sums.total)).exponent))
      rest.isLossOpen = !settleLoss(n, row.loss(sums), .one, &total)
      settleGradient(n, factor, &rest) { out in row.gradient(shares: sums, factor: factor, into: &out) }
      return rest
    }
  }

  private static func hasPositive(_ values: Span<Double>) -> Bool {
    for i in 0..<values.count where values[i] > 0 { return true }
    return false
  }

  /// Rounds s·weight·loss, or takes it into the total. - Returns: whether that worked, or nobody asked.
  private func settleLoss(_ n: Int, _ loss: FastValue?, _ weight: FastFactor, _ total: inout FastTotal) -> Bool {
    guard use != .unused else { return true }
    guard let loss else { return false }
    let factor = problem.sampleWeight.map { FastFactor($0[n]) * weight } ?? weight
    guard use == .result else { return total.add(loss, factor) }
    guard abs(factor.exponent) <= 900 else { return false }
    let value = loss.value.times(factor.mantissa, BaselineMultiplier.self)
    // The factor's mantissa is at most 2, its error 2^-99 and the product's 2^-103.
    let result = KernelRounding(isSingle: rounding.isSingle, exponent: factor.exponent)
      .rounded(value, error: 2 * loss.error + value.high.magnitude * 0x1p-98)
    guard !result.isNaN else { return false }
    shelf[lossStart + n] = result
    return true
  }

  /// Writes item n's gradient by `body`, which returns how many are NaN.
  private func settleGradient(
    _ n: Int, _ factor: FastFactor, _ rest: inout Rest, _ body: (inout MutableSpan<Double>) -> Int
  ) {
    // With a zero factor the zeros are there already.
    guard wantsGradient, !factor.isZero else { return }
    rest.gradients = problem.softmax.layout.write(shelf, from: 0, n, body)
  }
}

/// Σ s (item's loss) over items, as a pair with a bound on its error.
struct FastTotal {
  private(set) var value = DoubleDouble(high: 0)
  private var error = 0.0
  private var terms = 0.0

  /// Adds factor·loss, unless it is out of the range where pairs are good. - Returns: whether it was added.
  mutating func add(_ loss: FastValue, _ factor: FastFactor) -> Bool {
    guard abs(factor.exponent) <= 300, loss.value.high >= 0x1p-600, loss.value.high <= 0x1p600 else { return false }
    let power = Double(sign: .plus, exponent: factor.exponent, significand: 1)
    let scaled = DoubleDouble(high: factor.mantissa.high * power, low: factor.mantissa.low * power)
    let term = loss.value.times(scaled, BaselineMultiplier.self)
    value = value + term
    // Twice the exact factor's head covers its rest; the roundings of this sum of positive numbers stay below 2^-50 of it.
    error += (loss.error + loss.value.high * 0x1p-98) * (scaled.high * 0x1.0000001p0)
    terms += 1
    return true
  }

  /// What the sum certainly lies in, times scale and T as the exact stages' terms are; `nil` if nothing was added.
  ///
  /// Error Bounds: the terms' own, and for each addition 3.01u² of the sum so far.
  func term(scaledFor problem: LossProblem) -> LossQuestions.Term? {
    guard terms > 0 else { return nil }
    let arithmetic = BallArithmetic.standard
    let bound = error * 0x1.01p0 + value.high * (terms * 0x1p-103)
    var sum = Ball(value, radius: bound, exponent: 0)
    if problem.labelSmoothing != 0 { sum = sum * arithmetic.whole(problem.softmax.layout.classes) }
    if problem.softmax.temperature != 1 { sum = sum * arithmetic.exact(problem.softmax.temperature) }
    return .finite(sum)
  }
}
