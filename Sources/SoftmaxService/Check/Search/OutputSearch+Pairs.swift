import Softmax
import VectorKernels

/// Hypotheses that hold together: one, or two about different things.
struct Combination {
  let hypotheses: [Hypothesis]
  let change: Change

  init(_ hypothesis: Hypothesis) {
    hypotheses = [hypothesis]
    change = hypothesis.change
  }

  init(_ first: Hypothesis, _ second: Hypothesis) {
    hypotheses = [first, second]
    change = first.change.with(second.change)
  }

  /// Whether it needs exponentials that left a range.
  var isOfOverflow: Bool { hypotheses.contains { $0.cause == .overflow } }
}

/// Two mistakes at once.
extension OutputSearch {
  /// Pairs of mistakes about different things that may agree, where that can be told: one number fits many pairs by
  /// chance.
  mutating func pairs(of all: [Hypothesis]) throws(ComputationError) -> [Combination] {
    let canTellAny = arithmetic.format == .binary64 && arithmetic.digits == nil || found.count >= 4
    let shown = all.filter(takesPart)
    // Theirs, side by side: a loop over these counts no references.
    let changes = shown.map(\.change)
    let groups = shown.indices.split { shown[$0].aspect != shown[$0 - 1].aspect }
    // Another mistake with a factor: the numbers are the same multiple of those recomputed with it, wherever looked at.
    let ofRight = try probes.multiple(of: Change(), arithmetic)
    var pairs: [Combination] = []
    // The later ones outside: they are those whose probabilities take looking up.
    for (later, hypothesis) in shown.enumerated() {
      let isFactor = hypothesis.isFactor
      let multiple = isFactor ? ofRight : try probes.multiple(of: changes[later], arithmetic)
      let own = factor(of: isFactor ? Change() : changes[later])
      for group in groups where group.upperBound <= later {
        let first = shown[group.lowerBound]
        guard first.goesWith(hypothesis, any: canTellAny), !first.isFactor || multiple != nil else { continue }
        for earlier in group {
          // Of three pairs that leave the divisor as it is, one will do.
          if first.changesDivisor, hypothesis.changesDivisor, changes[earlier].divisor != changes[later].divisor {
            continue
          }
          let both = changes[earlier].with(changes[later])
          if first.isFactor, let multiple {
            guard let own, let factor = factor(of: both), Probes.areNear(factor / own, multiple) else { continue }
          }
          guard try probes.mayAgree(both, arithmetic) else { continue }
          pairs.append(Combination(shown[earlier], hypothesis))
        }
      }
    }
    return pairs
  }

  /// Whether a mistake is looked for beside another.
  private func takesPart(_ hypothesis: Hypothesis) -> Bool {
    // Constants in the logarithms are looked for alone.
    if hypothesis.aspect == .handling, hypothesis.range == nil { return false }
    // T multiplied, with a factor 1/T that does not go with it, is two mistakes already.
    if hypothesis.change.source == .timesTemperature, hypothesis.change.temperaturePower != -1 { return false }
    return canBeShown(hypothesis) && !(isFinite && hypothesis.cause == .overflow)
  }
}

extension Hypothesis {
  /// Whether one of its aspect is looked for beside one of another's.
  /// - Parameter any: whether numbers can tell any pair.
  fileprivate func goesWith(_ other: Hypothesis, any: Bool) -> Bool {
    switch (aspect, other.aspect) {
    case (let one, let another) where one == another: false
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): true
    case (.handling, let another), (let another, .handling):
      any && (another == .divisor || another == .factor || another == .target)
    default: any
    }
  }
}

extension Range<Int> {
  /// Cuts the range before each place that says so.
  fileprivate func split(_ isCut: (Int) -> Bool) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = lowerBound
    for place in self where place > start && isCut(place) {
      parts.append(start..<place)
      start = place
    }
    return isEmpty ? [] : parts + [start..<upperBound]
  }
}
