import Softmax
import VectorKernels

/// A mistake that people make, as a change of what is recomputed, and what to say when the result agrees.
///
/// Whether it explains a caller's numbers is decided in FindingSearch.swift, by ``WeightOfEvidence/suffices(isPair:)``.
final class Hypothesis: Sendable {
  /// What is looked for.
  let mistake: Mistake
  var cause: Cause { mistake.cause }
  /// What is wrong, in a sentence.
  let detail: Sentence
  /// What to do, as a formula or a line of code.
  let cure: Sentence
  /// A request that shows this mistake and no other, in a sentence after "send".
  let telling: String

  init(
    _ cause: Cause, _ aspect: Mistake.Aspect, of range: BinaryFormat? = nil, in outputs: CheckedOutputSet,
    needing needs: RequestFeatures = [], detail: Sentence, cure: Sentence, telling: String,
    change: (inout Change) -> Void
  ) {
    self.detail = detail
    self.cure = cure
    self.telling = telling
    var changed = Change()
    change(&changed)
    mistake = Mistake(
      cause: cause, aspect: aspect, needs: needs, outputs: outputs, range: range, change: changed)
  }

  /// What a finding of it is named once for: which format's range it is does not change the cure.
  func name(_ facts: RequestFacts) -> String { mistake.range == nil ? detail.text(facts) : cause.rawValue }

  /// All that are known, the simplest first.
  static let all = ofFactors + ofTargets + ofSoftmax + ofOptions + ofArithmetic
}

/// What is said, of any request or of one.
struct Sentence: Sendable, ExpressibleByStringInterpolation {
  let text: @Sendable (RequestFacts) -> String

  init(_ text: @escaping @Sendable (RequestFacts) -> String) { self.text = text }

  init(stringLiteral text: String) { self.init { _ in text } }
}

/// What is looked for, in numbers alone: loops over hundreds of pairs count no references.
struct Mistake: Sendable {
  /// What mistakes change: two about one aspect exclude each other.
  enum Aspect: Int, BitIndexed {
    case softmax, handling, target, smoothing, weights, ignored, sampleWeights, divisor, factor, temperaturePower,
      upstream
    /// How the gradient follows from the loss.
    case derivation
    /// An option of the loss or of softmax is left out.
    case option
  }

  let cause: Cause
  let aspect: Aspect
  /// What a request must have for the mistake to be made in it.
  let needs: RequestFeatures
  /// The outputs that can show it.
  let outputs: CheckedOutputSet
  /// The format whose range spoils the numbers, if one does.
  let range: BinaryFormat?
  let change: Change
  /// The place of its hypothesis among all: the simplest first.
  private(set) var place = 0

  var hypothesis: Hypothesis { Hypothesis.all[place] }

  private static let all = Hypothesis.all.indices.map { place in
    var mistake = Hypothesis.all[place].mistake
    mistake.place = place
    return mistake
  }

  /// Those that a request can show, the simplest first.
  static func shown(by facts: RequestFacts) -> [Mistake] {
    var mistakes: [Mistake] = []
    mistakes.reserveCapacity(all.count)
    for place in all.indices where facts.features.contains(all[place].needs) { mistakes.append(all[place]) }
    return mistakes
  }
}

/// What kind of mistake a finding names. The names are part of the contract.
enum Cause: String, Sendable, CaseIterable {
  case sign, reduction, divisor, temperature, axis
  case softmaxTwice = "softmax_twice"
  case noSoftmax = "no_softmax"
  case sigmoid
  case targetOffset = "target_offset"
  case noTarget = "no_target"
  case divergence = "kl_divergence"
  case jacobian
  case noLogarithm = "no_log"
  case noExponential = "no_exp"
  case noSum = "no_sum"
  case noMaximum = "no_max"
  case mask, smoothing, weight
  case ignoreIndex = "ignore_index"
  case sampleWeight = "sample_weight"
  case upstream, softcap
  case zLoss = "z_loss"
  case focalGamma = "focal_gamma"
  case logBase = "log_base"
  case epsilon, clipping, difference, precision, cancellation, overflow, underflow, order, factor, zero, unexplained
}

/// What of a request is said in findings, and decides which mistakes can be made in it.
struct RequestFacts: Sendable {
  let features: RequestFeatures
  let classes: Int
  let items: Int
  let axis: Int
  let squaredTemperature: Double
  let reduction: Reduction
  /// What the request says that a mean divides by.
  let divisor: Double?
  /// The class that `ignore_index` names in Python, or is clamped to.
  let ignoredClass: Int
  let ignoresClass: Bool
  /// The class that a clamped target may have else.
  let otherIgnoredClass: Int

  init(_ request: CheckRequest) {
    let layout = request.softmax.layout
    (classes, items, axis) = (layout.classes, layout.batch, request.geometry.axis)
    squaredTemperature = request.softmax.temperature * request.softmax.temperature
    reduction = request.loss?.problem.reduction ?? .mean
    divisor = request.loss?.problem.divisor
    ignoredClass = request.loss?.problem.ignoredClass ?? 0
    otherIgnoredClass = request.loss?.problem.otherIgnoredClass ?? 0
    ignoresClass = request.loss?.problem.ignoresClass ?? false
    features = RequestFeatures(request)
  }

  /// Softmax along the class axis, in code.
  var softmax: String {
    let reduced = items > 1 ? ", axis=\(axis), keepdims=True)" : ")"
    return "e = exp(a - max(a\(reduced)); p = e / sum(e\(reduced)"
  }

  /// What the loss is to be divided by, as a demand.
  var division: String { reduction == .mean ? "divide by \(divisorOfMean)" : "divide by nothing" }

  /// What a mean divides by.
  var divisorOfMean: String { divisor.map { "the request's divisor, \(text(of: $0))" } ?? divisorOfItems }

  /// What it divides by where the request names nothing: D of docs/api.md, "Mathematics".
  var divisorOfItems: String {
    let hasTargetWeights = features.contains([.indices, .classWeights])
    let sum =
      switch (features.contains(.sampleWeights), hasTargetWeights) {
      case (false, false): "the number of items"
      case (false, true): "Σ w[target]"
      case (true, false): "Σ s"
      case (true, true): "Σ s·w[target]"
      }
    guard features.contains(.ignoredItems) else { return sum }
    return sum + (sum.hasPrefix("Σ") ? ", summed over the items that are not ignored" : " that are not ignored")
  }
}

/// What a request has that a mistake can be made with.
enum RequestFeature: Int, CaseIterable, BitIndexed {
  case temperature, mask, smoothing, classWeights, sampleWeights, upstream, softcap, zLoss, focalGamma, severalClasses,
    severalItems
  /// Weights of either kind.
  case weights
  /// Class indices as the target, or probabilities.
  case indices, distribution
  /// Items that `ignore_index` leaves out, and that a clamped target may make another class of than Python's index.
  case ignoredItems, otherIgnoredClass
  /// A mean; one that does not divide by the number of items; one whose divisor follows from the items, or is given.
  case mean, meanIsNotOfItems, ownMean, givenDivisor
  /// A sum, or no reduction.
  case noMean
  /// The first axis is not the class axis, and longer than 1; and so the other ones.
  case otherAxis0, otherAxis1, otherAxis2, otherAxis3, otherAxis4, otherAxis5, otherAxis6, otherAxis7

  static let otherAxes = Array(allCases.suffix(TensorShape.maximumRank))
}

typealias RequestFeatures = BitSet<RequestFeature>

extension RequestFeatures {
  fileprivate init(_ request: CheckRequest) {
    self = []
    let (softmax, shape) = (request.softmax, request.geometry.shape)
    for axis in shape.indices where axis != request.geometry.axis && shape[axis] > 1 {
      insert(RequestFeature.otherAxes[axis])
    }
    if softmax.temperature != 1 { insert(.temperature) }
    if softmax.layout.classes > 1 { insert(.severalClasses) }
    if softmax.layout.batch > 1 { insert(.severalItems) }
    if request.unmasked != nil { insert(.mask) }
    if softmax.softcap != nil { insert(.softcap) }
    guard let problem = request.loss?.problem else { return }
    let isMean = problem.reduction == .mean
    insert(isMean ? .mean : .noMean)
    if isMean { insert(problem.divisor == nil ? .ownMean : .givenDivisor) }
    if request.loss?.upstream != nil { insert(.upstream) }
    if problem.zLoss > 0 { insert(.zLoss) }
    if problem.focalGamma > 0 { insert(.focalGamma) }
    if problem.labelSmoothing > 0 { insert(.smoothing) }
    if problem.weight != nil { insert(.classWeights) }
    if problem.sampleWeight != nil { insert(.sampleWeights) }
    if case .probabilities = problem.target { insert(.distribution) }
    if case .indices(let indices) = problem.target {
      insert(.indices)
      if indices.contains(problem.ignoreIndex) { insert(.ignoredItems) }
      if problem.ignoreIndex != 0 { insert(.otherIgnoredClass) }
    }
    if contains(.classWeights) || contains(.sampleWeights) { insert(.weights) }
    if contains(.weights) || contains(.ignoredItems) { insert(.meanIsNotOfItems) }
  }
}
