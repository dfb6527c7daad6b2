public import HTTPCore
public import Kernels
import NumericJSON
import OpenAPIDocument
import SoftmaxCore

/// The service's paths and what answers them: a pure function of a request.
public struct SoftmaxService: RequestHandler {
  /// What a request may ask for at most.
  public let limits: Limits
  private let levels: KernelLevels
  private let index: [UInt8]

  /// - Parameters:
  ///   - limits: what a request may ask for at most.
  ///   - levels: the instruction sets that suit this processor.
  ///   - version: the program's version, which `GET /` tells.
  public init(limits: Limits = Limits(), levels: KernelLevels = KernelLevels(), version: String = "") {
    self.limits = limits
    self.levels = levels
    index = Array(Index.text(limits: limits, version: version).utf8)
  }

  /// The name of a path for metrics and logs, one of few (never the path itself), or nil when nothing stands there.
  public static func routeName(of path: String) -> String? { Route(path: path)?.name }

  public func refusal(of head: RequestHead) -> Response? {
    guard let route = Route(path: head.path) else {
      let paths = Endpoint.allCases.map(\.path)
      let nearest = NearestName.nearest(to: head.path, among: paths) { $0 }.map { "the nearest is \(quoted($0))" }
      return Response(
        ProblemType.notFound.problem(
          "Nothing is at \(quoted(head.path)); \(nearest ?? "POST to \(listed(paths, "or"))"); GET / lists what there is"
        ))
    }
    switch (route, head.method) {
    case (.endpoint, .post): return BodyType.refusal(of: head)
    case (.root, .get), (.root, .head), (.document, .get), (.document, .head), (.problemType, .get),
      (.problemType, .head), (_, .options):
      return nil
    default:
      var detail = "\(quoted(head.path)) does not take \(head.method.rawValue); it takes \(route.allow)"
      if case .endpoint(let endpoint) = route { detail += "; POST a JSON body, such as \(endpoint.exampleBody)" }
      return Response(
        ProblemType.methodNotAllowed.problem(detail),
        fields: [.allow: route.allow])
    }
  }

  public func respond(to request: consuming Request, in context: RequestContext) -> Response {
    let head = request.head
    guard let route = Route(path: head.path) else { return refusal(of: head) ?? Response(.inconsistency) }
    switch (route, head.method) {
    case (.endpoint(let endpoint), .post): return answer(to: (consume request).body, from: endpoint, in: context)
    case (_, .options): return Response(.noContent, fields: [.allow: route.allow])
    case (.root, .get), (.root, .head): return Response(.ok, .plainText, body: index)
    case (.document, .get), (.document, .head): return Response(.ok, .yaml, body: OpenAPIDocument.bytes)
    case (.problemType(let type), .get), (.problemType(let type), .head):
      return Response(.ok, .json, body: type.json)
    default: return refusal(of: head) ?? Response(.inconsistency)
    }
  }

  private func answer(to body: consuming [UInt8], from endpoint: Endpoint, in context: RequestContext) -> Response {
    let level = levels.level(forText: body.count)
    let execution = Execution(level: level, isCancelled: context.isCancelled, parallel: context.parallel)
    do throws(Refusal) {
      return Response(.ok, .json, body: try endpoint.answer(toJSON: consume body, limits: limits, execution: execution))
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
