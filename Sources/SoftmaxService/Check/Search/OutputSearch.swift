import Glibc
import Softmax
import VectorKernels

/// One output of a caller's, and how well changed recomputations agree with it.
struct OutputSearch: ~Copyable {
  let candidate: CheckRequest.Candidate
  let report: OutputReport
  /// Whether the request names the numbers' format.
  let isFormatNamed: Bool
  let facts: RequestFacts
  let rows: CheckedRows
  let targets: TargetTables?
  private let tables: SoftmaxTables
  let execution: Execution
  /// The caller's numbers, and the exact ones, slice by slice.
  let found: [Double]
  let exact: [Double]
  /// The exact numbers in the candidate's order.
  let exactTensor: [Double]
  /// The arithmetic that the numbers seem to come from; comparisons allow what it rounds.
  var arithmetic: CandidateArithmetic
  var probes: Probes
  /// From correctly rounded probabilities: under one change after the other, and of the request as it is.
  private var recomputation: Recomputation
  var asked: Recomputation
  let width: Int
  /// Whether all of the caller's numbers are finite, and whether formats hold those that are.
  let isFinite: Bool
  /// Whether each of them is 0, those too that are not looked at.
  let isZero: Bool
  private lazy var isHeldByBinary32 = BinaryFormat.binary32.holds(found)
  private lazy var isHeldByBinary16 = BinaryFormat.binary16.holds(found)

  init(
    _ request: borrowing CheckRequest, _ facts: RequestFacts, of candidate: CheckRequest.Candidate, exact: [Double],
    report: OutputReport, tables: SoftmaxTables, targets: TargetTables?, _ execution: Execution
  ) {
    self.candidate = candidate
    self.report = report
    isFormatNamed = request.namesFormat
    self.facts = facts
    self.tables = tables
    self.targets = targets
    self.execution = execution
    let (rows, layout) = (tables.rows, request.geometry.layout)
    self.rows = rows
    let isReduced = request.isReduced(candidate.output)
    let width = candidate.values.count == layout.count ? layout.classes : 1
    self.width = width
    let isWide = width > 1 || layout.classes == 1 && candidate.shape == request.geometry.shape
    func gathered(_ values: [Double]) -> [Double] {
      isReduced ? values : isWide ? rows.gathered(values) : rows.gathered(batch: values)
    }
    let (found, own) = (gathered(candidate.values), gathered(exact))
    (self.found, self.exact, exactTensor) = (found, own, exact)
    isFinite = found.allSatisfy(\.isFinite)
    isZero = candidate.values.allSatisfy { $0 == 0 }
    arithmetic = CandidateArithmetic(.own(of: found, in: request.format))
    let block = layout.classes * layout.inner
    var places = report.worst.compactMap { place -> (row: Int, index: Int)? in
      if isReduced { return nil }
      let position = place.position
      let slice = isWide ? layout.slice(of: position) : position
      guard let row = rows.isAll ? slice : rows.numbers.prefix(64).firstIndex(of: slice) else { return nil }
      return (row, isWide ? position % block / layout.inner : 0)
    }
    if places.isEmpty {
      let place = found.indices.first { found[$0] != own[$0] } ?? 0
      places = [(place / width, place % width)]
    }
    probes = Probes(of: candidate.output, at: places, in: tables, request, targets) { row, index in
      (found[row * width + index], own[row * width + index])
    }
    recomputation = Recomputation(candidate.output, of: request, tables, targets)
    asked = Recomputation(candidate.output, of: request, tables, targets)
  }

  /// How well the formula as it is agrees; nil where it does not.
  mutating func agreementAsAsked() throws(ComputationError) -> Agreement? {
    guard try probes.mayAgree(Change(), arithmetic), try asked.adopt(Change()) else { return nil }
    return try asked.agreement(of: found, probes.all, arithmetic, execution)
  }

  /// How well the recomputation under a change agrees; asked only for changes that the probes did not rule out. Nil
  /// where it does not agree, or is not defined.
  mutating func agreement(under change: Change) throws(ComputationError) -> Agreement? {
    guard try canShow(change.handling), try recomputation.adopt(change),
      let agreement = try recomputation.agreement(of: found, probes.all, arithmetic, execution), agreement.isTelling
    else { return nil }
    return agreement
  }

  /// Where in the candidate a number stands.
  func position(of place: Int) -> Int {
    if found.count == 1 { return 0 }
    return width == 1 ? rows.numbers[place] : rows.position(row: place / width, class: place % width)
  }

  /// Whether this output, and numbers like these, can show a mistake.
  mutating func canBeShown(_ mistake: Mistake) -> Bool {
    guard mistake.outputs.contains(candidate.output), !rows.isWithoutEffect(mistake.change.handling) else {
      return false
    }
    guard let range = mistake.range else { return true }
    // Where the range of a format spoils a loss or an entropy, it is NaN or infinite.
    if isFinite, candidate.output == .loss || candidate.output == .entropy { return false }
    // Numbers of a longer format were not computed in a shorter one, unless they are known by a few digits.
    switch range {
    case .binary32: return isHeldByBinary32 || arithmetic.digits != nil
    case .binary16: return isHeldByBinary16 || arithmetic.digits != nil
    default: return true
    }
  }

  /// Whether handling probabilities so changes any of them enough to be seen in numbers that do not pass.
  private mutating func canShow(_ handling: Change.Handling) throws(ComputationError) -> Bool {
    switch handling {
    case .given, .unshifted, .flushed, .beyond: return true
    case .epsilon(let epsilon):
      guard let smallest = try tables.leastProbabilities(.given)?.min() else { return false }
      // How far a logarithm moves at most: the numbers cannot be further from the exact ones.
      return try report.maximumAbsoluteError <= 2 * log1p(epsilon / smallest) * largestGain()
    case .clipped(let least, let isTwoSided):
      guard let smallest = try tables.leastProbabilities(.given)?.min() else { return false }
      // Not two-sided in effect: the one-sided hypothesis says it.
      guard isTwoSided else { return smallest < least }
      return try tables.probabilities(.given)?.contains { $0 > 1 - least } ?? false
    }
  }

  /// What a logarithm is multiplied by in any of the numbers, at most.
  private mutating func largestGain() throws(ComputationError) -> Double {
    if let known = knownGain { return known }
    guard try asked.adopt(Change()) else { return .infinity }
    var gain = 0.0
    try asked.forEach(execution) { _, term in
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
  mutating func evidence(
    for change: Change, _ agreement: Agreement, base: Agreement?, enough: Double
  ) throws(ComputationError) -> WeightOfEvidence {
    var evidence = WeightOfEvidence(arithmetic, isRight: base != nil, enough: enough)
    guard try recomputation.adopt(change), try asked.adopt(Change()) else { return evidence }
    let (isNear, right) = (change.handling.isNearNone, base ?? .none)
    func add(_ place: Int, _ changed: Recomputation.Term, _ asked: Recomputation.Term) {
      evidence.add(
        found[place], exact: exact[place], allowed: arithmetic.interval(found[place], changed, agreement),
        right: arithmetic.interval(found[place], asked, right), isNear: isNear)
    }
    if recomputation.isReduced {
      add(0, recomputation.total(), asked.total())
      evidence.endSlice(of: 1)
      return evidence
    }
    for row in 0..<rows.count {
      if row & 0xFF == 0xFF, execution.isCancelled() { throw .cancelled }
      let (changed, own) = (recomputation.slice(row), asked.slice(row))
      for index in 0..<width where found[row * width + index] != exact[row * width + index] {
        guard !evidence.isComplete else { return evidence }
        add(row * width + index, recomputation.term(changed, index), asked.term(own, index))
      }
      evidence.endSlice(of: width)
    }
    return evidence
  }

  /// Whether the recomputation without any change gives the exact numbers, as any order of operations does: else the
  /// request has an option that recomputations do not know.
  mutating func knowsTheRequest() throws(ComputationError) -> Bool {
    guard try asked.adopt(Change()) else { return false }
    // In binary64 the exact numbers of softmax alone are what is recomputed from.
    if !candidate.output.isLossOrGradient, report.format == .binary64 { return true }
    let arithmetic = CandidateArithmetic(report.format)
    var agreement = Agreement()
    let exact = exact
    try asked.forEach(execution) { place, term in
      agreement.add(exact[place], term, arithmetic, at: nil)
      return place < 4096
    }
    return agreement.agrees
  }

  /// What a change multiplies the numbers by, besides all else that it does; nil where it divides by zero.
  func factor(of change: Change) -> Double? {
    factor(of: change.scale, targets?.divisors, mean: targets?.normaliser(change.target) ?? 1)
  }

  /// The same, where it is known what may be divided by, and what the mean divides by.
  func factor(of scale: Change.Scale, _ divisors: Divisors?, mean: Double) -> Double? {
    let numerator = scale.numerator(asked.temperature)
    guard let divisors else { return numerator }
    guard let divisor = divisors.divisor(scale.divisor, mean: mean), divisor > 0 else { return nil }
    return numerator / divisor
  }

  /// How well the exact numbers agree, each times a factor; nil where they do not.
  func agreement(withExactTimes factor: Double) -> Agreement? {
    var agreement = Agreement()
    for place in found.indices {
      agreement.add(found[place], scaledTerm(place, factor), arithmetic, at: nil)
      guard agreement.agrees else { return nil }
    }
    return agreement
  }

  /// An exact number times a factor, where it is not known what it is made of.
  func scaledTerm(_ place: Int, _ factor: Double) -> Recomputation.Term {
    let value = exact[place] * factor
    let operations = OperationCount(classes: rows.classes, items: rows.count)
    let magnitude = rows.magnitudes[min(place / width, rows.count - 1)]
    let usual = value.magnitude * (operations.typical + magnitude)
    return Recomputation.Term(
      value: value,
      bounds: ErrorBounds(
        careful: usual, usual: usual, lenient: value.magnitude * (operations.worst + 2 * magnitude)),
      gain: factor.magnitude)
  }
}

extension BinaryFormat {
  /// Whether finite numbers are all of the format.
  func holds(_ values: [Double]) -> Bool { values.allSatisfy { !$0.isFinite || nearest(to: $0) == $0 } }
}

extension Recomputation {
  /// How well numbers agree with the recomputed ones; nil where they do not.
  /// - Parameter probes: some of them, which are looked at first.
  fileprivate mutating func agreement(
    of numbers: [Double], _ probes: [Probes.Probe], _ arithmetic: CandidateArithmetic, _ execution: Execution
  ) throws(ComputationError) -> Agreement? {
    if execution.isCancelled() { throw .cancelled }
    var agreement = Agreement()
    if !isReduced {
      for probe in probes {
        let term = term(row: probe.place.row, index: probe.place.index)
        agreement.add(probe.candidate, term, arithmetic, at: nil)
      }
      guard agreement.agrees else { return nil }
      agreement = Agreement()
    }
    try forEach(execution) { place, term in
      agreement.add(numbers[place], term, arithmetic, at: place)
      return agreement.agrees
    }
    return agreement.agrees ? agreement : nil
  }
}
