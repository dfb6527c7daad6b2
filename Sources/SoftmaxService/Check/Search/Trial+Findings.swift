import Softmax
import VectorKernels

/// The steps of the search.
extension Trial {
  /// Hypotheses together, and how well they agree.
  struct Explanation {
    let hypotheses: [Hypothesis]
    let agreement: Agreement
  }

  /// By what a difference is measured: see ``Agreement``.
  private enum Measure {
    case relative, natural

    func of(_ agreement: Agreement) -> Double {
      switch self {
      case .relative: agreement.relative
      case .natural: agreement.natural
      }
    }
  }

  /// How much better than the request as it is a changed one must agree.
  private static let leastImprovement = 8.0

  mutating func findings(_ all: [Hypothesis], _ facts: RequestFacts) throws(ComputationError) -> [Finding] {
    guard let base = try agreement(under: Change()) else { return [unexplained(Agreement())] }
    largestScale = base.largestScale
    guard try knowsTheRequest() else { return scaledFindings(all) }
    let isRight = base.natural <= limit
    if !isRight, let found = try flushedSubnormals() { return [found] }
    // Where the formula is right but for what cancels, only a factor can be told from it.
    let tellable = isRight ? all.filter(\.isFactor) : all
    // One number fits a mistake by chance where large logits excuse much.
    if found.count == 1, (rows.magnitudes.max() ?? 1) * limit > loosest { loosest = 0x1p-14 }
    let singles = try explanations(tellable.map { [$0] }, isRight: isRight)
    if let found = best(singles, .relative, base) { return try withTransposed(found, base) }
    if isRight { return roundingFindings(base) }
    if let found = best(singles, .natural, base) { return try withTransposed(found, base) }
    if let found = try order(base) { return [found] }
    let pairs = try explanations(try pairs(of: all))
    if let found = best(pairs, .relative, base) ?? best(pairs, .natural, base) { return found }
    if let found = try shorterPrecision() { return [found] }
    if let found = try largeLogits() { return [found] }
    return [unexplained(base)]
  }

  /// Names the transposed order too, where it agrees as well: a few classes and items fit both.
  private mutating func withTransposed(_ found: [Finding], _ base: Agreement) throws(ComputationError) -> [Finding] {
    guard var other = try transposed(base) else { return found }
    other.tellApart =
      "other findings agree as well with these numbers: send a number of items that differs from the "
      + "number of classes to tell them apart"
    return found + [other]
  }

  /// Where recomputations do not know an option of the request: what is a factor away from the exact numbers.
  private mutating func scaledFindings(_ all: [Hypothesis]) -> [Finding] {
    let base = agreement(withExactTimes: 1)
    if base.natural <= limit { return roundingFindings(base) }
    var found: [Explanation] = []
    for hypothesis in all where hypothesis.isFactor {
      var change = Change()
      hypothesis.change(&change)
      guard let factor = factor(from: Change(), to: change) else { continue }
      found.append(Explanation(hypotheses: [hypothesis], agreement: agreement(withExactTimes: factor)))
    }
    return best(found, .natural, base) ?? [unexplained(base)]
  }

  private mutating func explanations(
    _ sets: [[Hypothesis]], isRight: Bool = false
  ) throws(ComputationError) -> [Explanation] {
    var found: [Explanation] = []
    for hypotheses in sets {
      var change = Change()
      for hypothesis in hypotheses { hypothesis.change(&change) }
      // Of right numbers, what is below the normal range must not make a factor look better.
      let least = change.handling == .given && !isRight ? leastNormal : least
      if let agreement = try agreement(under: change, within: limit, least: least), agreement.isTelling,
        agreement.hasSpoiled || !hypotheses.contains(where: { $0.cause == .overflow })
      {
        found.append(Explanation(hypotheses: hypotheses, agreement: agreement))
      }
    }
    return found
  }

  /// The findings of those that agree, the best first; nil where none does.
  private func best(_ explanations: [Explanation], _ measure: Measure, _ base: Agreement) -> [Finding]? {
    let agreeing = explanations.filter {
      let left = measure.of($0.agreement)
      return left <= limit && left * Self.leastImprovement <= measure.of(base)
    }.sorted { measure.of($0.agreement) < measure.of($1.agreement) }
    guard let first = agreeing.first else { return nil }
    // What agrees much worse than the best does so only because the precision is short.
    let most = max(measure.of(first.agreement) * Self.leastImprovement, 2 * precision.unit)
    var named: [Explanation] = []
    for explanation in agreeing where measure.of(explanation.agreement) <= most {
      let causes = explanation.hypotheses.map(\.cause)
      if !named.contains(where: { $0.hypotheses.map(\.cause) == causes }) { named.append(explanation) }
    }
    return named.flatMap { findings(of: $0, besides: named.count - 1) }
  }

  /// A finding for each hypothesis of an explanation.
  private func findings(of explanation: Explanation, besides others: Int) -> [Finding] {
    let all = explanation.hypotheses
    return all.map { hypothesis in
      let rest = all.filter { $0.detail != hypothesis.detail }.map(\.detail)
      let together = rest.isEmpty ? "" : "; and, together with it, \(rest.joined(separator: ", and "))"
      var finding = finding(
        hypothesis.cause, detail: hypothesis.detail + together, cure: hypothesis.cure, explanation.agreement)
      if others > 0 {
        finding.tellApart =
          "\(others) other finding\(others == 1 ? " agrees" : "s agree") as well with these numbers: send "
          + "\(hypothesis.telling) to tell them apart"
      }
      return finding
    }
  }

  // MARK: Pairs

  /// Pairs of mistakes about different things, where that can be told: one number fits many pairs by chance.
  private mutating func pairs(of all: [Hypothesis]) throws(ComputationError) -> [[Hypothesis]] {
    let canTellAny = precision == .binary64 || found.count >= 4
    let isFinite = found.allSatisfy(\.isFinite)
    var pairs: [[Hypothesis]] = []
    for (place, first) in all.enumerated() where !(isFinite && first.cause == .overflow) {
      let isFactor = first.isFactor
      // Another mistake with a factor: the numbers are the same multiple of those recomputed with it, wherever looked
      // at.
      let multiple = isFactor ? nil : try multiple(of: first)
      for second in all[(place + 1)...] + (isFactor ? [] : all[..<place].filter(\.isFactor))
      where Self.goTogether(first, second, any: canTellAny) {
        if !isFactor, second.isFactor {
          guard let multiple, try isMultiple(multiple, of: first, with: second) else { continue }
        } else if isFactor, !second.isFactor {
          continue
        }
        pairs.append([first, second])
      }
    }
    return pairs
  }

  /// What the numbers are of those recomputed with a mistake, where that is the same at all probes; nil where it is
  /// not.
  private mutating func multiple(of hypothesis: Hypothesis) throws(ComputationError) -> Double? {
    var change = Change()
    hypothesis.change(&change)
    guard let recomputation = try recomputation(change) else { return nil }
    if recomputation.isReduced { return found[0] / recomputation.total().value }
    var multiple: Double?
    for probe in probes {
      let term = recomputation.term(row: probe.row, index: probe.index)
      let ratio = found[probe.row * width + probe.index] / term.value
      // What cancels says nothing.
      guard ratio.isFinite, term.value.magnitude > 0x1p-10 * term.scale else { continue }
      if let multiple, (ratio - multiple).magnitude > tolerance(of: multiple) { return nil }
      multiple = ratio
    }
    return multiple
  }

  /// Whether a factor makes numbers such a multiple of those of another mistake.
  private mutating func isMultiple(
    _ multiple: Double, of first: Hypothesis, with second: Hypothesis
  ) throws(ComputationError) -> Bool {
    var (one, both) = (Change(), Change())
    first.change(&one)
    first.change(&both)
    second.change(&both)
    guard let factor = factor(from: one, to: both) else { return false }
    return (factor - multiple).magnitude <= tolerance(of: multiple)
  }

  private func tolerance(of multiple: Double) -> Double {
    multiple.magnitude * max(0x1p-12, 0x1p11 * limit)
  }

  private static func goTogether(_ a: Hypothesis, _ b: Hypothesis, any: Bool) -> Bool {
    guard a.aspect != b.aspect else { return false }
    switch (a.aspect, b.aspect) {
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): return true
    case (.handling, let other), (let other, .handling):
      let isRange = [a, b].contains { $0.cause == .overflow || $0.cause == .underflow }
      return any && isRange && (other == .divisor || other == .factor || other == .target)
    default: return any
    }
  }

  // MARK: The arithmetic alone

  /// The formula is right: what is left is rounding, and what cancels.
  private func roundingFindings(_ base: Agreement) -> [Finding] {
    var found: [Finding] = []
    if base.relative > limit {
      found.append(
        finding(
          .cancellation, detail: Self.cancellation(in: candidate.output),
          cure: "1 - p[y] is the sum of the other p; log p = a - max(a) - log1p(Σ of the other exp(a - max(a)))", base))
    }
    if precision.precision < report.format.precision || found.isEmpty {
      found.append(
        finding(
          .precision,
          detail:
            "the numbers agree with the exact ones to \(bits(base)) bits, as arithmetic in \(precision.name) does: the formula "
            + "is right", cure: precisionCure, base))
    }
    return found
  }

  private var precisionCure: String {
    precision.precision < report.format.precision
      ? "compute in a longer format, or send the \"dtype\" of \(precision.name)"
      : "allow what the format's arithmetic rounds: \"rtol\" \(4 * limit) or more"
  }

  private static func cancellation(in output: Output) -> String {
    switch output {
    case .gradient:
      "the formula is right, and digits cancel: where p is near the target's share, p - t keeps the error of p"
    case .loss, .logProbabilities, .logSumExp, .entropy, .probabilities, .argmax, .jacobian, .topIndices,
      .topProbabilities, .topLogProbabilities, .perplexity, .derivation, .klDivergence, .hessianVectorProduct:
      "the formula is right, and digits cancel: near p = 1 the logarithm keeps the error of p, and tends to 0"
    }
  }

  /// Arithmetic in a shorter format than the request names.
  private mutating func shorterPrecision() throws(ComputationError) -> Finding? {
    // In another format's arithmetic few numbers are exact, and numbers of 16 bits are numbers of 16 bits.
    guard report.shareExact < 0.5 else { return nil }
    for shorter in [BinaryFormat.binary32, .binary16, .bfloat16] where shorter.precision < precision.precision {
      guard shorter == .binary32 || found.allSatisfy({ shorter.nearest(to: $0) == $0 || $0.isNaN }) else { continue }
      let limit = (shorter == .binary32 ? roundings : 4) * shorter.unit
      let least = shorter.leastDifference
      guard let agreement = try agreement(under: Change(), within: limit, least: least) else { continue }
      return finding(
        .precision,
        detail: "the numbers agree with the exact ones to \(bits(agreement)) bits only, as if they were computed in "
          + "\(shorter.name)", cure: "compute in \(report.format.name) from the logits on", agreement)
    }
    return nil
  }

  /// The least normal number and a little more: JAX and TensorFlow compute with 0 instead of smaller ones.
  private var leastNormal: Double {
    Double(sign: .plus, exponent: precision.leastNormalExponent + 4, significand: 1)
  }

  /// Right numbers, but for those below the normal range.
  private mutating func flushedSubnormals() throws(ComputationError) -> Finding? {
    guard let agreement = try agreement(under: Change(), within: limit, least: leastNormal) else { return nil }
    return finding(
      .underflow,
      detail: "the formula is right, and numbers below the normal range of \(precision.name) are flushed to 0",
      cure: "let the arithmetic keep subnormal numbers, or allow \"atol\" \(leastNormal)", agreement)
  }

  /// Arithmetic that loses what large logits cost: no mistake is named by so little agreement, but that none is.
  private mutating func largeLogits() throws(ComputationError) -> Finding? {
    loosest = 0x1p-4
    defer { loosest = 0x1p-12 }
    guard let agreement = try agreement(under: Change(), within: limit) else { return nil }
    return finding(
      .precision,
      detail: "the formula is right as far as can be told: a rounding of a/T, where that is as large as "
        + "\(rows.magnitudes.max() ?? 1), moves e^(a/T) by as many units in the last place",
      cure: "subtract the largest logit before dividing by the temperature, or compute in a longer format", agreement)
  }

  /// How many bits agree.
  private func bits(_ agreement: Agreement) -> Int {
    agreement.natural == 0 ? report.format.precision : min(53, max(0, -Int(agreement.natural.exponent) - 1))
  }

  // MARK: Findings

  func finding(_ cause: Cause, detail: String, cure: String, _ agreement: Agreement) -> Finding {
    Finding(
      cause: cause, output: candidate.output, detail: "\(candidate.output.name): \(detail)", cure: cure,
      evidence: Finding.Evidence(
        compared: agreement.compared, relativeError: agreement.relativeError, absoluteError: agreement.absoluteError,
        position: agreement.worst.position, candidate: agreement.worst.candidate,
        recomputed: agreement.worst.recomputed))
  }

  private func unexplained(_ base: Agreement) -> Finding {
    finding(
      .unexplained, detail: "nothing that is known here explains the numbers",
      cure: "send a single slice of three logits, and compare each step with the output \"derivation\" of /gradient",
      base)
  }
}
