import Glibc
import Softmax
import VectorKernels

/// One output of a caller's, and how well changed recomputations agree with it.
struct Trial {
  private let request: CheckRequest
  let candidate: CheckRequest.Candidate
  let report: OutputReport
  let rows: CheckedRows
  private(set) var tables: SoftmaxTables
  private let execution: Execution
  /// The caller's numbers, and the exact ones, slice by slice.
  let found: [Double]
  private let exact: [Double]
  /// The format that the numbers look as if they were computed in.
  let precision: BinaryFormat
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
    precision = .own(of: candidate.values, in: request.format)
    let block = layout.classes * layout.inner
    probes = report.worst.compactMap { place in
      if isReduced { return nil }
      let position = place.position
      let slice = isWide ? layout.slice(of: position) : position
      guard let row = rows.isAll ? slice : rows.numbers.prefix(64).firstIndex(of: slice) else { return nil }
      return (row, isWide ? position % block / layout.inner : 0)
    }
  }

  /// What a difference of the last bit may grow to in sums of so many terms.
  var roundings: Double {
    16 + 2 * Double(rows.classes + (candidate.values.count == 1 ? rows.count : 0)).squareRoot()
  }

  /// The size of the largest number's terms, once the request as it is has been compared.
  var largestScale = Double.infinity

  /// The largest difference that still agrees, in parts of a slice's magnitude.
  var limit: Double { roundings * precision.unit }

  /// How well the recomputation under a change agrees; nil where it is not defined, or does not agree within `limit`.
  /// - Parameter least: the difference that is none; by default that of the numbers' own format.
  mutating func agreement(
    under change: Change, within limit: Double = .infinity, least given: Double? = nil
  ) throws(ComputationError) -> Agreement? {
    let least = given ?? least
    if execution.isCancelled() { throw .cancelled }
    guard try canShow(change.handling), let recomputation = try recomputation(change) else { return nil }
    var agreement = Agreement()
    if recomputation.isReduced {
      agreement.add(
        found[0], recomputation.total(), magnitude: bounded(rows.magnitudes.max() ?? 1), least: least, at: 0)
      return agreement.natural <= limit ? agreement : nil
    }
    for probe in probes {
      agreement.add(
        found[probe.row * width + probe.index], recomputation.term(row: probe.row, index: probe.index),
        magnitude: bounded(rows.magnitudes[probe.row]), least: least, at: 0)
    }
    guard agreement.natural <= limit else { return nil }
    agreement = Agreement()
    for row in 0..<rows.count {
      if row & 0xFF == 0xFF, execution.isCancelled() { throw .cancelled }
      let magnitude = bounded(rows.magnitudes[row])
      let isWhole = recomputation.forEach(row: row) { index, term in
        let position = width == 1 ? rows.numbers[row] : rows.position(row: row, class: index)
        agreement.add(found[row * width + index], term, magnitude: magnitude, least: least, at: position)
        return agreement.natural <= limit
      }
      guard isWhole else { return nil }
    }
    return agreement
  }

  /// Whether handling probabilities so changes any of them enough to be seen in numbers that do not pass.
  private mutating func canShow(_ handling: Change.Handling) throws(ComputationError) -> Bool {
    switch handling {
    case .given, .unshifted, .flushed, .beyond: return true
    case .epsilon(let epsilon):
      guard let smallest = try tables.leastProbabilities(.given)?.min() else { return false }
      // How far a logarithm moves at most: the numbers cannot be further from the exact ones.
      return report.maximumAbsoluteError <= 2 * log1p(epsilon / smallest) * largestScale
    case .clipped(let least, let isTwoSided):
      guard let smallest = try tables.leastProbabilities(.given)?.min() else { return false }
      guard let largest = try tables.greatestProbability(.given) else { return false }
      // Not two-sided in effect: the one-sided hypothesis says it.
      return isTwoSided ? largest > 1 - least : smallest < least
    }
  }

  mutating func recomputation(_ change: Change) throws(ComputationError) -> Recomputation? {
    try Recomputation(candidate.output, change, of: request, rows: rows, &tables)
  }

  /// Whether the recomputation without any change gives the exact numbers: else the request has an option that
  /// recomputations do not know.
  mutating func knowsTheRequest() throws(ComputationError) -> Bool {
    guard let recomputation = try recomputation(Change()) else { return false }
    var agreement = Agreement()
    if recomputation.isReduced {
      agreement.add(exact[0], recomputation.total(), magnitude: 1, least: least, at: 0)
    } else {
      for row in 0..<min(rows.count, max(1, 4096 / width)) {
        _ = recomputation.forEach(row: row) { index, term in
          agreement.add(exact[row * width + index], term, magnitude: 1, least: least, at: 0)
          return true
        }
      }
    }
    return agreement.natural <= roundings * request.format.unit
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
      let value = exact[place] * factor
      agreement.add(
        found[place], Recomputation.Term(value: value, scale: value.magnitude),
        magnitude: bounded(rows.magnitudes[min(place / width, rows.count - 1)]), least: least, at: nil)
    }
    return agreement
  }

  var least: Double { precision.leastDifference }

  /// What agrees at most, however large the logits are: one part in 4,096, so that no mistake is named by chance.
  var loosest = 0x1p-12

  func bounded(_ magnitude: Double) -> Double { min(magnitude, max(1, loosest / limit)) }
}
