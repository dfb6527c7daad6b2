/// What the loss compares softmax with.
public enum Target: Sendable, Hashable {
  /// A class for each row, in the batch shape.
  case indices([Int])
  /// A non-negative number for each logit, in the logits' shape; a row need not sum to 1.
  case probabilities(Numbers)
  /// A teacher's logits, in the logits' shape: t is their softmax, divided by the same T, and not capped.
  case logits(Numbers)
}

/// What becomes of the rows' losses.
public enum Reduction: Sendable, Hashable, CaseIterable {
  /// One loss for each row.
  case none
  /// Their sum.
  case sum
  /// Their sum over D: Σ s_n w[y_n] over the rows not ignored (indices), or Σ s_n (probabilities), or the divisor
  /// given.
  case mean
}

/// Softmax cross-entropy with everything it depends on, validated.
///
/// Row n's loss is `s_n Σ_c u_nc (-log p_nc)`, where for a class index y
/// `u_c = (1-ε) w_y 1[c=y] + (ε/C) w_c`, and for probabilities t `u_c = w_c ((1-ε) t_c + ε/C)`. `1-ε` and `ε/C` are
/// exact, and an exactly zero factor times ∞ is 0. With γ > 0 it is `s_n w_y (1-p_y)^γ (-log p_y)`, and with λ > 0 it
/// gains `s_n λ LSE²`, LSE = log Σ e^(a/T).
///
/// (A class, so that handing it on costs a reference count and not one for each of its arrays.)
public final class LossProblem: Sendable {
  /// The logits, their layout, temperature and result format.
  public let softmax: SoftmaxProblem
  /// What the loss compares softmax with.
  public let target: Target
  /// `w`, one for each class; `nil` means ones.
  public let weight: [Double]?
  /// `s`, one for each row; `nil` means ones.
  public let sampleWeight: [Double]?
  /// A class index that makes a row count for nothing; it may be a valid class.
  public let ignoreIndex: Int
  /// ε, in [0, 1].
  public let labelSmoothing: Double
  /// What becomes of the rows' losses.
  public let reduction: Reduction
  /// Whether the logits are probabilities already, each in [0, 1]: p itself, of which no softmax is taken.
  public let takesProbabilities: Bool
  /// λ of the z-loss, finite and not negative.
  public let zLoss: Double
  /// γ of the focal loss, finite and not negative; 0 unless the target holds class indices and ε is 0.
  public let focalGamma: Double
  /// What ``Reduction/mean`` divides by in place of the sum of the weights, finite and positive; `nil` means that
  /// sum. Other reductions leave it alone.
  public let divisor: Double?

  /// - Throws: ``ProblemError`` when counts differ, a number is outside its range, or "mean" without a divisor would
  ///   divide by exactly zero.
  public init(
    softmax: SoftmaxProblem, takesProbabilities: Bool = false, target: Target, weight: [Double]? = nil,
    sampleWeight: [Double]? = nil,
    ignoreIndex: Int = -100, labelSmoothing: Double = 0, reduction: Reduction = .mean, zLoss: Double = 0,
    focalGamma: Double = 0, divisor: Double? = nil
  ) throws(ProblemError) {
    self.takesProbabilities = takesProbabilities
    self.softmax = softmax
    self.target = target
    self.weight = weight
    self.sampleWeight = sampleWeight
    self.ignoreIndex = ignoreIndex
    self.labelSmoothing = labelSmoothing
    self.reduction = reduction
    self.zLoss = zLoss
    self.focalGamma = focalGamma
    self.divisor = divisor
    try validate()
  }

  private init(_ problem: LossProblem, softmax: SoftmaxProblem) {
    self.softmax = softmax
    takesProbabilities = problem.takesProbabilities
    target = problem.target
    weight = problem.weight
    sampleWeight = problem.sampleWeight
    ignoreIndex = problem.ignoreIndex
    labelSmoothing = problem.labelSmoothing
    reduction = problem.reduction
    zLoss = problem.zLoss
    focalGamma = problem.focalGamma
    divisor = problem.divisor
  }

  /// The same loss of another problem of softmax.
  /// - Throws: ``ProblemError``, as for a new one.
  public func with(_ softmax: SoftmaxProblem) throws(ProblemError) -> LossProblem {
    let problem = LossProblem(self, softmax: softmax)
    try problem.validate()
    return problem
  }

  /// The problem with other logits, which are as valid.
  func with(_ logits: Numbers) -> LossProblem { LossProblem(self, softmax: softmax.with(logits)) }

  private func validate() throws(ProblemError) {
    let layout = softmax.layout
    if let weight {
      guard weight.count == layout.classes else { throw .weightCount }
      guard weight.allSatisfy(Self.isWeight) else { throw .weight }
    }
    if let sampleWeight {
      guard sampleWeight.count == layout.batch else { throw .sampleWeightCount }
      guard sampleWeight.allSatisfy(Self.isWeight) else { throw .sampleWeight }
    }
    guard Self.isProbability(labelSmoothing) else { throw .labelSmoothing }
    guard Self.isWeight(zLoss) else { throw .zLoss }
    guard Self.isWeight(focalGamma) else { throw .focalGamma }
    guard focalGamma == 0 || labelSmoothing == 0 else { throw .focalWithoutSingleClass }
    guard divisor.map(SoftmaxProblem.isFactor) ?? true else { throw .divisor }
    try validateTarget()
    if takesProbabilities {
      guard softmax.logits.allSatisfy(Self.isProbability) else { throw .probability }
      guard isCrossEntropy, softmax.temperature == 1, softmax.softcap == nil else { throw .optionOfSoftmax }
      if case .logits = target { throw .optionOfSoftmax }
    }
    if softmax.hasEmptyRows, (0..<layout.batch).contains(where: { counts(row: $0) && softmax.isEmpty(row: $0) }) {
      throw .everyClassMasked
    }
    guard reduction != .mean || divisor != nil || normaliserIsPositive else { throw .zeroNormaliser }
  }

  private func validateTarget() throws(ProblemError) {
    let layout = softmax.layout
    switch target {
    case .indices(let indices):
      guard indices.count == layout.batch else { throw .targetCount }
      let classes = 0..<layout.classes
      guard indices.allSatisfy({ $0 == ignoreIndex || classes.contains($0) }) else { throw .targetOutOfRange }
      return
    case .probabilities(let probabilities):
      guard probabilities.count == layout.count else { throw .targetCount }
      guard probabilities.areWeights else { throw .targetProbability }
    case .logits(let logits):
      guard logits.count == layout.count else { throw .targetCount }
      if !logits.areFinite {
        guard logits.allSatisfy(SoftmaxProblem.isLogit) else { throw .targetLogit }
        for n in 0..<layout.batch where SoftmaxProblem.isMasked(row: n, of: logits, layout) {
          throw .everyTargetClassMasked
        }
      }
    }
    guard ignoreIndex < 0 else { throw .ignoreIndexWithProbabilities }
    guard focalGamma == 0 else { throw .focalWithoutSingleClass }
  }

  /// Whether the loss has no term or factor besides cross-entropy.
  var isCrossEntropy: Bool { zLoss == 0 && focalGamma == 0 }

  /// w of a class, 1 without weights.
  func weight(ofClass c: Int) -> Double { weight?[c] ?? 1 }

  /// s of a row, 1 without weights.
  func weight(ofRow n: Int) -> Double { sampleWeight?[n] ?? 1 }

  /// Whether a number may be a weight or a target probability: it is finite and not negative.
  public static func isWeight(_ x: Double) -> Bool { x >= 0 && x < .infinity }

  /// Whether a number may be a probability that is given, or ε.
  public static func isProbability(_ x: Double) -> Bool { x >= 0 && x <= 1 }

  /// Whether D > 0: its terms are not negative, so that it is zero only where each term has a zero factor. (The
  /// products themselves may underflow.)
  private var normaliserIsPositive: Bool {
    for n in 0..<softmax.layout.batch where sampleWeight.map({ $0[n] > 0 }) ?? true {
      guard case .indices(let indices) = target else { return true }
      if indices[n] != ignoreIndex, weight.map({ $0[indices[n]] > 0 }) ?? true { return true }
    }
    return false
  }
}
