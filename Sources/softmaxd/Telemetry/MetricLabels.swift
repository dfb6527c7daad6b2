import HTTP

/// The values of metric labels: few, whatever clients send.
enum MetricLabels {
  /// OpenTelemetry calls an unknown method `_OTHER`; here the parser has already refused it.
  static let methods = Method.allCases.map(\.rawValue) + ["_OTHER"]
  static let otherMethod = methods.count - 1

  /// By the routes' ids; the first is for unknown paths.
  static let routes = OperationalEndpoints.routes.routes.map(\.label.description)

  static let statuses = [
    200, 204, 304, 400, 401, 404, 405, 408, 411, 412, 413, 414, 415, 417, 421, 422, 431, 500, 501, 503, 505, 0,
  ]
  static let otherStatus = statuses.count - 1

  static func status(_ status: Status) -> Int { statuses.firstIndex(of: status.code) ?? otherStatus }
}
