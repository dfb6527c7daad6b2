/// A function of softmax that can be asked for.
///
/// No `switch` over outputs has a `default`, so that the compiler names each place that has to say something about a
/// new one.
public enum SoftmaxOutput: Sendable, Hashable {
  /// `p = softmax(a / T)`, in the logits' shape.
  case probabilities
  /// `log p`, in the logits' shape; -Infinity for masked classes.
  case logProbabilities
  /// `log Σ exp(a_i / T)`, in the batch shape.
  case logSumExp
  /// `-Σ p log p` in nats, in the batch shape.
  case entropy
  /// The lowest index among the largest logits, in the batch shape.
  case argmax
  /// `J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T`, in the logits' shape with two class axes `[l][i]` for one.
  case jacobian
  /// The classes of the largest logits, by falling logit, the lowest index first among equals: as many as there is room
  /// for, 1 to the number of classes. They stand along the class axis.
  case topIndices
  /// The probabilities of these classes.
  case topProbabilities
  /// The logarithms of the probabilities of these classes.
  case topLogProbabilities
}

extension SoftmaxOutput {
  /// Which function of a row is at a position of the row's part of the output.
  /// - Parameter top: the row's classes of the largest logits, as many as any output asks for.
  func value(at position: Int, classes: Int, top: [Int]) -> RowValue {
    switch self {
    case .probabilities: .probability(position)
    case .logProbabilities: .logProbability(position)
    case .logSumExp: .logSumExp
    case .entropy: .entropy
    case .argmax: .argmax
    case .jacobian: .jacobian(position / classes, position % classes)
    case .topIndices: .index(top[position])
    case .topProbabilities: .probability(top[position])
    case .topLogProbabilities: .logProbability(top[position])
    }
  }

  /// What it is for a row without a finite logit: a sum over nothing, or its logarithm.
  func valueOfEmptyRow(at position: Int) -> Double {
    switch self {
    case .probabilities, .entropy, .argmax, .jacobian, .topProbabilities: 0
    case .logProbabilities, .logSumExp, .topLogProbabilities: -.infinity
    case .topIndices: Double(position)
    }
  }

  /// How many numbers it has for each row: they stand in the place of the row's classes in the tensor.
  /// - Parameter top: how many of the largest logits an output of these is about.
  func valueCount(classes: Int, top: Int) -> Int {
    switch self {
    case .probabilities, .logProbabilities: classes
    case .logSumExp, .entropy, .argmax: 1
    case .jacobian: classes * classes
    case .topIndices, .topProbabilities, .topLogProbabilities: top
    }
  }

  /// Whether it is about some of the largest logits.
  var isOfTop: Bool {
    switch self {
    case .probabilities, .logProbabilities, .logSumExp, .entropy, .argmax, .jacobian: false
    case .topIndices, .topProbabilities, .topLogProbabilities: true
    }
  }

  /// Whether it is among those that most requests ask for, which short rows and narrow formats have quicker ways to.
  var isCommon: Bool {
    switch self {
    case .probabilities, .logProbabilities, .argmax: true
    case .logSumExp, .entropy, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities: false
    }
  }

  /// Whether it depends on more than the order of a row's logits.
  var needsExponentials: Bool {
    switch self {
    case .argmax, .topIndices: false
    case .probabilities, .logProbabilities, .logSumExp, .entropy, .jacobian, .topProbabilities, .topLogProbabilities:
      true
    }
  }
}
