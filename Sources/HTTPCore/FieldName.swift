/// A field's name: a token, compared without regard to case (RFC 9110 §5.1).
public struct FieldName: Sendable, Hashable, CustomStringConvertible {
  /// The name as it is written on the wire.
  public let text: String
  /// One bit of 64, by length and first letter.
  let mark: UInt64

  /// Nil unless `text` is a token (RFC 9110 §5.6.2).
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isToken) else { return nil }
    self.init(unchecked: text)
  }

  init(unchecked text: String) {
    self.text = text
    mark = Self.mark(of: text.utf8.span)
  }

  /// The mark of a name, which is not empty.
  static func mark(of name: Span<UInt8>) -> UInt64 {
    1 << UInt64((name.count &* 11 &+ Int(ASCII.lowercased(name[0]))) & 63)
  }

  public var description: String { text }

  public static func == (left: FieldName, right: FieldName) -> Bool {
    left.text.utf8.span.equalsIgnoringCase(right.text.utf8.span)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(ASCII.lowercased(byte)) }
  }
}

extension FieldName {
  public static let accessControlAllowHeaders = FieldName(unchecked: "Access-Control-Allow-Headers")
  public static let accessControlAllowMethods = FieldName(unchecked: "Access-Control-Allow-Methods")
  public static let accessControlAllowOrigin = FieldName(unchecked: "Access-Control-Allow-Origin")
  public static let accessControlExposeHeaders = FieldName(unchecked: "Access-Control-Expose-Headers")
  public static let accessControlMaxAge = FieldName(unchecked: "Access-Control-Max-Age")
  public static let accessControlRequestMethod = FieldName(unchecked: "Access-Control-Request-Method")
  public static let acceptEncoding = FieldName(unchecked: "Accept-Encoding")
  public static let acceptPost = FieldName(unchecked: "Accept-Post")
  public static let allow = FieldName(unchecked: "Allow")
  public static let authorization = FieldName(unchecked: "Authorization")
  public static let cacheControl = FieldName(unchecked: "Cache-Control")
  public static let connection = FieldName(unchecked: "Connection")
  public static let contentEncoding = FieldName(unchecked: "Content-Encoding")
  public static let contentLength = FieldName(unchecked: "Content-Length")
  public static let contentType = FieldName(unchecked: "Content-Type")
  public static let date = FieldName(unchecked: "Date")
  public static let expect = FieldName(unchecked: "Expect")
  public static let host = FieldName(unchecked: "Host")
  public static let origin = FieldName(unchecked: "Origin")
  public static let retryAfter = FieldName(unchecked: "Retry-After")
  public static let traceparent = FieldName(unchecked: "traceparent")
  public static let transferEncoding = FieldName(unchecked: "Transfer-Encoding")
  public static let vary = FieldName(unchecked: "Vary")
  public static let wwwAuthenticate = FieldName(unchecked: "WWW-Authenticate")
  public static let xRequestID = FieldName(unchecked: "X-Request-Id")
}
