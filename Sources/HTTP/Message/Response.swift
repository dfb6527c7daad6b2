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
  public init(_ text: StaticString) {
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
  public static let plainText = MediaType("text/plain; charset=utf-8")
  /// RFC 9512.
  public static let yaml = MediaType("application/yaml")
  /// The Prometheus text exposition format, version 0.0.4.
  public static let prometheus = MediaType("text/plain; version=0.0.4; charset=utf-8")
}

/// A response's status code (RFC 9110 §15).
public struct Status: Sendable, Hashable {
  /// Three digits, 100 to 599.
  public let code: Int

  private init(_ code: Int) { self.code = code }

  public static let ok = Status(200)
  public static let noContent = Status(204)
  public static let notModified = Status(304)
  public static let badRequest = Status(400)
  public static let unauthorized = Status(401)
  public static let notFound = Status(404)
  public static let methodNotAllowed = Status(405)
  public static let requestTimeout = Status(408)
  public static let preconditionFailed = Status(412)
  public static let lengthRequired = Status(411)
  public static let contentTooLarge = Status(413)
  public static let uriTooLong = Status(414)
  public static let unsupportedMediaType = Status(415)
  public static let expectationFailed = Status(417)
  public static let misdirectedRequest = Status(421)
  public static let unprocessableContent = Status(422)
  public static let requestHeaderFieldsTooLarge = Status(431)
  public static let internalServerError = Status(500)
  public static let notImplemented = Status(501)
  public static let serviceUnavailable = Status(503)
  public static let httpVersionNotSupported = Status(505)

  /// The phrase that the RFC gives the code; clients ignore it.
  public var reason: String {
    switch code {
    case 200: "OK"
    case 204: "No Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
  }
}
