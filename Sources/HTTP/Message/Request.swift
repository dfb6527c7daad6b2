/// A complete request: a validated head, its route, and the body without its transfer coding.
public struct Request: Sendable {
  /// The validated head.
  public let head: RequestHead
  /// What the head leads to.
  public let route: Route
  /// The whole body.
  public let body: [UInt8]

  /// A request of its parts.
  public init(head: consuming RequestHead, route: Route, body: consuming [UInt8] = []) {
    self.head = head
    self.route = route
    self.body = body
  }

  /// The approximate memory held, in bytes.
  public var memory: Int { body.capacity + head.memory }
}

/// The minor version of an HTTP/1 message; anything above 1 counts as 1 (RFC 9110 §2.5).
enum HTTPVersion: Sendable, Hashable { case http10, http11 }

/// How a request's body is delimited (RFC 9112 §6.3), in a head without contradictions.
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
/// A class, because a head is handed on often: that costs one reference count, not one for each of its parts.
public final class RequestHead: Sendable {
  /// What the client asks for (RFC 9110 §9).
  public let method: Method
  /// The version that the client speaks.
  let version: HTTPVersion
  /// Where the body ends.
  public let framing: BodyFraming
  /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
  let expectsContinue: Bool
  /// Whether the client would send another request on this connection (RFC 9112 §9.3).
  let keepsAlive: Bool
  /// Whether Content-Type is sent more than once, and so does not say what the body's bytes mean (RFC 9110 §8.3).
  public let repeatsContentType: Bool
  /// The path of the target, with the percent escapes that it needs, without the query; `*` for `OPTIONS *`.
  public let path: String
  /// Whether a query follows the path. It is not read: all that a request asks for is in its body.
  public let hasQuery: Bool
  /// The field lines, as they were sent.
  public let fields: Fields
  /// The range of absolute-form's authority in the fields' bytes, which are the whole head's.
  private let authorityRange: Range<Int>?
  /// The range of Content-Type's value in the fields' bytes.
  private let contentTypeRange: Range<Int>?
  /// The range of Content-Length's value in the fields' bytes.
  let contentLengthRange: Range<Int>?
  /// Whether it is worth keeping until the next head, to compare that with it.
  let mayRepeat: Bool

  /// - Parameters:
  ///   - line: its ranges refer to the bytes of `fields`, which are the whole head's.
  init(_ line: consuming RequestLine, fields: consuming Fields, framing: BodyFraming, semantics: HeadSemantics) {
    method = line.method
    version = line.version
    self.framing = framing
    // HTTP/1.0 knows no interim responses (RFC 9110 §10.1.1), and without a body there is nothing to wait for.
    expectsContinue = semantics.expectsContinue && line.version == .http11 && framing != .none && framing != .length(0)
    keepsAlive = !semantics.closes && (line.version == .http11 || semantics.keepsAlive)
    repeatsContentType = semantics.repeatsContentType
    authorityRange = line.target.authority
    contentTypeRange = semantics.contentType
    contentLengthRange = semantics.contentLengthRange
    path = line.target.path
    hasQuery = line.target.hasQuery
    // What an expectation means depends on the length.
    mayRepeat = fields.memory <= Self.longestRepeated && !semantics.expectsContinue
    self.fields = fields
  }

  /// A head that was not read from the wire: for tests, and for asking a handler directly.
  public init(_ method: Method, _ path: String, fields: Fields = Fields(), framing: BodyFraming = .none) {
    self.method = method
    version = .http11
    self.framing = framing
    expectsContinue = false
    keepsAlive = true
    repeatsContentType = fields.count(of: .contentType) > 1
    authorityRange = nil
    contentTypeRange = fields.range(of: .contentType)
    contentLengthRange = nil
    mayRepeat = false
    self.path = path
    hasQuery = false
    self.fields = fields
  }

  /// A head of the same lines but for the value of Content-Length.
  init(_ last: RequestHead, _ lines: [UInt8], length: Int, at range: Range<Int>) {
    let growth = lines.count - last.fields.bytes.count
    method = last.method
    version = last.version
    framing = .length(length)
    expectsContinue = last.expectsContinue
    keepsAlive = last.keepsAlive
    repeatsContentType = last.repeatsContentType
    authorityRange = last.authorityRange
    contentTypeRange = last.contentTypeRange.map { type in
      type.lowerBound < range.lowerBound ? type : type.lowerBound + growth..<type.upperBound + growth
    }
    contentLengthRange = range
    mayRepeat = last.mayRepeat
    path = last.path
    hasQuery = last.hasQuery
    fields = Fields(head: lines, last.fields.index)
  }

  /// The approximate memory held, in bytes.
  public var memory: Int { fields.memory + path.utf8.count }

  /// The authority of an absolute-form target, which overrides Host (RFC 9112 §3.2.2), else Host's value.
  public var authority: String? { authorityRange.map { fields.text($0) } ?? fields[.host] }

  /// The value of Content-Type.
  public var contentType: String? { contentTypeRange.map { fields.text($0) } }

  /// Whether the value of Content-Type is `text`, which is in lower case, without regard to case.
  public func isContentType(_ text: StaticString) -> Bool {
    contentTypeRange.map { fields.equals($0, text) } ?? false
  }
}

/// A request method of HTTP (RFC 9110 §9.3, RFC 5789, and QUERY, a safe method with a body, which no path takes yet).
///
/// Methods are case-sensitive. A well-formed method outside this list never becomes a value: the parser answers 501 and
/// closes. CONNECT is among those, since this server is no proxy.
public enum Method: Int, Sendable, Hashable, CaseIterable {
  case get, head, post, put, delete, options, trace, patch, query

  static let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUERY"]

  /// As requests write it.
  public var name: String { Self.names[rawValue] }

  /// Whether a body means anything in a request with the method (RFC 9110 §9.3; RFC 5789).
  public var takesBody: Bool {
    switch self {
    case .post, .put, .patch, .query: true
    case .get, .head, .delete, .options, .trace: false
    }
  }
}

/// A set of methods.
public struct MethodSet: OptionSet, Sendable {
  /// A bit for each method, by its number in ``Method``.
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The set of one method.
  public init(_ method: Method) {
    self.init(rawValue: 1 << UInt16(method.rawValue))
  }

  /// Whether the method is in the set.
  public func contains(_ method: Method) -> Bool { contains(MethodSet(method)) }

  /// The methods as the field Allow lists them.
  public var text: String { Method.allCases.filter(contains).map(\.name).joined(separator: ", ") }

  /// GET alone.
  public static let get = MethodSet(.get)
  /// HEAD alone.
  public static let head = MethodSet(.head)
  /// POST alone.
  public static let post = MethodSet(.post)
  /// OPTIONS alone.
  public static let options = MethodSet(.options)
  /// What is only read.
  public static let reading: MethodSet = [.get, .head, .options]
}
