internal import Allocation

/// The field lines of a message, in their order, repeated ones kept apart (RFC 9110 §5.2, §5.3).
///
/// They are kept in wire format, each with its CRLF, in one array: a request's head is copied once as a whole, however
/// many fields it has, and a response's fields are written as they are. Names are compared without regard to case.
public struct Fields: Sendable {
  /// The lines; in a request's head, preceded by the start line.
  private(set) var bytes: [UInt8]
  private(set) var index: FieldIndex

  /// No fields.
  public init() {
    bytes = []
    index = FieldIndex()
  }

  /// A request's head without the empty line at its end.
  init(head bytes: consuming [UInt8], _ index: FieldIndex) {
    self.bytes = bytes
    self.index = index
  }

  /// The approximate memory held, in bytes.
  var memory: Int { bytes.capacity }

  /// Appends a line. Control characters in `value` become spaces, and white space around it is dropped (RFC 9110 §5.5),
  /// so no text, whatever its source, can end the line.
  public mutating func append(_ name: FieldName, _ value: String) {
    index.append(name.text.span, at: bytes.count)
    bytes.makeRoom(for: name.text.utf8CodeUnitCount + value.utf8.count + 4)
    bytes.append(name.text.span)
    bytes.append(": ".utf8.span)
    let valueStart = bytes.count
    for byte in value.utf8 {
      let clean = byte == ASCII.tab || ASCII.isControl(byte) ? ASCII.space : byte
      if clean != ASCII.space || bytes.count > valueStart { bytes.append(clean) }
    }
    while bytes.count > valueStart, bytes[bytes.count - 1] == ASCII.space { bytes.removeLast() }
    bytes.append("\r\n".utf8.span)
  }

  /// The first value under `name`, or nil. Bytes that are not UTF-8 are read as U+FFFD.
  public subscript(name: FieldName) -> String? {
    range(of: name).map(text)
  }

  /// The range of the first value under `name`.
  func range(of name: FieldName) -> Range<Int>? {
    var cursor = FieldIndex.Cursor()
    return next(name, &cursor)
  }

  /// Each value under `name`, in the order received.
  public func values(of name: FieldName) -> [String] {
    var values: [String] = []
    var cursor = FieldIndex.Cursor()
    while let range = next(name, &cursor) { values.append(text(range)) }
    return values
  }

  /// How many lines carry `name`.
  public func count(of name: FieldName) -> Int {
    var found = 0
    var cursor = FieldIndex.Cursor()
    while next(name, &cursor) != nil { found += 1 }
    return found
  }

  /// The range of the next value under `name`.
  @inline(__always)
  private func next(_ name: FieldName, _ cursor: inout FieldIndex.Cursor) -> Range<Int>? {
    guard index.mayContain(name) else { return nil }
    let (bytes, wanted) = (bytes.span, name.text.span)
    while let start = index.next(&cursor, in: bytes) {
      let end = start + wanted.count
      guard end < bytes.count, bytes[end] == UInt8(ascii: ":"),
        bytes.extracting(start..<end).equalsIgnoringCase(wanted)
      else { continue }
      return bytes.trimmed(end + 1..<bytes.firstControl(from: end, to: bytes.count))
    }
    return nil
  }

  /// All lines in wire format, each with its CRLF.
  var lines: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get { bytes.span.extracting((index.count > 0 ? index.start : bytes.count)...) }
  }

  /// Whether a range of the bytes is `text`, which is in lower case, without regard to case.
  func equals(_ range: Range<Int>, _ text: StaticString) -> Bool { bytes.span.equalsIgnoringCase(text, in: range) }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

extension Fields: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (FieldName, String)...) {
    self.init()
    for (name, value) in elements { append(name, value) }
  }
}

/// Where the field lines of a message begin, and which names they may have.
///
/// Most look-ups are for fields that are absent, and a Bloom filter over the names answers most of these without
/// reading the lines. Otherwise the lines are scanned.
struct FieldIndex: Sendable {
  /// The number of lines.
  private(set) var count = 0
  /// The offset of the first line, if there is one.
  private(set) var start = 0
  private var nameFilter: UInt64 = 0

  /// Adds the line that begins at `start`, with its name.
  @inline(__always)
  mutating func append(_ name: Span<UInt8>, at start: Int) {
    if count == 0 { self.start = start }
    count += 1
    nameFilter |= FieldName.filterBit(of: name)
  }

  /// False only if no line has this name.
  func mayContain(_ name: FieldName) -> Bool { nameFilter & name.filterBit != 0 }

  /// False only if no line has any of the names whose bits `filter` combines.
  func mayContain(anyOf filter: UInt64) -> Bool { nameFilter & filter != 0 }

  /// A position in an iteration over the lines.
  struct Cursor {
    fileprivate var taken = 0
    fileprivate var start = 0
  }

  /// The offset of the next line in the bytes that this index describes.
  @inline(__always)
  func next(_ cursor: inout Cursor, in bytes: Span<UInt8>) -> Int? {
    guard cursor.taken < count else { return nil }
    cursor.start = cursor.taken == 0 ? start : bytes.firstControl(from: cursor.start, to: bytes.count) + 2
    cursor.taken += 1
    return cursor.start
  }
}

/// A field's name: a token, compared without regard to case (RFC 9110 §5.1). Only names that the program knows are
/// values.
public struct FieldName: Sendable {
  /// The name as it is written on the wire.
  public let text: StaticString

  /// - Precondition: `text` is a token (RFC 9110 §5.6.2).
  package init(_ text: StaticString) {
    // Not checked in release builds, so that the compiler lays the names out as constants.
    assert(Self.isValid(text))
    self.text = text
  }

  static func isValid(_ text: StaticString) -> Bool {
    let bytes = text.span
    return !bytes.isEmpty && bytes.endOfToken(from: 0, to: bytes.count) == bytes.count
  }

  /// One bit of 64, chosen by length and first letter: the name's bit in ``FieldIndex``'s Bloom filter.
  var filterBit: UInt64 { Self.filterBit(of: text.span) }

  /// The bit of a name, which is not empty.
  static func filterBit(of name: Span<UInt8>) -> UInt64 {
    1 << UInt64((name.count &* 11 &+ Int(ASCII.lowercased(name[0]))) & 63)
  }
}

extension FieldName {
  /// The media types that the client takes (RFC 9110 §12.5.1).
  public static let accept = FieldName("Accept")
  /// CORS: the request fields that a preflight allows (Fetch).
  public static let accessControlAllowHeaders = FieldName("Access-Control-Allow-Headers")
  /// CORS: the methods that a preflight allows (Fetch).
  public static let accessControlAllowMethods = FieldName("Access-Control-Allow-Methods")
  /// CORS: the origin whose scripts may read the response (Fetch).
  public static let accessControlAllowOrigin = FieldName("Access-Control-Allow-Origin")
  /// CORS: the response fields that scripts may read (Fetch).
  public static let accessControlExposeHeaders = FieldName("Access-Control-Expose-Headers")
  /// CORS: for how many seconds a preflight holds (Fetch).
  public static let accessControlMaxAge = FieldName("Access-Control-Max-Age")
  /// CORS: the method that a preflight asks about (Fetch).
  public static let accessControlRequestMethod = FieldName("Access-Control-Request-Method")
  /// The content codings that are taken (RFC 9110 §12.5.3).
  public static let acceptEncoding = FieldName("Accept-Encoding")
  /// The media types that a POST may have (Linked Data Platform 1.0 §7.1).
  public static let acceptPost = FieldName("Accept-Post")
  /// The methods that the path takes (RFC 9110 §10.2.1).
  public static let allow = FieldName("Allow")
  /// The client's credentials (RFC 9110 §11.6.2).
  public static let authorization = FieldName("Authorization")
  /// Whether the connection ends after the message (RFC 9110 §7.6.1).
  public static let connection = FieldName("Connection")
  /// The content codings of the body (RFC 9110 §8.4).
  public static let contentEncoding = FieldName("Content-Encoding")
  /// Bytes of the body (RFC 9110 §8.6).
  public static let contentLength = FieldName("Content-Length")
  /// What a page may load (Content Security Policy Level 3 §3.1).
  public static let contentSecurityPolicy = FieldName("Content-Security-Policy")
  /// The media type of the body (RFC 9110 §8.3).
  public static let contentType = FieldName("Content-Type")
  /// When the response was made (RFC 9110 §6.6.1).
  public static let date = FieldName("Date")
  /// The authority that the request is for (RFC 9110 §7.2).
  public static let host = FieldName("Host")
  /// The entity tags of which the target must have one (RFC 9110 §13.1.1).
  public static let ifMatch = FieldName("If-Match")
  /// The entity tags of which the target must have none (RFC 9110 §13.1.2).
  public static let ifNoneMatch = FieldName("If-None-Match")
  /// Bytes of the JSON before tensors in binary (binary data extension of the Open Inference Protocol).
  public static let inferenceHeaderContentLength = FieldName("Inference-Header-Content-Length")
  /// Where the request's script comes from (RFC 6454 §7).
  public static let origin = FieldName("Origin")
  /// After how many seconds to try again (RFC 9110 §10.2.3).
  public static let retryAfter = FieldName("Retry-After")
  /// The caller's trace and span (Trace Context §3.2).
  public static let traceparent = FieldName("traceparent")
  /// The transfer codings of the body (RFC 9112 §6.1).
  public static let transferEncoding = FieldName("Transfer-Encoding")
  /// The request fields that the response depends on (RFC 9110 §12.5.5).
  public static let vary = FieldName("Vary")
  /// How to authenticate (RFC 9110 §11.6.1).
  public static let wwwAuthenticate = FieldName("WWW-Authenticate")
  /// The client's own name of the request, which the response and the log repeat.
  public static let xRequestID = FieldName("X-Request-Id")
}
