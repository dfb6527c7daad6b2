/// What stands at a path.
enum Route: Sendable {
  case root
  case document
  indirect case problemType(ProblemType)
  case endpoint(Endpoint)
  /// `OPTIONS *`: the server as a whole (RFC 9110 §9.3.7).
  case server

  init?(path: String) {
    switch path {
    case "/softmax": self = .endpoint(.softmax)
    case "/loss": self = .endpoint(.loss)
    case "/gradient": self = .endpoint(.gradient)
    case "/": self = .root
    case "/openapi.yaml": self = .document
    case "*": self = .server
    default:
      guard path.hasPrefix(Self.problems),
        let type = ProblemType.all.first(where: { $0.name == path.dropFirst(Self.problems.count) })
      else { return nil }
      self = .problemType(type)
    }
  }

  private static let problems = "/problems/"

  /// The name for metrics and logs: one of few, whatever is asked for.
  var name: String {
    switch self {
    case .root: "/"
    case .document: "/openapi.yaml"
    case .problemType: "/problems/{name}"
    case .endpoint(let endpoint): endpoint.path
    case .server: "*"
    }
  }

  /// The methods that it takes, as the field Allow lists them.
  var allow: String {
    switch self {
    case .root, .document, .problemType: "GET, HEAD, OPTIONS"
    case .endpoint: "POST, OPTIONS"
    case .server: "GET, HEAD, POST, OPTIONS"
    }
  }
}
