/// The minor version of HTTP/1 that a message speaks; anything above 1 is read as 1 (RFC 9110 §2.5).
public enum HTTPVersion: Sendable, Hashable { case http10, http11 }

/// How a request's body is delimited (RFC 9112 §6.3), once the head has been judged free of contradictions.
public enum BodyFraming: Sendable, Hashable {
  /// Neither Content-Length nor Transfer-Encoding: there is no body.
  case none
  /// This many bytes.
  case length(Int)
  /// The chunked coding, alone.
  case chunked
}

/// A request's start line and fields, validated (RFC 9112 §3, §5).
public struct RequestHead: Sendable {
  public let method: Method
  /// The path of the target, with its percent escapes, without the query; `*` for `OPTIONS *`.
  public let path: String
  /// What follows the target's `?`, or nil.
  public let query: String?
  private let targetAuthority: String?
  public let version: HTTPVersion
  public let fields: Fields
  public let framing: BodyFraming
  /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
  public let expectsContinue: Bool
  /// Whether the client would send another request on this connection (RFC 9112 §9.3).
  public let keepsAlive: Bool

  init(
    method: Method, path: String, query: String?, authority: String?, version: HTTPVersion, fields: Fields,
    framing: BodyFraming, expectsContinue: Bool, keepsAlive: Bool
  ) {
    self.method = method
    self.path = path
    self.query = query
    targetAuthority = authority
    self.version = version
    self.fields = fields
    self.framing = framing
    self.expectsContinue = expectsContinue
    self.keepsAlive = keepsAlive
  }

  /// The authority of an absolute-form target, which wins over Host (RFC 9112 §3.2.2), else Host's value.
  public var authority: String? { targetAuthority ?? fields[.host] }

  /// A head made in the program, not read from the wire: for tests and for asking a handler directly.
  public init(_ method: Method, _ path: String, fields: Fields = Fields(), framing: BodyFraming = .none) {
    self.init(
      method: method, path: path, query: nil, authority: nil, version: .http11, fields: fields, framing: framing,
      expectsContinue: false, keepsAlive: true)
  }
}
