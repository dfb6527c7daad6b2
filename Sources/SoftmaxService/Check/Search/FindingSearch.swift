import Softmax

/// Looks for the causes of what is wrong with a caller's numbers: one loop over the hypotheses.
///
/// A hypothesis stands when what it recomputes agrees with the caller's numbers to the precision of their own
/// arithmetic, and much better than what was asked for does. Simple explanations come first: single mistakes, then the
/// arithmetic alone, then an order, then pairs of mistakes. The first step that explains the numbers ends the search.
struct FindingSearch: ~Copyable {
  private let request: CheckRequest
  private let exact: ExactNumbers
  private let execution: Execution
  private let facts: RequestFacts
  private let hypotheses: Hypotheses
  private let targets: TargetTables?
  /// The recomputation over all slices, which the outputs share.
  private var whole: SoftmaxTables?

  init(_ request: CheckRequest, _ exact: ExactNumbers, _ execution: Execution) {
    self.request = request
    self.exact = exact
    self.execution = execution
    facts = RequestFacts(request)
    hypotheses = Hypotheses(for: facts)
    targets = request.loss.map { TargetTables($0) }
  }

  /// What explains an output that does not pass; ``Cause/unexplained`` where nothing does.
  /// - Throws: ``ComputationError/cancelled``.
  mutating func findings(
    of candidate: CheckRequest.Candidate, _ report: OutputReport
  ) throws(ComputationError) -> [Finding] {
    let output = candidate.output
    let isReduced = output == .loss && candidate.shape != request.geometry.batchShape || facts.items == 1
    let isWhole = isReduced || request.geometry.layout.count <= CheckedRows.mostLogits
    let rows = isWhole ? whole?.rows : CheckedRows(request.softmax, worst: worstSlices(of: candidate))
    let tables =
      isWhole && whole != nil
      ? whole : SoftmaxTables(request, exact, on: rows ?? CheckedRows(request.softmax, worst: nil), execution)
    guard let tables else { return [] }
    if isWhole { whole = tables }
    var search = OutputSearch(
      request, facts, of: candidate, exact: exact[candidate.output] ?? [], report: report, tables: tables,
      targets: targets, execution)
    return try search.findings(hypotheses)
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
