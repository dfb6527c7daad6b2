extension Problem {
  /// The problem as a JSON object in UTF-8: `detail`, `type`, `title`, `status`, then `offset` and `errors` if any. The
  /// detail comes first because several clients show only the beginning of an error's body.
  public var json: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(160 + detail.utf8.count + 96 * errors.count)
    out.append(contentsOf: #"{"detail":"#.utf8)
    out.append(jsonString: detail)
    out.append(contentsOf: #","type":"#.utf8)
    out.append(jsonString: type.uri)
    out.append(contentsOf: #","title":"#.utf8)
    out.append(jsonString: type.title)
    out.append(contentsOf: #","status":"#.utf8)
    out.append(contentsOf: String(status.code).utf8)
    if let offset {
      out.append(contentsOf: #","offset":"#.utf8)
      out.append(contentsOf: String(offset).utf8)
    }
    if !errors.isEmpty {
      out.append(contentsOf: #","errors":["#.utf8)
      for (index, fault) in errors.enumerated() {
        out.append(contentsOf: (index == 0 ? #"{"pointer":"# : #",{"pointer":"#).utf8)
        out.append(jsonString: fault.pointer)
        out.append(contentsOf: #","detail":"#.utf8)
        out.append(jsonString: fault.detail)
        out.append(UInt8(ascii: "}"))
      }
      out.append(UInt8(ascii: "]"))
    }
    out.append(UInt8(ascii: "}"))
    return out
  }
}

extension [UInt8] {
  /// Appends a JSON string (RFC 8259 §7): quotation mark, backslash and control characters are escaped.
  public mutating func append(jsonString text: String) {
    let quote = UInt8(ascii: "\"")
    let backslash = UInt8(ascii: "\\")
    append(quote)
    for byte in text.utf8 {
      if byte == quote || byte == backslash {
        append(backslash)
        append(byte)
      } else if byte < 0x20 {
        append(contentsOf: #"\u00"#.utf8)
        append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
        let low = byte & 0x0F
        append(low < 10 ? 0x30 &+ low : 0x57 &+ low)
      } else {
        append(byte)
      }
    }
    append(quote)
  }
}
