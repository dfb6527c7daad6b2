import HTTPCore
import SoftmaxAPI

/// The values that labels can take: few, whatever clients send.
enum Labels {
  /// By OpenTelemetry's rule an unknown method is `_OTHER`; here it is one that the parser has already refused.
  static let methods = Method.allCases.map(\.rawValue) + ["_OTHER"]
  static let otherMethod = methods.count - 1

  /// The last is for paths where nothing stands.
  static let routes = [
    "/softmax", "/loss", "/gradient", "/livez", "/readyz", "/healthz", "/metrics", "/", "/openapi.yaml",
    "/problems/{name}", "*", "",
  ]
  static let noRoute = routes.count - 1

  static let statuses = [
    200, 204, 400, 401, 404, 405, 408, 413, 414, 415, 417, 422, 431, 500, 501, 503, 505, 0,
  ]
  static let otherStatus = statuses.count - 1

  static func method(_ method: Method) -> Int {
    switch method {
    case .get: 0
    case .head: 1
    case .post: 2
    case .put: 3
    case .delete: 4
    case .options: 5
    case .trace: 6
    case .patch: 7
    case .query: 8
    }
  }

  static func route(_ path: String) -> Int {
    // Lengths first: they cost less, and only few are the same.
    let length = path.utf8.count
    if length > 0, let index = routes.firstIndex(where: { $0.utf8.count == length && $0 == path }) { return index }
    guard let name = SoftmaxService.routeName(of: path) else { return noRoute }
    return routes.firstIndex(of: name) ?? noRoute
  }

  static func status(_ status: Status) -> Int { statuses.firstIndex(of: status.code) ?? otherStatus }
}
