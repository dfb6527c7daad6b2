import HTTP
import HTTPServer
import SoftmaxService

/// The program's request handler: the service's endpoints and those for operators (health, metrics), behind the checks
/// that apply to all of them (allowed hosts, CORS, the token, preconditions).
final class OperationalEndpoints: RequestHandler {
  let service: Service
  let status: ServerStatus
  let telemetry: Telemetry
  let token: BearerToken?
  let cors: CORS?
  let allowedHosts: AllowedHosts?

  init(
    service: Service, status: ServerStatus, telemetry: Telemetry, token: BearerToken?, origins: [String],
    hosts: [String] = []
  ) {
    self.service = service
    self.status = status
    self.telemetry = telemetry
    self.token = token
    cors = CORS(origins: origins)
    allowedHosts = AllowedHosts(hosts)
  }

  /// The operators' endpoints. Their routes follow the service's own in the table.
  enum Path: Int, CaseIterable {
    case livez, readyz, healthz, health, metrics

    /// The endpoint of a route, or nil when the route is the service's.
    init?(_ route: Route) { self.init(rawValue: route.id - Service.routes.routes.count) }

    var route: RouteDeclaration {
      switch self {
      case .livez: RouteDeclaration("/livez", .reading, isServedBeyondCap: true)
      case .readyz: RouteDeclaration("/readyz", .reading)
      case .healthz: RouteDeclaration("/healthz", .reading)
      case .health: RouteDeclaration("/health", .reading)
      case .metrics: RouteDeclaration("/metrics", .reading)
      }
    }
  }

  /// All of the program's routes.
  static let routes = RouteTable(extending: Service.routes, Path.allCases.map(\.route))

  func route(_ head: RequestHead) -> Routing {
    let route = Self.routes.route(of: head.path)
    guard var response = refusal(of: head, at: route) else { return .accept(route) }
    // A 304 has this field as the 200 has it (RFC 9110 §15.4.5).
    if response.status == .notModified, Service.dependsOnAccept(route) { response.fields.append(.vary, "Accept") }
    decorate(&response, for: head, of: route, at: head.path)
    return .refuse(Refusal(head, route, response))
  }

  private func refusal(of head: RequestHead, at route: Route) -> Response? {
    let path = Path(route)
    // Probes use the server's address as Host, and their answers are no secret.
    if path == .metrics || path == nil && !Service.isProbe(route), let refusal = allowedHosts?.refusal(of: head) {
      return refusal
    }
    // A preflight carries no credentials (Fetch §3.2.2), so it is answered before the token is asked for.
    if let cors, let response = cors.preflight(head, at: route) { return response }
    if needsToken(head.method, at: path), let refusal = token?.refusal(of: head) { return refusal }
    if let refusal = service.refusal(of: head, at: route) { return refusal }
    return isUnavailable(path) ? nil : Preconditions.refusal(of: head)
  }

  private func needsToken(_ method: Method, at path: Path?) -> Bool {
    switch path {
    case nil: method == .post
    case .metrics: method == .get || method == .head
    case .livez, .readyz, .healthz, .health: false
    }
  }

  func respond(to request: consuming Request, in context: RequestContext) -> Response {
    let head = request.head
    var response =
      if let path = Path(request.route), head.method != .options {
        response(at: path)
      } else {
        service.respond(to: consume request, in: context)
      }
    // The service has given its answer its own form already.
    addFields(to: &response, for: head)
    return response
  }

  func decorate(_ response: inout Response, for head: RequestHead?, of route: Route, at path: String?) {
    service.decorate(&response, for: head, at: path)
    if Self.tellsState(route) { response.forbidsStoring = true }
    addFields(to: &response, for: head)
  }

  /// Whether what a route answers is the state of the process at the moment, which no cache may keep.
  private static func tellsState(_ route: Route) -> Bool { Path(route) != nil || Service.isProbe(route) }

  private func addFields(to response: inout Response, for head: RequestHead?) {
    if let head { RequestCorrelation.carry(from: head, to: &response) }
    // A response to a POST is of use to its request only. A head that could not be read may have been a POST's.
    if head == nil || head?.method == .post { response.forbidsStoring = true }
    cors?.decorate(&response, head)
  }

  /// Whether the endpoint will answer that the server is not ready.
  private func isUnavailable(_ path: Path?) -> Bool {
    switch path {
    case .readyz, .healthz, .health: status.readiness != .ready
    case .livez, .metrics, nil: false
    }
  }

  private func response(at path: Path) -> Response {
    var response =
      switch path {
      case .livez: Self.alive
      case .readyz, .healthz, .health:
        status.readiness.complaint.map { Response(ProblemType.notReady.problem($0)) } ?? Self.ready
      case .metrics: Response(.ok, .prometheus, body: telemetry.scrape(status))
      }
    response.forbidsStoring = true
    return response
  }

  private static let alive = Response(.ok, .plainText, body: Array("alive\n".utf8))
  private static let ready = Response(.ok, .plainText, body: Array("ready\n".utf8))
}

extension ServerStatus {
  /// What the probes of either protocol are told.
  var readiness: Readiness {
    if !isRunning { return .notRunning }
    return isShortOfMemory ? .shortOfMemory : .ready
  }
}

/// Conditional requests (RFC 9110 §13). No response of this server has an entity tag or a modification date.
enum Preconditions {
  /// The response when a precondition is false, else nil. Only for requests that would otherwise succeed (§13.2.1).
  static func refusal(of head: RequestHead) -> Response? {
    // A resource that can be read has a current representation; one that only takes POST has none.
    let isRead = head.method == .get || head.method == .head
    guard isRead || head.method == .post else { return nil }
    if head.fields[.ifMatch] != nil, !(isRead && isAny(.ifMatch, head)) {
      return Response(ProblemType.preconditionFailed.usual)
    }
    return isRead && isAny(.ifNoneMatch, head) ? Response(.notModified) : nil
  }

  /// Whether a field is `*`. Its lines are one list (§5.3), of which that would be no member (§13.1.1).
  private static func isAny(_ name: FieldName, _ head: RequestHead) -> Bool {
    head.fields[name] == "*" && head.fields.count(of: name) == 1
  }
}

/// The identifiers that find one request again in the logs of several programs.
enum RequestCorrelation {
  /// Copies a valid `X-Request-Id` and `traceparent` into the response; an invalid request id is replaced by a new one.
  static func carry(from head: RequestHead, to response: inout Response) {
    if head.fields.count(of: .xRequestID) > 0 {
      response.fields.append(.xRequestID, requestID(head) ?? makeID())
    }
    if head.fields.count(of: .traceparent) > 0, let parent = traceparent(head) {
      response.fields.append(.traceparent, parent)
    }
  }

  /// The client's id: one field of 1 to 128 visible ASCII characters.
  private static func requestID(_ head: RequestHead) -> String? {
    guard head.fields.count(of: .xRequestID) == 1, let id = head.fields[.xRequestID],
      (1...128).contains(id.utf8.count), id.utf8.allSatisfy(ASCII.isVisible)
    else { return nil }
    return id
  }

  /// 128 random bits in hexadecimal.
  static func makeID() -> String {
    var generator = SystemRandomNumberGenerator()
    return hexadecimal(generator.next()) + hexadecimal(generator.next())
  }

  private static func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// A `traceparent` that is valid by Trace Context §3.2.2: version, trace id, parent id and flags in lower-case
  /// hexadecimal, neither id all zeros, the version not ff. A later version may append more. It must be visible ASCII,
  /// because only that is returned byte for byte.
  static func traceparent(_ head: RequestHead) -> String? {
    guard head.fields.count(of: .traceparent) == 1, let text = head.fields[.traceparent] else { return nil }
    let bytes = Array(text.utf8)
    guard bytes.count >= 55, bytes.count <= 256 else { return nil }
    for (index, byte) in bytes.prefix(55).enumerated() {
      let isDash = index == 2 || index == 35 || index == 52
      let isDigit = ASCII.isDigit(byte) || (byte >= 0x61 && byte <= 0x66)
      guard isDash ? byte == 0x2D : isDigit else { return nil }
    }
    guard bytes[3..<35].contains(where: { $0 != 0x30 }), bytes[36..<52].contains(where: { $0 != 0x30 }) else {
      return nil
    }
    if bytes[0] == 0x66, bytes[1] == 0x66 { return nil }
    let isFirstVersion = bytes[0] == 0x30 && bytes[1] == 0x30
    let rest = bytes[55...]
    guard rest.isEmpty || !isFirstVersion && rest[55] == 0x2D && rest.allSatisfy(ASCII.isVisible) else {
      return nil
    }
    return text
  }
}
