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
  /// The recomputation over all rows, which the outputs share.
  private var whole: SoftmaxTables?
  /// The factor that was named for an output.
  private var factor: Double?

  init(_ request: CheckRequest, _ exact: ExactNumbers, _ execution: Execution) {
    self.request = request
    self.exact = exact
    self.execution = execution
    facts = RequestFacts(request)
    mistakes = Mistake.shown(by: facts)
    targets = request.loss.map { TargetTables($0) }
  }

  /// What explains the outputs that do not pass; ``Cause/unexplained`` where nothing does.
  /// - Throws: ``ComputationError/cancelled``.
  mutating func findings(of reports: [OutputReport]) throws(ComputationError) -> [Finding] {
    var (findings, unexplained) = ([[Finding]](), [Int]())
    for (candidate, report) in zip(request.candidates, reports) where !report.passes {
      let search = self.search(candidate, report)
      let found = try search.findings()
      if found[0].cause == .unexplained { unexplained.append(findings.count) }
      factor = factor ?? search.factorFound
      findings.append(found)
    }
    // One number says nothing of a factor by itself.
    guard let factor, !unexplained.isEmpty else { return findings.flatMap(\.self) }
    for place in unexplained {
      guard let index = reports.firstIndex(where: { $0.output == findings[place][0].output }) else { continue }
      let search = self.search(request.candidates[index], reports[index])
      if let finding = try search.multiple(like: factor) { findings[place] = [finding] }
    }
    return findings.flatMap(\.self)
  }

  /// The search for what explains an output.
  private mutating func search(_ candidate: CheckRequest.Candidate, _ report: OutputReport) -> OutputSearch {
    let tables: SoftmaxTables
    if request.isReduced(candidate.output) || facts.items == 1
      || request.geometry.layout.count <= CheckedRows.mostLogits
    {
      tables =
        whole
        ?? SoftmaxTables(
          request, targets, exact: exact, on: CheckedRows(request.softmax, worst: nil), execution)
      whole = tables
    } else {
      let rows = CheckedRows(request.softmax, worst: worstRows(of: candidate))
      tables = SoftmaxTables(request, targets, exact: exact, on: rows, execution)
    }
    return OutputSearch(
      facts, mistakes, of: candidate, exact: exact[candidate.output] ?? [], report: report, tables)
  }

  /// The rows by their largest relative error, the worst first.
  private func worstRows(of candidate: CheckRequest.Candidate) -> [Int] {
    let layout = request.geometry.layout
    guard let exact = exact[candidate.output] else { return [] }
    var errors = [Double](repeating: 0, count: layout.batch)
    let isPerRow = exact.count == layout.batch
    for position in exact.indices where candidate.values[position] != exact[position] {
      let item = isPerRow ? position : layout.row(of: position)
      let error = ((candidate.values[position] - exact[position]) / exact[position]).magnitude
      errors[item] = max(errors[item], error.isNaN ? .infinity : error)
    }
    return errors.indices.sorted { errors[$0] > errors[$1] }
  }
}

/// The steps of the search.
extension OutputSearch {
  /// One mistake or two together, the simpler first, how well they agree, and what that says.
  struct Explanation {
    let mistakes: [Mistake]
    let agreement: Agreement
    let evidence: WeightOfEvidence
  }

  func findings() throws(ComputationError) -> [Finding] {
    // Else the request has an option that recomputations do not know.
    guard try spots.mayBe(spots.all.map(\.exact), CandidateArithmetic(report.format)) else {
      return try scaledFindings()
    }
    let found = try explained()
    if found != nil, try !knowsTheRequest() { return try scaledFindings() }
    return withZeros(found) ?? [unexplained]
  }

  private enum Step: CaseIterable {
    case singles, roundedLogits, pairs, shorterFormat, shorterPrecision
    /// Mistakes in arithmetic in binary32, whose numbers were printed with more digits than it has.
    case shorterSingles, shorterPairs
    case multiple, printedShorter
  }

  /// What the numbers may come from: their own arithmetic; where they have few digits the same, rounded to these; and
  /// arithmetic in binary32, whose numbers were printed with more digits than it has.
  private func arithmetics() -> (own: [CandidateArithmetic], shorter: [CandidateArithmetic]) {
    // Numbers with few digits may be rounded ones, and are compared as such where they are nothing else.
    digits = DecimalDigits(of: numbers, report.format)
    // Of short ones a sign is told that the output cannot have.
    let digits = digits ?? (hasOtherSign ? DecimalDigits(ofShort: numbers, report.format) : nil)
    guard digits != nil else { return ([ownArithmetic], []) }
    var (printed, shorter) = (ownArithmetic, CandidateArithmetic(.binary32))
    (printed.digits, shorter.digits) = (digits, digits)
    let isShorter = printed.format.precision > shorter.format.precision && report.shareExact < 0.5
    return ([ownArithmetic, printed], isShorter ? [shorter] : [])
  }

  private func explained() throws(ComputationError) -> [Finding]? {
    let (own, shorter) = arithmetics()
    if let printed = own.dropFirst().first, try agreementAsAsked() == nil {
      arithmetic = printed
      if let base = try agreementAsAsked(), base.way != .lenient { return try rightInDigits(base) }
      arithmetic = ownArithmetic
    }
    for step in Step.allCases {
      let ways =
        switch step {
        case .shorterFormat, .printedShorter: [ownArithmetic]
        case .shorterSingles, .shorterPairs: shorter
        case .singles, .roundedLogits, .pairs, .shorterPrecision: own
        case .multiple: own + shorter
        }
      for way in ways {
        arithmetic = way
        // What binary32 rounds of large logits excuses anything.
        if !shorter.isEmpty, way.format != ownArithmetic.format, try agreementAsAsked() != nil { continue }
        let found: [Finding]? =
          switch step {
          case .singles, .shorterSingles: try simplyExplained()
          case .roundedLogits: try roundedLogits().map { [$0] }
          case .pairs, .shorterPairs: best(try explanations(pairs()))
          case .shorterFormat: try roundedInShorterFormat(Self.shorterFormats)
          case .shorterPrecision: try shorterPrecision().map { [$0] }
          case .multiple: try multiple().map { [$0] }
          case .printedShorter: try printedInShorterFormat().map { [$0] }
          }
        if let found { return found }
      }
    }
    return nil
  }

  /// What explains the numbers without pairs of mistakes.
  private func simplyExplained() throws(ComputationError) -> [Finding]? {
    let base = try agreementAsAsked()
    let rounded = base == nil ? try roundedToDecimals() : nil
    // Zeros and short numbers agree with many mistakes, and say nothing for them where right arithmetic makes them.
    let shorter = !tables.request.namesFormat ? Self.shorterFormats : isZero ? [.binary32] : []
    if base == nil, arithmetic.digits == nil, let found = try roundedInShorterFormat(shorter) {
      return rounded.map { [$0] } ?? found
    }
    if let found = try mistake(beside: base) { return beside(rounded, try withTransposed(found)) }
    if let base { return try roundingFindings(base) }
    if let rounded { return [rounded] }
    if let finding = try otherQuestion() { return [finding] }
    return try order().map { [$0] }
  }

  /// The mistakes that explain the numbers, each alone.
  /// - Parameter base: how well the formula as it is agrees; nil where it does not.
  func mistake(beside base: Agreement?) throws(ComputationError) -> [Finding]? {
    var mayAgree: [[Mistake]] = []
    for place in mistakes.indices where canBeShown(mistakes[place]) {
      guard try spots.mayAgree(mistakes[place].change, arithmetic) else { continue }
      // What explains right numbers better than rounding does is nearer to them where they are worst.
      if base != nil, try !spots.areNearer(mistakes[place].change) { continue }
      mayAgree.append([mistakes[place]])
    }
    return best(try explanations(mayAgree, base))
  }

  /// Where recomputations do not know an option of the request: what is a factor away from the exact numbers, or what
  /// they are without the option.
  private func scaledFindings() throws(ComputationError) -> [Finding] {
    isBesideOptions = true
    let (own, shorter) = arithmetics()
    for way in own + shorter {
      arithmetic = way
      if let base = scaled(by: 1)?.agreement {
        return try way.format == ownArithmetic.format ? roundingFindings(base) : [shorterPrecision(base)]
      }
      if let found = try simplyScaled() { return found }
    }
    arithmetic = ownArithmetic
    if let finding = try roundedToDecimals() { return [finding] }
    for way in own + shorter {
      arithmetic = way
      if let found = try multiple() { return [found] }
    }
    return [unexplainedBesideOptions]
  }

  /// The single factors and the options left out that explain the numbers, beside an option that is not known.
  private func simplyScaled() throws(ComputationError) -> [Finding]? {
    let own = factor(of: Change())
    let ofFactors = mistakes.compactMap { mistake -> Explanation? in
      guard mistake.isFactor, mistake.outputs.contains(candidate.output), let own,
        let changed = factor(of: mistake.change), let (agreement, evidence) = scaled(by: changed / own)
      else { return nil }
      return Explanation(mistakes: [mistake], agreement: agreement, evidence: evidence)
    }
    if let found = best(ofFactors) { return found }
    var optionless: [[Mistake]] = []
    for mistake in mistakes where mistake.aspect == .option && canBeShown(mistake) { optionless.append([mistake]) }
    return withZeros(best(try explanations(optionless)))
  }

  /// The mistakes that agree with the numbers, alone or together, each with what speaks for it.
  private func explanations(
    _ combinations: [[Mistake]], _ base: Agreement? = nil
  ) throws(ComputationError) -> [Explanation] {
    var agreeing: [(mistakes: [Mistake], change: Change, agreement: Agreement)] = []
    for mistakes in combinations {
      let change = mistakes.dropFirst().reduce(mistakes[0].change) { $0.with($1.change) }
      // A range that was left is seen.
      guard let agreement = try agreement(under: change),
        agreement.hasSpoiled || !mistakes.contains(where: { $0.cause == .overflow })
      else { continue }
      agreeing.append((mistakes, change, agreement))
    }
    var found: [Explanation] = []
    for (mistakes, change, agreement) in agreeing {
      // What speaks for several is compared.
      let least = WeightOfEvidence.least(isPair: mistakes.count > 1)
      let evidence = try evidence(
        for: change, agreement, base: base, enough: agreeing.count == 1 ? least : .infinity)
      found.append(Explanation(mistakes: mistakes, agreement: agreement, evidence: evidence))
    }
    return found
  }

  /// The findings of those that the numbers speak for, the best first; nil where there is none.
  private func best(_ explanations: [Explanation]) -> [Finding]? {
    let telling = explanations.filter {
      $0.evidence.suffices(isPair: $0.mistakes.count > 1) || isImpossibleSign($0)
    }.sorted { $0.evidence.weight > $1.evidence.weight }
    guard let first = telling.first?.evidence else { return nil }
    // As good as the best is what allows less than eight times as much, and misses the numbers by less than that.
    let least = first.weight - max(6, 3 * (first.isOverRight ? Double(rows.count) : first.telling))
    let near = telling.filter { $0.evidence.weight >= least }.sorted { $0.misfit < $1.misfit }
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
    let others = named.count - 1 + (mayBeMissing(named.flatMap(\.mistakes).map(\.cause)) ? 1 : 0)
    return named.flatMap { findings(of: $0, besides: others) }
  }
}

extension OutputSearch {
  /// Whether a sign alone explains numbers that have one that the output cannot have. Of all mistakes a few give such
  /// numbers at all, so that less evidence is enough: a loss of two digits has it.
  private func isImpossibleSign(_ explanation: Explanation) -> Bool {
    explanation.mistakes.count == 1 && explanation.mistakes[0].cause == .sign && hasOtherSign
      && !explanation.evidence.isOverRight && explanation.evidence.weight >= WeightOfEvidence.leastOfSign
  }
}

/// Two mistakes at once.
extension OutputSearch {
  /// Pairs of mistakes about different things that may agree, those of the simplest second one first.
  ///
  /// A mistake that is one factor makes the numbers the same multiple of what they are without it, wherever looked at:
  /// one look tells which factors may stand beside a mistake. Two mistakes of the formula are recomputed together, one
  /// at least of which is about a loss's target.
  func pairs() throws(ComputationError) -> [[Mistake]] {
    // Pairs that leave nothing of any number, such as p - t without p and without t, say nothing.
    if isZero { return [] }
    var paired: [Mistake] = []
    for place in mistakes.indices where isPaired(mistakes[place]) { paired.append(mistakes[place]) }
    // The factors are the simplest mistakes.
    let factors = paired[..<(paired.firstIndex { !$0.isFactor } ?? paired.count)]
    var pairs: [[Mistake]] = []
    let canTellAny = canTellAnyPair
    let ofRequest = try spots.multiple(of: Change(), arithmetic)
    for place in paired.indices {
      let multiple = try paired[place].isFactor ? ofRequest : spots.multiple(of: paired[place].change, arithmetic)
      if let multiple { add(factors.prefix(place), beside: paired[place], multiple, canTellAny, to: &pairs) }
    }
    // Those about the target come before those about softmax.
    for first in paired.indices where paired[first].isOfTarget {
      for second in (first + 1)..<paired.count where paired[first].goes(with: paired[second], canTellAny) {
        let both = paired[first].change.with(paired[second].change)
        if !paired[second].isBesideFactorsAlone, try spots.mayAgree(both, arithmetic) {
          pairs.append([paired[first], paired[second]])
        }
      }
    }
    return pairs.sorted { ($0[1].place, $0[0].place) < ($1[1].place, $1[0].place) }
  }

  /// Adds the factors that make what a mistake gives the multiple that the caller's numbers are of it.
  private func add(
    _ factors: ArraySlice<Mistake>, beside second: Mistake, _ multiple: Double, _ canTellAny: Bool,
    to pairs: inout [[Mistake]]
  ) {
    // No factor changes what the mean divides by.
    let mean = targets?.normaliser(second.change.target) ?? 1
    guard let own = factor(of: second.isFactor ? Change.Scale() : second.change.scale, mean: mean) else { return }
    for place in factors.indices where factors[place].goes(with: second, canTellAny) {
      let both = factors[place].change.scale.with(second.change.scale)
      guard let factor = factor(of: both, mean: mean), SpotChecks.areNear(factor / own, multiple) else { continue }
      pairs.append([factors[place], second])
    }
  }

  /// Whether numbers like these tell any pair: one number fits many by chance.
  private var canTellAnyPair: Bool {
    arithmetic.format == .binary64 && arithmetic.digits?.significant ?? 17 >= 10 || numbers.count >= 4
  }

  /// Whether a mistake is looked for beside another.
  private func isPaired(_ mistake: Mistake) -> Bool {
    // Constants in the logarithms are looked for alone.
    if mistake.aspect == .handling, mistake.range == nil { return false }
    if mistake.change.target.ignored == .asOther || mistake.change.source.isAlone { return false }
    // T multiplied, with a factor 1/T that does not go with it, is two mistakes already.
    if mistake.change.source == .timesTemperature, mistake.change.scale.temperaturePower != -1 { return false }
    return canBeShown(mistake) && !(isFinite && mistake.cause == .overflow)
  }
}

extension Mistake {
  /// Whether all is right except for one factor.
  var isFactor: Bool { aspect == .divisor || aspect == .factor || aspect == .temperaturePower }
  /// Whether beside it no more than a factor is looked for.
  fileprivate var isBesideFactorsAlone: Bool {
    switch cause {
    case .sigmoid, .noLogarithm, .noExponential, .noSum, .noMaximum, .mask: true
    default: aspect == .derivation
    }
  }
  /// Whether it is about the target of a loss, or what weighs it.
  fileprivate var isOfTarget: Bool {
    !isFactor && aspect != .softmax && aspect != .handling && aspect != .option && aspect != .derivation
  }
  /// Whether what the mean divides by may be changed too.
  private var isWithDivisor: Bool { aspect == .weights || aspect == .ignored || aspect == .sampleWeights }
  /// Whether it is looked for beside what spoils right numbers.
  private var isBesideHandling: Bool { aspect == .divisor || aspect == .factor || aspect == .target }

  /// Whether the two, the simpler first, are looked for together.
  /// - Parameter canTellAny: whether numbers can tell any pair.
  @inline(__always)
  fileprivate func goes(with other: Mistake, _ canTellAny: Bool) -> Bool {
    if aspect == other.aspect { return false }
    guard canTellAny else {
      return aspect == .divisor && other.aspect == .target || aspect == .smoothing && other.aspect == .weights
    }
    if other.aspect == .handling { return isBesideHandling }
    // Of three pairs that leave the divisor as it is, one will do.
    return !(isWithDivisor && other.isWithDivisor) || change.scale.divisor == other.change.scale.divisor
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
