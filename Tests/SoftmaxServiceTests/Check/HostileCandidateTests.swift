import HTTP
import Synchronization
import Testing

@testable import SoftmaxService

/// Candidates that mean nothing, or should do harm: a clear error or a report, and never a crash.
struct HostileCandidateTests {
  @Test(arguments: [
    (#"{"logits": [1, 2]}"#, "#", "\"candidate\" is missing"),
    (#"{"logits": [1, 2], "candidate": {}}"#, "#/candidate", "candidate holds no numbers"),
    (#"{"logits": [1, 2], "candidate": {"probabilities": null}}"#, "#/candidate", "candidate holds no numbers"),
    (#"{"logits": [1, 2], "candidate": [1, 2]}"#, "#/candidate", "is an array"),
    (#"{"logits": [1, 2], "candidate": {"probs": [1, 2]}}"#, "#/candidate/probs", "the nearest is \"probabilities\""),
    (
      #"{"logits": [1, 2], "candidate": {"zzzzzzzzzzzz": 1}}"#, "#/candidate/zzzzzzzzzzzz",
      "it may hold \"probabilities\""
    ),
    (#"{"logits": [1, 2], "candidate": {"loss": 1}}"#, "#", "\"target\" is missing, which \"loss\" needs"),
    (#"{"logits": [1, 2], "weight": [1, 2], "candidate": {"entropy": 1}}"#, "#", "which \"weight\" needs"),
    (
      #"{"logits": [1, 2], "ignore_index": 1, "candidate": {"entropy": 1}}"#, "#",
      "or a probability for each of its classes; or leave out \"ignore_index\""
    ),
    (#"{"logits": [1, 2], "candidate": {"probabilities": [1]}}"#, "#/candidate/probabilities", "has shape [1]"),
    (
      #"{"logits": [[1, 2, 3], [1, 2, 3]], "candidate": {"probabilities": [[1, 2], [1, 2], [1, 2]]}}"#,
      "#/candidate/probabilities", "it is transposed"
    ),
    (#"{"logits": [1, 2], "candidate": {"probabilities": [1, [2]]}}"#, "#/candidate/probabilities/1", "nested"),
    (#"{"logits": [1, 2], "candidate": {"probabilities": [null, 1]}}"#, "#/candidate/probabilities/0", "is null"),
    (#"{"logits": [1, 2], "candidate": {"probabilities": ["x", 1]}}"#, "#/candidate/probabilities/0", "string \"x\""),
    (#"{"logits": [1, 2], "candidate": {"probabilities": [1e999, 1]}}"#, "#/candidate/probabilities/0", "range"),
    (
      #"{"logits": [1, 2], "candidate": {"entropy": 1, "entropy": 1}}"#, "#/candidate/entropy", "more than once"
    ),
    (#"{"logits": null, "candidate": {"entropy": 1}}"#, "#/logits", "is null"),
    (#"{"logits": [1, 2], "top_k": 1, "candidate": {"entropy": 1}}"#, "#/top_k", "belongs to /softmax"),
    (
      #"{"logits": [1, 2], "target": 0, "empty": "zero", "candidate": {"entropy": 1}}"#, "#/empty",
      "no effect beside \"target\""
    ),
    (#"{"logits": [1, 2], "rtol": -1, "candidate": {"entropy": 1}}"#, "#/rtol", "at least 0"),
    (#"{"logits": [1, 2], "outputs": ["entropy"], "candidate": {"entropy": 1}}"#, "#/outputs", "belongs to /softmax"),
  ])
  func isRefusedWithItsPlaceAndCure(_ body: String, _ pointer: String, _ part: String) throws {
    let problem = try ProblemBody(post("/check", body))
    #expect(problem.status == 422)
    #expect(problem.errors.first?.pointer == pointer, "\(problem)")
    #expect(problem.detail.contains(part), "\(problem.detail)")
  }

  /// Clients that openapi-generator makes send each default of the contract.
  @Test(arguments: Operation.check.parameters.filter { $0.descriptor.defaultJSON != nil })
  func aParameterAtItsDefaultIsAsIfLeftOut(_ parameter: Parameter) throws {
    let value = try #require(parameter.descriptor.defaultJSON)
    for target in ["", #", "target": 0"#] {
      let request = #"{"logits": [1, 2], "candidate": {"probabilities": [0.2689414213699951, 0.73105]}\#(target)"#
      let (left, given) = (
        post("/check", request + "}"), post("/check", request + ", \"\(parameter.name)\": \(value)}")
      )
      #expect(left.status == .ok && text(given) == text(left), "\(text(given))")
    }
  }

  /// Where logits are so large that some order of operations rounds anything into the numbers, or the numbers so few
  /// and short that they fit all, no mistake is named.
  @Test(arguments: [
    #"{"logits": [1e18, 0], "target": 1, "candidate": {"loss": 50}}"#,
    #"{"logits": [1e20, 0, -1e22], "target": 0, "label_smoothing": 0.1, "candidate": {"loss": 77777}}"#,
    #"{"logits": [1e8, 0, 5], "target": 1, "dtype": "float32", "candidate": {"loss": 20}}"#,
    #"{"logits": [1e16, 0, 5], "target": 1, "candidate": {"log_probabilities": [-3, -4, -5]}}"#,
    #"{"logits": [2, 1, 0.1], "target": 0, "candidate": {"loss": 0.5}}"#,
    #"{"logits": [0, 1e8], "target": 1, "candidate": {"loss": -1.19}}"#,
    #"{"logits": [0, 1e8, -1e8], "candidate": {"entropy": 1}}"#,
  ])
  func numbersThatSayNothingAreNotExplained(_ body: String) throws {
    let report = try ParsedReport(post("/check", body))
    #expect(report.findings.map(\.cause) == ["unexplained"], "\(report.findings.map(\.detail))")
  }

  /// A 0 where a few of the least numbers should be, and no power of ten is as small.
  @Test func leastErrorsAreErrorsToo() throws {
    let request = #""logits": [0, 0, -742.5], "target": 0, "focal_gamma": 1e-6, "reduction": "sum""#
    let report = try ParsedReport(
      post("/check", #"{\#(request), "upstream": 0.6000000000001441, "candidate": {"gradient": [-0.3, 0.3, 0]}}"#))
    #expect(report.findings.map(\.cause) == ["precision"], "\(report.findings.map(\.detail))")
  }

  /// But a constant in a logarithm shows however large the logits are.
  @Test(arguments: [(2.220446049250313e-16, "36.04365338911715"), (1e-15, "34.538776394910684")])
  func constantsShowBesideLargeLogits(_ constant: Double, _ loss: String) throws {
    let report = try ParsedReport(
      post("/check", #"{"logits": [1e18, 0], "target": 1, "candidate": {"loss": \#(loss)}}"#))
    #expect(report.findings.first?.cause == "epsilon")
    #expect(report.findings.allSatisfy { $0.detail.contains("\(constant)") }, "\(report.findings.map(\.detail))")
  }

  @Test(arguments: [#""NaN""#, #""Infinity""#, #""-Infinity""#, "0", "1e308", "-1e308", "5e-324"])
  func anyNumbersGetAReport(_ number: String) throws {
    let row = "[\(number), \(number), \(number)]"
    for logits in ["[1, 2, 3]", "[1e308, -1e308, 0]", #"["-Infinity", 0, "-Infinity"]"#, "[5e-324, 0, -5e-324]"] {
      for type in ["float64", "float32", "float16", "bfloat16"] {
        let report = try ParsedReport(
          post(
            "/check",
            """
            {"logits": [\(logits), \(logits)], "target": [1, 1], "label_smoothing": 0.1, "weight": [1, 2, 3],
             "dtype": "\(type)", "temperature": 3, "candidate": {"gradient": [\(row), \(row)], "loss": \(number),
             "probabilities": [\(row), \(row)], "log_probabilities": [\(row), \(row)],
             "log_sum_exp": [\(number), \(number)], "entropy": [\(number), \(number)]}}
            """))
        #expect(report.passes == report.findings.isEmpty)
        for output in report.outputs where !output.value.passes {
          #expect(!report.causes(of: output.key).isEmpty, "\(output.key)")
        }
      }
    }
  }

  /// A check computes many answers: only the smallest bodies are for an event loop.
  @Test func onlyTheSmallestRunOnAnEventLoop() {
    #expect(!Operation.check.route.body.usesWorkPool(bodyBytes: 1023))
    #expect(Operation.check.route.body.usesWorkPool(bodyBytes: 1024))
  }

  /// Wherever in the work it comes: at each of the places that ask whether it has come.
  @Test func aDeadlineEndsTheSearch() throws {
    let logits = json((0..<64).map { row in (0..<64).map { Double($0 * row % 7) } })
    let entropies = json((0..<64).map { Double($0) })
    let body = #"{"logits": \#(logits), "candidate": {"probabilities": \#(logits), "entropy": \#(entropies)}}"#
    let head = RequestHead(
      .post, "/check", fields: [.contentType: "application/json"], framing: .length(body.utf8.count))
    let route = Service.routes.route(of: head.path)
    var (asked, last) = (0, Status.serviceUnavailable)
    while last != .ok, asked < 10_000 {
      let left = Mutex(asked)
      let context = RequestContext(isCancelled: {
        left.withLock { left in
          left -= 1
          return left < 0
        }
      })
      let answer = service.respond(to: Request(head: head, route: route, body: Array(body.utf8)), in: context)
      last = answer.status
      asked += 1
      if last == .ok { break }
      #expect(last == .serviceUnavailable)
      #expect(try ProblemBody(answer).type == "/problems/deadline-exceeded")
    }
    #expect(last == .ok)
    // The reading asks once, and the exact numbers do.
    #expect(asked > 3)
  }
}
