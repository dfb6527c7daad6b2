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
    let decoder = JSONRequestDecoder(for: .check, limits: Limits(), execution: execution)
    return try CheckRequest(try decoder.decode(Array(json.utf8).span), limits: Limits(), wire: JSONWire())
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

  @Test(arguments: requests)
  func aNumberOfTheGradientIsTheRecomputedOne(_ options: String) throws {
    let request = try request(options)
    let targets = TargetTables(try #require(request.loss))
    let tables = SoftmaxTables(request, [:], on: CheckedRows(request.softmax, worst: nil), execution)
    var recomputation = Recomputation(.gradient, of: request, tables, targets)
    let changes = changes(of: request, in: .gradient).filter(Probes.shares)
    #expect(changes.count > 40)
    let arithmetic = CandidateArithmetic(.binary64)
    var others: [String] = []
    for row in 0..<tables.rows.count {
      for index in 0..<tables.rows.classes {
        var number = GradientNumber(
          tables, targets, at: (row, index), temperature: request.softmax.temperature, recomputation.operations)
        for change in changes {
          let isDefined = number.take(change.target, change.scale.divisor)
          let term = isDefined ? try number.term(change.source, change.scale) : nil
          let whole = try recomputation.adopt(change) ? recomputation.term(row: row, index: index) : nil
          if term?.value != whole?.value || term?.bounds.lenient != whole?.bounds.lenient {
            others.append("\((row, index)) \(change): \(term?.value ?? .nan), not \(whole?.value ?? .nan)")
          }
          // What is as far away as may agree is not excluded.
          guard isDefined, let term else { continue }
          let near = term.value + 0.999 * Agreement.nearness(term.value, term, arithmetic)
          if try number.excludes(near, change.source, change.scale, in: arithmetic) {
            others.append("\((row, index)) \(change): \(near) excluded")
          }
        }
      }
    }
    #expect(others.isEmpty)
  }

  @Test(arguments: requests)
  func theDerivativeOfAnotherFunctionIsNotExcluded(_ options: String) throws {
    let request = try request(options)
    let targets = TargetTables(try #require(request.loss))
    let exact = SoftmaxTables(request, [:], on: CheckedRows(request.softmax, worst: nil), execution)
    let tables = exact.estimates(of: nil)
    var recomputation = Recomputation(.gradient, of: request, tables, targets)
    let changes = changes(of: request, in: .gradient).filter { $0.isDifferentiated && $0.source != .given }
    #expect(changes.count > 20)
    let arithmetic = CandidateArithmetic(.binary64)
    var (excluded, others): ([String], Int) = ([], 0)
    for row in 0..<tables.rows.count {
      for index in 0..<tables.rows.classes {
        var number = GradientNumber(
          tables, targets, at: (row, index), temperature: request.softmax.temperature, recomputation.operations)
        for change in changes where number.take(change.target, change.scale.divisor) {
          guard try recomputation.adopt(change) else { continue }
          let term = recomputation.term(row: row, index: index)
          let near = term.value + 0.999 * Agreement.nearness(term.value, term, arithmetic)
          if try number.excludesDerivative(near, change.source, change.scale, in: arithmetic) {
            excluded.append("\((row, index)) \(change): \(near), \(term.value)")
          }
          if try number.excludesDerivative(near + 0.1, change.source, change.scale, in: arithmetic) { others += 1 }
        }
      }
    }
    #expect(excluded.isEmpty)
    #expect(others > 100)
  }

  @Test(arguments: requests)
  func aSumOfLossesIsTheRecomputedOne(_ options: String) throws {
    let request = try request(options)
    let targets = TargetTables(try #require(request.loss))
    let tables = SoftmaxTables(request, [:], on: CheckedRows(request.softmax, worst: nil), execution)
    var recomputation = Recomputation(.loss, of: request, tables, targets)
    var sums = LossSums(tables, targets, of: 0..<tables.rows.count)
    let changes = changes(of: request, in: .loss)
    #expect(changes.count > 40)
    var others: [String] = []
    for change in changes {
      let isDefined = sums.take(change.target, change.scale.divisor)
      let term = isDefined ? try sums.term(change.source, change.scale) : nil
      let whole = try recomputation.adopt(change) ? recomputation.total() : nil
      let (one, other) = (term?.value ?? 0, whole?.value ?? 0)
      if (term == nil) != (whole == nil) || (one - other).magnitude > 0x1p-46 * max(1, other.magnitude) {
        others.append("\(change): \(one), not \(other)")
      }
    }
    #expect(others.isEmpty)
  }
}
