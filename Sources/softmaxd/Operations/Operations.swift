import HTTPCore
import HTTPTransport
import SoftmaxAPI

/// The service as those who run it see it: its own endpoints, and around them health, metrics, the token, CORS and
/// request ids.
struct Operations: RequestHandler {
  let service: SoftmaxService
  let readiness: ReadinessFlag
  let telemetry: Telemetry
  let token: BearerToken?
  let cors: CORS?

  init(
    service: SoftmaxService, readiness: ReadinessFlag, telemetry: Telemetry, token: BearerToken?, origins: [String]
  ) {
    self.service = service
    self.readiness = readiness
    self.telemetry = telemetry
    self.token = token
    cors = CORS(origins: origins)
  }

  /// The paths that are answered here.
  enum Path {
    case livez, readyz, healthz, metrics

    /// By lengths first: a raw value's initialiser searches a table of static strings, which costs more than all of the
    /// answer.
    init?(_ path: String) {
      switch path.utf8.count {
      case 6 where path == "/livez": self = .livez
      case 7 where path == "/readyz": self = .readyz
      case 8 where path == "/healthz": self = .healthz
      case 8 where path == "/metrics": self = .metrics
      default: return nil
      }
    }
  }

  func refusal(of head: RequestHead) -> Response? {
    guard var response = undecoratedRefusal(of: head) else { return nil }
    decorate(&response, for: head)
    return response
  }

  private func undecoratedRefusal(of head: RequestHead) -> Response? {
    // A preflight carries no credentials (Fetch §3.2.2), so it comes before the token.
    if let cors, let answer = cors.preflight(head) { return answer }
    guard let path = Path(head.path) else {
      if head.method == .post, let refusal = token?.refusal(of: head) { return refusal }
      return service.refusal(of: head)
    }
    switch head.method {
    case .get, .head:
      return path == .metrics ? token?.refusal(of: head) : nil
    case .options:
      return nil
    default:
      return Response(
        ProblemType.methodNotAllowed.problem(
          "\"\(head.path)\" does not take \(head.method.rawValue); it takes \(Self.allow)"),
        fields: [.allow: Self.allow])
    }
  }

  func respond(to request: consuming Request, in context: RequestContext) -> Response {
    let head = request.head
    var response =
      if let path = Path(head.path) {
        answer(path, head.method)
      } else {
        service.respond(to: consume request, in: context)
      }
    decorate(&response, for: head)
    return response
  }

  func decorate(_ response: inout Response, for head: RequestHead) {
    RequestIdentity.carry(from: head, to: &response)
    cors?.decorate(&response, head)
  }

  private func answer(_ path: Path, _ method: Method) -> Response {
    if method == .options { return Response(.noContent, fields: [.allow: Self.allow]) }
    switch path {
    case .livez: return Self.alive
    case .readyz, .healthz: return readiness.isReady ? Self.ready : Self.stopping
    case .metrics: return Response(.ok, .prometheus, body: telemetry.exposition())
    }
  }

  private static let allow = "GET, HEAD, OPTIONS"
  private static let uncached: Fields = [.cacheControl: "no-store"]
  private static let alive = Response(.ok, .plainText, body: Array("alive\n".utf8), fields: uncached)
  private static let ready = Response(.ok, .plainText, body: Array("ready\n".utf8), fields: uncached)
  private static let stopping = Response(
    ProblemType.notReady.problem("The server is not ready: it is starting or stopping; ask another"),
    fields: [.cacheControl: "no-store", .retryAfter: "1"])
}
