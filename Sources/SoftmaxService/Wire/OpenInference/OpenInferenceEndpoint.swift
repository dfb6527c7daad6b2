import HTTP

/// The paths of the Open Inference Protocol V2 over REST.
enum OpenInferenceEndpoint: Int, CaseIterable {
  case server
  /// The same, as the protocol's own OpenAPI document writes it.
  case serverWithSlash
  case live, ready
  case models
  /// No model, although its path looks like one: Triton's statistics, which are not kept here.
  case statistics
  case repositoryIndex
  case model, modelVersion
  case modelReady, modelVersionReady
  case configuration, configurationVersion
  case inference, inferenceVersion

  var route: RouteDeclaration {
    switch self {
    case .server: RouteDeclaration("/v2", .reading)
    case .serverWithSlash: RouteDeclaration("/v2/", .reading)
    case .live: RouteDeclaration("/v2/health/live", .reading, isServedBeyondCap: true)
    case .ready: RouteDeclaration("/v2/health/ready", .reading)
    case .models: RouteDeclaration("/v2/models", .reading)
    case .statistics: RouteDeclaration("/v2/models/stats", .reading)
    case .repositoryIndex: RouteDeclaration("/v2/repository/index", [.post, .options])
    case .model: RouteDeclaration("/v2/models/{model}", .reading)
    case .modelVersion: RouteDeclaration("/v2/models/{model}/versions/{version}", .reading)
    case .modelReady: RouteDeclaration("/v2/models/{model}/ready", .reading)
    case .modelVersionReady: RouteDeclaration("/v2/models/{model}/versions/{version}/ready", .reading)
    case .configuration: RouteDeclaration("/v2/models/{model}/config", .reading)
    case .configurationVersion: RouteDeclaration("/v2/models/{model}/versions/{version}/config", .reading)
    case .inference: RouteDeclaration("/v2/models/{model}/infer", [.post, .options], body: Self.tensors)
    case .inferenceVersion:
      RouteDeclaration("/v2/models/{model}/versions/{version}/infer", [.post, .options], body: Self.tensors)
    }
  }

  /// Any Content-Type is read: the protocol's clients send none, or one that says nothing.
  private static let tensors = BodyPolicy(mediaTypes: "*/*", workPoolBytes: 32 * 1024)

  /// Whether orchestrators ask it for the state of the process.
  var isProbe: Bool {
    switch self {
    case .live, .ready, .modelReady, .modelVersionReady: true
    case .server, .serverWithSlash, .models, .statistics, .repositoryIndex, .model, .modelVersion, .configuration,
      .configurationVersion, .inference, .inferenceVersion:
      false
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
    var bytes: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let escaped = UInt8(String(Substring(rest.prefix(2))), radix: 16) {
        bytes.append(escaped)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
