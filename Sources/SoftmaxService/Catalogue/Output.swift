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
        "probabilities", aliases: "probs softmax p", of: [.softmax], defaultOf: [.softmax], .numbers(.logits),
        summary: "softmax along the class axis")
    case .logProbabilities:
      OutputDescriptor(
        "log_probabilities", aliases: "log_probs log_softmax", of: [.softmax], .numbers(.logits),
        summary: "the logarithms of the probabilities")
    case .logSumExp:
      OutputDescriptor(
        "log_sum_exp", aliases: "lse logsumexp", of: [.softmax], .numbers(.batch),
        summary: "the logarithm of the sum of exponentials")
    case .entropy:
      OutputDescriptor(
        "entropy", aliases: "", of: [.softmax], .numbers(.batch), summary: "the entropy of the probabilities, in nats")
    case .argmax:
      OutputDescriptor(
        "argmax", aliases: "", of: [.softmax], .indices(.batch),
        summary: "the index of the largest logit, the lowest among equals")
    case .jacobian:
      OutputDescriptor(
        "jacobian", aliases: "", of: [.softmax], .numbers(.classesSquared),
        summary: "how each probability changes with each logit")
    case .topIndices:
      OutputDescriptor(
        "top_indices", aliases: "topk_indices indices", of: [.softmax], .indices(.top), needs: .topK,
        summary: "the classes of the \"top_k\" largest logits, by falling logit")
    case .topProbabilities:
      OutputDescriptor(
        "top_probabilities", aliases: "topk_values top_probs", of: [.softmax], .numbers(.top), needs: .topK,
        summary: "their probabilities")
    case .topLogProbabilities:
      OutputDescriptor(
        "top_log_probabilities", aliases: "top_log_probs top_logprobs", of: [.softmax], .numbers(.top), needs: .topK,
        summary: "the logarithms of their probabilities")
    case .loss:
      OutputDescriptor(
        "loss", aliases: "cross_entropy", of: [.loss, .gradient], defaultOf: [.loss, .gradient], .numbers(.losses),
        summary: "softmax cross-entropy")
    case .perplexity:
      OutputDescriptor(
        "perplexity", aliases: "ppl", of: [.loss], .numbers(.losses), onlyUnder: .mean,
        summary: "the exponential of the mean loss")
    case .gradient:
      OutputDescriptor(
        "gradient", aliases: "grad", of: [.gradient], defaultOf: [.gradient], .numbers(.logits),
        summary: "the loss's gradient with respect to the logits")
    case .derivation:
      OutputDescriptor(
        "derivation", aliases: "", of: [.gradient], .derivation, needsSingleSlice: true, onlyOption: .temperature,
        summary: "each step of the textbook derivation of the gradient")
    case .klDivergence:
      OutputDescriptor(
        "kl_divergence", aliases: "kl kl_div kldiv", of: [.loss, .gradient], .numbers(.losses),
        needsDistribution: true, summary: "Kullback and Leibler's divergence of softmax from the target")
    case .hessianVectorProduct:
      OutputDescriptor(
        "hessian_vector_product", aliases: "hvp", of: [.gradient], .numbers(.logits), needsInput: .vector,
        summary: "the loss's Hessian with respect to the logits, times \"vector\"")
    }
  }
}

/// All that the service knows about an output, apart from how it is computed.
struct OutputDescriptor: Sendable {
  let name: String
  /// What other libraries call it.
  let aliases: NameList
  /// The operations that answer it, and those that answer it when nothing is asked for.
  let operations: OperationSet
  let defaultOf: OperationSet
  let content: Content
  /// Whether the logits must be a single slice, of rank 1.
  let needsSingleSlice: Bool
  /// The parameter without which there is none.
  let needs: Parameter?
  /// The only reduction under which there is one; nil where all are good.
  let onlyUnder: ReductionName?
  /// The only parameter that may go with it, and then no optional input may; nil where all may.
  let onlyOption: Parameter?
  /// Whether the target must be a distribution over the classes, without weights and smoothing.
  let needsDistribution: Bool
  /// An optional input that it needs; where that is given, it is answered also when nothing is asked for.
  let needsInput: Input?
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

  /// Whether it has a number for each class of each slice, in the logits' shape.
  var hasClassAxis: Bool {
    if case .numbers(.logits) = content { true } else { false }
  }

  init(
    _ name: String, aliases: NameList, of operations: OperationSet, defaultOf: OperationSet = [], _ content: Content,
    needsSingleSlice: Bool = false, needs: Parameter? = nil, onlyUnder: ReductionName? = nil,
    onlyOption: Parameter? = nil, needsDistribution: Bool = false, needsInput: Input? = nil, summary: String
  ) {
    self.name = name
    self.aliases = aliases
    self.operations = operations
    self.defaultOf = defaultOf
    self.content = content
    self.needsSingleSlice = needsSingleSlice
    self.needs = needs
    self.onlyUnder = onlyUnder
    self.onlyOption = onlyOption
    self.needsDistribution = needsDistribution
    self.needsInput = needsInput
    self.summary = summary
  }
}

/// An output that /check compares a caller's numbers with.
enum CheckedOutput: Int, Sendable, CaseIterable, Placed {
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
