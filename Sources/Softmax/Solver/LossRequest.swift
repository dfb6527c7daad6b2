/// What is asked of a loss problem. (A class, so that handing it on costs a reference count and not one for each of its
/// arrays.)
final class LossRequest: Sendable {
  /// What becomes of a row's loss.
  enum LossUse {
    /// Nobody asked for it.
    case unused
    /// It is a result.
    case result
    /// It is a term of a sum.
    case term
  }

  /// What is measured of each row, and reduced.
  enum Measure {
    case loss
    /// Σ t (log t - log p), of a target without weights and smoothing.
    case klDivergence
  }

  /// What is asked of each logit.
  enum Derivative: Sendable {
    case gradient
    /// The Hessian times a vector of the logits' shape.
    case hessianProduct(Numbers)
  }

  let problem: LossProblem
  /// q, one for each loss; `nil` means ones.
  let upstream: [Double]?
  let measure: Measure?
  let derivative: Derivative?
  /// Whether plain binary64 is not precise enough, even for results of few bits.
  let needsPairs: Bool
  /// Whether e^loss is asked for, of a reduced loss.
  let wantsPerplexity: Bool
  /// D; `nil` means one.
  let normaliser: ExactSum?

  /// - Throws: ``ComputationError/upstreamDoesNotFit``.
  init(
    _ problem: LossProblem, upstream: [Double]? = nil, measure: Measure? = nil, derivative: Derivative? = nil,
    perplexity: Bool = false
  ) throws(ComputationError) {
    let isReduced = problem.reduction != .none
    if let upstream {
      guard upstream.count == (isReduced ? 1 : problem.softmax.layout.batch), upstream.allSatisfy(\.isFinite) else {
        throw .upstreamDoesNotFit
      }
    }
    self.problem = problem
    self.upstream = upstream
    self.measure = measure
    self.derivative = derivative
    needsPairs = false
    wantsPerplexity = perplexity && isReduced
    normaliser = problem.reduction == .mean ? problem.normaliser() : nil
  }

  private init(_ request: LossRequest, measure: Measure?, derivative: Derivative?, needsPairs: Bool = false) {
    problem = request.problem
    upstream = request.upstream
    self.measure = measure
    self.derivative = derivative
    self.needsPairs = needsPairs
    wantsPerplexity = request.wantsPerplexity
    normaliser = request.normaliser
  }

  /// The same of the losses alone.
  var ofLosses: LossRequest { LossRequest(self, measure: measure, derivative: nil) }

  /// The same of the losses alone, each as precise as the vector stage knows it.
  var ofPreciseLosses: LossRequest { LossRequest(self, measure: measure, derivative: nil, needsPairs: true) }

  /// The same of the derivatives alone.
  var ofDerivatives: LossRequest { LossRequest(self, measure: nil, derivative: derivative) }

  var layout: Layout { problem.softmax.layout }
  var use: LossUse { measure == nil ? .unused : problem.reduction == .none ? .result : .term }
  var wantsGradient: Bool { derivative != nil }
  /// How many numbers are rounded for each row that counts, the reduced loss's share among them.
  var valuesPerRow: Int { (use == .unused ? 0 : 1) + (wantsGradient ? layout.classes : 0) }

  /// q s w/(D T), what the gradient of row n is multiplied by whose target has a weight w, within 2^-138.
  /// - Precondition: it is not zero.
  func gradientFactor(row n: Int, weight: Double) -> ScaledTriple {
    var divisor = ScaledTriple(problem.softmax.temperature)
    if let normaliser { divisor = divisor * ScaledTriple(normaliser) }
    var factor = divisor.reciprocal
    for part in [upstream(row: n), problem.weight(ofRow: n), weight] where part != 1 {
      factor = factor * ScaledTriple(part)
    }
    return factor
  }

  /// q of row n.
  func upstream(row n: Int) -> Double { upstream?[problem.reduction == .none ? n : 0] ?? 1 }
}

extension LossRequest {
  /// Whether a row's loss, or divergence, is known to be irrational, or to be zero, or taken for it.
  ///
  /// λ LSE² is rational where LSE is. The other terms are zero or irrational.
  func isMeasureIrrational(_ row: LogitsRow) -> Bool {
    isMeasureIrrationalWhateverTheRow || row.isIrrational(.logSumExp)
  }

  var isMeasureIrrationalWhateverTheRow: Bool { problem.zLoss == 0 || measure == .klDivergence }

  /// Whether the derivative's entry for class i is taken for irrational, or zero. Others are asked about one by one
  /// (``DerivativeQuotients``), or of given probabilities, which are rational.
  ///
  /// Where p is a fraction of a whole number, log p and LSE are irrational, and so is an entry that one of them is part
  /// of, or that a cap's slope multiplies. Both are of opposite signs in the target's entry, where they may cancel.
  func isDerivativeIrrational(_ i: Int, of row: LogitsRow, _ weights: TargetWeights) -> Bool {
    guard !problem.isCrossEntropy || row.softcap != nil, !problem.takesProbabilities,
      !row.isMasked(i)
    else { return false }
    if row.isCapped(i) { return true }
    guard row.finite > 1 else { return false }
    guard row.isLevel else { return true }
    // A masked target leaves nothing of the focal factor.
    guard problem.focalGamma > 0, case .index(let y) = weights.kind, !row.isMasked(y) else { return problem.zLoss > 0 }
    return problem.zLoss == 0 || i != y
  }
}

/// Where a loss problem's results go, those that are wanted.
public struct LossBuffers: Sendable {
  /// One number for each row under ``Reduction/none``, else one. The divergence's go the same way.
  public var loss: ResultBuffer?
  /// One number.
  public var perplexity: ResultBuffer?
  /// As many numbers as logits. A product with the Hessian goes the same way.
  public var gradient: ResultBuffer?

  /// Buffers for what is wanted; nil stands for what is not.
  public init(loss: ResultBuffer? = nil, perplexity: ResultBuffer? = nil, gradient: ResultBuffer? = nil) {
    self.loss = loss
    self.perplexity = perplexity
    self.gradient = gradient
  }

  /// Whether nothing is wanted.
  public var isEmpty: Bool { loss == nil && perplexity == nil && gradient == nil }

  /// Makes all results of row n zero: it counts for nothing.
  func clear(row n: Int, _ layout: Layout) {
    if let loss, loss.count == layout.batch { loss[n] = 0 }
    clearGradient(row: n, layout)
  }

  func clearGradient(row n: Int, _ layout: Layout) {
    gradient?.clear(layout.classes, from: layout.start(of: n), step: layout.inner)
  }

  /// Makes all results zero.
  func clear() {
    for buffer in [loss, gradient] { buffer?.clear(buffer?.count ?? 0, from: 0) }
  }
}

/// A row's loss, or the sum of several: times s and ``LossRequest/scale(_:)``.
enum LossTerm: Sendable {
  case finite(Ball)
  case infinite

  /// The sum of two terms, of which there may be none.
  static func sum(_ a: LossTerm?, _ b: LossTerm?) -> LossTerm? {
    switch (a, b) {
    case (nil, let one), (let one, nil): one
    case (.finite(let first), .finite(let second)): .finite(first + second)
    case (.infinite, _), (_, .infinite): .infinite
    }
  }
}

extension LossProblem {
  /// Whether row n is neither ignored nor of weight zero.
  func counts(row n: Int) -> Bool {
    if let sampleWeight, sampleWeight[n] == 0 { return false }
    switch target {
    case .indices(let indices): return indices[n] != ignoreIndex
    case .probabilities, .logits: return true
    }
  }

  /// How many of some rows do.
  func countingRows(_ rows: Range<Int>) -> Int {
    guard sampleWeight == nil else { return rows.count { counts(row: $0) } }
    guard case .indices(let indices) = target else { return rows.count }
    let targets = indices.span.extracting(rows)
    var ignored = 0
    for place in targets.indices { ignored &+= targets[place] == ignoreIndex ? 1 : 0 }
    return rows.count - ignored
  }

  /// D, exactly.
  fileprivate func normaliser() -> ExactSum {
    if let divisor {
      var sum = ExactSum()
      sum.add(divisor, 1)
      return sum
    }
    let rows = 0..<softmax.layout.batch
    var classWeights: [Double]?
    var targets: [Int] = []
    if case .indices(let indices) = target { (classWeights, targets) = (weight, indices) }
    guard sampleWeight != nil || classWeights != nil else { return ExactSum(countingRows(rows)) }
    var sum = ExactSum()
    for n in rows where counts(row: n) { sum.add(weight(ofRow: n), classWeights?[targets[n]] ?? 1) }
    return sum
  }
}
