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
    let partners = partners(in: hypotheses)
    var pairs: [Pair] = []
    let multiple = try probes.multiple(of: Change(), arithmetic)
    for (place, second) in partners.factors.enumerated() {
      add(partners.factors[..<place], beside: second, over: Change(), multiple: multiple, to: &pairs)
    }
    for second in partners.targets { try add(partners.factors, beside: second, to: &pairs) }
    for second in partners.sources { try add(partners.factors, beside: second, to: &pairs) }
    for second in partners.others { try add(partners.factors, beside: second, to: &pairs) }
    if var first = probes.sums.first { try addFormulas(partners, held: &first, to: &pairs) }
    if var first = probes.gradients.first { try addFormulas(partners, held: &first, to: &pairs) }
    return pairs.sorted { $0.isBefore($1) }.map { Combination(hypotheses[$0.first], hypotheses[$0.second]) }
  }

  /// Adds the factors that make what a mistake of the formula gives the caller's numbers.
  private mutating func add(
    _ factors: [Partner], beside second: Partner, to pairs: inout [Pair]
  ) throws(ComputationError) {
    let multiple = try probes.multiple(of: second.change, arithmetic)
    add(factors[...], beside: second, over: second.change, multiple: multiple, to: &pairs)
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
    for first in factors where first.goes(with: second) {
      let both = first.change.scale.with(second.change.scale)
      guard let factor = factor(of: both, divisors, mean: mean), Probes.areNear(factor / own, multiple) else {
        continue
      }
      pairs.append(Pair(first, second))
    }
  }

  /// Adds the mistakes of the formula that may agree together: one at least is about a loss's target.
  /// - Parameter first: the number at the first probe, which alone tells that nearly all of them do not.
  private mutating func addFormulas<Number: SharedNumber>(
    _ partners: Partners, held first: inout Number, to pairs: inout [Pair]
  ) throws(ComputationError) {
    let (targets, sources, others) = (partners.targets, partners.sources, partners.others)
    let (number, arithmetic, isUsable) = (probes.all[0].candidate, arithmetic, probes.isUsable)
    for one in targets.indices {
      let (target, divisor) = (targets[one].change.target, targets[one].change.scale.divisor)
      if first.take(target, divisor) {
        for other in sources.indices where sources[other].goes(with: targets[one]) {
          let (source, scale) = (sources[other].change.source, sources[other].change.scale)
          if isUsable, try first.excludes(number, source, scale, in: arithmetic) { continue }
          try add(sources[other], recomputedWith: targets[one], to: &pairs)
        }
        for other in others.indices where others[other].goes(with: targets[one]) {
          let change = others[other].change
          if isUsable, case .given = change.handling,
            try first.excludesDerivative(number, change.source, change.scale, in: arithmetic)
          {
            continue
          }
          try add(others[other], recomputedWith: targets[one], to: &pairs)
        }
      }
      for other in (one + 1)..<targets.count where targets[other].goes(with: targets[one]) {
        let both = divisor == .given ? targets[other].change.scale.divisor : divisor
        guard first.take(target.with(targets[other].change.target), both) else { continue }
        if isUsable, try first.excludes(number, .given, Change.Scale(), in: arithmetic) { continue }
        try add(targets[other], recomputedWith: targets[one], to: &pairs)
      }
    }
  }

  /// Adds a mistake that may agree together with another one, if it does.
  private mutating func add(
    _ other: Partner, recomputedWith one: Partner, to pairs: inout [Pair]
  ) throws(ComputationError) {
    if try probes.mayAgree(one.change.with(other.change), arithmetic) { pairs.append(Pair(one, other)) }
  }

  /// Whether numbers like these tell any pair: one number fits many by chance.
  private var canTellAnyPair: Bool { arithmetic.format == .binary64 && arithmetic.digits == nil || found.count >= 4 }

  /// The mistakes that are looked for beside others.
  private mutating func partners(in hypotheses: Hypotheses) -> Partners {
    let (mistakes, canTellAny) = (hypotheses.mistakes, canTellAnyPair)
    let output = candidate.output
    var partners = Partners(isOfLoss: output.isLossOrGradient)
    for place in mistakes.indices where mistakes[place].outputs.contains(output) && isPaired(mistakes[place]) {
      let partner = Partner(mistakes[place], at: place, canTellAny: canTellAny)
      switch mistakes[place].aspect {
      case .divisor, .factor, .temperaturePower: partners.factors.append(partner)
      case .softmax where Probes.shares(partner.change): partners.sources.append(partner)
      case .softmax, .handling: partners.others.append(partner)
      default: partners.targets.append(partner)
      }
    }
    return partners
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
  let change: Change
  private let aspect: Mistake.Aspects
  /// What those are about that are looked for beside it.
  private let others: Mistake.Aspects

  /// - Parameter canTellAny: whether numbers can tell any pair.
  init(_ mistake: Mistake, at place: Int, canTellAny: Bool) {
    self.place = place
    (change, aspect) = (mistake.change, mistake.aspect)
    others = aspect.others(canTellAny: canTellAny)
  }

  /// Whether the two are looked for together.
  @inline(__always)
  func goes(with other: Partner) -> Bool {
    guard others.contains(other.aspect) else { return false }
    // Of three pairs that leave the divisor as it is, one will do.
    let changeDivisor = Mistake.Aspects.withDivisor.isSuperset(of: aspect.union(other.aspect))
    return !changeDivisor || change.scale.divisor == other.change.scale.divisor
  }
}

/// Mistakes that are looked for beside others.
private struct Partners {
  /// Those that are one factor.
  var factors: [Partner] = []
  /// Those about the target of a loss.
  var targets: [Partner] = []
  /// Those that put something else in softmax's place, and those of them that take looking up tables.
  var sources: [Partner] = []
  var others: [Partner] = []

  init(isOfLoss: Bool) {
    factors.reserveCapacity(16)
    sources.reserveCapacity(8)
    guard isOfLoss else { return }
    targets.reserveCapacity(24)
    others.reserveCapacity(8)
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

extension Mistake.Aspects {
  /// What mistakes are about that are looked for beside one about this aspect.
  /// - Parameter canTellAny: whether numbers can tell any pair.
  fileprivate func others(canTellAny: Bool) -> Self {
    guard canTellAny else {
      switch self {
      case .divisor: return .target
      case .target: return .divisor
      case .smoothing: return .weights
      case .weights: return .smoothing
      default: return []
      }
    }
    let besideHandling: Self = [.divisor, .factor, .target]
    if self == .handling { return besideHandling }
    return Self.all.subtracting(besideHandling.contains(self) ? self : [self, .handling])
  }
}
