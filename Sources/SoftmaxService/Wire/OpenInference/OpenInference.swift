import HTTP
import NumericJSON

/// The Open Inference Protocol V2 over REST, except for inference itself, which is ``OpenInferenceWire``'s: what the
/// server and its models are, and whether they are ready.
struct OpenInference: Sendable {
  let models: ModelNames
  let version: String
  let readiness: @Sendable () -> Readiness

  /// A final answer where a path's model or version does not exist, else nil.
  func absence(of text: String, at endpoint: OpenInferenceEndpoint) -> Response? {
    if endpoint == .statistics { return notFound(Self.complaint(about: text)) }
    guard let path = ModelPath(text) else { return nil }
    guard models[path.model] != nil else {
      let known = listed(models.entries.map { quoted($0.name) })
      return notFound("There is no model \(quoted(path.model)); the models are \(known)")
    }
    if let version = path.version, version != ModelDocuments.version {
      return notFound(
        "There is no version \(quoted(version)) of the model \(quoted(path.model)); "
          + "its version is \"\(ModelDocuments.version)\"")
    }
    return nil
  }

  /// A final answer to a head whose body cannot be read, else nil.
  func refusal(ofBody head: RequestHead, at endpoint: OpenInferenceEndpoint) -> Response? {
    guard head.method == .post else { return nil }
    switch endpoint {
    case .inference:
      return BodyType.refusalOfLength(head, example: OpenInferenceWire.example) ?? BodyType.refusalOfCoding(head)
    case .repositoryIndex: return BodyType.refusalOfCoding(head)
    case .server, .live, .ready, .models, .statistics, .model, .modelReady, .configuration: return nil
    }
  }

  private func notFound(_ detail: String) -> Response { Response(ProblemType.notFound.problem(detail)) }

  /// What is said of a path of the protocol where nothing stands.
  static func complaint(about path: String) -> String {
    complaint(about: path, cure: "GET /v2 names the extensions, GET /v2/models the models")
  }

  /// The same, with the path that was most likely meant: one at most two letters away, or the first that goes on from
  /// it.
  static func complaint(aboutUnknown path: String) -> String {
    let paths = OpenInferenceEndpoint.paths(likeModelOf: path)
    let nearest = NameSuggestion.sentence(nearestToPath: path, among: paths, atMost: 2)
    return nearest.map { complaint(about: path, cure: $0) } ?? complaint(about: path)
  }

  private static func complaint(about path: String, cure: String) -> String {
    "\(quoted(path)) is not supported by softmaxd; \(cure)"
  }

  /// Where a model infers whose other paths this is one of; any model for the other paths.
  static func inferencePath(for path: String) -> String {
    let place = ModelPath(path)
    return "/v2/models/\(place?.model ?? "softmax")\(place?.version.map { "/versions/\($0)" } ?? "")/infer"
  }

  /// What to compute and on which wire, where an endpoint infers; else nil.
  func inference(_ head: RequestHead, at endpoint: OpenInferenceEndpoint) -> (Operation, OpenInferenceWire)? {
    guard endpoint == .inference, let path = ModelPath(head.path), let operation = models[path.model] else {
      return nil
    }
    return (operation, OpenInferenceWire(model: path.model))
  }

  /// The answer of an endpoint at which nothing is computed.
  func respond(to request: consuming Request, at endpoint: OpenInferenceEndpoint) -> Response {
    switch endpoint {
    case .server: return Response(.ok, .json, body: serverMetadata)
    case .live: return Response(.ok, .json, body: Array(#"{"live":true}"#.utf8), forbidsStoring: true)
    case .ready: return health { $0.member("live", true) }
    case .models: return Response(.ok, .json, body: listOfModels)
    case .repositoryIndex: return repositoryIndex(request.body)
    case .modelReady:
      return response(about: request.head.path) { _, name in health { $0.member("name", name) } }
    case .configuration:
      return response(about: request.head.path) {
        Response(.ok, .json, body: ModelDocuments.configuration(of: $0, as: $1))
      }
    case .model:
      return response(about: request.head.path) { Response(.ok, .json, body: ModelDocuments.metadata(of: $0, as: $1)) }
    case .statistics, .inference: return notFound(OpenInference.complaint(about: request.head.path))
    }
  }

  /// What `body` answers of the model that a path names.
  private func response(about path: String, _ body: (Operation, _ name: String) -> Response) -> Response {
    guard let name = ModelPath(path)?.model, let operation = models[name] else {
      return notFound(OpenInference.complaint(about: path))
    }
    return body(operation, name)
  }

  // MARK: Bodies

  private var serverMetadata: [UInt8] {
    ModelDocuments.document { writer in
      writer.member("name", "softmaxd")
      writer.member("version", version)
      writer.array("extensions") { writer in
        for name in Self.extensions { writer.string(name) }
      }
    }
  }

  /// The protocol's names of what is served beyond its core.
  private static let extensions = ["binary_tensor_data", "classification", "model_configuration", "parameters"]

  private var listOfModels: [UInt8] {
    ModelDocuments.document { writer in
      writer.array("models") { writer in
        for entry in models.entries { writer.string(entry.name) }
      }
    }
  }

  /// Whether something is ready, whose members `write` writes: 503 while the process is not.
  private func health(_ write: (inout JSONWriter) -> Void) -> Response {
    let complaint = readiness().complaint
    let body = ModelDocuments.document { writer in
      write(&writer)
      writer.member("ready", complaint == nil)
      guard let complaint else { return }
      writer.member("error", complaint)
    }
    guard let complaint else { return Response(.ok, .json, body: body, forbidsStoring: true) }
    // With the status and the Retry-After of the problem, in a form of its own.
    var response = Response(ProblemType.notReady.problem(complaint), forbidsStoring: true)
    (response.contentType, response.body, response.problem) = (.json, body, nil)
    return response
  }

  /// All models, whose state is always READY: a body that asks for those that are ready changes nothing.
  private func repositoryIndex(_ body: [UInt8]) -> Response {
    if !body.isEmpty {
      var reader = JSONReader(body.span)
      do throws(JSONSyntaxError) {
        try reader.skipValue()
        try reader.finish()
      } catch {
        return Response(ProblemType.invalidJSON.problem(error.detail, offset: error.offset))
      }
    }
    var writer = JSONWriter(capacity: 512)
    writer.array { writer in
      for entry in models.entries {
        writer.object { writer in
          writer.member("name", entry.name)
          writer.member("version", ModelDocuments.version)
          writer.member("state", "READY")
          writer.member("reason", "")
        }
      }
    }
    return Response(.ok, .json, body: writer.finish())
  }
}

/// What the paths of the Open Inference Protocol V2 over REST lead to.
enum OpenInferenceEndpoint {
  case server, live, ready, models
  /// No model, although its path looks like one: Triton's statistics, which are not kept here.
  case statistics
  case repositoryIndex, model, modelReady, configuration, inference

  /// Each with its path: a model's stand with its version and without.
  static let routes: [(endpoint: OpenInferenceEndpoint, declaration: RouteDeclaration)] = [
    (.server, RouteDeclaration("/v2", .reading)),
    // The same, as the protocol's own OpenAPI document writes it.
    (.server, RouteDeclaration("/v2/", .reading)),
    (.live, RouteDeclaration("/v2/health/live", .reading, isServedBeyondCap: true)),
    (.ready, RouteDeclaration("/v2/health/ready", .reading)),
    (.models, RouteDeclaration("/v2/models", .reading)),
    (.statistics, RouteDeclaration("/v2/models/stats", .reading)),
    (
      .repositoryIndex,
      RouteDeclaration(
        "/v2/repository/index", [.post, .options], body: BodyPolicy(mediaTypes: "", workPoolBytes: 64 * 1024))
    ),
    (.model, RouteDeclaration("/v2/models/{model}", .reading)),
    (.model, RouteDeclaration("/v2/models/{model}/versions/{version}", .reading)),
    (.modelReady, RouteDeclaration("/v2/models/{model}/ready", .reading)),
    (.modelReady, RouteDeclaration("/v2/models/{model}/versions/{version}/ready", .reading)),
    (.configuration, RouteDeclaration("/v2/models/{model}/config", .reading)),
    (.configuration, RouteDeclaration("/v2/models/{model}/versions/{version}/config", .reading)),
    // The model check computes many answers. Its paths fit the templates after them too.
    (.inference, inference("/v2/models/check/infer", of: .check)),
    (.inference, inference("/v2/models/check/versions/{version}/infer", of: .check)),
    (.inference, inference("/v2/models/{model}/infer", of: .softmax)),
    (.inference, inference("/v2/models/{model}/versions/{version}/infer", of: .softmax)),
  ]

  /// All paths, those of models with the model that a path names, be it one of them or not.
  static func paths(likeModelOf path: String) -> [String] {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    let model = segments.count > 3 && !segments[3].isEmpty ? segments[3] : "softmax"
    return routes.map { route in
      route.declaration.template.description.replacing("{model}", with: model)
        .replacing("{version}", with: ModelDocuments.version)
    }
  }

  /// Any Content-Type is read: the protocol's clients send none, or one that says nothing.
  private static func inference(_ template: StaticString, of operation: Operation) -> RouteDeclaration {
    RouteDeclaration(
      template, [.post, .options], body: BodyPolicy(mediaTypes: "*/*", workPoolBytes: operation.workPoolBytes))
  }

  /// Whether orchestrators ask it for the state of the process.
  var isProbe: Bool {
    switch self {
    case .live, .ready, .modelReady: true
    case .server, .models, .statistics, .repositoryIndex, .model, .configuration, .inference: false
    }
  }

  /// Whether a path belongs to the protocol, whatever stands there.
  static func owns(_ path: String) -> Bool { path == "/v2" || path.hasPrefix("/v2/") }
}

/// The model that a path of the protocol names, and its version if it names one.
struct ModelPath {
  let model: String
  let version: String?

  /// Nil for a path without a model.
  init?(_ path: String) {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).map { $0.percentDecoded }
    guard segments.count > 3, segments[2] == "models" else { return nil }
    model = segments[3]
    version = segments.count > 5 && segments[4] == "versions" ? segments[5] : nil
  }
}

extension Substring {
  /// With percent escapes resolved (RFC 3986 §2.1): clients escape a model's name as they like.
  fileprivate var percentDecoded: String {
    guard contains("%") else { return String(self) }
    let written = Array(utf8)
    return String(decoding: written.span.percentDecoded { _ in true }, as: UTF8.self)
  }
}
