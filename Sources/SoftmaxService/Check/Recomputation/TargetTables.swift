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
  let hasWeights: Bool
  private let problem: LossProblem
  private let layout: Layout
  /// w and w²; empty where all are one.
  private let given: [Double]
  private let squared: [Double]
  private let totals: (given: Double, squared: Double)
  private let sampleWeights: [Double]
  private let upstream: [Double]
  /// The target's probabilities, in the logits' shape; empty where it has classes.
  let distribution: [Double]
  /// Σ w t of each item, by weights.
  private var distributionTotals: [[Double]] = [[], [], []]
  /// What Σ s w[y] is made of: over the items that count, by ``place(offset:_:forgetsSampleWeights:)``, and Σ s over
  /// those that do not, with the sample weights and without.
  private let weightSums: [Double]
  private let ignoredSums: (given: Double, forgotten: Double)

  init(_ work: ValidatedRequest.LossWork) {
    problem = work.problem
    layout = problem.softmax.layout
    classes = layout.classes
    smoothing = problem.labelSmoothing
    ignoreIndex = problem.ignoreIndex
    hasWeights = problem.weight != nil
    given = problem.weight ?? []
    squared = given.map { $0 * $0 }
    totals = (given.reduce(0, +), squared.reduce(0, +))
    sampleWeights = problem.sampleWeight ?? []
    upstream = work.upstream ?? []
    switch problem.target {
    case .indices(let classes): (indices, distribution) = (classes, [])
    case .probabilities(let probabilities): (indices, distribution) = ([], probabilities.array)
    // /check does not take a teacher's logits.
    case .logits: (indices, distribution) = ([], [])
    }
    var sums = [Double](repeating: 0, count: 18)
    var ignored = (given: 0.0, forgotten: 0.0)
    let kinds: [ClassWeights] = hasWeights && !indices.isEmpty ? [.ones, .given, .squared] : [.ones]
    for item in 0..<layout.batch {
      let own = sampleWeights.isEmpty ? 1 : sampleWeights[item]
      if !indices.isEmpty, indices[item] == ignoreIndex {
        ignored.given += own
        ignored.forgotten += 1
        continue
      }
      for kind in kinds {
        for offset in kind == .ones ? 0...0 : -1...1 {
          let weight =
            switch kind {
            case .ones: 1.0
            case .given: given[Self.moved(indices[item], by: offset, classes)]
            case .squared: squared[Self.moved(indices[item], by: offset, classes)]
            }
          sums[Self.place(offset: offset, kind, forgetsSampleWeights: false)] += own * weight
          sums[Self.place(offset: offset, kind, forgetsSampleWeights: true)] += weight
        }
      }
    }
    (weightSums, ignoredSums) = (sums, ignored)
  }

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
  func classWeights(_ change: Change) -> ClassWeights {
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

  /// All of them; empty where they are ones.
  func all(_ weights: ClassWeights) -> [Double] {
    switch weights {
    case .ones: []
    case .given: given
    case .squared: squared
    }
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

  /// The class that an item has under a change; nil where it has none.
  func classIndex(_ item: Int, offset: Int, _ ignored: Change.Ignored) -> Int? {
    let index = indices[item]
    if index == ignoreIndex {
      if case .asClass(let other) = ignored { return other }
      return nil
    }
    return Self.moved(index, by: offset, classes)
  }

  /// What a change divides by; nil where that is not defined.
  func divisor(_ change: Change) -> Double? {
    let items = Double(layout.batch)
    switch change.divisor {
    case .given: return problem.reduction == .mean ? problem.divisor ?? normaliser(change) : 1
    case .unchanged: return problem.reduction == .mean ? problem.divisor ?? normaliser(Change()) : 1
    case .one: return 1
    case .mean: return normaliser(change)
    case .items: return items
    case .validItems: return hasIndices ? Double(indices.count { $0 != ignoreIndex }) : nil
    case .weightSum: return hasWeights ? totals.given : nil
    case .classes: return Double(classes)
    case .itemsTimesClasses: return items * Double(classes)
    case .meanTwice: return normaliser(change) * items
    }
  }

  /// D: Σ s w[y] over the items that count, or Σ s.
  private func normaliser(_ change: Change) -> Double {
    let weights = hasIndices ? classWeights(change) : .ones
    let sum = weightSums[
      Self.place(offset: change.targetOffset, weights, forgetsSampleWeights: change.forgetsSampleWeights)]
    let ignored = change.forgetsSampleWeights ? ignoredSums.forgotten : ignoredSums.given
    return switch change.ignored {
    case .given: sum
    case .asClass(let index): sum + ignored * weight(weights, index)
    case .asNoClass: sum + ignored
    }
  }
}
