internal import Allocation

/// A complete response, before it is framed.
///
/// The connection adds Date, Content-Length and Connection, and drops the body where the method or the status forbids
/// one: a handler answers HEAD as it answers GET.
public struct Response: Sendable {
  public var status: Status
  /// Nil for a response without a body.
  public var contentType: MediaType?
  /// Further fields. Date, Content-Length, Content-Type, Connection and Transfer-Encoding are the connection's own.
  public var fields: Fields
  /// The body, or its beginning.
  public var body: [UInt8]
  /// What follows `body`: parts that are too large to be copied behind it, each sent from the memory that it is in.
  public var bodyParts: [BodyPart] = []
  /// Ends the connection after this answer.
  public var closes: Bool
  /// Adds `Cache-Control: no-store` (RFC 9111 §5.2.2.5). Not among `fields`, because most answers say it.
  public var forbidsStoring: Bool
  /// In a class, so that every other response spends one word on it.
  private var report: ProblemReport?

  public init(
    _ status: Status, _ contentType: MediaType? = nil, body: [UInt8] = [], fields: Fields = Fields(),
    closes: Bool = false, forbidsStoring: Bool = false
  ) {
    self.status = status
    self.contentType = contentType
    self.fields = fields
    self.body = body
    self.closes = closes
    self.forbidsStoring = forbidsStoring
  }

  /// Bytes of the whole body.
  public var bodyCount: Int { bodyParts.reduce(body.count) { $0 + $1.bytes.count } }

  /// The problem that the response tells of, if it was made of one: for a protocol that writes errors in another form
  /// than RFC 9457.
  public var problem: Problem? {
    get { report?.problem }
    set { report = newValue.map(ProblemReport.init) }
  }
}

/// A part of a body, in the memory that it was made in.
public struct BodyPart: Sendable {
  public let bytes: ArraySlice<UInt8>
  /// Bytes of the memory that is held until the part is sent: that of the whole array.
  let memory: Int

  /// - Precondition: the range is within the array.
  public init(_ array: [UInt8], _ range: Range<Int>) {
    bytes = array[range]
    memory = array.capacity
  }

  public init(_ array: [UInt8]) { self.init(array, 0..<array.count) }
}

private final class ProblemReport: Sendable {
  let problem: Problem

  init(_ problem: Problem) { self.problem = problem }
}

/// A `Content-Type` that this server sends (RFC 9110 §8.3).
public struct MediaType: Sendable, Equatable {
  /// The field's value.
  public let text: StaticString

  /// - Precondition: `text` can stand in a field: visible ASCII and spaces.
  package init(_ text: StaticString) {
    precondition(Self.isValid(text))
    self.text = text
  }

  static func isValid(_ text: StaticString) -> Bool {
    let bytes = text.span
    return !bytes.isEmpty && bytes.indices.allSatisfy { bytes[$0] >= 0x20 && bytes[$0] < 0x7F }
  }

  public static func == (left: MediaType, right: MediaType) -> Bool { left.text.description == right.text.description }

  public static let json = MediaType("application/json")
  /// RFC 9457 §3.
  public static let problem = MediaType("application/problem+json")
  public static let octets = MediaType("application/octet-stream")
  public static let html = MediaType("text/html; charset=utf-8")
  public static let css = MediaType("text/css; charset=utf-8")
  /// RFC 9239.
  public static let javascript = MediaType("text/javascript; charset=utf-8")
  public static let plainText = MediaType("text/plain; charset=utf-8")
  /// RFC 9512.
  public static let yaml = MediaType("application/yaml")
  /// The Prometheus text exposition format, version 0.0.4.
  public static let prometheus = MediaType("text/plain; version=0.0.4; charset=utf-8")
}

/// A response's status code (RFC 9110 §15): each that this server answers with.
public enum Status: Int, Sendable, Hashable, CaseIterable {
  case ok = 200
  case noContent = 204
  case notModified = 304
  case badRequest = 400
  case unauthorized = 401
  case notFound = 404
  case methodNotAllowed = 405
  case requestTimeout = 408
  case lengthRequired = 411
  case preconditionFailed = 412
  case contentTooLarge = 413
  case uriTooLong = 414
  case unsupportedMediaType = 415
  case expectationFailed = 417
  case misdirectedRequest = 421
  case unprocessableContent = 422
  case requestHeaderFieldsTooLarge = 431
  case internalServerError = 500
  case notImplemented = 501
  case serviceUnavailable = 503
  case httpVersionNotSupported = 505

  /// Three digits, 100 to 599.
  public var code: Int { rawValue }

  /// The phrase that the RFC gives the code; clients ignore it.
  public var reason: String {
    switch self {
    case .ok: "OK"
    case .noContent: "No Content"
    case .notModified: "Not Modified"
    case .badRequest: "Bad Request"
    case .unauthorized: "Unauthorized"
    case .notFound: "Not Found"
    case .methodNotAllowed: "Method Not Allowed"
    case .requestTimeout: "Request Timeout"
    case .lengthRequired: "Length Required"
    case .preconditionFailed: "Precondition Failed"
    case .contentTooLarge: "Content Too Large"
    case .uriTooLong: "URI Too Long"
    case .unsupportedMediaType: "Unsupported Media Type"
    case .expectationFailed: "Expectation Failed"
    case .misdirectedRequest: "Misdirected Request"
    case .unprocessableContent: "Unprocessable Content"
    case .requestHeaderFieldsTooLarge: "Request Header Fields Too Large"
    case .internalServerError: "Internal Server Error"
    case .notImplemented: "Not Implemented"
    case .serviceUnavailable: "Service Unavailable"
    case .httpVersionNotSupported: "HTTP Version Not Supported"
    }
  }
}
