import Softmax

/// The target's side of a loss under a change: u, s and q of each item, and what everything is divided by.
///
/// docs/api.md defines them; here they are in plain binary64, good to some units in the last place.
struct ChangedTarget {
  private let problem: LossProblem
  private let upstream: [Double]?
  private let change: Change
  private let classes: Int
  /// w, changed.
  private let weight: [Double]?
  /// The weights of the smoothed share, and their sum.
  let spreadWeight: [Double]?
  let spreadTotal: Double
  /// What everything is divided by.
  let divisor: Double

  /// Nil where the change is not defined for this target, or divides by zero.
  init?(_ work: ValidatedRequest.LossWork, _ change: Change, _ normalisers: inout Normalisers) {
    problem = work.problem
    upstream = work.upstream
    self.change = change
    classes = problem.softmax.layout.classes
    weight = change.weights.applied(to: problem.weight)
    spreadWeight = change.smoothing == .unweighted ? nil : weight
    spreadTotal = spreadWeight?.reduce(0, +) ?? Double(classes)
    if case .probabilities = problem.target {
      guard change.targetOffset == 0, change.ignored == .given else { return nil }
      guard change.smoothing != .overOthers, change.smoothing != .withoutTarget else { return nil }
    }
    guard let divisor = normalisers.divisor(of: problem, change), divisor > 0 else { return nil }
    self.divisor = divisor
  }

  /// s of item n.
  func sampleWeight(_ n: Int) -> Double { change.forgetsSampleWeights ? 1 : problem.sampleWeight?[n] ?? 1 }

  /// q of item n.
  func upstream(_ n: Int) -> Double { upstream?[problem.reduction == .none ? n : 0] ?? 1 }

  /// w of class c, where the change has each class's own multiply its gradient.
  func classFactor(_ c: Int) -> Double? { change.weights == .perClass ? weight?[c] ?? 1 : nil }

  /// u of item n; nil where it does not count.
  func shares(_ n: Int) -> Shares? {
    let epsilon = change.smoothing == .none ? 0 : problem.labelSmoothing
    var shares = Shares(spread: epsilon / Double(classes), spreadWeight: spreadWeight)
    switch problem.target {
    case .indices(let indices):
      guard problem.counts(n, indices, change) else { return nil }
      guard let index = problem.classIndex(n, indices, change) else { return Shares(total: 1) }
      shares.target = index
      shares.targetShare = (1 - epsilon) * (weight?[index] ?? 1)
      let excludesTarget = change.smoothing == .overOthers || change.smoothing == .withoutTarget
      if change.smoothing == .overOthers { shares.spread = epsilon / Double(max(1, classes - 1)) }
      shares.total = shares.targetShare + shares.spread * spreadTotal
      if excludesTarget {
        shares.total -= shares.spread * (spreadWeight?[index] ?? 1)
      } else {
        shares.targetShare += shares.spread * (spreadWeight?[index] ?? 1)
      }
    case .probabilities(let target):
      let layout = problem.softmax.layout
      let start = layout.start(of: n)
      shares.dense = (0..<classes).map { (weight?[$0] ?? 1) * ((1 - epsilon) * target[start + $0 * layout.inner]) }
      shares.total = shares.dense.reduce(0, +) + shares.spread * spreadTotal
    // /check does not take them.
    case .logits: return nil
    }
    return shares
  }

  /// u of one item.
  struct Shares {
    /// The class of an item with a class index, and its whole u.
    var target: Int?
    var targetShare = 0.0
    /// What every other class has, times its weight.
    var spread = 0.0
    var spreadWeight: [Double]?
    /// What each class has besides, of an item with probabilities.
    var dense: [Double] = []
    /// Σ u.
    var total = 0.0

    subscript(c: Int) -> Double {
      if c == target { return targetShare }
      let own = dense.isEmpty ? 0 : dense[c]
      return spread == 0 ? own : own + spread * (spreadWeight?[c] ?? 1)
    }

    /// Whether all classes but the target have the same spread share.
    var isSpread: Bool { dense.isEmpty }

    /// Whether no class but the target has any.
    var isSingle: Bool { dense.isEmpty && spread == 0 }
  }
}

extension Change.Weights {
  fileprivate func applied(to weight: [Double]?) -> [Double]? {
    switch self {
    case .given, .perClass: weight
    case .none: nil
    case .squared: weight?.map { $0 * $0 }
    }
  }
}

extension LossProblem {
  /// The class of item n under a change; nil where it has none.
  fileprivate func classIndex(_ n: Int, _ indices: [Int], _ change: Change) -> Int? {
    let index = indices[n]
    if index == ignoreIndex {
      if case .asClass(let other) = change.ignored { return other }
      return nil
    }
    let moved = (index + change.targetOffset) % softmax.layout.classes
    return moved < 0 ? moved + softmax.layout.classes : moved
  }

  fileprivate func counts(_ n: Int, _ indices: [Int], _ change: Change) -> Bool {
    indices[n] != ignoreIndex || change.ignored != .given
  }
}

/// What a mean divides by under each change: a pass over the items, and so made once.
struct Normalisers {
  private struct Key: Hashable {
    let offset: Int
    let weights: Change.Weights
    let ignored: Change.Ignored
    let forgetsSampleWeights: Bool
  }

  private var known: [Key: Double] = [:]

  /// What a change divides by; nil where it is not defined.
  mutating func divisor(of problem: LossProblem, _ change: Change) -> Double? {
    let items = Double(problem.softmax.layout.batch)
    switch change.divisor {
    case .given: return problem.reduction == .mean ? problem.divisor ?? normaliser(of: problem, change) : 1
    case .unchanged: return problem.reduction == .mean ? problem.divisor ?? normaliser(of: problem, Change()) : 1
    case .one: return 1
    case .mean: return normaliser(of: problem, change)
    case .items: return items
    case .validItems:
      guard case .indices(let indices) = problem.target else { return nil }
      return Double(indices.count { $0 != problem.ignoreIndex })
    case .weightSum: return problem.weight?.reduce(0, +)
    case .classes: return Double(problem.softmax.layout.classes)
    case .itemsTimesClasses: return items * Double(problem.softmax.layout.classes)
    case .meanTwice: return normaliser(of: problem, change) * items
    }
  }

  /// D: Σ s w[y] over the items that count, or Σ s.
  private mutating func normaliser(of problem: LossProblem, _ change: Change) -> Double {
    let key = Key(
      offset: change.targetOffset, weights: change.weights, ignored: change.ignored,
      forgetsSampleWeights: change.forgetsSampleWeights)
    if let sum = known[key] { return sum }
    let weight = change.weights.applied(to: problem.weight)
    var sum = 0.0
    for n in 0..<problem.softmax.layout.batch {
      let own = change.forgetsSampleWeights ? 1 : problem.sampleWeight?[n] ?? 1
      switch problem.target {
      case .indices(let indices):
        guard problem.counts(n, indices, change) else { continue }
        sum += own * (problem.classIndex(n, indices, change).map { weight?[$0] ?? 1 } ?? 1)
      case .probabilities, .logits: sum += own
      }
    }
    known[key] = sum
    return sum
  }
}
