internal import Allocation

/// A complete response, before it is framed.
///
/// The connection adds Date, Content-Length and Connection, and drops the body where the method or the status forbids
/// one: a handler answers HEAD as it answers GET.
public struct Response: Sendable {
  /// How the request came out (RFC 9110 §15).
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

  /// A response whose body is in one piece; `bodyParts` may follow.
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
  public var problem: ProblemDetails? {
    get { report?.problem }
    set { report = newValue.map(ProblemReport.init) }
  }
}

/// A part of a body, in the memory that it was made in.
public struct BodyPart: Sendable {
  /// What is sent.
  public let bytes: ArraySlice<UInt8>
  /// Bytes of the memory that is held until the part is sent: that of the whole array.
  let memory: Int

  /// - Precondition: the range is within the array.
  public init(_ array: [UInt8], _ range: Range<Int>) {
    bytes = array[range]
    memory = array.capacity
  }

  /// A whole array.
  public init(_ array: [UInt8]) { self.init(array, 0..<array.count) }
}

private final class ProblemReport: Sendable {
  let problem: ProblemDetails

  init(_ problem: ProblemDetails) { self.problem = problem }
}

/// A `Content-Type` that this server sends (RFC 9110 §8.3).
public struct MediaType: Sendable, Equatable {
  /// The field's value.
  public let text: StaticString

  /// - Precondition: `text` can stand in a field: visible ASCII and spaces.
  package init(_ text: StaticString) {
    // Not checked in release builds, as with FieldName.
    assert(Self.isValid(text))
    self.text = text
  }

  static func isValid(_ text: StaticString) -> Bool {
    let bytes = text.span
    return !bytes.isEmpty && bytes.indices.allSatisfy { bytes[$0] >= 0x20 && bytes[$0] < 0x7F }
  }

  public static func == (left: MediaType, right: MediaType) -> Bool { left.text.description == right.text.description }

  /// RFC 8259 §11.
  public static let json = MediaType("application/json")
  /// RFC 9457 §3.
  public static let problem = MediaType("application/problem+json")
  /// Bytes without a type of their own (RFC 2046 §4.5.1): JSON with tensors in binary behind it.
  public static let octets = MediaType("application/octet-stream")
  /// RFC 2854.
  public static let html = MediaType("text/html; charset=utf-8")
  /// RFC 2318.
  public static let css = MediaType("text/css; charset=utf-8")
  /// RFC 9239.
  public static let javascript = MediaType("text/javascript; charset=utf-8")
  /// RFC 2046 §4.1.3.
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

// How the head of a response is written.

/// What a response's framing depends on, apart from the response itself.
struct ResponseFraming: Sendable {
  /// A response to HEAD is framed as if its body followed (RFC 9110 §9.3.2).
  var isHead = false
  /// An HTTP/1.0 client must be told that the connection stays open (RFC 9112 §9.3).
  var isHTTP10 = false
  /// The connection ends after this response.
  var closes = false
}

extension Response {
  /// The whole message, with `Connection: close`: for a client that is turned away before it has sent a request.
  public func lastMessage(date: HTTPDate) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendHead(of: self, ResponseFraming(closes: true), date: date)
    bytes.append(body.span)
    for part in bodyParts { bytes.append(part.bytes.span) }
    return bytes
  }
}

extension [UInt8] {
  /// Appends a response's head (RFC 9112 §4, §5).
  ///
  /// Date, Content-Length, Content-Type and Connection are written here and nowhere else; a handler's fields of these
  /// names are left out. No field value contains a line end, because `Fields` and `MediaType` cannot.
  mutating func appendHead(of response: Response, _ framing: ResponseFraming, date: HTTPDate) {
    if response.fields.mayContainReserved {
      let fields = response.fields.unreservedLines()
      appendHead(of: response, fields: fields.span, framing, date: date)
    } else {
      appendHead(of: response, fields: response.fields.lines, framing, date: date)
    }
  }

  private mutating func appendHead(
    of response: Response, fields: Span<UInt8>, _ framing: ResponseFraming, date: HTTPDate
  ) {
    // Not the response itself: the closure would copy it.
    let (status, bodyCount, forbidsStoring) = (response.status, response.bodyCount, response.forbidsStoring)
    let contentType = (response.contentType?.text ?? "").span
    let room = 256 + contentType.count + fields.count
    makeRoom(for: room)
    append(addingCapacity: room) { (out: inout OutputSpan<UInt8>) in
      if status == .ok {
        out.append("HTTP/1.1 200 OK\r\nDate: ")
      } else {
        out.append("HTTP/1.1 ")
        out.append(decimal: status.code)
        out.append(" ")
        out.append(status.reason.utf8.span)
        out.append("\r\nDate: ")
      }
      out.append(date.text.span)
      if !contentType.isEmpty {
        out.append("\r\nContent-Type: ")
        out.append(contentType)
      }
      if status.mayHaveBody {
        out.append("\r\nContent-Length: ")
        out.append(decimal: bodyCount)
      }
      if framing.closes {
        out.append("\r\nConnection: close")
      } else if framing.isHTTP10 {
        out.append("\r\nConnection: keep-alive")
      }
      out.append("\r\n")
      if forbidsStoring { out.append("Cache-Control: no-store\r\n") }
      out.append(fields)
      out.append("\r\n")
    }
  }
}

extension Status {
  /// No body, and no Content-Length, on 1xx, 204 and 304 (RFC 9110 §8.6, §15).
  var mayHaveBody: Bool { self != .noContent && self != .notModified }
}

extension Fields {
  /// The names that only the connection may write.
  private static let reserved: [FieldName] = [.connection, .contentLength, .contentType, .date, .transferEncoding]
  private static let reservedFilter = reserved.reduce(UInt64(0)) { $0 | $1.filterBit }

  /// False only if none of the lines has a reserved name.
  fileprivate var mayContainReserved: Bool { index.mayContain(anyOf: Self.reservedFilter) }

  /// The lines whose names are not reserved, each with its CRLF.
  fileprivate func unreservedLines() -> [UInt8] {
    var kept: [UInt8] = []
    var cursor = FieldIndex.Cursor()
    while let start = index.next(&cursor, in: bytes.span) {
      let name = bytes.span.extracting(start..<bytes.span.endOfToken(from: start, to: bytes.count))
      guard !Self.reserved.contains(where: { name.equalsIgnoringCase($0.text.span) }) else { continue }
      kept.append(bytes.span.extracting(start..<bytes.span.firstControl(from: start, to: bytes.count) + 2))
    }
    return kept
  }
}
