/// What a response's framing depends on beside the response itself.
struct Exchange: Sendable {
  /// HEAD: the answer is framed as if its body followed (RFC 9110 §9.3.2).
  var isHead = false
  /// HTTP/1.0 must be told that the connection stays open (RFC 9112 §9.3).
  var isHTTP10 = false
}

extension [UInt8] {
  /// Appends a response's head (RFC 9112 §4, §5).
  ///
  /// Date, Content-Length, Content-Type and Connection are written here and nowhere else; a handler's fields of those
  /// names are left out. No field value can hold a line end, because `Fields` and `MediaType` cannot.
  mutating func appendHead(of response: Response, _ exchange: Exchange, closes: Bool, date: HTTPDate) {
    if response.fields.mayHoldReserved {
      let fields = response.fields.unreservedLines()
      appendHead(of: response, fields.span, exchange, closes: closes, date: date)
    } else {
      appendHead(of: response, response.fields.lines, exchange, closes: closes, date: date)
    }
  }

  private mutating func appendHead(
    of response: Response, _ fields: Span<UInt8>, _ exchange: Exchange, closes: Bool, date: HTTPDate
  ) {
    // Not the response itself, which the closure would have copied for it.
    let (status, bodyCount) = (response.status, response.body.count)
    let contentType = (response.contentType?.text ?? "").span
    let room = 256 + contentType.count + fields.count
    makeRoom(for: room)
    append(addingCapacity: room) { (out: inout OutputSpan<UInt8>) in
      if status == .ok {
        out.put("HTTP/1.1 200 OK\r\nDate: ")
      } else {
        out.put("HTTP/1.1 ")
        out.put(decimal: status.code)
        out.put(" ")
        out.put(status.reason.utf8.span)
        out.put("\r\nDate: ")
      }
      out.put(date.text.span)
      if !contentType.isEmpty {
        out.put("\r\nContent-Type: ")
        out.put(contentType)
      }
      if status.mayHaveBody {
        out.put("\r\nContent-Length: ")
        out.put(decimal: bodyCount)
      }
      if closes {
        out.put("\r\nConnection: close")
      } else if exchange.isHTTP10 {
        out.put("\r\nConnection: keep-alive")
      }
      out.put("\r\n")
      out.put(fields)
      out.put("\r\n")
    }
  }
}

extension OutputSpan<UInt8> {
  /// A number that is not negative.
  @_lifetime(self: copy self)
  fileprivate mutating func put(decimal number: Int) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var start = digits.count
    var rest = UInt64(number)
    repeat {
      start -= 1
      digits[start] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    put(digits.span.extracting(start...))
  }
}

extension Status {
  /// No body, and no Content-Length, on 1xx, 204 and 304 (RFC 9110 §8.6, §15).
  var mayHaveBody: Bool { code >= 200 && code != 204 && code != 304 }
}

extension Fields {
  /// What only the connection may write.
  private static let reserved: [FieldName] = [.connection, .contentLength, .contentType, .date, .transferEncoding]
  private static let reservedMarks = reserved.reduce(UInt64(0)) { $0 | $1.mark }

  /// Whether any name has the mark of one that only the connection may write.
  fileprivate var mayHoldReserved: Bool { index.mayHold(anyOf: Self.reservedMarks) }

  /// The lines that a handler may write, each with its CRLF.
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
