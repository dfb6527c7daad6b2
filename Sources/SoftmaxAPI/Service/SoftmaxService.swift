public import HTTPCore
public import Kernels
import EmbeddedResources
import NumericJSON
import SoftmaxCore

/// The service's paths and what answers them: a pure function of a request.
public struct SoftmaxService: RequestHandler {
  /// What a request may ask for at most.
  public let limits: Limits
  private let levels: KernelLevelPolicy
  private let index: [UInt8]

  /// - Parameters:
  ///   - limits: what a request may ask for at most.
  ///   - levels: the instruction sets that suit this processor.
  ///   - version: the program's version, which `GET /` tells.
  public init(limits: Limits = Limits(), levels: KernelLevelPolicy = KernelLevelPolicy(), version: String = "") {
    self.limits = limits
    self.levels = levels
    index = Array(Index.text(limits: limits, version: version).utf8)
  }

  /// The service's routes; one that is put around it extends this table.
  public static let routes = ServiceRoute.table

  public func route(_ head: RequestHead) -> Routing {
    let route = Self.routes.route(of: head.path)
    return refusal(of: head, at: route).map { .reject($0, route) } ?? .accept(route)
  }

  /// The final answer to a head whose route, one of a table that extends ``routes``, does not exist, does not take the method,
  /// or does not read the body; else nil.
  public func refusal(of head: RequestHead, at route: Route) -> Response? {
    if route.id == Route.unmatched.id { return notFound(head.path) }
    let found = ServiceRoute(route)
    if case .page(.problemType) = found, ProblemType(path: head.path) == nil { return notFound(head.path) }
    guard route.methods.contains(head.method) else { return methodNotAllowed(head, route) }
    switch found {
    case .endpoint: return head.method == .post ? BodyType.refusal(of: head) : nil
    case .page(.server): return head.method == .options ? nil : methodNotAllowed(head, route)
    case .page(.root), .page(.document), .page(.problemType), nil: return nil
    }
  }

  public func respond(to request: consuming Request, in context: RequestContext) -> Response {
    let (head, route) = (request.head, request.route)
    guard route.id != Route.unmatched.id else { return notFound(head.path) }
    if head.method == .options { return Response(.noContent, fields: [.allow: route.methods.text]) }
    switch ServiceRoute(route) {
    case .endpoint(let endpoint): return answer(to: (consume request).body, from: endpoint, in: context)
    case .page(.root): return root(for: head)
    case .page(.document): return Response(.ok, .yaml, body: EmbeddedResources.openAPI)
    case .page(.problemType):
      guard let type = ProblemType(path: head.path) else { return notFound(head.path) }
      return Response(.ok, .json, body: type.json)
    case .page(.server), nil: return notFound(head.path)
    }
  }

  /// The page for clients that want HTML more than text, as browsers do; for all others, who name neither, the text.
  private func root(for head: RequestHead) -> Response {
    let accepted = AcceptedTypes(of: head)
    guard accepted.weight(of: .html) > accepted.weight(of: .plainText) else {
      return Response(.ok, .plainText, body: index, fields: [.vary: "Accept"])
    }
    let page = BrowserPage.own
    return Response(
      .ok, .html, body: page.document, fields: [.vary: "Accept", .contentSecurityPolicy: page.policy])
  }

  private func notFound(_ path: String) -> Response {
    let paths = Endpoint.allCases.map(\.path)
    let nearest = NearestName.nearest(to: path, among: paths) { $0 }.map { "the nearest is \(quoted($0))" }
    return Response(
      ProblemType.notFound.problem(
        "Nothing is at \(quoted(path)); \(nearest ?? "POST to \(listed(paths, "or"))"); GET / lists what there is"))
  }

  private func methodNotAllowed(_ head: RequestHead, _ route: Route) -> Response {
    var detail = "\(quoted(head.path)) does not take \(head.method.rawValue); it takes \(route.methods.text)"
    if case .endpoint(let endpoint) = ServiceRoute(route) {
      detail += "; POST a JSON body, such as \(endpoint.exampleBody)"
    }
    return Response(ProblemType.methodNotAllowed.problem(detail), fields: [.allow: route.methods.text])
  }

  private func answer(to body: consuming [UInt8], from endpoint: Endpoint, in context: RequestContext) -> Response {
    let level = levels.level(forText: body.count)
    let execution = Execution(
      level: level, isCancelled: context.isCancelled, parallel: context.parallel,
      becameExpensive: context.becameExpensive)
    do throws(Refusal) {
      let answer = try endpoint.answer(
        toJSON: consume body, limits: limits, execution: execution, memory: WorkingMemory(context))
      return Response(.ok, .json, body: answer)
    } catch {
      return Response(error)
    }
  }
}

extension ProblemType {
  /// What `GET /problems/<name>` answers.
  var json: [UInt8] {
    var writer = JSONWriter(capacity: 512)
    writer.beginObject()
    writer.name("type")
    writer.string("/problems/\(name)")
    writer.name("title")
    writer.string(title)
    writer.name("status")
    writer.integer(status.code)
    writer.name("description")
    writer.string(explanation)
    writer.endObject()
    return writer.finish()
  }
}
