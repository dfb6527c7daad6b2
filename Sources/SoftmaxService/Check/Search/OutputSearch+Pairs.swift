import Softmax
import VectorKernels

/// Mistakes that are made together: one, or two about different things.
struct Combination {
  /// The simpler first.
  let mistakes: [Mistake]
  let change: Change

  init(_ mistake: Mistake) { (mistakes, change) = ([mistake], mistake.change) }

  init(_ one: Mistake, _ other: Mistake) {
    let (first, second) = one.place < other.place ? (one, other) : (other, one)
    (mistakes, change) = ([first, second], first.change.with(second.change))
  }

  /// Whether it needs exponentials that left a range.
  var isOfOverflow: Bool { mistakes.contains { $0.cause == .overflow } }
}

/// Two mistakes at once.
extension OutputSearch {
  /// Pairs of mistakes about different things that may agree.
  ///
  /// A mistake that is one factor makes the numbers the same multiple of what they are without it, wherever looked at:
  /// one look tells which factors may stand beside a mistake. Two mistakes of the formula are recomputed together.
  mutating func pairs(of mistakes: [Mistake]) throws(ComputationError) -> [Combination] {
    // Pairs that leave nothing of any number, such as p - t without p and without t, say nothing.
    if isZero { return [] }
    let partners = partners(in: mistakes)
    var pairs: [Combination] = []
    let multiple = try probes.multiple(of: Change(), arithmetic)
    for (place, second) in partners.factors.enumerated() {
      add(partners.factors[..<place], beside: second, over: Change(), multiple: multiple, to: &pairs)
    }
    for second in partners.targets { try add(partners.factors, beside: second, to: &pairs) }
    for second in partners.sources { try add(partners.factors, beside: second, to: &pairs) }
    for second in partners.others { try add(partners.factors, beside: second, to: &pairs) }
    for second in partners.besideFactors { try add(partners.factors, beside: second, to: &pairs) }
    if var first = probes.sums.first { try addFormulas(partners, held: &first, to: &pairs) }
    if var first = probes.gradients.first { try addFormulas(partners, held: &first, to: &pairs) }
    return pairs.sorted {
      ($0.mistakes[1].place, $0.mistakes[0].place) < ($1.mistakes[1].place, $1.mistakes[0].place)
    }
  }

  /// Adds the factors that make what a mistake of the formula gives the caller's numbers.
  private mutating func add(
    _ factors: [Mistake], beside second: Mistake, to pairs: inout [Combination]
  ) throws(ComputationError) {
    let multiple = try probes.multiple(of: second.change, arithmetic)
    add(factors[...], beside: second, over: second.change, multiple: multiple, to: &pairs)
  }

  /// Adds the factors that make numbers the multiple that the caller's are.
  /// - Parameters:
  ///   - second: the mistake beside them.
  ///   - base: the change that the caller's numbers are the multiple of.
  private func add(
    _ factors: ArraySlice<Mistake>, beside second: Mistake, over base: Change, multiple: Double?,
    to pairs: inout [Combination]
  ) {
    guard let multiple else { return }
    let (divisors, canTellAny) = (targets?.divisors, canTellAnyPair)
    // No factor changes what the mean divides by.
    let mean = targets?.normaliser(second.change.target) ?? 1
    guard let own = factor(of: base.scale, divisors, mean: mean) else { return }
    for place in factors.indices where factors[place].goes(with: second, canTellAny) {
      let both = factors[place].change.scale.with(second.change.scale)
      guard let factor = factor(of: both, divisors, mean: mean), Probes.areNear(factor / own, multiple) else {
        continue
      }
      pairs.append(Combination(factors[place], second))
    }
  }

  /// Adds the mistakes of the formula that may agree together: one at least is about a loss's target.
  /// - Parameter first: the number at the first probe, which alone tells that nearly all of them do not.
  private mutating func addFormulas<Number: SharedNumber>(
    _ partners: Partners, held first: inout Number, to pairs: inout [Combination]
  ) throws(ComputationError) {
    let (targets, sources, others) = (partners.targets, partners.sources, partners.others)
    let (number, arithmetic, isUsable) = (probes.all[0].candidate, arithmetic, probes.isUsable)
    let canTellAny = canTellAnyPair
    for one in targets.indices {
      let (target, divisor) = (targets[one].change.target, targets[one].change.scale.divisor)
      if first.take(target, divisor) {
        for other in sources.indices where sources[other].goes(with: targets[one], canTellAny) {
          let (source, scale) = (sources[other].change.source, sources[other].change.scale)
          if isUsable, try first.excludes(number, source, scale, in: arithmetic) { continue }
          try add(sources[other], recomputedWith: targets[one], to: &pairs)
        }
        for other in others.indices where others[other].goes(with: targets[one], canTellAny) {
          let change = others[other].change
          if isUsable, case .given = change.handling,
            try first.excludesDerivative(number, change.source, change.scale, in: arithmetic)
          {
            continue
          }
          try add(others[other], recomputedWith: targets[one], to: &pairs)
        }
      }
      for other in (one + 1)..<targets.count where targets[other].goes(with: targets[one], canTellAny) {
        let both = divisor == .given ? targets[other].change.scale.divisor : divisor
        guard first.take(target.with(targets[other].change.target), both) else { continue }
        if isUsable, try first.excludes(number, .given, Change.Scale(), in: arithmetic) { continue }
        try add(targets[other], recomputedWith: targets[one], to: &pairs)
      }
    }
  }

  /// Adds a mistake that may agree together with another one, if it does.
  private mutating func add(
    _ other: Mistake, recomputedWith one: Mistake, to pairs: inout [Combination]
  ) throws(ComputationError) {
    if try probes.mayAgree(one.change.with(other.change), arithmetic) { pairs.append(Combination(one, other)) }
  }

  /// Whether numbers like these tell any pair: one number fits many by chance.
  private var canTellAnyPair: Bool { arithmetic.format == .binary64 && arithmetic.digits == nil || found.count >= 4 }

  /// The mistakes that are looked for beside others.
  private mutating func partners(in mistakes: [Mistake]) -> Partners {
    let output = candidate.output
    var partners = Partners(isOfLoss: output.isLossOrGradient)
    for place in mistakes.indices where mistakes[place].outputs.contains(output) && isPaired(mistakes[place]) {
      switch mistakes[place].aspect {
      case .divisor, .factor, .temperaturePower: partners.factors.append(mistakes[place])
      case .softmax where mistakes[place].cause == .sigmoid: partners.besideFactors.append(mistakes[place])
      case .softmax where Probes.shares(mistakes[place].change): partners.sources.append(mistakes[place])
      case .softmax, .handling: partners.others.append(mistakes[place])
      default: partners.targets.append(mistakes[place])
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

extension Mistake {
  /// Whether the two are looked for together.
  /// - Parameter canTellAny: whether numbers can tell any pair.
  @inline(__always)
  fileprivate func goes(with other: Mistake, _ canTellAny: Bool) -> Bool {
    guard aspect.others(canTellAny: canTellAny).contains(other.aspect) else { return false }
    // Of three pairs that leave the divisor as it is, one will do.
    let changeDivisor = Aspects.withDivisor.isSuperset(of: aspect.union(other.aspect))
    return !changeDivisor || change.scale.divisor == other.change.scale.divisor
  }
}

/// Mistakes that are looked for beside others.
private struct Partners {
  /// Those that are one factor.
  var factors: [Mistake] = []
  /// Those about the target of a loss.
  var targets: [Mistake] = []
  /// Those that put something else in softmax's place, and those of them that take looking up tables.
  var sources: [Mistake] = []
  var others: [Mistake] = []
  /// Those that put something else in softmax's place, and are looked for beside factors alone.
  var besideFactors: [Mistake] = []

  init(isOfLoss: Bool) {
    factors.reserveCapacity(16)
    sources.reserveCapacity(8)
    guard isOfLoss else { return }
    targets.reserveCapacity(24)
    others.reserveCapacity(8)
  }
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
