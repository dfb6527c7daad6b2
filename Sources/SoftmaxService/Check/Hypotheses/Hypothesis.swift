import Softmax
import VectorKernels

/// A mistake that people make, as a change of what is recomputed, and what to say when the result agrees.
final class Hypothesis: Sendable {
  /// What is looked for.
  let mistake: Mistake
  var cause: Cause { mistake.cause }
  /// What is wrong, in a sentence, which few hypotheses come to say.
  var detail: String { makeDetail() }
  private let makeDetail: @Sendable () -> String
  /// What to do, as a formula or a line of code.
  let cure: String
  /// A request that shows this mistake and no other, in a sentence after "send".
  let telling: String

  init(
    _ cause: Cause, _ aspect: Mistake.Aspect, of range: BinaryFormat? = nil, in outputs: OutputSet,
    detail: @autoclosure @escaping @Sendable () -> String, cure: String, telling: String,
    change: (inout Change) -> Void
  ) {
    makeDetail = detail
    self.cure = cure
    self.telling = telling
    var changed = Change()
    change(&changed)
    mistake = Mistake(cause: cause, aspect: aspect, outputs: outputs, range: range, change: changed)
  }

  /// What a finding of it is named once for: which format's range it is does not change the cure.
  var name: String { mistake.range == nil ? detail : cause.rawValue }
}

/// The hypotheses that a request can show, the simplest first, and what each of them looks for.
struct Hypotheses {
  let all: [Hypothesis]
  let mistakes: [Mistake]

  init(for facts: RequestFacts) {
    all =
      Hypothesis.ofFactors(facts) + Hypothesis.ofTargets(facts) + Hypothesis.ofSoftmax(facts) + Hypothesis.ofArithmetic
    mistakes = all.map(\.mistake)
  }
}

/// What is looked for, in numbers alone: loops over hundreds of pairs count no references.
struct Mistake: Sendable {
  /// What it changes: two mistakes about one aspect exclude each other.
  enum Aspect: Sendable {
    case softmax, handling, target, smoothing, weights, ignored, sampleWeights, divisor, factor, temperaturePower

    /// Whether everything is right but for one factor.
    var isFactor: Bool {
      switch self {
      case .factor, .divisor, .temperaturePower: true
      case .softmax, .handling, .target, .smoothing, .weights, .ignored, .sampleWeights: false
      }
    }

    /// Whether it changes what the mean divides by, or is about the numbers alone: there is one of either kind.
    var changesDivisor: Bool {
      switch self {
      case .weights, .ignored, .sampleWeights: true
      case .softmax, .handling, .target, .smoothing, .divisor, .factor, .temperaturePower: false
      }
    }
  }

  let cause: Cause
  let aspect: Aspect
  /// The outputs that can show it.
  let outputs: OutputSet
  /// The format whose range spoils the numbers, if one does.
  let range: BinaryFormat?
  let change: Change
}

/// Some of the outputs.
struct OutputSet: Sendable, ExpressibleByArrayLiteral {
  private var bits: UInt32 = 0

  init(arrayLiteral outputs: Output...) {
    for output in outputs { bits |= 1 << UInt32(output.rawValue) }
  }

  func contains(_ output: Output) -> Bool { bits & 1 << UInt32(output.rawValue) != 0 }

  func inserting(_ output: Output) -> OutputSet {
    var set = self
    set.bits |= 1 << UInt32(output.rawValue)
    return set
  }

  func removing(_ output: Output) -> OutputSet {
    var set = self
    set.bits &= ~(1 << UInt32(output.rawValue))
    return set
  }
}

/// What a request has that a mistake can be made with.
struct RequestFacts: Sendable {
  let classes: Int
  let items: Int
  let shape: TensorShape
  let axis: Int
  let temperature: Double
  private(set) var reduction = Reduction.mean
  private(set) var hasIndices = false
  private(set) var hasWeights = false
  private(set) var hasSampleWeights = false
  private(set) var smoothing = 0.0
  /// Whether items are ignored by `ignore_index`, and the class that this names in Python.
  private(set) var hasIgnored = false
  private(set) var ignoredClass: Int?

  init(_ request: CheckRequest) {
    let layout = request.softmax.layout
    (classes, items) = (layout.classes, layout.batch)
    (shape, axis) = (request.geometry.shape, request.geometry.axis)
    temperature = request.softmax.temperature
    guard let problem = request.loss?.problem else { return }
    reduction = problem.reduction
    hasWeights = problem.weight != nil
    hasSampleWeights = problem.sampleWeight != nil
    smoothing = problem.labelSmoothing
    guard case .indices(let indices) = problem.target else { return }
    hasIndices = true
    hasIgnored = indices.contains(problem.ignoreIndex)
    ignoredClass = problem.ignoredClass
  }
}

/// What kind of mistake a finding names. The names are part of the contract.
enum Cause: String, Sendable, CaseIterable {
  case sign, reduction, divisor, temperature, axis
  case softmaxTwice = "softmax_twice"
  case noSoftmax = "no_softmax"
  case targetOffset = "target_offset"
  case smoothing, weight
  case ignoreIndex = "ignore_index"
  case sampleWeight = "sample_weight"
  case logBase = "log_base"
  case epsilon, clipping, precision, cancellation, overflow, underflow, order, unexplained
}
