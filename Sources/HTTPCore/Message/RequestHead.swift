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
///
/// A class, since a head goes through many hands: each costs one reference count, not one for each part.
public final class RequestHead: Sendable {
  public let method: Method
  public let version: HTTPVersion
  public let framing: BodyFraming
  /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
  public let expectsContinue: Bool
  /// Whether the client would send another request on this connection (RFC 9112 §9.3).
  public let keepsAlive: Bool
  /// The path of the target, with its percent escapes, without the query; `*` for `OPTIONS *`.
  public let path: String
  public let fields: Fields
  /// Where the query and absolute-form's authority lie in the fields' bytes, which are the whole head's.
  private let queryRange: Range<Int>?
  private let authorityRange: Range<Int>?

  /// `fields` hold the whole head's bytes, and `line` says where its parts lie in them.
  init(_ line: consuming RequestLine, fields: consuming Fields, framing: BodyFraming, facts: FramingFields) {
    method = line.method
    version = line.version
    self.framing = framing
    // HTTP/1.0 knows no interim responses (RFC 9110 §10.1.1), and without a body there is nothing to wait for.
    expectsContinue = facts.expectsContinue && line.version == .http11 && framing != .none && framing != .length(0)
    keepsAlive = !facts.closes && (line.version == .http11 || facts.keepsAlive)
    queryRange = line.target.query
    authorityRange = line.target.authority
    path = line.target.path
    self.fields = fields
  }

  /// A head made in the program, not read from the wire: for tests and for asking a handler directly.
  public init(_ method: Method, _ path: String, fields: Fields = Fields(), framing: BodyFraming = .none) {
    self.method = method
    version = .http11
    self.framing = framing
    expectsContinue = false
    keepsAlive = true
    queryRange = nil
    authorityRange = nil
    self.path = path
    self.fields = fields
  }

  /// Bytes of memory held, about.
  public var memory: Int { fields.memory + path.utf8.count }

  /// What follows the target's `?`, or nil.
  public var query: String? { queryRange.map { fields.text($0) } }

  /// The authority of an absolute-form target, which wins over Host (RFC 9112 §3.2.2), else Host's value.
  public var authority: String? { authorityRange.map { fields.text($0) } ?? fields[.host] }
}
