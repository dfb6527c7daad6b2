import Glibc
import Softmax
import VectorKernels

/// One output of a caller's, and how well changed recomputations agree with it.
final class OutputSearch {
  let candidate: CheckRequest.Candidate
  let report: OutputReport
  let facts: RequestFacts
  /// The mistakes that the request can show.
  let mistakes: [Mistake]
  let tables: SoftmaxTables
  var rows: CheckedRows { tables.rows }
  var targets: TargetTables? { tables.targets }
  /// The caller's numbers, and the exact ones, row by row.
  let numbers: [Double]
  let exact: [Double]
  /// The exact numbers in the candidate's order.
  let exactTensor: [Double]
  /// The arithmetic that the numbers seem to come from; comparisons allow what it rounds.
  var arithmetic: CandidateArithmetic
  /// The same before anything else is tried.
  let ownArithmetic: CandidateArithmetic
  /// The digits that the numbers were written with, where they have few.
  var digits: DecimalDigits?
  /// What the formula as it is is allowed where mistakes are not: the digits of numbers that are right in these.
  var printedArithmetic: CandidateArithmetic?
  /// Whether the numbers fit bfloat16 as well as binary16, in which they agree.
  var fitsBfloat16 = false
  var spots: SpotChecks
  /// From correctly rounded probabilities: under one change after the other, and of the request as it is.
  private var recomputation: Recomputation
  var asked: Recomputation
  let width: Int
  /// Whether all of the caller's numbers are finite, and whether formats hold those that are.
  let isFinite: Bool
  /// Whether each of them is 0, those too that are not looked at.
  let isZero: Bool
  /// The shorter formats that all outputs may be of together, as far as any is: one request is told one format.
  private(set) lazy var formatsOfAll: [BinaryFormat] = {
    let all = tables.request.candidates.flatMap(\.values)
    let short = [BinaryFormat.binary16, .bfloat16]
    let digits = DecimalDigits(of: all, report.format)
    let holding = short.filter { digits?.mayBe(of: $0, all) ?? $0.holds(all) }
    // Printed with more digits than bfloat16 has, they are its numbers, rounded.
    let isPrinted = holding.contains(.bfloat16) && digits?.tell(format: .bfloat16) == true
    let own = BinaryFormat.own(of: isPrinted ? all.map(BinaryFormat.bfloat16.nearest) : all, in: report.format)
    if own != report.format, short.contains(own) { return [.binary32, own] }
    return [.binary32] + (holding.isEmpty ? short : holding)
  }()
  private lazy var isHeldByBinary32 = BinaryFormat.binary32.holds(numbers)
  private lazy var isHeldByBinary16 = BinaryFormat.binary16.holds(numbers)
  /// Whether recomputations do not know an option of the request.
  var isBesideOptions = false
  /// The factor that was named.
  var factorFound: Double?

  init(
    _ facts: RequestFacts, _ mistakes: [Mistake], of candidate: CheckRequest.Candidate, exact: [Double],
    report: OutputReport, _ tables: SoftmaxTables
  ) {
    self.candidate = candidate
    self.report = report
    self.facts = facts
    self.mistakes = mistakes
    self.tables = tables
    exactTensor = exact
    let (rows, request, layout) = (tables.rows, tables.request, tables.request.geometry.layout)
    let isReduced = request.isReduced(candidate.output)
    let width = candidate.values.count == layout.count ? layout.classes : 1
    self.width = width
    let isWide = width > 1 || layout.classes == 1 && candidate.shape == request.geometry.shape
    func gathered(_ values: [Double]) -> [Double] {
      isReduced ? values : isWide ? rows.gathered(values) : rows.gathered(batch: values)
    }
    let (numbers, exact) = (gathered(candidate.values), gathered(exact))
    (self.numbers, self.exact) = (numbers, exact)
    isFinite = numbers.allSatisfy(\.isFinite)
    isZero = candidate.values.allSatisfy { $0 == 0 }
    ownArithmetic = CandidateArithmetic(.own(of: numbers, in: request.format))
    arithmetic = ownArithmetic
    let block = layout.classes * layout.inner
    var places = report.worst.compactMap { place -> (row: Int, index: Int)? in
      if isReduced { return nil }
      let position = place.position
      let item = isWide ? layout.row(of: position) : position
      guard let row = rows.isAll ? item : rows.numbers.prefix(64).firstIndex(of: item) else { return nil }
      return (row, isWide ? position % block / layout.inner : 0)
    }
    if candidate.output == .gradient, !isZero, !places.isEmpty,
      places.allSatisfy({ numbers[$0.row * width + $0.index] == 0 })
    {
      // Zeros do not tell how many times as large the numbers are.
      let place = numbers.indices.max { numbers[$0].magnitude < numbers[$1].magnitude } ?? 0
      places.append((place / width, place % width))
    }
    if places.isEmpty {
      let place = numbers.indices.first { numbers[$0] != exact[$0] } ?? 0
      places = [(place / width, place % width)]
    }
    spots = SpotChecks(of: candidate.output, at: places, in: tables) { row, index in
      (numbers[row * width + index], exact[row * width + index])
    }
    recomputation = Recomputation(candidate.output, of: tables)
    asked = Recomputation(candidate.output, of: tables)
  }

  /// How well the formula as it is agrees; nil where it does not.
  func agreementAsAsked() throws(ComputationError) -> Agreement? {
    guard try spots.mayAgree(Change(), arithmetic), try asked.adopt(Change()) else { return nil }
    return try asked.agreement(of: numbers, spots.all, arithmetic)
  }

  /// How well the recomputation under a change agrees; asked only for changes that the spots did not rule out. Nil
  /// where it does not agree, or is not defined.
  func agreement(under change: Change) throws(ComputationError) -> Agreement? {
    guard try canShow(change.handling), try recomputation.adopt(change),
      let agreement = try recomputation.agreement(of: numbers, spots.all, arithmetic), agreement.isTelling
    else { return nil }
    return agreement
  }

  /// Where in the candidate a number stands.
  func position(of place: Int) -> Int {
    if numbers.count == 1 { return 0 }
    return width == 1 ? rows.numbers[place] : rows.position(row: place / width, class: place % width)
  }

  /// Whether this output, and numbers like these, can show a mistake.
  func canBeShown(_ mistake: Mistake) -> Bool {
    guard mistake.outputs.contains(candidate.output), !rows.isWithoutEffect(mistake.change.handling) else {
      return false
    }
    // Short numbers in their decimals are looked at for a sign that is impossible.
    if digits == nil, arithmetic.digits != nil, mistake.cause != .sign { return false }
    // The diagonal of a Jacobian leaves zeros, and so does right arithmetic of sure predictions.
    if isZero, mistake.aspect == .derivation { return false }
    if !mayLeaveOutStep(mistake.cause) { return false }
    guard let range = mistake.range else { return true }
    // Where the range of a format spoils a loss or an entropy, it is NaN or infinite, unless only digits are lost.
    if isFinite, candidate.output == .loss || candidate.output == .entropy, !mistake.change.handling.isGradual {
      return false
    }
    // Numbers of a longer format were not computed in a shorter one, unless they are known by a few digits.
    switch range {
    case .binary32: return isHeldByBinary32 || arithmetic.digits != nil
    case .binary16: return report.format != .bfloat16 && (isHeldByBinary16 || arithmetic.digits != nil)
    case .bfloat16: return report.format == .bfloat16
    default: return true
    }
  }

  /// Whether the numbers may be those of a step that is left out, by what all such numbers have: looked at first, since
  /// it needs no exponentials.
  private func mayLeaveOutStep(_ cause: Cause) -> Bool {
    switch cause {
    case .noExponential: numbers.allSatisfy { $0 <= 0 }
    case .noSum:
      // The largest logit's own exponential is 1, and the logarithm of that 0.
      switch candidate.output {
      case .probabilities: numbers.contains(1) && haveLargeSums
      case .logProbabilities: numbers.contains(0) && haveLargeSums
      case .logSumExp, .entropy, .loss, .gradient: !isZero && haveLargeSums
      }
    default: true
    }
  }

  /// Whether the sum that a row is divided by shows in one decimal place, of any row that counts: else p is 1, and
  /// log p is a - max a, in few digits.
  private var haveLargeSums: Bool {
    let targets = candidate.output.isLossOrGradient ? targets : nil
    return rows.numbers.indices.contains { row in
      rows.hasLargeSum(row) && targets?.isIgnored(rows.numbers[row]) != true
    }
  }

  /// Whether handling probabilities so changes any of them enough to be seen in numbers that do not pass.
  private func canShow(_ handling: Change.Handling) throws(ComputationError) -> Bool {
    switch handling {
    case .given, .unshifted, .flushed, .gradual, .beyond: return true
    case .difference(let step, let isCentral):
      // A quotient is known by its own error, which is at most this part of q s U / D.
      let h = step / asked.temperature
      let error = isCentral ? h * h / 62 : h / 8
      return 2 * error >= rows.noise(ofQuotientBy: step) * arithmetic.unit
    case .epsilon(let epsilon):
      guard let smallest = try tables.numbers(.leastProbabilities, of: .given)?.min() else { return false }
      // How far a logarithm moves at most: the numbers cannot be further from the exact ones.
      return try report.maximumAbsoluteError <= 2 * log1p(epsilon / smallest) * largestGain()
    case .clipped(let least, let isTwoSided):
      guard let smallest = try tables.numbers(.leastProbabilities, of: .given)?.min() else { return false }
      // Not two-sided in effect: the one-sided hypothesis says it.
      guard isTwoSided else { return smallest < least }
      return try tables.numbers(.probabilities, of: .given)?.contains { $0 > 1 - least } ?? false
    }
  }

  /// What a logarithm is multiplied by in any of the numbers, at most.
  func largestGain() throws(ComputationError) -> Double {
    if let known = knownGain { return known }
    guard try asked.adopt(Change()) else { return .infinity }
    var gain = 0.0
    try asked.forEach { _, term in
      gain = max(gain, term.bounds.usual)
      return true
    }
    knownGain = gain
    return gain
  }

  private var knownGain: Double?

  /// What speaks for a change that agrees, from as many numbers as it takes.
  ///
  /// - Parameters:
  ///   - base: how well the formula as it is agrees; nil where it does not.
  ///   - enough: as many bits as are asked for.
  func evidence(
    for change: Change, _ agreement: Agreement, base: Agreement? = nil, enough: Double = .infinity
  ) throws(ComputationError) -> WeightOfEvidence {
    var evidence = WeightOfEvidence(
      arithmetic, agreement, base: base, in: printedArithmetic, isNear: change.isNearNone, enough: enough)
    guard try recomputation.adopt(change), try asked.adopt(Change()) else { return evidence }
    if recomputation.isReduced {
      evidence.add(numbers[0], exact: exact[0], changed: recomputation.total(), asked: asked.total())
      evidence.endRow(of: 1)
      return evidence
    }
    for row in 0..<rows.count {
      if row & 0xFF == 0xFF, tables.execution.isCancelled() { throw .cancelled }
      let (changed, own) = (recomputation.row(at: row), asked.row(at: row))
      for index in 0..<width where numbers[row * width + index] != exact[row * width + index] {
        guard !evidence.isComplete else { return evidence }
        let place = row * width + index
        evidence.add(
          numbers[place], exact: exact[place], changed: recomputation.term(changed, index),
          asked: asked.term(own, index))
      }
      evidence.endRow(of: width)
    }
    return evidence
  }

  /// How well numbers agree with recomputed ones, and what speaks for these beside the exact ones; nil where they do
  /// not agree.
  /// - Parameter asked: what stands for the exact ones.
  func comparison(
    of numbers: [Double], exact: [Double], with terms: some Sequence<Recomputation.Term>,
    beside asked: some Sequence<Recomputation.Term>
  ) -> (agreement: Agreement, evidence: WeightOfEvidence)? {
    let arithmetic = arithmetic
    var agreement = Agreement()
    for (number, term) in zip(numbers, terms) {
      agreement.add(number, term, arithmetic)
      guard agreement.agrees else { return nil }
    }
    var evidence = WeightOfEvidence(arithmetic, agreement)
    for (place, (changed, asked)) in zip(terms, asked).enumerated() {
      evidence.add(numbers[place], exact: exact[place], changed: changed, asked: asked)
    }
    return (agreement, evidence)
  }

  /// Whether the recomputation without any change gives the exact numbers, as any order of operations does: else the
  /// request has an option that recomputations do not know.
  func knowsTheRequest() throws(ComputationError) -> Bool {
    guard try asked.adopt(Change()) else { return false }
    // In binary64 the exact numbers of softmax alone are what is recomputed from.
    if !candidate.output.isLossOrGradient, report.format == .binary64 { return true }
    let arithmetic = CandidateArithmetic(report.format)
    var agreement = Agreement()
    let exact = exact
    try asked.forEach { place, term in
      agreement.add(exact[place], term, arithmetic)
      return place < 4096
    }
    return agreement.agrees
  }

  /// What a change multiplies the numbers by, besides all else that it does; nil where it divides by zero.
  func factor(of change: Change) -> Double? { factor(of: change.scale, mean: targets?.normaliser(change.target) ?? 1) }

  /// The same, where it is known what the mean divides by.
  func factor(of scale: Change.Scale, mean: Double) -> Double? {
    let numerator = scale.numerator(asked.temperature)
    guard let targets else { return numerator }
    guard let divisor = targets.divisor(scale.divisor, mean: mean), divisor > 0 else { return nil }
    return numerator / divisor
  }

  /// How well the exact numbers agree, each times a factor, and what speaks for it; nil where they do not.
  func scaled(by factor: Double) -> (agreement: Agreement, evidence: WeightOfEvidence)? {
    comparison(of: numbers, exact: exact, with: scaledTerms(factor), beside: scaledTerms(1))
  }

  /// The exact numbers times a factor, where it is not known what they are made of.
  func scaledTerms(_ factor: Double) -> LazyMapCollection<Range<Int>, Recomputation.Term> {
    let (exact, rows, width) = (exact, rows, width)
    let operations = OperationCount(classes: rows.classes, items: rows.count)
    return exact.indices.lazy.map { place in
      let value = exact[place] * factor
      let magnitude = rows.extremes[min(place / width, rows.count - 1)].magnitude
      let usual = value.magnitude * (operations.typical + magnitude)
      return Recomputation.Term(
        value: value,
        bounds: ErrorBounds(
          careful: usual, usual: usual, lenient: value.magnitude * (operations.worst + 2 * magnitude)),
        gain: factor.magnitude)
    }
  }
}

extension BinaryFormat {
  /// Whether finite numbers are all of the format.
  func holds(_ values: [Double]) -> Bool { values.allSatisfy { !$0.isFinite || nearest(to: $0) == $0 } }
}

extension Recomputation {
  /// How well numbers agree with the recomputed ones; nil where they do not.
  /// - Parameter spots: some of them, which are looked at first.
  fileprivate mutating func agreement(
    of numbers: [Double], _ spots: [SpotChecks.Spot], _ arithmetic: CandidateArithmetic
  ) throws(ComputationError) -> Agreement? {
    if tables.execution.isCancelled() { throw .cancelled }
    var agreement = Agreement()
    if !isReduced {
      for spot in spots {
        agreement.add(spot.candidate, term(row: spot.place.row, index: spot.place.index), arithmetic)
      }
      guard agreement.agrees else { return nil }
      agreement = Agreement()
    }
    try forEach { place, term in
      agreement.add(numbers[place], term, arithmetic, at: place)
      return agreement.agrees
    }
    return agreement.agrees ? agreement : nil
  }
}
