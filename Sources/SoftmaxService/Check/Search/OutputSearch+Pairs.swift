import Softmax
import VectorKernels

/// Hypotheses that hold together: one, or two about different things.
struct Combination {
  let hypotheses: [Hypothesis]
  let change: Change

  init(_ hypothesis: Hypothesis) {
    hypotheses = [hypothesis]
    change = hypothesis.mistake.change
  }

  init(_ first: Hypothesis, _ second: Hypothesis) {
    hypotheses = [first, second]
    change = first.mistake.change.with(second.mistake.change)
  }

  /// Whether it needs exponentials that left a range.
  var isOfOverflow: Bool { hypotheses.contains { $0.cause == .overflow } }
}

/// Two mistakes at once.
extension OutputSearch {
  /// Pairs of mistakes about different things that may agree, where that can be told: one number fits many pairs by
  /// chance.
  mutating func pairs(of hypotheses: Hypotheses) throws(ComputationError) -> [Combination] {
    let canTellAny = arithmetic.format == .binary64 && arithmetic.digits == nil || found.count >= 4
    // Those that take part, what they change, and what about: loops over these count no references.
    var (shown, aspects, changes): ([Int], [Mistake.Aspect], [Change]) = ([], [], [])
    shown.reserveCapacity(hypotheses.all.count)
    aspects.reserveCapacity(hypotheses.all.count)
    changes.reserveCapacity(hypotheses.all.count)
    for place in hypotheses.mistakes.indices where takesPart(hypotheses.mistakes[place]) {
      shown.append(place)
      aspects.append(hypotheses.mistakes[place].aspect)
      changes.append(hypotheses.mistakes[place].change)
    }
    let groups = AspectGroup.groups(of: aspects)
    // Another mistake with a factor: the numbers are the same multiple of those recomputed with it, wherever looked at.
    let ofRight = try probes.multiple(of: Change(), arithmetic)
    let divisors = targets?.divisors
    var pairs: [Combination] = []
    // The later ones outside: they are those whose probabilities take looking up.
    for later in groups {
      for second in later.start..<later.end {
        let isFactor = later.aspect.isFactor
        let multiple = isFactor ? ofRight : try probes.multiple(of: changes[second], arithmetic)
        // No factor changes what the mean divides by.
        let mean = targets?.normaliser(changes[second]) ?? 1
        let own = factor(of: isFactor ? Change.Scale() : changes[second].scale, divisors, mean: mean)
        for earlier in groups where earlier.end <= later.start {
          guard earlier.aspect.goesWith(later.aspect, any: canTellAny) else { continue }
          let isMultiple = earlier.aspect.isFactor
          let changeDivisor = earlier.aspect.changesDivisor && later.aspect.changesDivisor
          for first in earlier.start..<earlier.end {
            if isMultiple {
              let both = changes[first].scale.with(changes[second].scale)
              guard let multiple, let own, let factor = factor(of: both, divisors, mean: mean),
                Probes.areNear(factor / own, multiple)
              else { continue }
            }
            // Of three pairs that leave the divisor as it is, one will do.
            if changeDivisor, changes[first].scale.divisor != changes[second].scale.divisor { continue }
            guard try probes.mayAgree(changes[first].with(changes[second]), arithmetic) else { continue }
            pairs.append(Combination(hypotheses.all[shown[first]], hypotheses.all[shown[second]]))
          }
        }
      }
    }
    return pairs
  }

  /// Whether a mistake is looked for beside another.
  private mutating func takesPart(_ mistake: Mistake) -> Bool {
    // Constants in the logarithms are looked for alone.
    if mistake.aspect == .handling, mistake.range == nil { return false }
    // T multiplied, with a factor 1/T that does not go with it, is two mistakes already.
    if mistake.change.source == .timesTemperature, mistake.change.scale.temperaturePower != -1 { return false }
    return canBeShown(mistake) && !(isFinite && mistake.cause == .overflow)
  }
}

/// Mistakes about one aspect, which stand side by side.
private struct AspectGroup {
  let aspect: Mistake.Aspect
  let start: Int
  var end: Int

  static func groups(of aspects: [Mistake.Aspect]) -> [AspectGroup] {
    var groups: [AspectGroup] = []
    groups.reserveCapacity(16)
    for (place, aspect) in aspects.enumerated() {
      if groups.last?.aspect == aspect {
        groups[groups.count - 1].end = place + 1
      } else {
        groups.append(AspectGroup(aspect: aspect, start: place, end: place + 1))
      }
    }
    return groups
  }
}

extension Mistake.Aspect {
  /// Whether a mistake about it is looked for beside one about another.
  /// - Parameter any: whether numbers can tell any pair.
  fileprivate func goesWith(_ other: Mistake.Aspect, any: Bool) -> Bool {
    switch (self, other) {
    case (let one, let another) where one == another: false
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): true
    case (.handling, let another), (let another, .handling):
      any && (another == .divisor || another == .factor || another == .target)
    default: any
    }
  }
}
