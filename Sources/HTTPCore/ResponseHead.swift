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
  mutating func appendHead(of response: borrowing Response, _ exchange: Exchange, closes: Bool, date: HTTPDate) {
    if capacity - count < 512 { reserveCapacity(Swift.max(count + 512, 2 * count)) }
    if response.status == .ok {
      put("HTTP/1.1 200 OK\r\nDate: ")
    } else {
      put("HTTP/1.1 ")
      put(decimal: response.status.code)
      append(ASCII.space)
      put(response.status.reason)
      put("\r\nDate: ")
    }
    append(date.text.span)
    if let contentType = response.contentType {
      put("\r\nContent-Type: ")
      put(contentType.text)
    }
    if response.status.mayHaveBody {
      put("\r\nContent-Length: ")
      put(decimal: response.body.count)
    }
    if closes {
      put("\r\nConnection: close")
    } else if exchange.isHTTP10 {
      put("\r\nConnection: keep-alive")
    }
    if !response.fields.isEmpty { put(response.fields) }
    put("\r\n\r\n")
  }

  private mutating func put(_ fields: Fields) {
    for line in fields.lines where !fields.isReserved(line) {
      put("\r\n")
      append(contentsOf: fields.bytes[line.name])
      put(": ")
      append(contentsOf: fields.bytes[line.value])
    }
  }

  @inline(__always)
  private mutating func put(_ text: String) { append(contentsOf: text.utf8) }

  /// A number that is not negative.
  private mutating func put(decimal number: Int) {
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
