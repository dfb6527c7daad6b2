import HTTPCore

extension ProblemType {
  // What the rooms around this one answer with; explained here, so that every `type` leads somewhere.

  static let overloaded = ProblemType(
    name: "overloaded", title: "Overloaded", status: .serviceUnavailable,
    explanation: "The service has as many requests as it takes on. Try again after the seconds that Retry-After gives.")

  public static let notReady = ProblemType(
    name: "not-ready", title: "Not ready", status: .serviceUnavailable,
    explanation: "The service is starting or stopping and wants no new requests. Send them to another instance.")

  public static let unauthorized = ProblemType(
    name: "unauthorized", title: "Unauthorized", status: .unauthorized,
    explanation: "The service asks for a bearer token: send the field \"Authorization: Bearer <token>\".")

  public static let misdirectedRequest = ProblemType(
    name: "misdirected-request", title: "Not this server's host", status: .misdirectedRequest,
    explanation:
      "The service was told for which hosts it answers (--allowed-hosts), and the request's Host is none of them.")

  public static let preconditionFailed = ProblemType(
    name: "precondition-failed", title: "Precondition failed", status: .preconditionFailed,
    explanation: "If-Match asks for an entity tag, and nothing here has one. Leave the field out.")

  /// A kind of request that is no HTTP/1.1, or beyond a limit of the connection.
  init(_ kind: ParseError.Kind) {
    self.init(
      name: kind.rawValue, title: kind.title, status: kind.status,
      explanation: Self.cause(kind)
        + " The member \"offset\", if there is one, counts bytes from 0: the head's, or in the body the body's.")
  }

  private static func cause(_ kind: ParseError.Kind) -> String {
    switch kind {
    case .malformedRequestLine:
      "The request must start with a method, a target and HTTP/1.1, single spaces between them (RFC 9112 §3)."
    case .malformedField:
      "Each line of the head must be a name, a colon and a value, ended by carriage return and line feed (RFC 9112 §5)."
    case .invalidHost: "An HTTP/1.1 request must have exactly one valid Host field (RFC 9112 §3.2)."
    case .invalidFraming:
      "The body's length must be told once and without doubt: by one Content-Length of digits only, or by "
        + "Transfer-Encoding: chunked (RFC 9112 §6)."
    case .malformedChunk: "The body's chunks do not follow RFC 9112 §7.1."
    case .incompleteRequest: "The connection was finished before the request was whole."
    case .requestTimeout: "The request arrived too slowly. Try again on a new connection."
    case .bodyTooLarge: "The body is larger than the service reads (--max-body). Send the slices in several requests."
    case .targetTooLong: "The request target is longer than the service reads (--max-target)."
    case .expectationFailed: "The only expectation that the service meets is 100-continue (RFC 9110 §10.1.1)."
    case .headTooLarge: "The head is larger, or has more fields, than the service reads (--max-head)."
    case .methodNotImplemented: "The service does not know this method; method names are case-sensitive."
    case .transferCodingNotImplemented: "The only transfer coding that the service reads is chunked (RFC 9112 §7)."
    case .versionNotSupported: "The service speaks HTTP/1.1 and HTTP/1.0."
    }
  }
}
