internal import Allocation

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
