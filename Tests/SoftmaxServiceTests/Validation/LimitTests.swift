import HTTP
import NumericJSON
import Softmax
import Synchronization
import Testing

@testable import SoftmaxService

struct LimitTests {
  @Test("A reader takes tensors of as many dimensions as a problem has")
  func ranksAgree() {
    #expect(TensorLimits.maximumRank == TensorShape.maximumRank)
  }

  let small = Service(limits: Limits(logits: 4, jacobianClasses: 3))

  @Test func moreLogitsThanAllowedGet413() throws {
    #expect(post("/softmax", #"{"logits": [[1, 2], [3, 4]]}"#, of: small).status == .ok)
    for body in [
      #"{"logits": [1, 2, 3, 4, 5]}"#, #"{"logits": [[1, 2], [3, 4], [5, 6]]}"#,
      #"{"logits": [1, 2, 3, 4, 5], "foo": 1}"#,
    ] {
      let answer = post("/softmax", body, of: small)
      #expect(answer.status == .contentTooLarge)
      let problem = try ProblemBody(answer)
      #expect(problem.type == "/problems/too-many-logits")
      #expect(
        problem.detail.hasSuffix(
          "more than 4 numbers, the most that this service takes in one request (--max-logits); send several requests"))
      #expect(problem.errors.map(\.pointer) == ["#/logits"] && problem.errors.map(\.detail) == [problem.detail])
    }
    #expect(post("/softmax", #"{"logits": [1, 2, 3, 4, 5], }"#, of: small).status == .badRequest)
  }

  /// All of them, though a colon stands before the first comma.
  @Test(arguments: [
    ("/softmax", #"{"logits":["#, "]}"),
    ("/v2/models/softmax/infer", #"{"inputs":[{"name":"logits","datatype":"FP64","shape":[200000],"data":["#, "]}]}"),
  ]) func theNumbersOfABodyAreCountedBeforeItIsRead(path: String, start: String, end: String) {
    let body = Array((start + Array(repeating: "1", count: 200_000).joined(separator: ",") + end).utf8)
    let head = RequestHead(.post, path, framing: .length(body.count))
    let asked = Mutex<[Int]>([])
    // Refused, so that the numbers are counted, which only then is done; and again.
    let context = RequestContext(
      reserveMemory: { bytes in
        asked.withLock { $0.append(bytes) }
        return .notNow
      })
    let answer = service.respond(
      to: Request(head: head, route: Service.routes.route(of: path), body: body), in: context)
    #expect(answer.status == .serviceUnavailable)
    let counts = asked.withLock { $0 }
    #expect(counts.count == 2)
    let commas = body.count { $0 == UInt8(ascii: ",") }
    // Of the body's array all that it has room for.
    #expect(counts.last == body.capacity + (commas + 1) * 24)
  }

  @Test func jacobiansAreBoundedByTheirNumbers() throws {
    #expect(post("/softmax", #"{"logits": [[1, 2]], "outputs": ["jacobian"]}"#, of: small).status == .ok)
    let answer = post("/softmax", #"{"logits": [[1, 2], [3, 4]], "outputs": ["jacobian"]}"#, of: small)
    #expect(answer.status == .unprocessableContent)
    #expect(
      try ProblemBody(answer).detail.contains(
        "at most 4 numbers; it would have 8: send fewer slices, or start the service"))
  }

  @Test(arguments: [
    ("/loss", #""logits": [1, 2], "target": 0, "weight": [1, 2, 3, 4, 5]"#, "weight", "numbers"),
    ("/loss", #""logits": [1, 2], "target": [1, 2, 3, 4, 5]"#, "target", "numbers"),
    ("/loss", #""probabilities": [0, 0, 0, 0, 1], "target": 0"#, "probabilities", "numbers"),
    ("/softmax", #""logits": [1, 2], "where": [true, true, true, true, true]"#, "where", "booleans"),
    ("/check", #""logits": [1, 2], "candidate": {"entropy": [1, 2, 3, 4, 5]}"#, "candidate/entropy", "numbers"),
  ])
  func otherTensorsAreBoundedWithTheLogits(_ path: String, _ fields: String, _ place: String, _ noun: String) throws {
    let answer = post(path, "{\(fields)}", of: small)
    #expect(answer.status == .unprocessableContent)
    let problem = try ProblemBody(answer)
    #expect(problem.errors.map(\.pointer) == ["#/\(place)"])
    let cure = "the most that logits may have (--max-logits); send several requests"
    #expect(problem.detail.contains("more than 4 \(noun), \(cure)"))
  }

  @Test func theJacobianHasItsOwnLimit() throws {
    let small = Service(limits: Limits(logits: 9, jacobianClasses: 3))
    let body = #"{"logits": [1, 2, 3], "outputs": ["jacobian"]}"#
    #expect(post("/softmax", body, of: small).status == .ok)
    let answer = post("/softmax", #"{"logits": [1, 2, 3, 4], "outputs": ["argmax", "jacobian"]}"#, of: small)
    #expect(answer.status == .unprocessableContent)
    let problem = try ProblemBody(answer)
    #expect(problem.errors.map(\.pointer) == ["#/outputs/1"])
    #expect(problem.detail.contains("at most 3 classes; the logits have 4"))
    #expect(post("/softmax", #"{"logits": [1, 2, 3, 4], "outputs": ["argmax"]}"#, of: small).status == .ok)
  }

  @Test func aMeanOverNothingIsRefusedWithItsCause() throws {
    for (options, pointer) in [
      (#""target": [-100, -100]"#, "#/target"), (#""target": [0, 1], "sample_weight": [0, 0]"#, "#/sample_weight"),
      (#""target": [0, 0], "weight": [0, 1]"#, "#/weight"),
      (#""target": [[1, 0], [1, 0]], "sample_weight": [0, 0]"#, "#/sample_weight"),
      (#""target": [0, -100], "sample_weight": [0, 1]"#, "#/sample_weight"),
      (#""target": [0, 1], "sample_weight": [0, 1], "weight": [1, 0]"#, "#/weight"),
    ] {
      for path in ["/loss", "/gradient"] {
        let answer = post(path, #"{"logits": [[1, 2], [3, 4]], \#(options)}"#)
        #expect(answer.status == .unprocessableContent)
        let problem = try ProblemBody(answer)
        #expect(problem.type == "/problems/zero-normaliser")
        #expect(problem.errors.map(\.pointer) == [pointer])
        #expect(problem.detail.contains("divide by 0; let one item count"))
        let sum = post(path, #"{"logits": [[1, 2], [3, 4]], \#(options), "reduction": "sum"}"#)
        #expect(sum.status == .ok)
      }
    }
    let tiny = #"{"logits": [1, 2], "target": 0, "weight": [5e-324, 0], "sample_weight": 5e-324}"#
    #expect(post("/loss", tiny).status == .ok)
  }

  @Test func faultsAreListedUpToABound() throws {
    let bad = Array(repeating: "-1", count: 1000).joined(separator: ",")
    let answer = post("/loss", #"{"logits": [\#(bad)], "target": 0, "weight": [\#(bad)]}"#)
    let problem = try ProblemBody(answer)
    #expect(problem.errors.count == FaultList.maximumCount)
    #expect(problem.detail.hasPrefix("weight[0] is -1;"))
    #expect(problem.detail.hasSuffix("; and more than 31 other faults, in errors"))
  }

  /// Whatever finds the faults: the reader of tensors, or the look at their values.
  @Test(arguments: ["null", "\"NaN\""], [2, 16, 17, 32, 33, 1000])
  func asManyFaultsAreListedAsThereAre(element: String, count: Int) throws {
    let bad = Array(repeating: element, count: count).joined(separator: ",")
    let problem = try ProblemBody(post("/softmax", #"{"logits": [\#(bad)]}"#))
    #expect(problem.errors.count == min(count, FaultList.maximumCount))
    let others = count > 32 ? "more than 31 other faults" : "\(count - 1) more fault\(count == 2 ? "" : "s")"
    #expect(problem.detail == "\(problem.errors[0].detail); and \(others), in errors")
  }

  @Test func manyUnknownMembersCostNoMoreThanTheirText() throws {
    let members = (0..<100_000).map { "\"m\($0)\":0" }.joined(separator: ",")
    let answer = post("/softmax", "{\(members)}")
    #expect(answer.status == .unprocessableContent)
    #expect(try ProblemBody(answer).errors.count == FaultList.maximumCount)
    #expect(answer.body.count < 32 * 1024)
  }

  @Test func longNamesAndStringsAreCut() throws {
    let long = String(repeating: "é", count: 500_000)
    for body in [
      #"{"logits": [1], "\#(long)": 1}"#, #"{"logits": [1], "dtype": "\#(long)"}"#, #"{"logits": ["\#(long)"]}"#,
      #"{"logits": [1], "outputs": ["\#(long)"]}"#,
    ] {
      let answer = post("/softmax", body)
      #expect(answer.status == .unprocessableContent)
      #expect(answer.body.count < 4096)
      #expect(try ProblemBody(answer).detail.utf8.count < 1024)
    }
  }

  /// However many of the names are good ones: the first of each name is.
  @Test(arguments: [1, 33, 34, 38, 39, 40, 10_000], [false, true])
  func manyOutputsAreListedUpToTheBound(count: Int, startsWithEachOutput: Bool) throws {
    let good = startsWithEachOutput ? Operation.softmax.outputs.map(\.name) : ["argmax"]
    let names = (good + Array(repeating: "argmax", count: count)).map { "\"\($0)\"" }.joined(separator: ",")
    let top = startsWithEachOutput ? #""top_k": 1, "# : ""
    let problem = try ProblemBody(post("/softmax", #"{"logits": [1], \#(top)"outputs": [\#(names)]}"#))
    #expect(problem.status == 422)
    #expect(problem.errors.count == min(count, FaultList.maximumCount))
    if count > FaultList.maximumCount { #expect(problem.detail.hasSuffix("and more than 31 other faults, in errors")) }
  }

  @Test func workThatIsCancelledIsAnswered503() throws {
    // A derivation over so many classes takes more than the half a millisecond after which it asks.
    let logits = Array(repeating: "1.5, 2", count: 32_768).joined(separator: ",")
    let request = Request(
      head: RequestHead(.post, "/gradient"), route: Service.routes.route(of: "/gradient"),
      body: Array(#"{"logits": [\#(logits)], "target": 0, "outputs": ["derivation"]}"#.utf8))
    let answer = service.respond(to: request, in: RequestContext(isCancelled: { true }))
    #expect(answer.status == .serviceUnavailable)
    #expect(answer.fields[.retryAfter] == "5")
    #expect(try ProblemBody(answer).type == "/problems/deadline-exceeded")
  }

  /// A small body may ask for a large answer; whoever runs it must be able to end it, or to move it elsewhere.
  @Test("A Jacobian asks as it goes, while it is computed and while it is written", arguments: [1, 20])
  func aLargeAnswerIsCancelledAsItGrows(questions: Int) throws {
    let logits = (0..<1000).map { "\($0 % 7)" }.joined(separator: ",")
    let asked = Atomic(0)
    let answer = service.respond(
      to: Request(
        head: RequestHead(.post, "/softmax"), route: Service.routes.route(of: "/softmax"),
        body: Array(#"{"logits": [\#(logits)], "outputs": ["jacobian"]}"#.utf8)),
      in: RequestContext(isCancelled: { asked.add(1, ordering: .relaxed).newValue >= questions }))
    #expect(answer.status == .serviceUnavailable)
    #expect(asked.load(ordering: .relaxed) == questions)
  }
}
