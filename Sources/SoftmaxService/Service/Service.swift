public import HTTP
import NumericJSON
import Softmax
public import VectorKernels

/// The service's paths and what answers requests to them, without a socket.
public struct Service: Sendable {
  /// What a request may ask for at most.
  public let limits: Limits
  private let levels: KernelLevelPolicy
  private let index: IndexPage
  private let otherPaths: [String]
  private let json = JSONWire()
  private let openInference: OpenInference

  /// - Parameters:
  ///   - limits: what a request may ask for at most.
  ///   - levels: the instruction sets that suit this processor.
  ///   - version: the program's version, which `GET /` tells.
  ///   - models: the names of the Open Inference Protocol's models.
  ///   - otherPaths: what stands beside the service's own paths, so that `GET /` and a 404 can name it.
  ///   - readiness: whether the process would have new requests sent to it.
  public init(
    limits: Limits = Limits(), levels: KernelLevelPolicy = KernelLevelPolicy(), version: String = "",
    models: ModelNames = ModelNames(), otherPaths: [String] = [],
    readiness: @escaping @Sendable () -> Readiness = { .ready }
  ) {
    openInference = OpenInference(models: models, version: version, readiness: readiness)
    self.limits = limits
    self.levels = levels
    self.otherPaths = otherPaths
    index = IndexPage(limits: limits, version: version, otherPaths: otherPaths)
  }

  /// The service's routes; one that is put around it extends this table.
  public static let routes = ServiceRoute.table

  /// Under `/v2`, errors have the form of the Open Inference Protocol.
  ///
  /// - Parameters:
  ///   - response: an answer that is not the service's own, or a refusal.
  ///   - head: the request's head, or nil when the head itself broke a rule.
  ///   - path: the request's path, or nil when not even that could be read.
  public func decorate(_ response: inout Response, for head: RequestHead?, at path: String?) {
    OpenInferenceProblem.rewrite(&response, for: head, at: path)
  }

  /// Whether orchestrators ask a route for the state of the process, by whatever name or address they know it.
  public static func isProbe(_ route: Route) -> Bool {
    if case .openInference(let endpoint) = ServiceRoute(route) { endpoint.isProbe } else { false }
  }

  /// Whether what a route answers to GET depends on the field Accept.
  public static func dependsOnAccept(_ route: Route) -> Bool {
    switch ServiceRoute(route) {
    case .page(.root), .page(.docs): true
    case .page, .operation, .openInference, nil: false
    }
  }

  /// The final answer to a head whose route, one of a table that extends ``routes``, does not exist, does not take the
  /// method, or does not read the body; else nil.
  public func refusal(of head: RequestHead, at route: Route) -> Response? {
    if route.id == Route.unmatched.id { return notFound(head.path) }
    let found = ServiceRoute(route)
    if case .page(.problemType) = found, ProblemType(path: head.path) == nil { return notFound(head.path) }
    if case .openInference(let endpoint) = found, let refusal = openInference.absence(of: head.path, at: endpoint) {
      return refusal
    }
    guard route.methods.contains(head.method) else { return methodNotAllowed(head, route) }
    switch found {
    case .operation(let operation):
      guard head.method == .post else { return nil }
      return BodyType.refusal(of: head, route.body, example: JSONWire.example(for: operation))
    case .openInference(let endpoint): return openInference.refusal(ofBody: head, at: endpoint)
    case .page, nil: return nil
    }
  }

  /// The answer to a request whose head was not refused.
  public func respond(to request: consuming Request, in context: RequestContext) -> Response {
    let route = request.route
    if request.head.method == .options { return Response(.noContent, fields: [.allow: route.methods.text]) }
    switch ServiceRoute(route) {
    case .operation(let operation): return json.respond(to: consume request, for: operation, in: wireContext(context))
    case .openInference(let endpoint): return respond(to: consume request, at: endpoint, in: context)
    case .page(let page): return respond(to: request.head, at: page)
    case nil: return notFound(request.head.path)
    }
  }

  private func respond(
    to request: consuming Request, at endpoint: OpenInferenceEndpoint, in context: RequestContext
  ) -> Response {
    let head = request.head
    var response =
      if let (operation, wire) = openInference.inference(head, at: endpoint) {
        wire.respond(to: consume request, for: operation, in: wireContext(context))
      } else {
        openInference.respond(to: consume request, at: endpoint)
      }
    decorate(&response, for: head, at: head.path)
    return response
  }

  private func respond(to head: RequestHead, at page: Page) -> Response {
    switch page {
    case .root, .docs: return root(for: head)
    case .style: return Response(.ok, .css, body: BrowserPage.style)
    case .script: return Response(.ok, .javascript, body: BrowserPage.script)
    case .document: return Response(.ok, .yaml, body: Contract.yaml)
    case .documentAsJSON: return Response(.ok, .json, body: Contract.json)
    case .problems: return Response(.ok, .json, body: ProblemPages.all)
    case .problemType, .server:
      guard let type = ProblemType(path: head.path) else { return notFound(head.path) }
      return Response(.ok, .json, body: ProblemPages.text(of: type))
    }
  }

  private func wireContext(_ request: RequestContext) -> WireContext {
    WireContext(limits: limits, levels: levels, request: request)
  }

  /// The page for clients that want HTML more than text, as browsers do; for all others, who name neither, the text.
  private func root(for head: RequestHead) -> Response {
    let accepted = AcceptedTypes(of: head)
    guard accepted.weight(of: .html) > accepted.weight(of: .plainText) else {
      return Response(.ok, .plainText, body: index.text(authority: head.authority), fields: [.vary: "Accept"])
    }
    return Response(
      .ok, .html, body: BrowserPage.markup,
      fields: [.vary: "Accept", .contentSecurityPolicy: BrowserPage.policy])
  }

  // MARK: Refusals on the path and the method alone

  private func notFound(_ path: String) -> Response {
    if OpenInferenceEndpoint.owns(path) {
      return Response(ProblemType.notFound.problem(OpenInference.complaint(aboutUnknown: path)))
    }
    if path.hasPrefix("/problems/") {
      let name = String(path.dropFirst("/problems/".count))
      let nearest = NameSuggestion.nearest(to: name, among: ProblemType.all, name: \.name)
      let cure = nearest.map { "the nearest is \(quoted($0.uri)); " } ?? ""
      return Response(
        ProblemType.notFound.problem("Nothing is at \(quoted(path)); \(cure)GET /problems lists the names"))
    }
    let operations = Operation.allCases.map(\.path)
    let cure =
      Self.whereElse(path)
      ?? NameSuggestion.sentence(nearestToPath: path, among: operations + otherPaths + Page.namedPaths)
      ?? "POST to \(listed(operations, "or"))"
    return Response(
      ProblemType.notFound.problem("Nothing is at \(quoted(path)); \(cure); GET / lists what there is"))
  }

  /// Where to POST what other services answer at a path of its own: an output, or TensorFlow Serving's predictions.
  private static func whereElse(_ path: String) -> String? {
    if path.hasPrefix("/v1/models/") { return "POST to \(OpenInference.inferencePath(for: ""))" }
    guard let output = Output.allCases.first(named: String(path.dropFirst().replacing("-", with: "_"))),
      let operation = output.descriptor.operations.operations.first
    else { return nil }
    let isDefault = output.descriptor.defaultOf.contains(operation)
    return "POST to \(operation.path)" + (isDefault ? "" : " with \"outputs\": [\(quoted(output.name))]")
  }

  private func methodNotAllowed(_ head: RequestHead, _ route: Route) -> Response {
    // What HEAD gets is as long as what GET gets (RFC 9110 §8.6).
    let method = head.method == .head ? .get : head.method
    var detail = "\(quoted(head.path)) does not take \(method.name); it takes \(route.methods.text)"
    if case .operation(let operation) = ServiceRoute(route) {
      detail += "; POST a JSON body, such as \(JSONWire.example(for: operation))"
    } else if head.method == .post {
      let paths =
        OpenInferenceEndpoint.owns(head.path)
        ? [OpenInference.inferencePath(for: head.path)] : Operation.allCases.map(\.path)
      detail += "; POST to \(listed(paths, "or"))"
    }
    return Response(ProblemType.methodNotAllowed.problem(detail), fields: [.allow: route.methods.text])
  }
}

/// What a request may ask for at most.
public struct Limits: Sendable, Hashable {
  /// The most logits in a request; more are refused with 413. A request's other tensors may have no more numbers, and
  /// a Jacobian neither: those are refused with 422.
  public var logits: Int
  /// The most classes for which a Jacobian, classes squared, is answered.
  public var jacobianClasses: Int

  /// Limits of their parts.
  public init(logits: Int = 8_388_608, jacobianClasses: Int = 1_024) {
    self.logits = logits
    self.jacobianClasses = jacobianClasses
  }
}

extension Limits {
  /// What is kept of a tensor that is read: one fault more than an answer lists, so that it can say that there are
  /// more.
  func tensor(_ elements: TensorLimits.Elements = .numbers) -> TensorLimits {
    TensorLimits(
      values: logits, rank: TensorShape.maximumRank, faults: FaultList.maximumCount + 1, elements: elements)
  }
}

/// What stands at the service's own routes, in the order of its table.
enum ServiceRoute {
  case operation(Operation)
  case page(Page)
  case openInference(OpenInferenceEndpoint)

  /// What a route of ``table`` leads to; nil for ``Route/unmatched`` and for routes that others have added.
  init?(_ route: Route) {
    var place = route.id - 1
    if let operation = Operation(rawValue: place) {
      self = .operation(operation)
      return
    }
    place -= Operation.allCases.count
    if let page = Page(rawValue: place) {
      self = .page(page)
      return
    }
    place -= Page.allCases.count
    guard OpenInferenceEndpoint.routes.indices.contains(place) else { return nil }
    self = .openInference(OpenInferenceEndpoint.routes[place].endpoint)
  }

  static let table = RouteTable(
    Operation.allCases.map(\.route) + Page.allCases.map(\.route) + OpenInferenceEndpoint.routes.map(\.declaration))
}

/// What is only read.
enum Page: Int, CaseIterable {
  case root
  /// Where people look for documentation: the same as the root.
  case docs
  /// Of the page for browsers.
  case style
  case script
  case document
  case documentAsJSON
  case problems
  case problemType
  /// `OPTIONS *`: the server as a whole (RFC 9110 §9.3.7). No other method comes here (RFC 9112 §3.2.4); those of its
  /// route are what Allow lists.
  case server

  /// The paths that a client may mean by another: `/` is near to any short one.
  static let namedPaths = allCases.filter { ![.root, .problemType, .server].contains($0) }.map {
    $0.route.template.description
  }

  var route: RouteDeclaration {
    switch self {
    case .root: RouteDeclaration("/", .reading)
    case .docs: RouteDeclaration("/docs", .reading)
    case .style: RouteDeclaration("/page.css", .reading)
    case .script: RouteDeclaration("/page.js", .reading)
    case .document: RouteDeclaration("/openapi.yaml", .reading)
    case .documentAsJSON: RouteDeclaration("/openapi.json", .reading)
    case .problems: RouteDeclaration("/problems", .reading)
    case .problemType: RouteDeclaration("/problems/{name}", .reading)
    case .server: RouteDeclaration("*", [.get, .head, .post, .options])
    }
  }
}
