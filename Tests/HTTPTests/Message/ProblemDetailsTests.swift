import Testing

@testable import HTTP

struct ProblemDetailsTests {
  @Test("A problem is a JSON object of RFC 9457, its text escaped")
  func json() {
    let type = ProblemType(
      name: "invalid-value", title: "A \"title\"", status: .unprocessableContent, explanation: "", cure: "",
      example: "",
      retryAfter: 9)
    let problem = type.problem(
      "a\\b\u{1}\n\u{1F}é",
      errors: [.init(pointer: "#/logits/3", detail: "no"), .init(pointer: "#/t", detail: "\"")], offset: 7)
    #expect(
      String(decoding: problem.json, as: UTF8.self)
        == #"""
        {"detail":"a\\b\u0001\u000a\u001fé","type":"/problems/invalid-value","title":"A \"title\"","status":422,\#
        "offset":7,"errors":[{"pointer":"#/logits/3","detail":"no"},{"pointer":"#/t","detail":"\""}]}
        """#.replacing("\n", with: ""))
    let response = Response(problem)
    #expect(response.status == .unprocessableContent && response.contentType == .problem)
    #expect(response.body == problem.json && response.fields[.retryAfter] == "9")
  }

  @Test("Each error of the parser has a problem that says what to do", arguments: ParseError.allCases)
  func parserProblems(error: ParseError) {
    let problem = ProblemDetails(ParseFailure(error, at: 3), limits: HTTPLimits())
    #expect(problem.type.status.code >= 400 && problem.offset == 3 && !problem.detail.isEmpty)
    #expect(ProblemType.ofHTTP.contains(problem.type))
    // A single sentence has no full stop (CONTRIBUTING.md).
    #expect(!problem.detail.hasSuffix("."))
  }

  @Test("A body that is too large is told so in one sentence, whether its length was announced or not")
  func oneSentenceForBodies() {
    var limits = HTTPLimits()
    limits.bodyBytes = 10
    let announced = ProblemDetails.bodyTooLarge(10)
    let found = ProblemDetails(ParseFailure(.bodyTooLarge, at: 0), limits: limits)
    #expect(announced.detail == found.detail && announced.type == found.type)
  }

  @Test("Each type that the parser reports has the detail of one of its errors as its example")
  func examplesOccur() {
    for type in Set(ParseError.allCases.map(\.type)) {
      #expect(ParseError.allCases.contains { $0.type == type && $0.detail() == type.example }, "\(type.name)")
    }
  }

  @Test(
    "A limit's error names the limit",
    arguments: [
      (ParseError.targetTooLong, "101 bytes"), (.headTooLarge, "102 bytes"), (.tooManyFields, "103 fields"),
      (.bodyTooLarge, "104 bytes"), (.trailersTooLarge, "102 bytes or 103 fields"), (.headTimeout, "1.5 seconds"),
      (.bodyTimeout, "2.5 seconds, or arrived at less than 105 bytes a second"),
    ])
  func limitsAreNamed(error: ParseError, named: String) {
    var limits = HTTPLimits()
    (limits.targetBytes, limits.headBytes, limits.fieldCount, limits.bodyBytes) = (101, 102, 103, 104)
    (limits.headTimeout, limits.bodyTimeout, limits.bodyBytesPerSecond) = (.seconds(1.5), .seconds(2.5), 105)
    #expect(ProblemDetails(ParseFailure(error, at: 0), limits: limits).detail.contains(named))
  }

  /// It names no version: HTTP/1.2 is served too, and HTTP/1.10 is not (RFC 9112 §2.3).
  @Test func aVersionThatIsNoneIsToldTheForm() {
    let detail = ProblemDetails(ParseFailure(.versionMalformed, at: 0), limits: HTTPLimits()).detail
    #expect(detail.contains("HTTP/, a digit, a point and a digit") && !detail.contains("exactly"))
  }
}
