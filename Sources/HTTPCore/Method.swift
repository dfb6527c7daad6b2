/// A request method of HTTP (RFC 9110 §9.3, RFC 5789, and QUERY, a safe method with a body, which no path takes yet).
///
/// Methods are case-sensitive. A well-formed method outside this list never becomes a value: the parser answers 501 and
/// closes. CONNECT is among those, since this server is no proxy.
public enum Method: String, Sendable, Hashable, CaseIterable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
  case options = "OPTIONS"
  case trace = "TRACE"
  case patch = "PATCH"
  case query = "QUERY"

  /// Whether a body means anything in a request with the method (RFC 9110 §9.3; RFC 5789).
  public var takesBody: Bool {
    switch self {
    case .post, .put, .patch, .query: true
    case .get, .head, .delete, .options, .trace: false
    }
  }
}
