import Glibc
import Softmax
import VectorKernels

/// One output of a caller's, and how well changed recomputations agree with it.
struct OutputSearch {
  private let request: CheckRequest
  let candidate: CheckRequest.Candidate
  let report: OutputReport
  let rows: CheckedRows
  let targets: TargetTables?
  private let tables: SoftmaxTables
  let execution: Execution
  /// The caller's numbers, and the exact ones, slice by slice.
  let found: [Double]
  let exact: [Double]
  /// The exact numbers in the candidate's order.
  let exactTensor: [Double]
  /// How the numbers look as if they had been computed; what is compared is compared in it.
  var arithmetic: CandidateArithmetic
  var probes: Probes
  /// From correctly rounded probabilities.
  var recomputation: Recomputation
  let width: Int
  /// Whether all of the caller's numbers are finite.
  let isFinite: Bool

  init(
    _ request: CheckRequest, _ candidate: CheckRequest.Candidate, exact: [Double], report: OutputReport,
    tables: SoftmaxTables, targets: TargetTables?, _ execution: Execution
  ) {
    self.request = request
    self.candidate = candidate
    self.report = report
    self.tables = tables
    self.targets = targets
    self.execution = execution
    let (rows, layout) = (tables.rows, request.geometry.layout)
    self.rows = rows
    let isReduced = candidate.values.count == 1
    let width = candidate.values.count == layout.count ? layout.classes : 1
    self.width = width
    let isWide = width > 1 || layout.classes == 1 && candidate.shape == request.geometry.shape
    func gathered(_ values: [Double]) -> [Double] {
      isReduced ? values : isWide ? rows.gathered(values) : rows.gathered(batch: values)
    }
    let (found, own) = (gathered(candidate.values), gathered(exact))
    (self.found, self.exact, exactTensor) = (found, own, exact)
    isFinite = found.allSatisfy(\.isFinite)
    arithmetic = CandidateArithmetic(.own(of: candidate.values, in: request.format))
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
    probes = Probes(of: candidate.output, at: places, in: rows, request, targets, execution) { row, index in
      (found[row * width + index], own[row * width + index])
    }
    recomputation = Recomputation(candidate.output, of: request, tables, targets)
  }

  /// How well the recomputation under a change agrees; nil where it does not, or is not defined.
  mutating func agreement(under change: Change) throws(ComputationError) -> Agreement? {
    if execution.isCancelled() { throw .cancelled }
    guard try probes.mayAgree(change, arithmetic), try canShow(change.handling), try recomputation.adopt(change)
    else { return nil }
    if !recomputation.isReduced {
      var agreement = Agreement()
      for probe in probes.all {
        let term = recomputation.term(row: probe.place.row, index: probe.place.index)
        agreement.add(probe.candidate, term, arithmetic, at: nil)
      }
      guard agreement.agrees else { return nil }
    }
    var agreement = Agreement()
    let (found, arithmetic) = (found, arithmetic)
    try recomputation.forEach(execution) { place, term in
      agreement.add(found[place], term, arithmetic, at: place)
      return agreement.agrees
    }
    return agreement.agrees ? agreement : nil
  }

  /// Where in the candidate a number stands.
  func position(of place: Int) -> Int {
    if found.count == 1 { return 0 }
    return width == 1 ? rows.numbers[place] : rows.position(row: place / width, class: place % width)
  }

  /// Whether numbers like these can show a mistake.
  func canBeShown(_ hypothesis: Hypothesis) -> Bool {
    // Where the range of a format spoils a loss or an entropy, it is NaN or infinite.
    !(isFinite && (candidate.output == .loss || candidate.output == .entropy) && hypothesis.isOfRange)
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
    guard try recomputation.adopt(Change()) else { return .infinity }
    var gain = 0.0
    try recomputation.forEach(execution) { _, term in
      gain = max(gain, term.bounds.usual)
      return true
    }
    knownGain = gain
    return gain
  }

  private var knownGain: Double?

  /// By what each number may miss the exact one, in the way that the formula as it is agrees with, or in any.
  ///
  /// - Parameter base: how well the formula as it is agrees.
  mutating func intervals(_ base: Agreement) throws(ComputationError) -> [Double] {
    var intervals = [Double](repeating: 0, count: found.count)
    guard try recomputation.adopt(Change()) else { return intervals }
    let (found, arithmetic) = (found, arithmetic)
    try recomputation.forEach(execution) { place, term in
      intervals[place] = arithmetic.interval(found[place], term, base)
      return true
    }
    return intervals
  }

  /// What speaks for a change that agrees.
  mutating func evidence(
    for change: Change, _ agreement: Agreement, right: [Double], isRight: Bool
  ) throws(ComputationError) -> WeightOfEvidence {
    var evidence = WeightOfEvidence(arithmetic.format, isRight: isRight)
    guard try recomputation.adopt(change) else { return evidence }
    let (isNear, width) = (change.handling.isNearNone, width)
    let (found, exact, arithmetic) = (found, exact, arithmetic)
    try recomputation.forEach(execution) { place, term in
      if found[place] != exact[place] {
        let allowed = arithmetic.interval(found[place], term, agreement)
        evidence.add(found[place], exact: exact[place], allowed: allowed, right: right[place], isNear: isNear)
      }
      if (place + 1) % width == 0 { evidence.endSlice(of: width) }
      return true
    }
    return evidence
  }

  /// Whether the recomputation without any change gives the exact numbers, to the last digits: else the request has an
  /// option that recomputations do not know.
  mutating func knowsTheRequest() throws(ComputationError) -> Bool {
    guard try recomputation.adopt(Change()) else { return false }
    let arithmetic = CandidateArithmetic(request.format)
    var agreement = Agreement()
    let exact = exact
    try recomputation.forEach(execution) { place, term in
      agreement.add(exact[place], term, arithmetic, at: nil)
      return place < 4096
    }
    return agreement.misfit.usual <= 1
  }

  /// What a change of factors multiplies the numbers of another change by.
  func factor(from one: Change, to other: Change) -> Double? {
    var factor = other.factor / one.factor
    let powers = other.temperaturePower - one.temperaturePower
    for _ in 0..<powers.magnitude {
      factor *= powers > 0 ? 1 / request.softmax.temperature : request.softmax.temperature
    }
    guard let targets else { return factor }
    guard let given = targets.divisor(one), let divisor = targets.divisor(other), divisor > 0 else { return nil }
    return factor * given / divisor
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
