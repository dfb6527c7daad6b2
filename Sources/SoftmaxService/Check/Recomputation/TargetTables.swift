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
  /// The class that Python's index `ignore_index` names; nil where there is none.
  let ignoredClass: Int?
  let hasWeights: Bool
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
  let distribution: [Double]
  /// Σ w t of each item, by weights.
  private var distributionTotals: [[Double]] = [[], [], []]
  /// D, Σ s w[y] over the items that count, or Σ s: by ``place(offset:_:forgetsSampleWeights:)`` and by what ignored
  /// items count as.
  private let normalisers: [Double]
  /// What losses may be divided by.
  let divisors: Divisors

  init(_ work: ValidatedRequest.LossWork) {
    problem = work.problem
    layout = problem.softmax.layout
    classes = layout.classes
    smoothing = problem.labelSmoothing
    ignoreIndex = problem.ignoreIndex
    ignoredClass = problem.ignoredClass
    hasWeights = problem.weight != nil
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
    let (sums, ignored) = Self.sums(of: problem, indices, given, squared)
    var ofIgnored = [1.0, 1.0, 1.0]
    if let place = ignoredClass, !given.isEmpty { ofIgnored = [1, given[place], squared[place]] }
    normalisers = sums.indices.flatMap { place -> [Double] in
      let s = place % 2 == 0 ? ignored.given : ignored.forgotten
      return [sums[place], sums[place] + s * ofIgnored[place / 2 % 3], sums[place] + s]
    }
    let items = Double(layout.batch)
    divisors = Divisors(
      isMean: problem.reduction == .mean, own: problem.divisor,
      unchanged: sums[
        Self.place(offset: 0, hasWeights && !indices.isEmpty ? .given : .ones, forgetsSampleWeights: false)],
      items: items, validItems: indices.isEmpty ? nil : items - ignored.forgotten,
      weightSum: hasWeights ? totals.given : nil, classes: Double(classes))
  }

  /// Σ s w[y] over the items that count, by ``place(offset:_:forgetsSampleWeights:)``; and of those that are ignored
  /// Σ s, and how many there are.
  private static func sums(
    of problem: LossProblem, _ indices: [Int], _ given: [Double], _ squared: [Double]
  ) -> (counted: [Double], ignored: (given: Double, forgotten: Double)) {
    let (classes, sampleWeights) = (problem.softmax.layout.classes, problem.sampleWeight ?? [])
    var sums = [Double](repeating: 0, count: 18)
    var ignored = (given: 0.0, forgotten: 0.0)
    let kinds: [ClassWeights] = !given.isEmpty && !indices.isEmpty ? [.ones, .given, .squared] : [.ones]
    for item in 0..<problem.softmax.layout.batch {
      let own = sampleWeights.isEmpty ? 1 : sampleWeights[item]
      if !indices.isEmpty, indices[item] == problem.ignoreIndex {
        ignored.given += own
        ignored.forgotten += 1
        continue
      }
      for kind in kinds {
        for offset in kind == .ones ? 0...0 : -1...1 {
          let weight =
            switch kind {
            case .ones: 1.0
            case .given: given[moved(indices[item], by: offset, classes)]
            case .squared: squared[moved(indices[item], by: offset, classes)]
            }
          sums[place(offset: offset, kind, forgetsSampleWeights: false)] += own * weight
          sums[place(offset: offset, kind, forgetsSampleWeights: true)] += weight
        }
      }
    }
    return (sums, ignored)
  }

  @inline(__always)
  private static func place(offset: Int, _ weights: ClassWeights, forgetsSampleWeights: Bool) -> Int {
    let offset = weights == .ones ? 0 : offset.signum()
    return ((offset + 1) * 3 + weights.rawValue) * 2 + (forgetsSampleWeights ? 1 : 0)
  }

  /// The class that stands some places after another one, the first after the last.
  private static func moved(_ index: Int, by offset: Int, _ classes: Int) -> Int {
    let moved = index + offset
    return moved < 0 ? moved + classes : moved >= classes ? moved - classes : moved
  }

  var hasIndices: Bool { !indices.isEmpty }
  var hasDistribution: Bool { !distribution.isEmpty }

  /// The weights of the classes under a change.
  func classWeights(_ change: Change.Target) -> ClassWeights {
    switch change.weights {
    case .given, .perClass: hasWeights ? .given : .ones
    case .none: .ones
    case .squared: hasWeights ? .squared : .ones
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

  /// Σ w (-log p) over the classes of a slice, for the weights of each kind: what smoothing spreads.
  /// - Parameter first: where the slice's first class stands.
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
  func sampleWeight(_ item: Int) -> Double { sampleWeights.isEmpty ? 1 : sampleWeights[item] }

  /// What an item counts for: its sample weight, and 1; and the same again where ignored items count too.
  @inline(__always)
  func lanes(ofItem item: Int) -> SIMD4<Double> {
    let own = sampleWeight(item)
    return hasIndices && indices[item] == ignoreIndex ? SIMD4(0, 0, own, 1) : SIMD4(own, 1, own, 1)
  }

  /// Which of these a change takes.
  static func lane(_ change: Change.Target) -> Int {
    (change.ignored == .asClass ? 2 : 0) + (change.forgetsSampleWeights ? 1 : 0)
  }

  /// q of an item.
  func upstream(_ item: Int) -> Double {
    upstream.isEmpty ? 1 : upstream[problem.reduction == .none ? item : 0]
  }

  /// t of a class of an item, where targets are probabilities.
  func probability(_ item: Int, _ c: Int) -> Double { distribution[layout.start(of: item) + c * layout.inner] }

  /// Σ w t of an item.
  func distributionTotal(_ item: Int, _ weights: ClassWeights) -> Double {
    let place = weights.rawValue
    if distributionTotals[place].isEmpty {
      distributionTotals[place] = (0..<layout.batch).map { item in
        (0..<classes).reduce(0.0) { $0 + weight(weights, $1) * probability(item, $1) }
      }
    }
    return distributionTotals[place][item]
  }

  /// Σ q s U over all items.
  private func total(_ target: ChangedTarget) -> Double {
    (0..<layout.batch).reduce(0.0) { total, item in
      guard let shares = target.shares(item, self) else { return total }
      return total + target.upstream(item, self) * target.sampleWeight(item, self) * shares.total
    }
  }

  /// Σ f u along a slice of another axis, or of all axes as one, f being what the gradient of an item is multiplied by.
  func total(along axis: Layout, _ slice: Int, _ target: ChangedTarget, factor: Double) -> Double {
    if axis.batch == 1 { return factor * total(target) }
    var (total, position) = (0.0, axis.start(of: slice))
    // All numbers of the slice are of one class.
    let c = position / layout.inner % classes
    for _ in 0..<axis.classes {
      let item = layout.slice(of: position)
      if let shares = target.shares(item, self) {
        total +=
          factor * target.upstream(item, self) * target.sampleWeight(item, self) * target.share(c, shares, self)
      }
      position += axis.inner
    }
    return total
  }

  /// What is summed over a slice where v = U p² - u goes through softmax's Jacobian, p² being softmax of p: Σ p v, and
  /// Σ p (U p² + u).
  /// - Parameter first: where the slice's first class stands in p and p².
  func sums(
    throughJacobian p: [Double], _ twice: [Double], from first: Int, _ shares: ChangedTarget.Shares,
    _ target: ChangedTarget
  ) -> (mean: Double, size: Double) {
    var (mean, size) = (0.0, 0.0)
    for c in 0..<classes {
      let (own, share) = (shares.total * twice[first + c], target.share(c, shares, self))
      mean += p[first + c] * (own - share)
      size += p[first + c] * (own + share)
    }
    return (mean, size)
  }

  /// The class that an item has under a change; nil where it has none.
  @inline(__always)
  func classIndex(_ item: Int, _ change: Change.Target) -> Int? {
    let index = indices[item]
    if index == ignoreIndex {
      return change.ignored == .asClass ? ignoredClass : nil
    }
    return Self.moved(index, by: Int(change.offset), classes)
  }

  /// D: Σ s w[y] over the items that count, or Σ s.
  @inline(__always)
  func normaliser(_ change: Change.Target) -> Double {
    let place = Self.place(
      offset: Int(change.offset), hasIndices ? classWeights(change) : .ones,
      forgetsSampleWeights: change.forgetsSampleWeights)
    return normalisers[place * Change.Ignored.allCases.count + change.ignored.rawValue]
  }
}

/// What losses may be divided by, in numbers alone.
struct Divisors {
  let isMean: Bool
  /// What the request itself names.
  let own: Double?
  /// What the mean divides by in the request as it is.
  let unchanged: Double
  let items: Double
  let validItems: Double?
  let weightSum: Double?
  let classes: Double

  /// - Parameter mean: what the mean divides by under the change.
  /// - Returns: nil where that is not defined.
  @inline(__always)
  func divisor(_ divisor: Change.Divisor, mean: Double) -> Double? {
    switch divisor {
    case .given: isMean ? own ?? mean : 1
    case .unchanged: isMean ? own ?? unchanged : 1
    case .one: 1
    case .mean: mean
    case .items: items
    case .validItems: validItems
    case .weightSum: weightSum
    case .classes: classes
    case .itemsTimesClasses: items * classes
    case .meanTwice: mean * items
    }
  }
}

extension LossProblem {
  /// The class that Python's index `ignore_index` names; nil where there is none.
  var ignoredClass: Int? {
    let wrapped = ignoreIndex < 0 ? ignoreIndex + softmax.layout.classes : ignoreIndex
    return (0..<softmax.layout.classes).contains(wrapped) ? wrapped : nil
  }
}
