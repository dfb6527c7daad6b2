import Softmax
import VectorKernels

/// Looks for the causes of what is wrong with a caller's numbers: one loop over the hypotheses.
///
/// A hypothesis stands when what it recomputes agrees with the caller's numbers to the precision of their own
/// arithmetic, and much better than the exact numbers do. Simple explanations come first: a shorter format that holds
/// the numbers, single mistakes, then the arithmetic alone, then an order, then pairs of mistakes. The first step that
/// explains the numbers ends the search.
struct FindingSearch: ~Copyable {
  private let request: CheckRequest
  private let exact: ExactNumbers
  private let execution: Execution
  private let facts: RequestFacts
  private let mistakes: [Mistake]
  private let targets: TargetTables?
  /// The recomputation over all slices, which the outputs share.
  private var whole: SoftmaxTables?

  init(_ request: CheckRequest, _ exact: ExactNumbers, _ execution: Execution) {
    self.request = request
    self.exact = exact
    self.execution = execution
    facts = RequestFacts(request)
    mistakes = Mistake.shown(by: facts)
    targets = request.loss.map { TargetTables($0) }
  }

  /// What explains an output that does not pass; ``Cause/unexplained`` where nothing does.
  /// - Throws: ``ComputationError/cancelled``.
  mutating func findings(
    of candidate: CheckRequest.Candidate, _ report: OutputReport
  ) throws(ComputationError) -> [Finding] {
    let tables: SoftmaxTables
    if request.isReduced(candidate.output) || facts.items == 1
      || request.geometry.layout.count <= CheckedRows.mostLogits
    {
      tables =
        whole ?? SoftmaxTables(request, exact, on: CheckedRows(request.softmax, worst: nil), execution)
      whole = tables
    } else {
      let rows = CheckedRows(request.softmax, worst: worstSlices(of: candidate))
      tables = SoftmaxTables(request, exact, on: rows, execution)
    }
    var search = OutputSearch(
      request, facts, of: candidate, exact: exact[candidate.output] ?? [], report: report, tables: tables,
      targets: targets, execution)
    return try search.findings(mistakes)
  }

  /// The slices by their largest relative error, the worst first.
  private func worstSlices(of candidate: CheckRequest.Candidate) -> [Int] {
    let layout = request.geometry.layout
    guard let exact = exact[candidate.output] else { return [] }
    var errors = [Double](repeating: 0, count: layout.batch)
    let isPerSlice = exact.count == layout.batch
    for position in exact.indices where candidate.values[position] != exact[position] {
      let slice = isPerSlice ? position : layout.slice(of: position)
      let error = ((candidate.values[position] - exact[position]) / exact[position]).magnitude
      errors[slice] = max(errors[slice], error.isNaN ? .infinity : error)
    }
    return errors.indices.sorted { errors[$0] > errors[$1] }
  }
}

/// The steps of the search.
extension OutputSearch {
  /// Mistakes together, how well they agree, and what that says.
  struct Explanation {
    let mistakes: [Mistake]
    let agreement: Agreement
    let evidence: WeightOfEvidence
  }

  mutating func findings(_ mistakes: [Mistake]) throws(ComputationError) -> [Finding] {
    guard try probes.areExact(CandidateArithmetic(report.format)) else { return try scaledFindings(mistakes) }
    let found = try explained(mistakes)
    if found != nil, try !knowsTheRequest() { return try scaledFindings(mistakes) }
    return withZeros(found) ?? [unexplained]
  }

  private mutating func explained(_ mistakes: [Mistake]) throws(ComputationError) -> [Finding]? {
    // Numbers with few digits may be rounded ones, and are compared as such where they are nothing else.
    let digits: [DecimalDigits?] = DecimalDigits(of: found, report.format).map { [nil, $0] } ?? [nil]
    for digits in digits {
      arithmetic.digits = digits
      if let found = try simplyExplained(mistakes) { return found }
    }
    for digits in digits {
      arithmetic.digits = digits
      if let found = best(try explanations(try pairs(of: mistakes), nil), isRight: false) { return found }
    }
    arithmetic.digits = nil
    if let found = try roundedInShorterFormat(Self.shorterFormats) { return found }
    for digits in digits {
      arithmetic.digits = digits
      if let found = try shorterPrecision() { return [found] }
    }
    for digits in digits {
      arithmetic.digits = digits
      if let found = try multiple() { return [found] }
    }
    return nil
  }

  /// What explains the numbers without pairs of mistakes.
  private mutating func simplyExplained(_ mistakes: [Mistake]) throws(ComputationError) -> [Finding]? {
    let base = try agreementAsAsked()
    // Zeros and short numbers agree with many mistakes, and say nothing for them where right arithmetic makes them.
    let shorter = !isFormatNamed ? Self.shorterFormats : isZero ? [.binary32] : []
    if base == nil, arithmetic.digits == nil, let found = try roundedInShorterFormat(shorter) { return found }
    var mayAgree: [Combination] = []
    for place in mistakes.indices where canBeShown(mistakes[place]) {
      guard try probes.mayAgree(mistakes[place].change, arithmetic) else { continue }
      // What explains right numbers better than rounding does is nearer to them where they are worst.
      if base != nil, try !probes.areNearer(mistakes[place].change) { continue }
      mayAgree.append(Combination(mistakes[place]))
    }
    let singles = try explanations(mayAgree, base)
    if let found = best(singles, isRight: base != nil) { return try withTransposed(found) }
    if let base { return roundingFindings(base) }
    return try order().map { [$0] }
  }

  /// Names the transposed order too, where it agrees as well: a few classes and items fit both.
  private mutating func withTransposed(_ found: [Finding]) throws(ComputationError) -> [Finding] {
    guard var other = try transposed(besides: true) else { return found }
    other.tellApart =
      "other findings agree as well with these numbers; "
      + "to tell them apart, send a number of items that differs from the number of classes"
    return found + [other]
  }

  /// Where recomputations do not know an option of the request: what is a factor away from the exact numbers, or what
  /// they are without the option.
  private mutating func scaledFindings(_ mistakes: [Mistake]) throws(ComputationError) -> [Finding] {
    if let base = agreement(withExactTimes: 1) { return roundingFindings(base) }
    var explanations: [Explanation] = []
    for mistake in mistakes
    where Mistake.Aspects.factors.contains(mistake.aspect) && mistake.outputs.contains(candidate.output) {
      guard let own = factor(of: Change()), let changed = factor(of: mistake.change),
        let (agreement, evidence) = scaled(by: changed / own)
      else { continue }
      explanations.append(Explanation(mistakes: [mistake], agreement: agreement, evidence: evidence))
    }
    if let found = best(explanations, isRight: false) { return found }
    var optionless: [Combination] = []
    for mistake in mistakes where mistake.aspect == .option && canBeShown(mistake) {
      optionless.append(Combination(mistake))
    }
    let found = best(try self.explanations(optionless, nil), isRight: false, besideOptions: true)
    if let found = withZeros(found, besideOptions: true) { return found }
    return [try multiple(besideOptions: true) ?? unexplainedBesideOptions]
  }

  /// The combinations that agree with the numbers, each with what speaks for it.
  private mutating func explanations(
    _ combinations: [Combination], _ base: Agreement?
  ) throws(ComputationError) -> [Explanation] {
    var agreeing: [(combination: Combination, agreement: Agreement)] = []
    for combination in combinations {
      guard let agreement = try agreement(under: combination.change),
        agreement.hasSpoiled || !combination.isOfOverflow
      else { continue }
      agreeing.append((combination, agreement))
    }
    var found: [Explanation] = []
    for (combination, agreement) in agreeing {
      // What speaks for several is compared.
      let least = WeightOfEvidence.least(isPair: combination.mistakes.count > 1)
      let evidence = try evidence(
        for: combination.change, agreement, base: base, enough: agreeing.count == 1 ? least : .infinity)
      found.append(Explanation(mistakes: combination.mistakes, agreement: agreement, evidence: evidence))
    }
    return found
  }

  /// The findings of those that the numbers speak for, the best first; nil where there is none.
  /// - Parameters:
  ///   - isRight: whether the formula as it is agrees too.
  ///   - besideOptions: whether recomputations do not know an option of the request.
  private func best(_ explanations: [Explanation], isRight: Bool, besideOptions: Bool = false) -> [Finding]? {
    func bits(_ explanation: Explanation) -> Double {
      isRight ? explanation.evidence.overRight : explanation.evidence.bits
    }
    let telling = explanations.filter {
      $0.evidence.suffices(isPair: $0.mistakes.count > 1)
    }.sorted { bits($0) > bits($1) }
    guard let first = telling.first else { return nil }
    // As good as the best is what allows less than eight times as much, and misses the numbers by less than that.
    let least = bits(first) - max(6, 3 * (isRight ? Double(rows.count) : first.evidence.telling))
    let near = telling.filter { bits($0) >= least }.sorted { $0.misfit < $1.misfit }
    let most = max(0.5, 8 * near[0].misfit)
    var named: [Explanation] = []
    for explanation in near where explanation.misfit <= most {
      let names = explanation.names(facts)
      if let place = named.firstIndex(where: { $0.names(facts) == names }) {
        // Of the formats whose range explains it, that of the numbers.
        let format = arithmetic.format
        if explanation.isOfRange(of: format), !named[place].isOfRange(of: format) { named[place] = explanation }
      } else {
        named.append(explanation)
      }
    }
    let isMissing = mayBeMissing(named.flatMap(\.mistakes).map(\.cause), besideOptions: besideOptions)
    let others = named.count - 1 + (isMissing ? 1 : 0)
    return named.flatMap { findings(of: $0, besides: others) }
  }

  /// A finding for each hypothesis of an explanation.
  private func findings(of explanation: Explanation, besides others: Int) -> [Finding] {
    let hypotheses = explanation.mistakes.map(\.hypothesis)
    let details = hypotheses.map { $0.detail.text(facts) }
    return zip(hypotheses, details).map { hypothesis, detail in
      let rest = details.filter { $0 != detail }
      let together = rest.isEmpty ? "" : "; and, together with it, \(rest.joined(separator: ", and "))"
      var finding = finding(
        hypothesis.cause, detail: detail + together, cure: hypothesis.cure.text(facts), explanation.agreement)
      if others > 0 {
        finding.tellApart =
          "\(others) other finding\(others == 1 ? " agrees" : "s agree") as well with these numbers; "
          + "to tell them apart, send \(hypothesis.telling)"
      }
      return finding
    }
  }

  // MARK: Findings

  func finding(_ cause: Cause, detail: String, cure: String, _ agreement: Agreement) -> Finding {
    finding(
      cause, detail: detail, cure: cure,
      Finding.Evidence(
        compared: agreement.compared, relativeError: agreement.relativeError, absoluteError: agreement.absoluteError,
        position: agreement.worst.place.map { self.position(of: $0) }, candidate: agreement.worst.candidate,
        recomputed: agreement.worst.recomputed))
  }

  func finding(_ cause: Cause, detail: String, cure: String, _ evidence: Finding.Evidence) -> Finding {
    Finding(
      cause: cause, output: candidate.output, detail: "\(candidate.output.name): \(detail)", cure: cure,
      evidence: evidence)
  }

  private var unexplained: Finding {
    let steps =
      candidate.output.isLossOrGradient && facts.features.contains(.indices)
      ? "the output \"derivation\" of /gradient" : "the outputs of /softmax"
    let isSmall = facts.items == 1 && facts.classes <= 3
    return unexplained(
      "nothing that is known here explains the numbers",
      cure: (isSmall ? "" : "send a single slice of three logits without options, and ")
        + "compare each step with \(steps)")
  }

  private var unexplainedBesideOptions: Finding {
    let options = Hypothesis.ofOptions.filter { facts.features.isSuperset(of: $0.mistake.needs) }
    guard !options.isEmpty else { return unexplained }
    let names = listed(options.map { quoted($0.cause.rawValue) })
    return unexplained(
      "no factor explains the numbers, and beside \(names) other mistakes are not looked for",
      cure: "leave out \(names) in your code and in the request: then all mistakes are looked for")
  }

  /// That nothing explains the numbers, with how far they are from the exact ones.
  private func unexplained(_ detail: String, cure: String) -> Finding {
    let worst = report.worst.first
    return finding(
      .unexplained, detail: detail, cure: cure,
      Finding.Evidence(
        compared: report.count, relativeError: report.maximumRelativeError, absoluteError: report.maximumAbsoluteError,
        position: worst?.position, candidate: worst?.candidate ?? 0, recomputed: worst?.exact ?? 0))
  }
}

extension OutputSearch.Explanation {
  /// The largest difference, in parts of what the way that agrees rounds.
  fileprivate var misfit: Double { agreement.misfit[agreement.way ?? .lenient] }

  /// Whether it needs the range of a format, and that is a given one's.
  fileprivate func isOfRange(of format: BinaryFormat) -> Bool {
    mistakes.contains { $0.range?.leastNormalExponent == format.leastNormalExponent }
  }

  fileprivate func names(_ facts: RequestFacts) -> [String] { mistakes.map { $0.hypothesis.name(facts) } }
}
