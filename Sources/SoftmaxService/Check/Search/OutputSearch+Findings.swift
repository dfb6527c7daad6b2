import Softmax
import VectorKernels

/// The steps of the search.
extension OutputSearch {
  /// Hypotheses together, how well they agree, and what that says.
  struct Explanation {
    let hypotheses: [Hypothesis]
    let agreement: Agreement
    let evidence: WeightOfEvidence
  }

  mutating func findings(_ all: [Hypothesis], _ facts: RequestFacts) throws(ComputationError) -> [Finding] {
    guard let base = try agreement(under: Change(), mustAgree: false) else { return [unexplained(Agreement())] }
    largestGain = base.largestGain
    guard try knowsTheRequest() else { return scaledFindings(all) }
    if let found = try explained(all, base) { return found }
    // Numbers with few digits may be rounded ones, and are compared as such where they are nothing else.
    if let digits = DecimalDigits(of: candidate.values, report.format) {
      arithmetic.digits = digits
      guard let base = try agreement(under: Change(), mustAgree: false) else { return [unexplained(base)] }
      if let found = try explained(all, base) { return found }
      arithmetic.digits = nil
    }
    if let found = try shorterPrecision() { return [found] }
    return [unexplained(base)]
  }

  /// What explains the numbers in an arithmetic.
  private mutating func explained(_ all: [Hypothesis], _ base: Agreement) throws(ComputationError) -> [Finding]? {
    let isRight = base.agrees
    var right: [Double]?
    let singles = try explanations(all.map { [$0] }, base, &right)
    if let found = best(singles, isRight: isRight) { return try withTransposed(found) }
    if isRight { return roundingFindings(base) }
    if let found = try order() { return [found] }
    return best(try explanations(try pairs(of: all), base, &right), isRight: false)
  }

  /// Names the transposed order too, where it agrees as well: a few classes and items fit both.
  private mutating func withTransposed(_ found: [Finding]) throws(ComputationError) -> [Finding] {
    guard var other = try transposed(besides: true) else { return found }
    other.tellApart =
      "other findings agree as well with these numbers: send a number of items that differs from the "
      + "number of classes to tell them apart"
    return found + [other]
  }

  /// Where recomputations do not know an option of the request: what is a factor away from the exact numbers.
  private mutating func scaledFindings(_ all: [Hypothesis]) -> [Finding] {
    let base = agreement(withExactTimes: 1)
    if base.agrees { return roundingFindings(base) }
    let right = found.indices.map { interval(found[$0], scaledTerm($0, 1), Agreement.none) }
    var explanations: [Explanation] = []
    for hypothesis in all where hypothesis.isFactor {
      var change = Change()
      hypothesis.change(&change)
      guard let factor = factor(from: Change(), to: change) else { continue }
      let agreement = agreement(withExactTimes: factor)
      guard agreement.agrees else { continue }
      var evidence = WeightOfEvidence(arithmetic.format)
      for place in found.indices {
        evidence.add(
          found[place], exact: exact[place], allowed: interval(found[place], scaledTerm(place, factor), agreement),
          right: right[place], isNear: false)
      }
      explanations.append(Explanation(hypotheses: [hypothesis], agreement: agreement, evidence: evidence))
    }
    return best(explanations, isRight: false) ?? [unexplained(base)]
  }

  private mutating func explanations(
    _ sets: [[Hypothesis]], _ base: Agreement, _ right: inout [Double]?
  ) throws(ComputationError) -> [Explanation] {
    var found: [Explanation] = []
    for hypotheses in sets {
      var change = Change()
      for hypothesis in hypotheses { hypothesis.change(&change) }
      guard let agreement = try agreement(under: change),
        agreement.hasSpoiled || !hypotheses.contains(where: { $0.cause == .overflow })
      else { continue }
      // A pass over all numbers, made when something agrees at all.
      let intervals = if let right { right } else { try intervals(base) }
      right = intervals
      let evidence = try evidence(for: change, agreement, right: intervals)
      found.append(Explanation(hypotheses: hypotheses, agreement: agreement, evidence: evidence))
    }
    return found
  }

  /// The findings of those that the numbers speak for, the best first; nil where there is none.
  private func best(_ explanations: [Explanation], isRight: Bool) -> [Finding]? {
    func bits(_ explanation: Explanation) -> Double {
      isRight ? explanation.evidence.overRight : explanation.evidence.bits
    }
    let telling = explanations.filter {
      $0.evidence.suffices(isRight: isRight, isPair: $0.hypotheses.count > 1)
    }.sorted { bits($0) > bits($1) }
    guard let first = telling.first else { return nil }
    // As good as the best is what allows less than eight times as much, and misses the numbers by less than that.
    let least = bits(first) - max(6, 3 * (isRight ? Double(rows.count) : first.evidence.telling))
    let near = telling.filter { bits($0) >= least }.sorted { $0.misfit < $1.misfit }
    let most = max(0.5, 8 * near[0].misfit)
    var named: [Explanation] = []
    for explanation in near where explanation.misfit <= most {
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
    let canTellAny = arithmetic.format == .binary64 && arithmetic.digits == nil || found.count >= 4
    let isFinite = found.allSatisfy(\.isFinite)
    let aspects = all.map(\.aspect)
    let areFactors = all.map(\.isFactor)
    var pairs: [[Hypothesis]] = []
    for (place, first) in all.enumerated() where !(isFinite && first.cause == .overflow) {
      // Another mistake with a factor: the numbers are the same multiple of those recomputed with it, wherever looked
      // at.
      let multiple = areFactors[place] ? nil : try multiple(of: first)
      for other in all.indices where other > place || areFactors[other] && !areFactors[place] && other < place {
        guard aspects[place] != aspects[other], !areFactors[place] || areFactors[other],
          multiple != nil || areFactors[place] || !areFactors[other],
          Self.goTogether(first, all[other], any: canTellAny)
        else { continue }
        if let multiple, areFactors[other] {
          guard try isMultiple(multiple, of: first, with: all[other]) else { continue }
        }
        pairs.append([first, all[other]])
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
      guard ratio.isFinite, term.value.magnitude > 0x1p10 * term.bounds.usual * arithmetic.unit else { continue }
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
    multiple.magnitude * 0x1p-8
  }

  private static func goTogether(_ a: Hypothesis, _ b: Hypothesis, any: Bool) -> Bool {
    switch (a.aspect, b.aspect) {
    case (.divisor, .target), (.target, .divisor), (.smoothing, .weights), (.weights, .smoothing): return true
    case (.handling, let other), (let other, .handling):
      return any && (a.isOfRange || b.isOfRange) && (other == .divisor || other == .factor || other == .target)
    default: return any
    }
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

extension OutputSearch.Explanation {
  /// The largest difference, in parts of what the way that agrees rounds.
  fileprivate var misfit: Double { agreement.misfit[agreement.way ?? .lenient] }
}
