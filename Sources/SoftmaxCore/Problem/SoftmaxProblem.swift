/// Logits and a temperature that cannot be wrong: p = softmax(a / T) over each slice is defined.
public struct SoftmaxProblem: Sendable {
  /// `a`, in the layout's order; finite or -Infinity (a masked class).
  public let logits: [Double]
  /// Where the classes lie.
  public let layout: Layout
  /// `T`, finite and positive.
  public let temperature: Double
  /// What results are rounded to.
  public let format: ResultFormat

  /// - Throws: ``ProblemError`` when a logit is NaN or +Infinity, when a slice has no finite logit, when the counts
  ///   differ, or when `temperature` is not finite and positive.
  public init(
    logits: [Double], layout: Layout, temperature: Double = 1, format: ResultFormat = .binary64
  ) throws(ProblemError) {
    guard logits.count == layout.count else {
      throw .logitsCount(expected: layout.count, found: logits.count)
    }
    guard temperature > 0, temperature.isFinite else { throw .temperature }
    if !Self.areFinite(logits.span) { try Self.checkMasks(logits, layout) }
    self.logits = logits
    self.layout = layout
    self.temperature = temperature
    self.format = format
  }

  /// Whether all are finite, asked without a branch since nearly all always are: of the patterns of magnitudes, a unit more
  /// in the exponent carries into the sign's place of infinity's and NaN's alone.
  private static func areFinite(_ logits: Span<Double>) -> Bool {
    var carries: UInt64 = 0
    for position in logits.indices {
      carries |= logits[position].magnitude.bitPattern &+ Double.leastNormalMagnitude.bitPattern
    }
    return carries >> 63 == 0
  }

  private static func checkMasks(_ logits: [Double], _ layout: Layout) throws(ProblemError) {
    if let bad = logits.firstIndex(where: { !isLogit($0) }) { throw .logitNotFinite(position: bad) }
    for n in 0..<layout.batch where isMasked(slice: n, of: logits, layout) { throw .everyClassMasked(item: n) }
  }

  /// Whether a number may be a logit: it is finite, or -Infinity, which masks its class.
  public static func isLogit(_ value: Double) -> Bool { value < .infinity }

  /// Whether every class of slice `n` is masked, so that it has no softmax.
  public static func isMasked(slice n: Int, of logits: [Double], _ layout: Layout) -> Bool {
    let start = layout.start(of: n)
    return (0..<layout.classes).allSatisfy { logits[start + $0 * layout.inner] == -.infinity }
  }
}

/// Which functions of softmax to compute.
public struct SoftmaxOutputs: OptionSet, Sendable, Hashable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// `p = softmax(a / T)`, in the logits' shape.
  public static let probabilities = SoftmaxOutputs(rawValue: 1 << 0)
  /// `log p`, in the logits' shape.
  public static let logProbabilities = SoftmaxOutputs(rawValue: 1 << 1)
  /// `log Σ exp(a_i / T)`, in the batch shape.
  public static let logSumExp = SoftmaxOutputs(rawValue: 1 << 2)
  /// `-Σ p log p` in nats, in the batch shape.
  public static let entropy = SoftmaxOutputs(rawValue: 1 << 3)
  /// The lowest index among the largest logits, in the batch shape.
  public static let argmax = SoftmaxOutputs(rawValue: 1 << 4)
  /// `J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T`, for each batch item a `[classes, classes]` matrix.
  public static let jacobian = SoftmaxOutputs(rawValue: 1 << 5)
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
  /// `[batch, classes, classes]`: for one slice, `J[l][i]` stands at `l * classes + i`.
  public var jacobian: [Double]?

  init() {}
}
