import Softmax

/// The target's side of a loss, with the sums that changes need, each made once: hundreds of changes ask for them.
final class TargetTables {
  /// The weights that classes may have.
  enum ClassWeights: Int {
    case ones, given, squared
  }

  let classes: Int
  /// ε of the label smoothing.
  let smoothing: Double
  /// The class of each item; empty where targets are probabilities.
  let indices: [Int]
  let ignoreIndex: Int
  private let ignoredClass: Int
  private let otherIgnoredClass: Int
  private let problem: LossProblem
  private let layout: Layout
  /// w and w²; empty where all are one.
  private let given: [Double]
  private let squared: [Double]
  private let totals: (given: Double, squared: Double)
  /// The weights of each class, by their kinds.
  let lanesOfClasses: [SIMD4<Double>]
  private let sampleWeights: [Double]
  private let upstream: [Double]
  /// The target's probabilities, in the logits' shape; empty where it has classes.
  private let distribution: [Double]
  /// Σ w t of each item, by weights.
  private var distributionTotals: [[Double]] = [[], [], []]
  /// D, by what it depends on, where it is known.
  private var normalisers = [Double?](repeating: nil, count: 18 * Change.Ignored.allCases.count)
  /// What the mean divides by in the request as it is.
  private lazy var unchanged = normaliser(Change.Target())
  private lazy var validItems = Double(indices.count { $0 != ignoreIndex })

  init(_ work: ValidatedRequest.LossWork) {
    problem = work.problem
    layout = problem.softmax.layout
    classes = layout.classes
    smoothing = problem.labelSmoothing
    ignoreIndex = problem.ignoreIndex
    (ignoredClass, otherIgnoredClass) = (problem.ignoredClass, problem.otherIgnoredClass)
    given = problem.weight ?? []
    squared = given.map { $0 * $0 }
    totals = (given.reduce(0, +), squared.reduce(0, +))
    lanesOfClasses =
      given.isEmpty
      ? Array(repeating: SIMD4(1, 1, 1, 0), count: classes) : given.map { SIMD4(1, $0, $0 * $0, 0) }
    sampleWeights = problem.sampleWeight ?? []
    upstream = work.upstream ?? []
    switch problem.target {
    case .indices(let classes): (indices, distribution) = (classes, [])
    case .probabilities(let probabilities): (indices, distribution) = ([], probabilities.array)
    // /check does not take a teacher's logits.
    case .logits: (indices, distribution) = ([], [])
    }
  }

  /// The class that stands some places after another one, the first after the last.
  private static func moved(_ index: Int, by offset: Int, _ classes: Int) -> Int {
    let moved = index + offset
    return moved < 0 ? moved + classes : moved >= classes ? moved - classes : moved
  }

  var hasIndices: Bool { !indices.isEmpty }
  var hasWeights: Bool { !given.isEmpty }
  var hasDistribution: Bool { !distribution.isEmpty }

  /// The weights of the classes under a change.
  func classWeights(_ change: Change.Target) -> ClassWeights {
    switch change.weights {
    case .given, .perClass: given.isEmpty ? .ones : .given
    case .none: .ones
    case .squared: given.isEmpty ? .ones : .squared
    }
  }

  /// w of a class.
  func weight(_ weights: ClassWeights, _ c: Int) -> Double {
    switch weights {
    case .ones: 1
    case .given: given[c]
    case .squared: squared[c]
    }
  }

  /// Σ w (-log p) over the classes of a row, for the weights of each kind: what smoothing spreads.
  /// - Parameter first: where the row's first class stands.
  func spreads(of logP: [Double], from first: Int) -> SIMD4<Double> {
    var sums = SIMD4<Double>()
    for c in 0..<classes { sums -= Self.product(logP[first + c], lanesOfClasses[c]) }
    return sums
  }

  /// A logarithm times some weights; 0 times ∞ is 0.
  @inline(__always)
  static func product(_ logP: Double, _ weights: SIMD4<Double>) -> SIMD4<Double> {
    if logP.isFinite { return logP * weights }
    var product = SIMD4<Double>()
    for lane in 0..<4 where weights[lane] != 0 { product[lane] = logP * weights[lane] }
    return product
  }

  /// Σ w.
  func total(_ weights: ClassWeights) -> Double {
    switch weights {
    case .ones: Double(classes)
    case .given: totals.given
    case .squared: totals.squared
    }
  }

  /// s of an item.
  func sampleWeight(_ n: Int) -> Double { sampleWeights.isEmpty ? 1 : sampleWeights[n] }

  /// What an item counts for: its sample weight, and 1; and the same again where ignored items count too.
  @inline(__always)
  func lanes(ofRow n: Int) -> SIMD4<Double> {
    let own = sampleWeight(n)
    return isIgnored(n) ? SIMD4(0, 0, own, 1) : SIMD4(own, 1, own, 1)
  }

  /// Whether `ignore_index` leaves an item out.
  func isIgnored(_ n: Int) -> Bool { hasIndices && indices[n] == ignoreIndex }

  /// Which of these a change takes.
  static func lane(_ change: Change.Target) -> Int {
    (change.ignored == .asClass ? 2 : 0) + (change.forgetsSampleWeights ? 1 : 0)
  }

  /// q of an item.
  func upstream(_ n: Int) -> Double {
    upstream.isEmpty ? 1 : upstream[problem.reduction == .none ? n : 0]
  }

  /// t of a class of an item, where targets are probabilities.
  func probability(_ n: Int, _ c: Int) -> Double { distribution[layout.position(row: n, class: c)] }

  /// Σ w t of an item.
  func distributionTotal(_ n: Int, _ weights: ClassWeights) -> Double {
    let place = weights.rawValue
    if distributionTotals[place].isEmpty {
      distributionTotals[place] = (0..<layout.batch).map { n in
        (0..<classes).reduce(0.0) { $0 + weight(weights, $1) * probability(n, $1) }
      }
    }
    return distributionTotals[place][n]
  }

  /// Σ q s U over all items.
  private func total(_ target: ChangedTarget) -> Double {
    (0..<layout.batch).reduce(0.0) { total, n in
      guard let shares = target.shares(n, self) else { return total }
      return total + target.upstream(n, self) * target.sampleWeight(n, self) * shares.total
    }
  }

  /// Σ f u along a row of another axis, or of all axes as one, f being what the gradient of an item is multiplied by.
  func total(along axis: Layout, _ row: Int, _ target: ChangedTarget, factor: Double) -> Double {
    if axis.batch == 1 { return factor * total(target) }
    var (total, position) = (0.0, axis.start(of: row))
    // All numbers of the row are of one class.
    let c = position / layout.inner % classes
    for _ in 0..<axis.classes {
      let n = layout.row(of: position)
      if let shares = target.shares(n, self) {
        total +=
          factor * target.upstream(n, self) * target.sampleWeight(n, self) * target.share(c, shares, self)
      }
      position += axis.inner
    }
    return total
  }

  /// The class that an item has under a change; nil where it has none.
  @inline(__always)
  func classIndex(_ n: Int, _ change: Change.Target) -> Int? {
    let index = indices[n]
    guard index == ignoreIndex else { return Self.moved(index, by: Int(change.offset), classes) }
    return switch change.ignored {
    case .given, .asNoClass: nil
    case .asClass: ignoredClass
    case .asOther: otherIgnoredClass
    }
  }

  /// Where a sum stands among nine: by the weights of classes and how far targets are moved. No change has an offset
  /// but -1, 0 and 1.
  static func place(_ weights: ClassWeights, offset: Int8) -> Int { (Int(offset.signum()) + 1) * 3 + weights.rawValue }

  /// D: Σ s w[y] over the items that count, or Σ s.
  @inline(__always)
  func normaliser(_ change: Change.Target) -> Double {
    let weights = hasIndices ? classWeights(change) : .ones
    let ofClasses = Self.place(weights, offset: weights == .ones ? 0 : change.offset)
    let place =
      (ofClasses * 2 + (change.forgetsSampleWeights ? 1 : 0)) * Change.Ignored.allCases.count + change.ignored.rawValue
    if let known = normalisers[place] { return known }
    let sum = sum(change, weights)
    normalisers[place] = sum
    return sum
  }

  @inline(never)
  private func sum(_ change: Change.Target, _ weights: ClassWeights) -> Double {
    var (counted, ignored) = (0.0, 0.0)
    for n in 0..<layout.batch {
      let own = change.forgetsSampleWeights ? 1 : sampleWeight(n)
      if isIgnored(n) {
        ignored += own
      } else {
        counted += hasIndices ? own * weight(weights, Self.moved(indices[n], by: Int(change.offset), classes)) : own
      }
    }
    switch change.ignored {
    case .given: return counted
    case .asClass: return counted + ignored * weight(weights, ignoredClass)
    case .asOther: return counted + ignored * weight(weights, otherIgnoredClass)
    case .asNoClass: return counted + ignored
    }
  }

  /// What a loss is divided by; nil where that is not defined.
  /// - Parameter mean: what the mean divides by under the change.
  @inline(__always)
  func divisor(_ divisor: Change.Divisor, mean: Double) -> Double? {
    switch divisor {
    case .given: problem.reduction == .mean ? problem.divisor ?? mean : 1
    case .unchanged: problem.reduction == .mean ? problem.divisor ?? unchanged : 1
    case .one: 1
    case .mean: mean
    case .items: Double(layout.batch)
    case .validItems: hasIndices ? validItems : nil
    case .weightSum: given.isEmpty ? nil : totals.given
    case .classes: Double(classes)
    case .itemsTimesClasses: Double(layout.batch) * Double(classes)
    case .meanTwice: mean * Double(layout.batch)
    }
  }
}

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
    guard let divisor = tables.divisor(divisor, mean: mean), divisor > 0 else { return nil }
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
  func sampleWeight(_ n: Int, _ tables: TargetTables) -> Double {
    change.forgetsSampleWeights ? 1 : tables.sampleWeight(n)
  }

  /// q of an item.
  func upstream(_ n: Int, _ tables: TargetTables) -> Double {
    change.forgetsUpstream ? 1 : tables.upstream(n)
  }

  /// What the smoothing gives a class besides its own share.
  func spreadShare(_ c: Int, _ tables: TargetTables) -> Double { spread * tables.weight(spreadWeights, c) }

  /// u of one item, except for what classes have of a distribution and of the smoothing.
  struct Shares {
    let row: Int
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
  func shares(_ n: Int, _ tables: TargetTables) -> Shares? {
    guard var shares = wholeShares(n, tables) else { return nil }
    if change.isForgotten { (shares.target, shares.isSpread) = (-1, false) }
    return shares
  }

  @inline(__always)
  private func wholeShares(_ n: Int, _ tables: TargetTables) -> Shares? {
    var shares = Shares(row: n)
    if tables.hasDistribution {
      shares.isSpread = true
      shares.total = kept * tables.distributionTotal(n, weights) + spread * spreadTotal
      return shares
    }
    guard tables.hasIndices, change.ignored != .given || !tables.isIgnored(n) else { return nil }
    guard let index = tables.classIndex(n, change) else {
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
    let own = tables.hasDistribution ? kept * tables.weight(weights, c) * tables.probability(shares.row, c) : 0
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

extension LossProblem {
  /// Whether Python's index `ignore_index` names a class.
  var ignoresClass: Bool { (-softmax.layout.classes..<softmax.layout.classes).contains(ignoreIndex) }

  /// That class; where there is none, the one that `ignore_index` is clamped to.
  var ignoredClass: Int {
    let classes = softmax.layout.classes
    return ignoresClass && ignoreIndex < 0 ? ignoreIndex + classes : min(max(ignoreIndex, 0), classes - 1)
  }

  /// Class 0 beside ``ignoredClass``, and the last one where that is class 0.
  var otherIgnoredClass: Int { ignoredClass == 0 ? softmax.layout.classes - 1 : 0 }
}
