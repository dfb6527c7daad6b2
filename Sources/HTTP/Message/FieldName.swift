/// A field's name: a token, compared without regard to case (RFC 9110 §5.1). Only names that the program knows are
/// values.
public struct FieldName: Sendable {
  /// The name as it is written on the wire.
  public let text: StaticString
  /// One bit of 64, chosen by length and first letter: the name's bit in ``FieldIndex``'s Bloom filter.
  let filterBit: UInt64

  /// - Precondition: `text` is a token (RFC 9110 §5.6.2).
  public init(_ text: StaticString) {
    precondition(Self.isValid(text))
    self.text = text
    filterBit = Self.filterBit(of: text.span)
  }

  static func isValid(_ text: StaticString) -> Bool {
    let bytes = text.span
    return !bytes.isEmpty && bytes.endOfToken(from: 0, to: bytes.count) == bytes.count
  }

  /// The bit of a name, which is not empty.
  static func filterBit(of name: Span<UInt8>) -> UInt64 {
    1 << UInt64((name.count &* 11 &+ Int(ASCII.lowercased(name[0]))) & 63)
  }
}

extension FieldName {
  public static let accept = FieldName("Accept")
  public static let accessControlAllowHeaders = FieldName("Access-Control-Allow-Headers")
  public static let accessControlAllowMethods = FieldName("Access-Control-Allow-Methods")
  public static let accessControlAllowOrigin = FieldName("Access-Control-Allow-Origin")
  public static let accessControlExposeHeaders = FieldName("Access-Control-Expose-Headers")
  public static let accessControlMaxAge = FieldName("Access-Control-Max-Age")
  public static let accessControlRequestMethod = FieldName("Access-Control-Request-Method")
  public static let acceptEncoding = FieldName("Accept-Encoding")
  public static let acceptPost = FieldName("Accept-Post")
  public static let allow = FieldName("Allow")
  public static let authorization = FieldName("Authorization")
  public static let connection = FieldName("Connection")
  public static let contentEncoding = FieldName("Content-Encoding")
  public static let contentLength = FieldName("Content-Length")
  public static let contentSecurityPolicy = FieldName("Content-Security-Policy")
  public static let contentType = FieldName("Content-Type")
  public static let date = FieldName("Date")
  public static let expect = FieldName("Expect")
  public static let host = FieldName("Host")
  public static let ifMatch = FieldName("If-Match")
  public static let ifNoneMatch = FieldName("If-None-Match")
  public static let inferenceHeaderContentLength = FieldName("Inference-Header-Content-Length")
  public static let origin = FieldName("Origin")
  public static let retryAfter = FieldName("Retry-After")
  public static let traceparent = FieldName("traceparent")
  public static let transferEncoding = FieldName("Transfer-Encoding")
  public static let vary = FieldName("Vary")
  public static let wwwAuthenticate = FieldName("WWW-Authenticate")
  public static let xRequestID = FieldName("X-Request-Id")
}
