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
  /// Pairs of mistakes about different things that may agree.
  ///
  /// A mistake that is one factor makes the numbers the same multiple of what they are without it, wherever looked at:
  /// one look tells which factors may stand beside a mistake. Two mistakes of the formula are recomputed together.
  mutating func pairs(of hypotheses: Hypotheses) throws(ComputationError) -> [Combination] {
    let (factors, formulas) = partners(in: hypotheses)
    var pairs: [Pair] = []
    let multiple = try probes.multiple(of: Change(), arithmetic)
    for (place, second) in factors.enumerated() {
      add(factors[..<place], beside: second, over: Change(), multiple: multiple, to: &pairs)
    }
    for (place, second) in formulas.enumerated() {
      let multiple = try probes.multiple(of: second.change, arithmetic)
      add(factors[...], beside: second, over: second.change, multiple: multiple, to: &pairs)
      try add(formulas[(place + 1)...], recomputedWith: second, to: &pairs)
    }
    return pairs.sorted { $0.isBefore($1) }.map { Combination(hypotheses[$0.first], hypotheses[$0.second]) }
  }

  /// Adds the factors that make numbers the multiple that the caller's are.
  /// - Parameters:
  ///   - second: the mistake beside them.
  ///   - base: the change that the caller's numbers are the multiple of.
  private func add(
    _ factors: ArraySlice<Partner>, beside second: Partner, over base: Change, multiple: Double?,
    to pairs: inout [Pair]
  ) {
    guard let multiple else { return }
    let divisors = targets?.divisors
    // No factor changes what the mean divides by.
    let mean = targets?.normaliser(second.change.target) ?? 1
    guard let own = factor(of: base.scale, divisors, mean: mean) else { return }
    for first in factors where first.goes(with: second, canTellAny: canTellAnyPair) {
      let both = first.change.scale.with(second.change.scale)
      guard let factor = factor(of: both, divisors, mean: mean), Probes.areNear(factor / own, multiple) else {
        continue
      }
      pairs.append(Pair(first, second))
    }
  }

  /// Adds the mistakes that may agree together with another one.
  private mutating func add(
    _ others: ArraySlice<Partner>, recomputedWith one: Partner, to pairs: inout [Pair]
  ) throws(ComputationError) {
    let (arithmetic, canTellAny) = (arithmetic, canTellAnyPair)
    for other in others where other.goes(with: one, canTellAny: canTellAny) {
      guard try probes.mayAgree(one.change.with(other.change), arithmetic) else { continue }
      pairs.append(Pair(one, other))
    }
  }

  /// Whether numbers like these tell any pair: one number fits many by chance.
  private var canTellAnyPair: Bool { arithmetic.format == .binary64 && arithmetic.digits == nil || found.count >= 4 }

  /// The mistakes that are looked for beside others: those that are one factor, and those of the formula.
  private mutating func partners(in hypotheses: Hypotheses) -> (factors: [Partner], formulas: [Partner]) {
    let mistakes = hypotheses.mistakes
    var (factors, formulas): ([Partner], [Partner]) = ([], [])
    factors.reserveCapacity(mistakes.count)
    formulas.reserveCapacity(mistakes.count)
    var costly = 0
    for place in mistakes.indices where isPaired(mistakes[place]) {
      let partner = Partner(place: place, aspect: mistakes[place].aspect, change: mistakes[place].change)
      if partner.aspect.isFactor {
        factors.append(partner)
      } else if GradientNumber.covers(partner.change) {
        formulas.append(partner)
      } else {
        // Those first that take looking up tables: each is then looked at with all others in turn.
        formulas.insert(partner, at: costly)
        costly += 1
      }
    }
    return (factors, formulas)
  }

  /// Whether a mistake is looked for beside another.
  private mutating func isPaired(_ mistake: Mistake) -> Bool {
    // Constants in the logarithms are looked for alone.
    if mistake.aspect == .handling, mistake.range == nil { return false }
    // T multiplied, with a factor 1/T that does not go with it, is two mistakes already.
    if mistake.change.source == .timesTemperature, mistake.change.scale.temperaturePower != -1 { return false }
    return canBeShown(mistake) && !(isFinite && mistake.cause == .overflow)
  }
}

/// A mistake that is looked for beside another, in numbers alone: loops over hundreds of pairs count no references.
private struct Partner {
  /// Its place among the hypotheses.
  let place: Int
  let aspect: Mistake.Aspect
  let change: Change

  /// Whether the two are looked for together.
  /// - Parameter canTellAny: whether numbers can tell any pair.
  func goes(with other: Partner, canTellAny: Bool) -> Bool {
    guard aspect.goes(with: other.aspect, canTellAny: canTellAny) else { return false }
    // Of three pairs that leave the divisor as it is, one will do.
    let changeDivisor = aspect.changesDivisor && other.aspect.changesDivisor
    return !changeDivisor || change.scale.divisor == other.change.scale.divisor
  }
}

/// Two hypotheses by their places, the simpler first.
private struct Pair {
  let first: Int
  let second: Int

  init(_ one: Partner, _ other: Partner) {
    (first, second) = (min(one.place, other.place), max(one.place, other.place))
  }

  func isBefore(_ other: Pair) -> Bool { (second, first) < (other.second, other.first) }
}

extension Mistake.Aspect {
  /// Whether a mistake about it is looked for beside one about another.
  /// - Parameter canTellAny: whether numbers can tell any pair.
  fileprivate func goes(with other: Mistake.Aspect, canTellAny: Bool) -> Bool {
    switch (self, other) {
    case (let one, let another) where one == another: false
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): true
    case (.handling, let another), (let another, .handling):
      canTellAny && (another == .divisor || another == .factor || another == .target)
    default: canTellAny
    }
  }
}
