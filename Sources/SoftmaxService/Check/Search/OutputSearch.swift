import Glibc
import Softmax
import VectorKernels

/// One output of a caller's, and how well changed recomputations agree with it.
struct OutputSearch {
  private let request: CheckRequest
  let candidate: CheckRequest.Candidate
  let report: OutputReport
  let rows: CheckedRows
  private(set) var tables: SoftmaxTables
  private let execution: Execution
  /// The caller's numbers, and the exact ones, slice by slice.
  let found: [Double]
  let exact: [Double]
  /// The exact numbers in the candidate's order.
  let exactTensor: [Double]
  /// How the numbers look as if they had been computed; what is compared is compared in it.
  var arithmetic: CandidateArithmetic
  /// Places that a recomputation is held against first: most that disagree do so here.
  let probes: [(row: Int, index: Int)]
  let width: Int

  init(
    _ request: CheckRequest, _ candidate: CheckRequest.Candidate, exact: [Double], report: OutputReport,
    rows: CheckedRows, tables: SoftmaxTables, _ execution: Execution
  ) {
    self.request = request
    self.candidate = candidate
    self.report = report
    self.rows = rows
    self.tables = tables
    self.execution = execution
    let layout = request.geometry.layout
    let isReduced = candidate.values.count == 1
    width = candidate.values.count == layout.count ? layout.classes : 1
    let isWide = width > 1 || layout.classes == 1 && candidate.shape == request.geometry.shape
    func gathered(_ values: [Double]) -> [Double] {
      isReduced ? values : isWide ? rows.gathered(values) : rows.gathered(batch: values)
    }
    found = gathered(candidate.values)
    self.exact = gathered(exact)
    exactTensor = exact
    arithmetic = CandidateArithmetic(.own(of: candidate.values, in: request.format))
    let block = layout.classes * layout.inner
    probes = report.worst.compactMap { place in
      if isReduced { return nil }
      let position = place.position
      let slice = isWide ? layout.slice(of: position) : position
      guard let row = rows.isAll ? slice : rows.numbers.prefix(64).firstIndex(of: slice) else { return nil }
      return (row, isWide ? position % block / layout.inner : 0)
    }
  }

  /// How well the recomputation under a change agrees; nil where it is not defined, or where it `mustAgree` and does
  /// not.
  mutating func agreement(
    under change: Change, mustAgree: Bool = true
  ) throws(ComputationError) -> Agreement? {
    if execution.isCancelled() { throw .cancelled }
    guard try canShow(change.handling), let recomputation = try recomputation(change) else { return nil }
    var agreement = Agreement()
    if mustAgree, !recomputation.isReduced {
      for probe in probes {
        agreement.add(
          found[probe.row * width + probe.index], recomputation.term(row: probe.row, index: probe.index), arithmetic,
          at: nil)
      }
      guard agreement.agrees else { return nil }
      agreement = Agreement()
    }
    try forEachTerm(of: recomputation) { place, position, term in
      agreement.add(found[place], term, arithmetic, at: position)
      return !mustAgree || agreement.agrees
    }
    return agreement.agrees || !mustAgree ? agreement : nil
  }

  /// Calls `body` with each number's place here and in the candidate, and what is recomputed, until it returns false.
  func forEachTerm(
    of recomputation: Recomputation, _ body: (_ place: Int, _ position: Int, Recomputation.Term) -> Bool
  ) throws(ComputationError) {
    if recomputation.isReduced {
      _ = body(0, 0, recomputation.total())
      return
    }
    for row in 0..<rows.count {
      if row & 0xFF == 0xFF, execution.isCancelled() { throw .cancelled }
      let isWhole = recomputation.forEach(row: row) { index, term in
        body(row * width + index, width == 1 ? rows.numbers[row] : rows.position(row: row, class: index), term)
      }
      guard isWhole else { return }
    }
  }

  /// Whether handling probabilities so changes any of them enough to be seen in numbers that do not pass.
  private mutating func canShow(_ handling: Change.Handling) throws(ComputationError) -> Bool {
    switch handling {
    case .given, .unshifted, .flushed, .beyond: return true
    case .epsilon(let epsilon):
      guard let smallest = try tables.leastProbabilities(.given)?.min() else { return false }
      // How far a logarithm moves at most: the numbers cannot be further from the exact ones.
      return report.maximumAbsoluteError <= 2 * log1p(epsilon / smallest) * largestGain
    case .clipped(let least, let isTwoSided):
      guard let smallest = try tables.leastProbabilities(.given)?.min() else { return false }
      guard let largest = try tables.greatestProbability(.given) else { return false }
      // Not two-sided in effect: the one-sided hypothesis says it.
      return isTwoSided ? largest > 1 - least : smallest < least
    }
  }

  /// What a logarithm is multiplied by in the output, at most, once the request as it is has been compared.
  var largestGain = Double.infinity

  /// By what each number may miss the exact one, in the way that the formula as it is agrees with, or in any.
  ///
  /// - Parameter base: how well the formula as it is agrees.
  mutating func intervals(_ base: Agreement) throws(ComputationError) -> [Double] {
    guard let recomputation = try recomputation(Change()) else { return [] }
    var intervals = [Double](repeating: 0, count: found.count)
    try forEachTerm(of: recomputation) { place, _, term in
      intervals[place] = interval(found[place], term, base)
      return true
    }
    return intervals
  }

  /// What speaks for a change that agrees.
  mutating func evidence(
    for change: Change, _ agreement: Agreement, right: [Double]
  ) throws(ComputationError) -> WeightOfEvidence {
    guard let recomputation = try recomputation(change) else { return WeightOfEvidence(arithmetic.format) }
    var evidence = WeightOfEvidence(arithmetic.format)
    try forEachTerm(of: recomputation) { place, _, term in
      evidence.add(
        found[place], exact: exact[place], allowed: interval(found[place], term, agreement), right: right[place],
        isNear: change.handling.isNearNone)
      if (place + 1) % width == 0 { evidence.endSlice(of: width) }
      return true
    }
    return evidence
  }

  /// By what a number may miss a recomputed one, where numbers agree so well.
  func interval(_ candidate: Double, _ term: Recomputation.Term, _ agreement: Agreement) -> Double {
    let rounded =
      term.bounds[agreement.way ?? .lenient] * arithmetic.unit + arithmetic.floor(candidate, term)
    return agreement.isFlushed ? rounded + arithmetic.flushed(term) : rounded
  }

  mutating func recomputation(_ change: Change) throws(ComputationError) -> Recomputation? {
    try Recomputation(candidate.output, change, of: request, rows: rows, &tables)
  }

  /// Whether the recomputation without any change gives the exact numbers: else the request has an option that
  /// recomputations do not know.
  mutating func knowsTheRequest() throws(ComputationError) -> Bool {
    guard let recomputation = try recomputation(Change()) else { return false }
    let arithmetic = CandidateArithmetic(request.format)
    var agreement = Agreement()
    if recomputation.isReduced {
      agreement.add(exact[0], recomputation.total(), arithmetic, at: nil)
    } else {
      for row in 0..<min(rows.count, max(1, 4096 / width)) {
        _ = recomputation.forEach(row: row) { index, term in
          agreement.add(exact[row * width + index], term, arithmetic, at: nil)
          return true
        }
      }
    }
    return agreement.misfit.usual <= 1
  }

  /// What a change of factors multiplies the numbers of another change by.
  mutating func factor(from one: Change, to other: Change) -> Double? {
    var factor = other.factor / one.factor
    for _ in 0..<(other.temperaturePower - one.temperaturePower).magnitude {
      factor *=
        other.temperaturePower > one.temperaturePower
        ? 1 / request.softmax.temperature : request.softmax.temperature
    }
    guard let problem = request.loss?.problem else { return factor }
    guard let given = tables.normalisers.divisor(of: problem, one),
      let divisor = tables.normalisers.divisor(of: problem, other), divisor > 0
    else { return nil }
    return factor * given / divisor
  }

  /// How well the exact numbers agree, each times a factor.
  func agreement(withExactTimes factor: Double) -> Agreement {
    var agreement = Agreement()
    for place in found.indices {
      agreement.add(found[place], scaledTerm(place, factor), arithmetic, at: nil)
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
