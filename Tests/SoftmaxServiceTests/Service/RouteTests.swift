import HTTP
import Testing

@testable import SoftmaxService

struct RouteTests {
  static let documents = [
    "/", "/docs", "/page.css", "/page.js", "/openapi.yaml", "/openapi.json", "/problems", "/problems/not-found",
  ]
  static let endpoints = ["/softmax", "/loss", "/gradient", "/check"]

  static let nowhere = "POST to /softmax, /loss, /gradient or /check"

  @Test(arguments: [
    ("/nowhere", nowhere), ("/softmax/", "the nearest is \"/softmax\""), ("/Softmax", "the nearest is \"/softmax\""),
    ("//softmax", "the nearest is \"/softmax\""), ("/gradients", "the nearest is \"/gradient\""),
    ("/Docs", "the nearest is \"/docs\""), ("/docs/", "the nearest is \"/docs\""), ("/doc", "the nearest is \"/docs\""),
    ("/openapi", "the nearest is \"/openapi.yaml\""), ("/openapi.yml", "the nearest is \"/openapi.yaml\""),
    ("/OpenAPI.json", "the nearest is \"/openapi.json\""), ("/problem", "the nearest is \"/problems\""),
    ("/page.js/", "the nearest is \"/page.js\""), ("/x", nowhere), ("/api", nowhere),
    ("/gradien", "the nearest is \"/gradient\""), ("/softmax%20", "the nearest is \"/softmax\""), ("/é", nowhere),
  ])
  func unknownPathsAreNotFound(_ path: String, _ cure: String) throws {
    for method in Method.allCases where method != .head {
      let head = RequestHead(method, path)
      let refusal = try #require(answer(toHead: head))
      #expect(refusal.status == .notFound)
      let problem = try ProblemBody(refusal)
      #expect(problem.type == "/problems/not-found")
      #expect(problem.detail.hasSuffix("; \(cure); GET / lists what there is"))
    }
  }

  @Test func pathsThatOthersAddAreNamedToo() throws {
    let refusal = Service(otherPaths: ["/livez", "/readyz"]).refusal(of: RequestHead(.get, "/ready"), at: .unmatched)
    #expect(try ProblemBody(#require(refusal)).detail.contains("the nearest is \"/readyz\""))
  }

  @Test(arguments: [
    ("/problems/", "\"/problems/\"; GET /problems lists the names"), ("/problems/x", "GET /problems lists the names"),
    ("/problems/not-foun", "the nearest is \"/problems/not-found\"; GET /problems lists the names"),
    ("/problems/not_found", "the nearest is \"/problems/not-found\"; GET /problems lists the names"),
    ("/problems/Invalid-JSON", "the nearest is \"/problems/invalid-json\"; GET /problems lists the names"),
    ("/v2/health", "the nearest is \"/v2/health/live\""), ("/v2/repository", "\"/v2/repository/index\""),
    ("/v2/models/my/infers", "the nearest is \"/v2/models/my/infer\""),
    ("/v2/models/loss/versions/1/inferr", "the nearest is \"/v2/models/loss/versions/1/infer\""),
    ("/v2/models/", "the nearest is \"/v2/models\""), ("/v2/model", "the nearest is \"/v2/models\""),
    ("/v2/models/softmax/stats", "GET /v2 names the extensions, GET /v2/models the models"),
    ("/v2/models/stats", "GET /v2 names the extensions, GET /v2/models the models"),
    ("/v2/trace/setting", "GET /v2 names the extensions, GET /v2/models the models"),
  ])
  func whatStandsNearIsNamed(_ path: String, _ cure: String) throws {
    let refusal = try #require(answer(toHead: RequestHead(.get, path)))
    #expect(refusal.status == .notFound)
    #expect(text(refusal).replacing("\\", with: "").contains("\(cure)\""), "\(text(refusal))")
  }

  @Test(arguments: [
    ("/v2/models/softmax", "/v2/models/softmax/infer"), ("/v2/models/check", "/v2/models/check/infer"),
    ("/v2/models/loss/versions/1", "/v2/models/loss/versions/1/infer"),
    ("/v2/models/loss/ready", "/v2/models/loss/infer"), ("/v2/models", "/v2/models/softmax/infer"),
    ("/v2", "/v2/models/softmax/infer"), ("/", "/softmax, /loss, /gradient or /check"),
  ])
  func aPostToWhatIsOnlyReadIsToldWhereToGo(_ path: String, _ cure: String) throws {
    let refusal = try #require(answer(toHead: RequestHead(.post, path, framing: .length(2))))
    #expect(refusal.status == .methodNotAllowed)
    #expect(text(refusal).contains("; POST to \(cure)\""), "\(text(refusal))")
  }

  @Test func theTextNamesEachModelAndThePathsBesideTheService() {
    let answer = text(ask(RequestHead(.get, "/"), of: Service(otherPaths: ["/livez", "/health"])))
    #expect(answer.contains("\nGET /livez, GET /health  for those"))
    for operation in Operation.allCases {
      #expect(answer.split(separator: "\n").contains { $0.hasPrefix("POST /v2/") && $0.contains(operation.modelName) })
    }
  }

  @Test(arguments: documents.map { ($0, "GET, HEAD, OPTIONS") } + endpoints.map { ($0, "POST, OPTIONS") })
  func otherMethodsAreRefusedOnTheHeadWithAllow(_ path: String, _ allow: String) throws {
    let allowed = allow.split(separator: ", ").map(String.init)
    for method in Method.allCases {
      let framing: BodyFraming = method == .post ? .length(2) : .none
      let refusal = answer(toHead: RequestHead(method, path, framing: framing))
      guard !allowed.contains(method.name) else {
        #expect(refusal == nil, "\(method)")
        continue
      }
      let answer = try #require(refusal)
      #expect(answer.status == .methodNotAllowed)
      #expect(answer.fields[.allow] == allow)
      let problem = try ProblemBody(answer)
      #expect(problem.type == "/problems/method-not-allowed")
      #expect(problem.detail.contains(allow))
    }
  }

  @Test("Rule 27: OPTIONS answers 204 with Allow", arguments: documents + endpoints + ["*"])
  func optionsAnswers204WithAllow(_ path: String) {
    let answer = ask(RequestHead(.options, path))
    #expect(answer.status == .noContent)
    #expect(answer.body.isEmpty)
    #expect(answer.fields[.allow]?.contains("OPTIONS") == true)
  }

  @Test(arguments: documents)
  func headIsAnsweredAsGet(_ path: String) {
    let got = get(path)
    #expect(got.status == .ok)
    #expect(!got.body.isEmpty)
    let head = ask(RequestHead(.head, path))
    #expect(head.status == .ok)
    #expect(head.contentType == got.contentType)
    #expect(head.body == got.body)
  }

  /// Content-Length is what GET's answer would have (RFC 9110 §8.6), in a refusal too.
  @Test(arguments: endpoints + ["/nowhere", "/v2", "/v2/models/softmax/infer", "/v2/models/nothing", "*"])
  func headIsRefusedAsGet(_ path: String) {
    let (refused, got) = (ask(RequestHead(.head, path)), get(path))
    #expect(refused.status == got.status)
    #expect(text(refused) == text(got))
  }

  @Test func theIndexSaysHowToCall() {
    let index = text(get("/"))
    for operation in Operation.allCases {
      #expect(index.contains("POST \(operation.path)"))
      for field in operation.fields { #expect(index.contains(field.name)) }
      for output in operation.outputs { #expect(index.contains(output.name)) }
    }
    for defaults in [
      "probabilities, or top_indices, top_probabilities with top_k\n", "; by default loss\n",
      "loss, gradient, and hessian_vector_product with vector\n",
    ] { #expect(index.contains(defaults)) }
    #expect(index.contains(text(post("/gradient", #"{"logits": [40, 0], "target": 0}"#))))
    #expect(get("/").contentType == .plainText)
  }

  /// It is a line for a shell.
  @Test(arguments: [
    ("a.example:8080", "a.example:8080"), ("[::1]:80", "[::1]:80"), ("my_host-1", "my_host-1"),
    ("$(id)", "localhost:8080"), ("a;id", "localhost:8080"), ("`id`", "localhost:8080"), ("a'b", "localhost:8080"),
    ("a%20b", "localhost:8080"),
  ])
  func theIndexRepeatsOnlyAPlainHost(_ host: String, _ shown: String) {
    #expect(text(ask(RequestHead(.get, "/", fields: [.host: host]))).contains("curl http://\(shown)/gradient -d '"))
  }

  @Test("Each type of problem is explained, and only those that may pass by themselves say when to try again")
  func typesOfProblemAreExplained() {
    for type in ProblemType.all {
      let answer = get("/problems/\(type.name)")
      #expect(answer.status == .ok && answer.contentType == .json)
      #expect(text(answer).hasPrefix(#"{"type":"/problems/\#(type.name)","title":""#))
      #expect(type.title.count > 5 && type.explanation.hasSuffix(".") && type.cure.hasSuffix("."), "\(type.name)")
      #expect((type.retryAfter != nil) == (type.status == .serviceUnavailable), "\(type.name)")
    }
  }

  @Test("Each example is what is answered")
  func examplesAreWordForWord() throws {
    func refused(_ method: HTTP.Method, _ path: String, _ fields: Fields = [:], _ framing: BodyFraming = .length(2))
      throws
      -> String
    {
      try ProblemBody(#require(answer(toHead: RequestHead(method, path, fields: fields, framing: framing)))).detail
    }
    func posted(_ path: String, _ body: String) throws -> String { try ProblemBody(post(path, body)).detail }
    func told(_ error: RequestError) -> String { JSONWire().problem(for: error).detail }
    let details: [(ProblemType, String)] = [
      (.invalidJSON, try posted("/softmax", #"{"logits": [1, NaN]}"#)),
      (.invalidInput, try posted("/softmax", #"{"inputs": [1, 2]}"#)),
      (.zeroNormaliser, try posted("/loss", #"{"logits": [1, 2], "target": -100}"#)),
      (.tooManyLogits, told(.tooManyLogits(limit: Limits().logits))),
      (.needsTooMuchMemory, told(.needsTooMuchMemory(bytes: 4096 << 20))),
      (.unsupportedMediaType, try refused(.post, "/softmax", [.contentType: "multipart/form-data"])),
      (.unsupportedContentEncoding, try refused(.post, "/softmax", [.contentEncoding: "gzip"])),
      (.notFound, try refused(.get, "/gradients", [:], .none)),
      (.methodNotAllowed, try refused(.get, "/softmax", [:], .none)),
      (.lengthRequired, try refused(.post, "/softmax", [:], .none)),
    ]
    for (type, detail) in details { #expect(detail == type.example) }
  }

  @Test(arguments: [
    ("/gradient", "/gradient"), ("/problems/not-found", "/problems/{name}"), ("/problems/a/b", ""), ("*", "*"),
    ("/", "/"), ("", ""), ("/softmax/", ""),
  ])
  func labelsAreFew(path: String, label: String) {
    #expect(Service.routes.route(of: path).label.description == label)
  }

  @Test func everyRouteLeadsWhereItsDeclarationSays() {
    let routes = Service.routes.routes
    #expect(routes.map(\.id) == Array(routes.indices))
    #expect(ServiceRoute(routes[0]) == nil)
    for operation in Operation.allCases {
      let route = Service.routes.route(of: operation.path)
      guard case .operation(operation) = ServiceRoute(route) else {
        Issue.record("\(operation.path) leads elsewhere")
        continue
      }
    }
    for page in Page.allCases {
      let route = Service.routes.route(of: page.route.template.description)
      guard case .page(page) = ServiceRoute(route) else {
        Issue.record("\(page.route.template) leads elsewhere")
        continue
      }
    }
  }
}
