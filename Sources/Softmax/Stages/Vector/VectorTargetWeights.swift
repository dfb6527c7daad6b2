internal import Allocation
internal import VectorKernels

/// What the target weights u of all rows are made of.
struct VectorTargetWeights: Sendable {
  let smoothing: TargetSmoothing
  let weight: [Double]  // w, [padded classes], the padding zero
  /// The largest w.
  let greatest: Double

  /// - Returns: `nil` where a number that is not zero is so small or large that products may underflow.
  init?(_ problem: LossProblem) {
    let epsilon = problem.labelSmoothing
    // ε ≤ 1, so this is 1-ε exactly.
    let rest = DoubleDouble(sum: 1, -epsilon)
    let isSafe = VectorTargetWeights.isSafe(epsilon) && VectorTargetWeights.isSafe(rest.high)
    guard isSafe, problem.weight?.allSatisfy(VectorTargetWeights.isSafe) ?? true else { return nil }
    let classes = problem.softmax.layout.classes
    smoothing = TargetSmoothing(slope: rest, base: VectorTargetWeights.quotient(epsilon, Double(classes)))
    let padding = [Double](repeating: 0, count: paddedCount(classes) - classes)
    weight = (problem.weight ?? [Double](repeating: 1, count: classes)) + padding
    greatest = weight.max() ?? 0
  }

  /// Whether products with a weight keep all of their bits.
  static func isSafe(_ x: Double) -> Bool { x == 0 || (x >= 0x1p-300 && x <= 0x1p300) }

  private static func quotient(_ a: Double, _ b: Double) -> DoubleDouble {
    DoubleDouble(high: a).times(
      DoubleDouble(high: b).reciprocal(BaselineMultiplier.self), BaselineMultiplier.self)
  }
}

/// The target weights u of a row: `unit` times its shares.
struct WeightedTarget {
  let shares: DoubleDoubleBuffer
  /// The shares' relative error, if it is more than 2^-98.
  var shareError = 0.0
  /// What the shares do not say of a class is below this.
  var leftOut = 0.0
  var unit = RowFactor(.one, within: 0)
  /// U = Σ u.
  let total: RowFactor
  /// What p is multiplied by in the gradient besides U.
  var extra: Ball?
  /// U - u of the row's maximum, where it is known without adding up the others.
  var restAtTop: Ball?

  /// u of a class, if it is known.
  func weight(_ i: Int) -> Ball? {
    let share = shares[i]
    guard !share.low.isNaN else { return nil }
    return Ball(share, radius: share.high * (0x1p-98 + shareError) + leftOut, exponent: 0) * Ball(unit)
  }

  /// What p is multiplied by in the gradient; `nil` where hardly a digit of it is known.
  var pull: RowFactor? {
    guard let extra else { return total }
    return RowFactor(Ball(total) + extra)
  }
}

extension DoubleDoubleBuffer {
  /// The only class of a row with a target weight, where that is one binary64 for certain; the weights stand in some
  /// places.
  func only(_ places: StrideTo<Int>) -> (index: Int, weight: Double)? {
    var found: (index: Int, weight: Double)?
    for (i, place) in places.enumerated() where numbers[place] != 0 {
      // Products below lose bits.
      guard found == nil, numbers[place] >= 0x1p-900, self[place].low == 0 else { return nil }
      found = (i, numbers[place])
    }
    return found
  }

  /// Whether a row's logits are all equal, and so are its target weights, where it is not masked: U/n is then u.
  func areLevel(_ places: StrideTo<Int>, beside logits: Span<Double>) -> Bool {
    var first: Int?
    for place in places {
      if logits[place] == -.infinity {
        guard numbers[place] == 0 else { return false }
      } else if let first {
        guard logits[place] == logits[first], self[place] == self[first] else { return false }
      } else {
        guard numbers[place] >= 0x1p-900 else { return false }
        first = place
      }
    }
    return true
  }
}

/// Target weights of more than one class.
extension VectorRow {
  /// Takes a row's targets and computes its target weights u.
  mutating func readTargetWeights(_ target: Span<Double>, _ weights: VectorTargetWeights) {
    readTargetWeights(weights, classes: target.count) { targets in
      for i in target.indices { targets[i] = target[i] }
    }
  }

  /// The same of a class index: the target is 1 for that class and 0 for the others.
  mutating func readTargetWeights(_ target: Int, _ weights: VectorTargetWeights, classes: Int) {
    readTargetWeights(weights, classes: classes) { targets in
      for i in 0..<classes { targets[i] = i == target ? 1 : 0 }
    }
  }

  /// The same of a teacher's softmax.
  ///
  /// - Parameter teacher: the teacher's row, with its exponentials.
  mutating func readTargetWeights(of teacher: borrowing VectorRow, _ weights: VectorTargetWeights, classes: Int) {
    targetWeights.makeRoom(for: classes)
    let loops = loops
    var pairs = targetWeights.numbers.mutableSpan
    loops.shares(
      ofTeacher: teacher.exponentials.high, teacher.exponentials.low, over: teacher.sums.reciprocal, weights.smoothing,
      weights: weights.weight.span, into: &pairs)
  }

  private mutating func readTargetWeights(
    _ weights: VectorTargetWeights, classes: Int, _ writeTargets: (inout MutableSpan<Double>) -> Void
  ) {
    targetWeights.makeRoom(for: classes)
    let loops = loops
    var pairs = targetWeights.numbers.mutableSpan
    writeTargets(&pairs)
    for padding in classes..<pairs.count / 2 { pairs[padding] = 0 }
    loops.shares(&pairs, weights.smoothing, weights: weights.weight.span)
  }

  /// U and Σ u (-z) of the target weights read.
  ///
  /// - Returns: the second is not finite where a masked class has a weight.
  func targetWeightSums(_ row: Span<Double>) -> ShareSums { crossSum(targetWeights, row) }

  /// The sum of the shares of all classes but the maximum's; `nil` where one is not known.
  ///
  /// Error Bounds: the shares' own, and 3.01u² of the sum for each of at most 2^23 additions: 2^-81.4.
  func elsewhere(_ shares: borrowing DoubleDoubleBuffer) -> DoubleDouble? {
    let (high, low) = (shares.high, shares.low)
    var sum = DoubleDouble(high: 0)
    for i in high.indices where high[i] > 0 && i != top.index { sum = sum + DoubleDouble(high: high[i], low: low[i]) }
    return sum.low.isNaN ? nil : sum
  }

  /// Σ u_c (-log p_c) = U·log S + Σ u (-z) of the target weights read, or `nil`.
  ///
  /// Error Bounds: both terms are ≥ 0: 2^-79.75 and 2^-89 of each, 2^-79.7 of the sum. What underflows stays below
  /// 2^-1050. A cap's error is in log S, and as z's own in the second, except for the maximum's: its class has no part
  /// in what that is multiplied by, which is added up where a confident target leaves hardly any of U.
  ///
  /// - Parameter shareError: the weights' relative error, if it is more than 2^-98.
  func loss(_ weights: ShareSums, within shareError: Double) -> VectorValue? {
    let cross = weights.cross.high
    guard !sums.isFaint, !weights.cross.low.isNaN, cross == 0 || (cross >= 0x1p-700 && cross <= 0x1p900)
    else { return nil }
    let value = weights.total.times(logSum.value, BaselineMultiplier.self) + weights.cross
    var elsewhere = (weights.total + -targetWeights[top.index]).high.magnitude + weights.total.high * 0x1p-80
    if isCapped, elsewhere < weights.total.high * 0x1p-20 {
      guard let rest = self.elsewhere(targetWeights) else { return nil }
      elsewhere = rest.high * 0x1.1p0
    }
    return VectorValue(
      value: value, error: value.high * (0x1.4p-80 + (shareError + argumentError)) + elsewhere * argumentError)
  }
}

extension VectorRow {
  /// Σ t log t of the targets read, as long as their weights are 1; `nil` where it is not known.
  var targetLogs: Ball? {
    let table = exponentialTable
    let entropy = loops.entropy(ofTargets: targetWeights.high, table: table.span)
    guard !entropy.high.isNaN, !entropy.low.isNaN else { return nil }
    return Ball(-entropy, radius: entropy.high * 0x1p-83 + 0x1p-1000, exponent: 0)
  }
}

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
  /// - Parameters:
  ///   - isDivergence: whether the losses are to be divergences.
  ///   - reach: how large a row's sum U may be, and how small.
  mutating func read(
    _ selection: inout RowSelection, into groups: inout RowGroups, by loops: any VectorLoops.Type,
    isDivergence: Bool, reach: Double
  ) {
    if let tensor { selection.gather(tensor, into: &targets) }
    var shares = exchange(&shares, with: DoubleDoubleBuffer())
    defer { self.shares = shares }
    let (targets, weights, arguments, table) = (targets, weights, groups.arguments, exponentialTable)
    shares.resize(to: arguments.count)
    var pairs = shares.numbers.mutableSpan
    groups.change { rows in
      loops.interleavedShares(
        of: targets.span, weights.smoothing, weights: weights.weight.span, logits: arguments.numbers,
        rests: arguments.rests, shift: arguments.shift, isDivergence: isDivergence, reach: reach,
        table: table.span, &rows, into: &pairs)
    }
  }
}
