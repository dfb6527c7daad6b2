/// A request method that HTTP defines (RFC 9110 §9.3, RFC 5789).
///
/// Methods are case-sensitive. A well-formed method outside this list never becomes a value: the parser answers 501.
public enum Method: String, Sendable, Hashable, CaseIterable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
  case connect = "CONNECT"
  case options = "OPTIONS"
  case trace = "TRACE"
  case patch = "PATCH"
}
