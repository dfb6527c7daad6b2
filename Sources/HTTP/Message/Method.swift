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

  /// Its place among all of them.
  public var place: Int {
    switch self {
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
}

/// A set of methods.
public struct MethodSet: OptionSet, Sendable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public init(_ method: Method) {
    self.init(rawValue: 1 << UInt16(method.place))
  }

  public func contains(_ method: Method) -> Bool { contains(MethodSet(method)) }

  /// The methods as the field Allow lists them.
  public var text: String { Method.allCases.filter(contains).map(\.rawValue).joined(separator: ", ") }

  public static let get = MethodSet(.get)
  public static let head = MethodSet(.head)
  public static let post = MethodSet(.post)
  public static let options = MethodSet(.options)
  /// What is only read.
  public static let reading: MethodSet = [.get, .head, .options]
}
