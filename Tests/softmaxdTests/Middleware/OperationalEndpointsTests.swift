import Testing

@testable import HTTP
@testable import HTTPServer
@testable import SoftmaxService
@testable import softmaxd

/// What is answered around the service, without a socket.
@Suite struct OperationalEndpointsTests {
  private func operations(token: String? = nil, origins: [String] = [], hosts: [String] = []) -> OperationalEndpoints {
    OperationalEndpoints(
      service: Service(), status: ServerStatus(ServerConfiguration(addresses: [])),
      telemetry: Telemetry(loops: 1, log: .off),
      token: token.flatMap { BearerToken(fileContents: Array($0.utf8)) }, origins: origins, hosts: hosts)
  }

  private func ask(
    _ operations: OperationalEndpoints, _ method: Method, _ path: String, _ fields: Fields = Fields(),
    _ body: String = ""
  )
    -> Response
  {
    let head = RequestHead(
      method, path, fields: fields, framing: method == .post ? .length(body.utf8.count) : .none)
    switch operations.route(head) {
    case .refuse(let refused): return refused.response
    case .accept(let route):
      return operations.respond(
        to: Request(head: head, route: route, body: Array(body.utf8)), in: RequestContext())
    }
  }

  @Test(arguments: ["/livez", "/metrics"]) func isAliveWhateverItsReadiness(path: String) {
    for method in [Method.get, .head] { #expect(ask(operations(), method, path).status == .ok) }
  }

  @Test(arguments: ["/readyz", "/healthz", "/health"]) func isNotReadyBeforeTheServerSaysSo(path: String) {
    let answer = ask(operations(), .get, path)
    #expect(answer.status == .serviceUnavailable)
    #expect(answer.contentType == .problem)
    #expect(answer.fields[.retryAfter] == "1")
  }

  @Test(arguments: ["/livez", "/readyz", "/healthz", "/health", "/metrics"]) func takesOnlyItsMethods(path: String) {
    for method in [Method.post, .put, .delete, .patch] {
      let answer = ask(operations(), method, path)
      #expect(answer.status == .methodNotAllowed)
      #expect(answer.fields[.allow] == "GET, HEAD, OPTIONS")
    }
    let options = ask(operations(), .options, path)
    #expect(options.status == .noContent)
    #expect(options.fields[.allow] == "GET, HEAD, OPTIONS")
  }

  @Test func theContractHasTheProgramsVersion() {
    let contract = String(decoding: ask(operations(), .get, "/openapi.yaml").body, as: UTF8.self)
    #expect(contract.contains("\n  version: \(Program.version)\n"))
  }

  @Test(arguments: [ProblemType.overloaded.usual, ProblemType.deadlineExceeded.usual, .bodyTooLarge(1)])
  func theServersOwnProblemsAreExplained(problem: ProblemDetails) {
    #expect(ask(operations(), .get, problem.type.uri).status == .ok)
    #expect(Response(problem).fields[.retryAfter] == problem.type.retryAfter.map { "\($0)" })
  }

  @Test("A problem's example is what is really said, and a single sentence has no full stop")
  func examplesAreWhatIsSaid() {
    func problem(_ operations: OperationalEndpoints, _ method: HTTP.Method, _ path: String, _ fields: Fields)
      -> ProblemDetails?
    {
      guard case .refuse(let refused) = operations.route(RequestHead(method, path, fields: fields)) else {
        return ask(operations, method, path, fields).problem
      }
      return refused.response.problem
    }
    for (type, found) in [
      (.lengthRequired, problem(operations(), .post, "/softmax", [:])),
      (.notReady, problem(operations(), .get, "/readyz", [:])),
      (.unauthorized, problem(operations(token: Self.secret), .post, "/softmax", [:])),
      (.misdirectedRequest, problem(operations(hosts: ["a.example"]), .get, "/", [.host: "example.org"])),
      (.preconditionFailed, problem(operations(), .get, "/", [.ifMatch: "\"a\""])),
    ] as [(ProblemType, ProblemDetails?)] {
      #expect(found?.type == type && found?.detail == type.example, "\(type.name)")
    }
    for problem in [ProblemDetails.outOfMemory, .tooManyConnections, .tooManyExpensive, .bodyTooLarge(1)] {
      #expect(!problem.detail.hasSuffix("."))
    }
    for type in ProblemType.all { #expect(!type.example.hasSuffix("."), "\(type.name)") }
  }

  @Test func theServiceIsBehindIt() {
    #expect(ask(operations(), .get, "/nowhere").status == .notFound)
    let answer = ask(operations(), .post, "/softmax", [.contentType: "application/json"], #"{"logits": [0, 0]}"#)
    #expect(answer.status == .ok)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("0.5"))
  }

  @Test(arguments: ["abc", String(repeating: "x", count: 128), "~!@#"]) func carriesAGoodID(id: String) {
    #expect(ask(operations(), .get, "/livez", [.xRequestID: id]).fields.values(of: .xRequestID) == [id])
  }

  @Test(arguments: ["", "a b", String(repeating: "x", count: 129), "ä"]) func replacesABadID(id: String) throws {
    let answered = ask(operations(), .get, "/livez", [.xRequestID: id]).fields.values(of: .xRequestID)
    let replaced = try #require(answered.first)
    #expect(answered.count == 1)
    #expect(replaced.utf8.count == 32)
    #expect(replaced != id)
  }

  @Test func addsNoIDThatNobodyAskedFor() {
    #expect(ask(operations(), .get, "/livez").fields[.xRequestID] == nil)
  }

  @Test(arguments: [
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-a\tb", false),
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-ä", false),
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
    ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
    ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
    ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false), ("", false),
  ])
  func carriesAValidTraceparent(text: String, isValid: Bool) {
    let answer = ask(operations(), .get, "/livez", [.traceparent: text])
    #expect(answer.fields[.traceparent] == (isValid ? text : nil))
  }

  // MARK: The token

  private static let secret = "0123456789abcdef"

  @Test(
    arguments: [
      (nil, Status.unauthorized), ("Bearer 0123456789abcdef", .ok), ("bearer 0123456789abcdef", .ok),
      ("Bearer   0123456789abcdef", .ok), ("Bearer 0123456789 abcdef", .unauthorized),
      ("Bearer 0123456789abcdeg", .unauthorized), ("Bearer 0123456789abcde", .unauthorized),
      ("Bearer 0123456789abcdef0123456789abcdef", .unauthorized), ("Bearer ", .unauthorized),
      ("Bearer", .unauthorized), ("bearer   ", .unauthorized),
      ("Basic 0123456789abcdef", .unauthorized), ("0123456789abcdef", .unauthorized),
    ] as [(String?, Status)])
  func theTokenGuardsPostsAndMetrics(credentials: String?, status: Status) {
    var fields: Fields = [.contentType: "application/json"]
    if let credentials { fields.append(.authorization, credentials) }
    let operations = operations(token: Self.secret)
    let post = ask(operations, .post, "/softmax", fields, #"{"logits": [0, 0]}"#)
    #expect(post.status == status)
    for method in [Method.get, .head] { #expect(ask(operations, method, "/metrics", fields).status == status) }
    if status == .unauthorized {
      // Only a bearer token that is not the right one is wrong (RFC 6750 §3.1).
      let isWrongToken = credentials?.hasPrefix("Bearer 0") == true
      #expect(
        post.fields[.wwwAuthenticate] == "Bearer realm=\"softmaxd\"" + (isWrongToken ? ", error=\"invalid_token\"" : "")
      )
    }
    // Health and documents stay open.
    #expect(ask(operations, .get, "/livez").status == .ok)
    #expect(ask(operations, .get, "/").status == .ok)
  }

  @Test func twoCredentialsAreNone() {
    var fields: Fields = [.authorization: "Bearer \(Self.secret)"]
    fields.append(.authorization, "Bearer \(Self.secret)")
    let answer = ask(operations(token: Self.secret), .get, "/metrics", fields)
    #expect(answer.status == .unauthorized)
    #expect(
      String(decoding: answer.body, as: UTF8.self).contains("Authorization is given more than once; send it once"))
  }

  @Test(arguments: [
    ("0123456789abcdef\n", true), ("0123456789abcdef\r\n", true), ("0123456789abcde", false), ("", false),
    ("0123456789abcdef\nfedcba9876543210\n", true), ("0123456789abcdef\r\nfedcba9876543210", true),
    ("0123456789abcdef\nshort\n", false), ("0123456789 abcdef", false),
    ("0123456789abcdef\nfedcba9876543210\n0123456789abcdeg\n", false),
  ])
  func aTokenFileHoldsOneTokenOrTwo(contents: String, isGood: Bool) {
    #expect((BearerToken(fileContents: Array(contents.utf8)) != nil) == isGood)
  }

  /// While clients change from one to the other.
  @Test func ofTwoTokensEitherIsGood() {
    let operations = operations(token: "0123456789abcdef\nfedcba98765432101\n")
    for (token, status) in [
      ("0123456789abcdef", Status.ok), ("fedcba98765432101", .ok), ("0123456789abcdeg", .unauthorized),
      ("0123456789abcdef\tfedcba98765432101", .unauthorized), ("fedcba9876543210", .unauthorized),
    ] {
      #expect(ask(operations, .get, "/metrics", [.authorization: "Bearer \(token)"]).status == status, "\(token)")
    }
  }

  // MARK: Hosts, preconditions, caches

  @Test(
    arguments: [
      ("a.example", true), ("A.Example", true), ("a.example:8080", true), ("a.example:", true), ("[::1]", true),
      ("[::1]:80", true), ("127.0.0.1:80", true), ("b.example", false), ("a.example.b.example", false),
      ("[::2]", false),
      (nil, true),
    ] as [(String?, Bool)])
  func onlyAllowedHostsAreAnsweredFor(host: String?, isAllowed: Bool) {
    let operations = operations(token: Self.secret, origins: ["*"], hosts: ["a.example", "127.0.0.1", "[::1]"])
    var fields: Fields = [.authorization: "Bearer \(Self.secret)", .contentType: "application/json"]
    if let host { fields.append(.host, host) }
    for (method, path) in [(Method.get, "/"), (.post, "/softmax"), (.get, "/metrics"), (.options, "/softmax")] {
      let status = ask(operations, method, path, fields, #"{"logits": [0]}"#).status
      #expect((status != .misdirectedRequest) == isAllowed, "\(method) \(path)")
    }
    // Probes go by address.
    for path in ["/livez", "/readyz"] { #expect(ask(operations, .get, path, fields).status != .misdirectedRequest) }
    #expect(ask(self.operations(), .get, "/", fields).status == .ok)
  }

  /// RFC 9110 §13: nothing here has an entity tag, and what takes only a POST has no representation.
  @Test(
    arguments: [
      (.get, "/", ["*"], nil, .ok), (.get, "/", ["*", "\"a\""], nil, .preconditionFailed),
      (.get, "/", ["\"a\"", "*"], nil, .preconditionFailed), (.get, "/", nil, ["*", "\"a\""], .ok),
      (.get, "/", ["\"a\""], nil, .preconditionFailed),
      (.head, "/openapi.yaml", ["W/\"a\", \"b\""], nil, .preconditionFailed), (.get, "/", nil, ["*"], .notModified),
      (.get, "/livez", nil, ["*"], .notModified), (.get, "/", nil, ["\"a\""], .ok),
      (.get, "/livez", ["\"a\""], nil, .preconditionFailed),
      (.post, "/softmax", ["*"], nil, .preconditionFailed), (.post, "/softmax", nil, ["*"], .ok),
      // What would not be answered well without the precondition is answered as without it (§13.2.1).
      (.get, "/nowhere", ["\"a\""], nil, .notFound), (.put, "/", ["\"a\""], nil, .methodNotAllowed),
      (.get, "/readyz", ["\"a\""], nil, .serviceUnavailable), (.options, "/", ["\"a\""], ["*"], .noContent),
    ] as [(Method, String, [String]?, [String]?, Status)])
  func preconditionsAreEvaluated(
    method: Method, path: String, ifMatch: [String]?, ifNoneMatch: [String]?, status: Status
  ) {
    var fields: Fields = [.contentType: "application/json"]
    for tag in ifMatch ?? [] { fields.append(.ifMatch, tag) }
    for tag in ifNoneMatch ?? [] { fields.append(.ifNoneMatch, tag) }
    #expect(ask(operations(), method, path, fields, #"{"logits": [0]}"#).status == status)
  }

  @Test func noCacheKeepsWhatIsForOneRequest() {
    let operations = operations()
    for (method, path) in [(Method.post, "/softmax"), (.post, "/nowhere"), (.get, "/metrics"), (.get, "/livez")] {
      let answer = ask(operations, method, path, [.contentType: "application/json"], "{}")
      #expect(answer.forbidsStoring, "\(method) \(path)")
    }
    #expect(!ask(operations, .get, "/openapi.yaml").forbidsStoring)
    // A 304, a refusal and an answer of the server's own say what the 200 says (RFC 9110 §15.4.5).
    for path in ["/livez", "/metrics", "/readyz", "/v2/health/ready", "/v2/models/softmax/ready"] {
      let head = RequestHead(.get, path)
      var answer = Response(ProblemType.overloaded.usual)
      operations.decorate(&answer, for: head, of: OperationalEndpoints.routes.route(of: path), at: path)
      #expect(answer.forbidsStoring, "\(path)")
    }
    for path in ["/livez", "/metrics"] {
      #expect(ask(operations, .get, path, [.ifNoneMatch: "*"]).forbidsStoring, "\(path)")
      #expect(ask(operations, .put, path).forbidsStoring, "\(path)")
    }
    #expect(ask(operations, .get, "/", [.ifNoneMatch: "*"]).fields[.vary] == "Accept")
    #expect(ask(operations, .get, "/openapi.yaml", [.ifNoneMatch: "*"]).fields[.vary] == nil)
    // A request whose head could not be read may have been a POST.
    var refusal = Response(.badRequest)
    operations.decorate(&refusal, for: nil, of: .unmatched, at: nil)
    #expect(refusal.forbidsStoring)
  }

  // MARK: CORS

  @Test func withoutOriginsNothingIsSaidOfCORS() {
    let answer = ask(operations(), .get, "/livez", [.origin: "https://a.example"])
    #expect(answer.fields[.accessControlAllowOrigin] == nil)
    #expect(answer.fields[.vary] == nil)
  }

  @Test func anAllowedOriginMayReadTheAnswer() {
    let operations = operations(origins: ["https://a.example"])
    let answer = ask(operations, .get, "/livez", [.origin: "https://a.example"])
    #expect(answer.fields[.accessControlAllowOrigin] == "https://a.example")
    #expect(answer.fields[.vary] == "Origin")
    let other = ask(operations, .get, "/livez", [.origin: "https://b.example"])
    #expect(other.fields[.accessControlAllowOrigin] == nil)
    #expect(other.fields[.vary] == "Origin")
    #expect(
      ask(self.operations(origins: ["*"]), .get, "/livez", [.origin: "https://c.example"])
        .fields[.accessControlAllowOrigin] == "*")
  }

  /// A page may read why its request was refused, also when the head could not be read.
  @Test(
    arguments: [
      (["*"], nil, "*"), (["https://a.example"], nil, "https://a.example"),
      (["https://a.example", "https://b.example"], nil, nil),
      (["https://a.example", "https://b.example"], "https://b.example", "https://b.example"),
      (["https://a.example"], "https://b.example", nil), ([], nil, nil),
    ] as [([String], String?, String?)])
  func theParsersOwnErrorsSpeakCORS(origins: [String], origin: String?, allowed: String?) {
    var response = Response(.requestHeaderFieldsTooLarge)
    let head = origin.map { RequestHead(.post, "/softmax", fields: [.origin: $0]) }
    operations(origins: origins).decorate(&response, for: head, of: .unmatched, at: head?.path)
    #expect(response.fields[.accessControlAllowOrigin] == allowed)
    #expect((response.fields[.vary] != nil) == (origins.count > 0 && origins != ["*"]))
  }

  @Test func aPreflightNeedsNoToken() {
    let operations = operations(token: Self.secret, origins: ["https://a.example"])
    var fields: Fields = [.origin: "https://a.example", .accessControlRequestMethod: "POST"]
    let answer = ask(operations, .options, "/softmax", fields)
    #expect(answer.status == .noContent)
    #expect(answer.fields[.accessControlAllowOrigin] == "https://a.example")
    #expect(answer.fields[.accessControlAllowMethods] == "GET, HEAD, POST")
    #expect(answer.fields[.allow] == "POST, OPTIONS")
    let nowhere = ask(operations, .options, "/nowhere", fields)
    #expect(nowhere.status == .noContent && nowhere.fields[.allow] == nil)
    fields = [.origin: "https://b.example", .accessControlRequestMethod: "POST"]
    #expect(ask(operations, .options, "/softmax", fields).fields[.accessControlAllowMethods] == nil)
  }

  @Test("Under /v2, each error has the form of the Open Inference Protocol, whoever makes it")
  func errorsOfTheOpenInferenceProtocol() {
    let types: [ProblemType] = [
      .malformedRequestLine, .malformedField, .invalidHost, .lengthRequired, .requestTimeout, .bodyTooLarge,
      .headTooLarge, .overloaded, .deadlineExceeded, .unauthorized, .misdirectedRequest,
    ]
    for type in types {
      var response = Response(type.problem("It \"is\" so"))
      operations().decorate(&response, for: nil, of: .unmatched, at: "/v2/models/softmax/infer")
      #expect(response.status == type.status)
      #expect(response.contentType == .json)
      #expect(String(decoding: response.body, as: UTF8.self) == #"{"error":"It \"is\" so"}"#)
      #expect((response.fields[.retryAfter] != nil) == (type.retryAfter != nil))
      var other = Response(type.problem("It is so"))
      operations().decorate(&other, for: nil, of: .unmatched, at: "/v20")
      #expect(other.contentType == .problem)
    }
  }

  @Test("A token is asked for in the protocol's form; its probes need none, and no host that is allowed")
  func theOpenInferenceProtocolBehindTheChecks() {
    let operations = operations(token: Self.secret, hosts: ["a.example"])
    let infer = ask(operations, .post, "/v2/models/softmax/infer", [.host: "a.example"])
    #expect(infer.status == .unauthorized)
    #expect(infer.contentType == .json)
    #expect(infer.fields[.wwwAuthenticate] != nil)
    #expect(ask(operations, .get, "/v2/health/live", [.host: "10.0.0.1"]).status == .ok)
    #expect(ask(operations, .get, "/v2/models", [.host: "10.0.0.1"]).status == .misdirectedRequest)
  }
}
