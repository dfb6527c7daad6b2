import Softmax
import Testing
import VectorKernels

@testable import SoftmaxService

/// What hundreds of changes share gives the numbers that each of them gives alone.
struct RecomputationTests {
  private static let logits = "[[1.5, -0.25, 3, 0.5], [0.125, 2, -1, 0.75], [-2, 0, 1.25, 9], [0.5, 0.25, 0.75, -3]]"

  private static let requests = [
    #""target": [2, 1, 0, 3]"#,
    #"""
    "target": [2, 1, 0, 3], "ignore_index": 1, "weight": [1, 2, 3, 0.5], "sample_weight": [1, 0.5, 2, 4],
    "label_smoothing": 0.1, "temperature": 1.7
    """#,
    #""target": [2, 1, 0, -1], "ignore_index": -1, "weight": [1, 2, 3, 0.5], "reduction": "sum", "upstream": -2"#,
    #"""
    "target": [[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0], [0, 0.125, 0, 0.875]], "label_smoothing": 0.2,
    "weight": [1, 2, 3, 0.5], "sample_weight": [1, 0, 2, 4], "temperature": 0.5
    """#,
  ]

  private let execution = Execution()

  private func request(_ options: String) throws -> CheckRequest {
    let json = "{\"logits\": \(Self.logits), \(options), \"candidate\": {\"loss\": 0}}"
    let limits = Limits()
    let request = try JSONRequestDecoder.decode(Array(json.utf8).span, for: .check, limits: limits, execution)
    return try CheckRequest(request, limits: limits, wire: JSONWire())
  }

  /// What every mistake changes that leaves the probabilities as they are, and every two about different things.
  private func changes(of request: CheckRequest, in output: CheckedOutput) -> [Change] {
    let mistakes = Mistake.shown(by: RequestFacts(request)).filter {
      $0.outputs.contains(output) && $0.change.handling == .given
    }
    let pairs = mistakes.flatMap { first in
      mistakes.filter { $0.aspect != first.aspect }.map { first.change.with($0.change) }
    }
    return [Change()] + mistakes.map(\.change) + pairs
  }

  /// What is as far from a recomputed number as may agree with it.
  @Test(arguments: requests)
  func aNumberOfTheGradientIsNotExcluded(_ options: String) throws {
    let request = try request(options)
    let targets = TargetTables(try #require(request.loss))
    let all = CheckedRows(request.softmax, worst: nil)
    let tables = SoftmaxTables(request, targets, exact: [:], on: all, execution).estimates(of: nil)
    var recomputation = Recomputation(.gradient, of: tables)
    let changes = changes(of: request, in: .gradient)
    #expect(changes.count > 40)
    let arithmetic = CandidateArithmetic(.binary64)
    var (excluded, others): ([String], Int) = ([], 0)
    for row in 0..<tables.rows.count {
      for index in 0..<tables.rows.classes {
        var number = GradientNumber(tables, targets, at: (row, index))
        for change in changes where try recomputation.adopt(change) {
          let term = recomputation.term(row: row, index: index)
          let near = term.value + 0.999 * Agreement.nearness(term.value, term, arithmetic)
          if try number.excludes(near, change, in: arithmetic) {
            excluded.append("\((row, index)) \(change): \(near), \(term.value)")
          }
          if try number.excludes(near + 0.1, change, in: arithmetic) { others += 1 }
        }
      }
    }
    #expect(excluded.isEmpty)
    #expect(others > 500)
  }

  @Test(arguments: requests)
  func aSumOfLossesIsTheRecomputedOne(_ options: String) throws {
    let request = try request(options)
    let targets = TargetTables(try #require(request.loss))
    let tables = SoftmaxTables(request, targets, exact: [:], on: CheckedRows(request.softmax, worst: nil), execution)
    var recomputation = Recomputation(.loss, of: tables)
    var sums = LossSums(tables, targets, of: 0..<tables.rows.count)
    let changes = changes(of: request, in: .loss)
    #expect(changes.count > 40)
    var others: [String] = []
    for change in changes where LossSums.knows(change) {
      let term = try sums.term(change)
      let whole = try recomputation.adopt(change) ? recomputation.total() : nil
      let (one, other) = (term?.value ?? 0, whole?.value ?? 0)
      if (term == nil) != (whole == nil) || (one - other).magnitude > 0x1p-46 * max(1, other.magnitude) {
        others.append("\(change): \(one), not \(other)")
      }
    }
    #expect(others.isEmpty)
  }
}
