import Softmax

/// The target's side of a loss under a change: u, s and q of each item, and what everything is divided by.
///
/// docs/api.md defines them; here they are in plain binary64, good to some units in the last place. What they are
/// looked up in, ``TargetTables``, is handed to each function.
struct ChangedTarget {
  private let change: Change.Target
  /// Whether each class's own weight multiplies its gradient.
  var hasClassFactors: Bool { change.weights == .perClass }
  /// The weights of the target's own share.
  let weights: TargetTables.ClassWeights
  /// The weights of the smoothed share.
  let spreadWeights: TargetTables.ClassWeights
  /// What a class has of the smoothing, times its weight.
  let spread: Double
  /// What is left for the target: 1 - ε.
  let kept: Double
  /// Σ w of the smoothed share.
  let spreadTotal: Double
  /// What everything is divided by.
  let divisor: Double

  /// Nil where the change is not defined for this target, or divides by zero.
  @inline(__always)
  init?(_ tables: borrowing TargetTables, _ change: Change.Target, _ divisor: Change.Divisor) {
    if !tables.hasIndices {
      guard change.offset == 0, change.ignored == .given, !change.smoothing.excludesTarget else { return nil }
    }
    let mean = tables.normaliser(change)
    guard let divisor = tables.divisors.divisor(divisor, mean: mean), divisor > 0 else { return nil }
    self.change = change
    self.divisor = divisor
    weights = tables.classWeights(change)
    spreadWeights = change.smoothing == .unweighted ? .ones : weights
    let epsilon = change.smoothing == .none ? 0 : tables.smoothing
    kept = 1 - epsilon
    spread = epsilon / Double(change.smoothing == .overOthers ? max(1, tables.classes - 1) : tables.classes)
    spreadTotal = tables.total(spreadWeights)
  }

  /// s of an item.
  func sampleWeight(_ item: Int, _ tables: TargetTables) -> Double {
    change.forgetsSampleWeights ? 1 : tables.sampleWeight(item)
  }

  /// q of an item.
  func upstream(_ item: Int, _ tables: TargetTables) -> Double {
    change.forgetsUpstream ? 1 : tables.upstream(item)
  }

  /// What the smoothing gives a class besides its own share.
  func spreadShare(_ c: Int, _ tables: TargetTables) -> Double { spread * tables.weight(spreadWeights, c) }

  /// u of one item, but for what classes have of a distribution and of the smoothing.
  struct Shares {
    let item: Int
    /// The class of an item with a class index, and its whole u.
    fileprivate(set) var target = -1
    fileprivate(set) var targetShare = 0.0
    /// Σ u.
    fileprivate(set) var total = 0.0
    /// Whether classes besides the target have any.
    fileprivate(set) var isSpread = false
  }

  /// u of an item; nil where it does not count.
  @inline(__always)
  func shares(_ item: Int, _ tables: TargetTables) -> Shares? {
    guard var shares = wholeShares(item, tables) else { return nil }
    if change.isForgotten { (shares.target, shares.isSpread) = (-1, false) }
    return shares
  }

  @inline(__always)
  private func wholeShares(_ item: Int, _ tables: TargetTables) -> Shares? {
    var shares = Shares(item: item)
    if tables.hasDistribution {
      shares.isSpread = true
      shares.total = kept * tables.distributionTotal(item, weights) + spread * spreadTotal
      return shares
    }
    guard tables.hasIndices, tables.indices[item] != tables.ignoreIndex || change.ignored != .given else { return nil }
    guard let index = tables.classIndex(item, change) else {
      shares.total = 1
      return shares
    }
    shares.target = index
    shares.isSpread = spread != 0
    shares.targetShare = kept * tables.weight(weights, index)
    shares.total = shares.targetShare + spread * spreadTotal
    if change.smoothing.excludesTarget {
      shares.total -= spreadShare(index, tables)
    } else {
      shares.targetShare += spreadShare(index, tables)
    }
    return shares
  }

  /// u of a class of an item.
  @inline(__always)
  func share(_ c: Int, _ shares: Shares, _ tables: TargetTables) -> Double {
    if c == shares.target { return shares.targetShare }
    guard shares.isSpread else { return 0 }
    let own = tables.hasDistribution ? kept * tables.weight(weights, c) * tables.probability(shares.item, c) : 0
    return own + spreadShare(c, tables)
  }
}

extension Change.Smoothing {
  /// Whether the target's class has nothing of what is spread.
  var excludesTarget: Bool {
    switch self {
    case .overOthers, .withoutTarget: true
    case .given, .none, .unweighted: false
    }
  }
}
