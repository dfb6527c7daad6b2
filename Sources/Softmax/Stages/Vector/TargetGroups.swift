internal import Allocation
internal import VectorKernels

/// The target weights u of rows in groups, where they come from targets that are more than a class.
struct TargetGroups {
  /// The targets; `nil` where they are class indices.
  private let tensor: Numbers?
  private let weights: VectorTargetWeights
  private var targets: [Double] = []  // [groups][classes][8]; empty where they are class indices
  private(set) var shares = DoubleDoubleBuffer()  // [2][groups][classes][8]

  /// - Returns: `nil` for other targets, and where nothing can be proved.
  init?(_ problem: LossProblem) {
    switch problem.target {
    case .probabilities(let tensor): self.tensor = tensor
    case .indices where problem.labelSmoothing > 0: tensor = nil
    case .indices, .logits: return nil
    }
    guard let weights = VectorTargetWeights(problem) else { return nil }
    self.weights = weights
  }

  /// Whether the weights are pairs exactly: products of two binary64.
  var areExact: Bool { weights.smoothing.base.high == 0 }

  /// Reads the targets of rows that are read, and computes their weights and losses.
  ///
  /// - Parameter reach: how large a row's sum U may be, and how small.
  mutating func read(
    _ selection: inout RowSelection, into groups: inout RowGroups, by loops: any VectorLoops.Type, reach: Double
  ) {
    if let tensor { selection.gather(tensor, into: &targets) }
    var shares = exchange(&shares, with: DoubleDoubleBuffer())
    defer { self.shares = shares }
    let (targets, weights, arguments) = (targets, weights, groups.arguments)
    shares.resize(to: arguments.count)
    var pairs = shares.numbers.mutableSpan
    groups.change { rows in
      loops.interleavedShares(
        of: targets.span, weights.smoothing, weights: weights.weight.span, logits: arguments.numbers,
        rests: arguments.rests, shift: arguments.shift, reach: reach, &rows, into: &pairs)
    }
  }
}
