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
    // Not the response itself, which the closure would have copied for it.
    let (status, fields, bodyCount) = (response.status, response.fields, response.body.count)
    let contentType = response.contentType?.text ?? ""
    // The lines that are written here, and a colon, a space and a line end for each of the handler's.
    let room = 256 + contentType.utf8.count + fields.bytes.count + 4 * fields.count
    makeRoom(for: room)
    append(addingCapacity: room) { (out: inout OutputSpan<UInt8>) in
      if status == .ok {
        out.put("HTTP/1.1 200 OK\r\nDate: ")
      } else {
        out.put("HTTP/1.1 ")
        out.put(decimal: status.code)
        out.put(" ")
        out.put(status.reason)
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
      for line in fields.lines where !fields.isReserved(line) {
        out.put("\r\n")
        out.put(fields.bytes.span.extracting(line.name))
        out.put(": ")
        out.put(fields.bytes.span.extracting(line.value))
      }
      out.put("\r\n\r\n")
    }
  }
}

extension OutputSpan<UInt8> {
  @_lifetime(self: copy self)
  fileprivate mutating func put(_ text: String) { put(text.utf8.span) }

  /// A number that is not negative.
  @_lifetime(self: copy self)
  fileprivate mutating func put(decimal number: Int) {
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(0x30 &+ UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }
}

extension Status {
  /// No body, and no Content-Length, on 1xx, 204 and 304 (RFC 9110 §8.6, §15).
  var mayHaveBody: Bool { code >= 200 && code != 204 && code != 304 }
}

extension Fields {
  /// Whether a line is one that only the connection may write.
  func isReserved(_ line: Line) -> Bool {
    switch line.name.count {
    case 4: matches(line, .date)
    case 10: matches(line, .connection)
    case 12: matches(line, .contentType)
    case 14: matches(line, .contentLength)
    case 17: matches(line, .transferEncoding)
    default: false
    }
  }
}
