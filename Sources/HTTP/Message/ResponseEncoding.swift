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
    let (status, bodyCount, forbidsStoring) = (response.status, response.body.count, response.forbidsStoring)
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

extension OutputSpan<UInt8> {
  /// Appends a number that is not negative.
  @_lifetime(self: copy self)
  fileprivate mutating func append(decimal number: Int) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var start = digits.count
    var rest = UInt64(number)
    repeat {
      start -= 1
      digits[start] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    append(digits.span.extracting(start...))
  }
}

extension Status {
  /// No body, and no Content-Length, on 1xx, 204 and 304 (RFC 9110 §8.6, §15).
  var mayHaveBody: Bool { code >= 200 && code != 204 && code != 304 }
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

/// A time as the 29 bytes of IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// A server makes one a second and uses it for every response.
public struct HTTPDate: Sendable {
  let text: InlineArray<29, UInt8>

  /// - Parameter unixSeconds: seconds since 1970-01-01T00:00:00Z, clamped to the years 1970 to 9999.
  public init(unixSeconds: Int64) {
    let time = CivilTime(unixSeconds: unixSeconds)
    var text = InlineArray<29, UInt8>(repeating: 0x20)
    Self.write("ThuFriSatSunMonTueWed", from: time.daysSince1970 % 7 * 3, to: &text, at: 0)
    text[3] = UInt8(ascii: ",")
    Self.write(time.day, to: &text, at: 5)
    Self.write("JanFebMarAprMayJunJulAugSepOctNovDec", from: (time.month - 1) * 3, to: &text, at: 8)
    Self.write(time.year / 100, to: &text, at: 12)
    Self.write(time.year % 100, to: &text, at: 14)
    Self.write(time.hour, to: &text, at: 17)
    text[19] = UInt8(ascii: ":")
    Self.write(time.minute, to: &text, at: 20)
    text[22] = UInt8(ascii: ":")
    Self.write(time.second, to: &text, at: 23)
    Self.write("GMT", from: 0, to: &text, at: 26)
    self.text = text
  }

  /// Writes two digits.
  private static func write(_ number: Int, to text: inout InlineArray<29, UInt8>, at index: Int) {
    text[index] = 0x30 &+ UInt8(truncatingIfNeeded: number / 10 % 10)
    text[index + 1] = 0x30 &+ UInt8(truncatingIfNeeded: number % 10)
  }

  /// Writes the three letters of `names` from `start` on.
  private static func write(_ names: String, from start: Int, to text: inout InlineArray<29, UInt8>, at index: Int) {
    for (offset, byte) in names.utf8.dropFirst(start).prefix(3).enumerated() { text[index + offset] = byte }
  }
}

/// A time of the proleptic Gregorian calendar in UTC.
public struct CivilTime: Sendable, Hashable {
  public let daysSince1970: Int
  public let year: Int
  /// From 1 to 12.
  public let month: Int
  /// From 1 to 31.
  public let day: Int
  public let hour: Int
  public let minute: Int
  public let second: Int

  /// - Parameter unixSeconds: seconds since 1970-01-01T00:00:00Z, clamped to the years 1970 to 9999.
  public init(unixSeconds: Int64) {
    let seconds = min(max(unixSeconds, 0), 253_402_300_799)
    daysSince1970 = Int(seconds / 86_400)
    let secondOfDay = Int(seconds % 86_400)
    (hour, minute, second) = (secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60)
    // Years are counted from March, so that the leap day ends them, in eras of 400 years, each of 146,097 days.
    let shifted = daysSince1970 + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

// Appending whole spans: byte by byte it would be most of the cost of a response's head.
//
// `unsafe` for two reasons: a span is copied into an output's free capacity, which is checked; and a static string is
// read through its pointer, which is valid for the program's whole life.

extension OutputSpan<UInt8> {
  /// Appends all of `bytes`. There must be enough free capacity.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func append(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= freeCapacity)
    unsafe withUnsafeMutableBufferPointer { buffer, filled in
      unsafe bytes.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
        unsafe (to + filled).initialize(from: from, count: source.count)
        filled += source.count
      }
    }
  }

  /// Appends a static string. There must be enough free capacity.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func append(_ text: StaticString) {
    append(text.span)
  }
}

extension StaticString {
  /// The text's bytes.
  @inline(__always)
  var span: Span<UInt8> {
    @_lifetime(immortal)
    get {
      unsafe _overrideLifetime(Span(_unsafeStart: utf8Start, count: utf8CodeUnitCount), copying: ())
    }
  }
}

extension [UInt8] {
  /// A span's bytes.
  init(copying bytes: Span<UInt8>) {
    self.init()
    append(bytes)
  }

  /// Appends a span's bytes.
  mutating func append(_ bytes: Span<UInt8>) {
    makeRoom(for: bytes.count)
    append(addingCapacity: bytes.count) { (out: inout OutputSpan<UInt8>) in out.append(bytes) }
  }

  /// Grows capacity at least twofold, so that many small appends cost no more than a large one.
  mutating func makeRoom(for added: Int) {
    if capacity - count < added { reserveCapacity(Swift.max(count + added, 2 * count)) }
  }
}
