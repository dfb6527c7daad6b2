import Softmax

/// Something that a request may ask for, under its name on every wire.
enum Output: Int, Sendable, CaseIterable {
  case probabilities, logProbabilities, logSumExp, entropy, argmax, jacobian, topIndices, topProbabilities,
    topLogProbabilities, loss, perplexity, gradient, derivation, klDivergence, hessianVectorProduct

  var name: String { descriptor.name }

  var descriptor: OutputDescriptor { Self.table[rawValue] }
  private static let table = allCases.map(\.declaration)

  private var declaration: OutputDescriptor {
    switch self {
    case .probabilities:
      OutputDescriptor(
        name: "probabilities", aliases: "probs prob p softmax y_hat yhat", operations: [.softmax],
        softmax: .probabilities,
        defaultOf: [.softmax],
        content: .numbers(.logits),
        summary: "softmax along the class axis")
    case .logProbabilities:
      OutputDescriptor(
        name: "log_probabilities", aliases: "log_probs logprobs log_softmax", operations: [.softmax],
        softmax: .logProbabilities,
        content: .numbers(.logits),
        summary: "the logarithms of the probabilities")
    case .logSumExp:
      OutputDescriptor(
        name: "log_sum_exp", aliases: "lse logsumexp", operations: [.softmax], softmax: .logSumExp,
        content: .numbers(.batch),
        summary: "the logarithm of the sum of exponentials")
    case .entropy:
      OutputDescriptor(
        name: "entropy", aliases: "", operations: [.softmax], softmax: .entropy, content: .numbers(.batch),
        summary: "the entropy of the probabilities, in nats")
    case .argmax:
      OutputDescriptor(
        name: "argmax", aliases: "", operations: [.softmax], softmax: .argmax, content: .indices(.batch),
        summary: "the index of the largest logit, the lowest among equals")
    case .jacobian:
      OutputDescriptor(
        name: "jacobian", aliases: "", operations: [.softmax], softmax: .jacobian, content: .numbers(.classesSquared),
        summary: "how each probability changes with each logit")
    case .topIndices:
      OutputDescriptor(
        name: "top_indices", aliases: "topk_indices indices", operations: [.softmax], softmax: .topIndices,
        content: .indices(.top),
        needs: .topK,
        summary: "the classes of the \"top_k\" largest logits, by falling logit")
    case .topProbabilities:
      OutputDescriptor(
        name: "top_probabilities", aliases: "topk_values top_probs", operations: [.softmax], softmax: .topProbabilities,
        content: .numbers(.top),
        needs: .topK,
        summary: "their probabilities")
    case .topLogProbabilities:
      OutputDescriptor(
        name: "top_log_probabilities", aliases: "top_log_probs top_logprobs", operations: [.softmax],
        softmax: .topLogProbabilities,
        content: .numbers(.top), needs: .topK,
        summary: "the logarithms of their probabilities")
    case .loss:
      OutputDescriptor(
        name: "loss", aliases: "cross_entropy nll", operations: [.loss, .gradient], defaultOf: [.loss, .gradient],
        content: .numbers(.losses),
        summary: "softmax cross-entropy")
    case .perplexity:
      OutputDescriptor(
        name: "perplexity", aliases: "ppl", operations: [.loss], content: .numbers(.losses), onlyUnder: .mean,
        summary: "the exponential of the mean loss")
    case .gradient:
      OutputDescriptor(
        name: "gradient", aliases: "grad grads dlogits", operations: [.gradient], defaultOf: [.gradient],
        content: .numbers(.logits),
        summary: "the loss's gradient with respect to the logits")
    case .derivation:
      OutputDescriptor(
        name: "derivation", aliases: "", operations: [.gradient], content: .derivation, needsSingleRow: true,
        onlyOption: .temperature,
        summary: "each step of the textbook derivation of the gradient")
    case .klDivergence:
      OutputDescriptor(
        name: "kl_divergence", aliases: "kl kl_div kldiv", operations: [.loss, .gradient], content: .numbers(.losses),
        needsDistribution: true, summary: "Kullback and Leibler's divergence of softmax from the target")
    case .hessianVectorProduct:
      OutputDescriptor(
        name: "hessian_vector_product", aliases: "hvp", operations: [.gradient], content: .numbers(.logits),
        needsInput: .vector,
        summary: "the loss's Hessian with respect to the logits, times \"vector\"")
    }
  }
}

extension Sequence<Output> {
  /// The one of a name, or that other libraries call so.
  func first(named name: String) -> Output? {
    first { $0.name == name } ?? first { $0.descriptor.aliases.names.contains(name) }
  }
}

/// All that the service knows about an output, apart from how it is computed.
struct OutputDescriptor: Sendable {
  let name: String
  /// What other libraries call it.
  let aliases: NameList
  /// The operations that answer it, and those that answer it when nothing is asked for.
  let operations: OperationSet
  /// What Softmax calls it, if it is one of its outputs.
  var softmax: SoftmaxOutput?
  var defaultOf: OperationSet = []
  let content: Content
  /// Whether the logits must be a single row, of rank 1.
  var needsSingleRow = false
  /// The parameter without which there is none.
  var needs: Parameter?
  /// The only reduction under which there is one; nil where all are good.
  var onlyUnder: ReductionName?
  /// The only parameter that may go with it, and then no optional input may; nil where all may.
  var onlyOption: Parameter?
  /// Whether the target must be a distribution over the classes, without weights and smoothing.
  var needsDistribution = false
  /// An optional input that it needs; where that is given, it is answered also when nothing is asked for.
  var needsInput: Input?
  /// What it is, in half a sentence.
  let summary: String

  /// What is written.
  enum Content: Sendable {
    case numbers(Extent)
    case indices(Extent)
    case derivation
  }

  /// The shape, in terms of the logits'.
  enum Extent: Sendable {
    case logits
    /// Without the class axis.
    case batch
    /// Two class axes in the place of one.
    case classesSquared
    /// As many entries along the class axis as `top_k` says.
    case top
    /// The batch shape under the reduction "none", else a single number.
    case losses
  }

  /// Whether it has a number for each class of each row, in the logits' shape.
  var hasClassAxis: Bool {
    if case .numbers(.logits) = content { true } else { false }
  }
}

/// An output that /check compares a caller's numbers with.
enum CheckedOutput: Int, Sendable, CaseIterable, BitIndexed {
  case probabilities, logProbabilities, logSumExp, entropy, loss, gradient

  /// The same among all outputs.
  var inCatalogue: Output {
    switch self {
    case .probabilities: .probabilities
    case .logProbabilities: .logProbabilities
    case .logSumExp: .logSumExp
    case .entropy: .entropy
    case .loss: .loss
    case .gradient: .gradient
    }
  }

  var name: String { inCatalogue.name }
  var aliases: [String] { inCatalogue.descriptor.aliases.names }

  /// Whether it depends on a target.
  var isLossOrGradient: Bool { self == .loss || self == .gradient }
}
