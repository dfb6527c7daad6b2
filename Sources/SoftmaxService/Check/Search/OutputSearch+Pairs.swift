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
    let traits = all.map { Traits($0, isShown: canBeShown($0) && !(isFinite && $0.cause == .overflow)) }
    var pairs: [Combination] = []
    // Another mistake with a factor: the numbers are the same multiple of those recomputed with it, wherever looked at.
    let ofRight = try probes.multiple(of: Change(), arithmetic)
    let shown = all.indices.filter { traits[$0].isShown }
    // Later ones outside: they are those whose probabilities take looking up.
    for later in shown {
      let change = traits[later].change
      let multiple = traits[later].isFactor ? ofRight : try probes.multiple(of: change, arithmetic)
      for earlier in shown.prefix(while: { $0 < later }) {
        guard traits[earlier].aspect != traits[later].aspect,
          multiple != nil || !traits[earlier].isFactor,
          Self.goTogether(traits[earlier], traits[later], any: canTellAny)
        else { continue }
        let both = traits[earlier].change.with(change)
        if traits[earlier].isFactor, let multiple {
          guard let factor = factor(from: traits[later].isFactor ? Change() : change, to: both),
            Probes.areNear(factor, multiple)
          else { continue }
        }
        if try probes.mayAgree(both, arithmetic) { pairs.append(Combination(all[earlier], all[later])) }
      }
    }
    return pairs
  }

  /// What pairs are chosen by.
  private struct Traits {
    let change: Change
    let aspect: Hypothesis.Aspect
    let isFactor: Bool
    let isOfRange: Bool
    /// Whether it takes part: a constant in the logarithms is looked for alone.
    let isShown: Bool

    init(_ hypothesis: Hypothesis, isShown: Bool) {
      change = hypothesis.change
      aspect = hypothesis.aspect
      isFactor = hypothesis.isFactor
      isOfRange = hypothesis.isOfRange
      self.isShown = isShown && (aspect != .handling || isOfRange)
    }
  }

  private static func goTogether(_ a: Traits, _ b: Traits, any: Bool) -> Bool {
    switch (a.aspect, b.aspect) {
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): return true
    case (.handling, let other), (let other, .handling):
      return any && (a.isOfRange || b.isOfRange) && (other == .divisor || other == .factor || other == .target)
    default: return any
    }
  }
}
