public import VectorKernels

/// Logits and a temperature that cannot be wrong: p = softmax(a / T) is defined over each row.
public struct SoftmaxProblem: Sendable {
  /// `a`, in the layout's order; finite or -Infinity (a masked class).
  public private(set) var logits: Numbers
  /// Where the classes lie.
  public let layout: Layout
  /// `T`, finite and positive.
  public let temperature: Double
  /// c, finite and positive, where the logits are c·tanh(a/c) before they are divided by T.
  public let softcap: Double?
  /// What results are rounded to.
  public let format: BinaryFormat
  /// Whether some row has no finite logit.
  public let hasEmptyRows: Bool

  /// - Parameters:
  ///   - logits: as many as the layout says, each finite or -Infinity.
  ///   - layout: where the classes lie.
  ///   - temperature: T.
  ///   - softcap: c; nil caps nothing.
  ///   - format: what results are rounded to.
  ///   - allowsEmptyRows: whether a row may have no finite logit; its results are zeros, -Infinity where a logarithm of
  ///     zero is asked for.
  /// - Throws: ``ProblemError`` when a logit is NaN or +Infinity, when a row has no finite logit, when the counts
  ///   differ, or when `temperature` or `softcap` is not finite and positive.
  public init(
    logits: Numbers, layout: Layout, temperature: Double = 1, softcap: Double? = nil,
    format: BinaryFormat = .binary64, allowsEmptyRows: Bool = false
  ) throws(ProblemError) {
    guard logits.count == layout.count else { throw .logitsCount }
    guard Self.isFactor(temperature) else { throw .temperature }
    guard softcap.map(Self.isFactor) ?? true else { throw .softcap }
    if logits.areFinite {
      hasEmptyRows = false
    } else {
      guard logits.allSatisfy(Self.isLogit) else { throw .logitNotFinite }
      hasEmptyRows = (0..<layout.batch).contains { Self.isMasked(row: $0, of: logits, layout) }
      guard !hasEmptyRows || allowsEmptyRows else { throw .everyClassMasked }
    }
    self.logits = logits
    self.layout = layout
    self.temperature = temperature
    self.softcap = softcap
    self.format = format
  }

  /// The same with the logits in an array.
  public init(
    logits: [Double], layout: Layout, temperature: Double = 1, softcap: Double? = nil,
    format: BinaryFormat = .binary64, allowsEmptyRows: Bool = false
  ) throws(ProblemError) {
    try self.init(
      logits: Numbers(logits), layout: layout, temperature: temperature, softcap: softcap, format: format,
      allowsEmptyRows: allowsEmptyRows)
  }

  /// The problem of the same logits along another class axis.
  /// - Throws: ``ProblemError``, as for a new one.
  public func with(_ layout: Layout) throws(ProblemError) -> SoftmaxProblem {
    try SoftmaxProblem(
      logits: logits, layout: layout, temperature: temperature, softcap: softcap, format: format,
      allowsEmptyRows: hasEmptyRows)
  }

  /// The problem with other logits, which are as valid.
  func with(_ logits: Numbers) -> SoftmaxProblem {
    var problem = self
    problem.logits = logits
    return problem
  }

  /// Whether row n has no finite logit.
  func isEmpty(row n: Int) -> Bool { hasEmptyRows && Self.isMasked(row: n, of: logits, layout) }

  /// Whether a number may be a logit: it is finite, or -Infinity, which masks its class.
  public static func isLogit(_ value: Double) -> Bool { value < .infinity }

  /// Whether logits may be divided by a number, or capped with it: it is finite and positive.
  public static func isFactor(_ x: Double) -> Bool { x > 0 && x < .infinity }

  /// Whether every class of row `n` is masked, so that it has no softmax.
  public static func isMasked(row n: Int, of logits: Numbers, _ layout: Layout) -> Bool {
    let start = layout.start(of: n)
    return (0..<layout.classes).allSatisfy { logits[start + $0 * layout.inner] == -.infinity }
  }
}

/// What makes numbers no problem of softmax or of its loss.
public enum ProblemError: Error, Sendable, Hashable {
  /// The logits are not as many as the layout says.
  case logitsCount
  /// A logit is NaN or +Infinity.
  case logitNotFinite
  /// Every logit of a row is -Infinity.
  case everyClassMasked
  /// The temperature is not finite and positive.
  case temperature
  /// The soft cap is not finite and positive.
  case softcap
  /// The target is not of the batch shape (indices) or of the logits' shape (probabilities).
  case targetCount
  /// A class index is neither in `0..<classes` nor `ignoreIndex`.
  case targetOutOfRange
  /// A target probability is negative or not finite.
  case targetProbability
  /// A teacher's logit is NaN or +Infinity.
  case targetLogit
  /// Every logit of a teacher's row is -Infinity.
  case everyTargetClassMasked
  /// A given probability is not in [0, 1].
  case probability
  /// Given probabilities have no temperature, soft cap, z-loss, focal loss and teacher's logits.
  case optionOfSoftmax
  /// There is not one weight for each class.
  case weightCount
  /// A class weight is negative or not finite.
  case weight
  /// There is not one sample weight for each row.
  case sampleWeightCount
  /// A sample weight is negative or not finite.
  case sampleWeight
  /// ε is not in [0, 1].
  case labelSmoothing
  /// λ of the z-loss is negative or not finite.
  case zLoss
  /// γ of the focal loss is negative or not finite.
  case focalGamma
  /// γ > 0 with a target of probabilities, or with ε > 0: the focal loss is that of a single class.
  case focalWithoutSingleClass
  /// The divisor is not finite and positive.
  case divisor
  /// `ignoreIndex` is a class, but the target holds probabilities.
  case ignoreIndexWithProbabilities
  /// "mean" would divide by D = Σ s_n w[y_n] (indices) or Σ s_n (probabilities), which is exactly zero.
  case zeroNormaliser
}

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

  /// Whether it takes log S.
  var isLogarithm: Bool {
    switch self {
    case .logProbabilities, .logSumExp, .entropy, .topLogProbabilities: true
    case .probabilities, .argmax, .jacobian, .topIndices, .topProbabilities: false
    }
  }

  /// Those that most requests ask for, which narrow formats have quicker ways to.
  enum Common { case probabilities, logProbabilities, argmax }

  /// Itself where it is one of these, else nil.
  var common: Common? {
    switch self {
    case .probabilities: .probabilities
    case .logProbabilities: .logProbabilities
    case .argmax: .argmax
    case .logSumExp, .entropy, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities: nil
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
