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
    // Another mistake with a factor: the numbers are the same multiple of those recomputed with it, wherever looked at.
    let ofRight = try probes.multiple(of: Change(), arithmetic)
    var pairs: [Combination] = []
    var groups: [MistakesOfOneAspect] = []
    // The later ones outside: they are those whose probabilities take looking up.
    for later in all where takesPart(later) {
      let multiple = later.isFactor ? ofRight : try probes.multiple(of: later.change, arithmetic)
      for group in groups where group.goesWith(later, any: canTellAny) {
        if group.isFactor, multiple == nil { continue }
        for place in group.changes.indices {
          // Of three pairs that leave the divisor as it is, one will do.
          if group.changesDivisor, later.changesDivisor, group.changes[place].divisor != later.change.divisor {
            continue
          }
          let both = group.changes[place].with(later.change)
          if group.isFactor, let multiple {
            guard let factor = factor(from: later.isFactor ? Change() : later.change, to: both),
              Probes.areNear(factor, multiple)
            else { continue }
          }
          guard try probes.mayAgree(both, arithmetic) else { continue }
          pairs.append(Combination(group.hypotheses[place], later))
        }
      }
      if groups.last?.aspect == later.aspect {
        groups[groups.count - 1].append(later)
      } else {
        groups.append(MistakesOfOneAspect(later))
      }
    }
    return pairs
  }

  /// Whether a mistake is looked for beside another: constants in the logarithms are looked for alone.
  private func takesPart(_ hypothesis: Hypothesis) -> Bool {
    (hypothesis.aspect != .handling || hypothesis.range != nil) && canBeShown(hypothesis)
      && !(isFinite && hypothesis.cause == .overflow)
  }
}

/// Mistakes of which no two go together.
private struct MistakesOfOneAspect {
  let aspect: Hypothesis.Aspect
  let isFactor: Bool
  let changesDivisor: Bool
  private(set) var hypotheses: [Hypothesis]
  /// Theirs, side by side: a loop over these counts no references.
  private(set) var changes: [Change]

  init(_ first: Hypothesis) {
    (aspect, isFactor, changesDivisor) = (first.aspect, first.isFactor, first.changesDivisor)
    (hypotheses, changes) = ([first], [first.change])
  }

  mutating func append(_ hypothesis: Hypothesis) {
    hypotheses.append(hypothesis)
    changes.append(hypothesis.change)
  }

  /// Whether one of them is looked for beside another mistake.
  /// - Parameter any: whether numbers can tell any pair.
  func goesWith(_ other: Hypothesis, any: Bool) -> Bool {
    switch (aspect, other.aspect) {
    case (let one, let another) where one == another: false
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): true
    case (.handling, let another), (let another, .handling):
      any && (another == .divisor || another == .factor || another == .target)
    default: any
    }
  }
}
