/// A function of softmax that can be asked for.
///
/// An output with a parameter of its own is a case with an associated value. No `switch` over outputs has a `default`,
/// so that the compiler names each place that has to say something about a new one.
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
  /// `J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T`, for each row a `[classes, classes]` matrix.
  case jacobian
}

extension SoftmaxOutput {
  /// How an output's numbers lie in its tensor.
  enum Arrangement {
    /// One for each logit, in the logits' place.
    case likeLogits
    /// So many for each row, one row's behind another's.
    case perRow(Int)
  }

  func arrangement(classes: Int) -> Arrangement {
    switch self {
    case .probabilities, .logProbabilities: .likeLogits
    case .logSumExp, .entropy, .argmax: .perRow(1)
    case .jacobian: .perRow(classes * classes)
    }
  }

  /// Which function of a row is at a position of the row's part of the output.
  func value(at position: Int, classes: Int) -> RowValue {
    switch self {
    case .probabilities: .probability(position)
    case .logProbabilities: .logProbability(position)
    case .logSumExp: .logSumExp
    case .entropy: .entropy
    case .argmax: .argmax
    case .jacobian: .jacobian(position / classes, position % classes)
    }
  }

  /// What it is for a row without a finite logit: a sum over nothing, or its logarithm.
  var valueOfEmptyRow: Double {
    switch self {
    case .probabilities, .entropy, .argmax, .jacobian: 0
    case .logProbabilities, .logSumExp: -.infinity
    }
  }

  /// How many numbers it has for each row.
  func valueCount(classes: Int) -> Int {
    switch arrangement(classes: classes) {
    case .likeLogits: classes
    case .perRow(let count): count
    }
  }
}

/// What ``SoftmaxProblem/solve(_:_:)`` found; an output not asked for is `nil`.
public struct SoftmaxResult: Sendable, Equatable {
  /// In the logits' shape.
  public var probabilities: [Double]?
  /// In the logits' shape; -Infinity for masked classes.
  public var logProbabilities: [Double]?
  /// In the batch shape.
  public var logSumExp: [Double]?
  /// In the batch shape, nats.
  public var entropy: [Double]?
  /// In the batch shape.
  public var argmax: [Int]?
  /// `[batch, classes, classes]`: for one row, `J[l][i]` stands at `l * classes + i`.
  public var jacobian: [Double]?

  init() {}

  mutating func set(_ output: SoftmaxOutput, to numbers: [Double]) {
    switch output {
    case .probabilities: probabilities = numbers
    case .logProbabilities: logProbabilities = numbers
    case .logSumExp: logSumExp = numbers
    case .entropy: entropy = numbers
    case .argmax: argmax = numbers.map { Int($0) }
    case .jacobian: jacobian = numbers
    }
  }
}
