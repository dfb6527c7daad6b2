extension Problem {
  /// The problem as a JSON object in UTF-8: `type`, `title`, `status`, `detail`, then `offset` and `errors` if any.
  public var json: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(160 + detail.utf8.count + 96 * errors.count)
    out.append(contentsOf: #"{"type":"#.utf8)
    Self.append(type, to: &out)
    out.append(contentsOf: #","title":"#.utf8)
    Self.append(title, to: &out)
    out.append(contentsOf: #","status":"#.utf8)
    out.append(contentsOf: String(status.code).utf8)
    out.append(contentsOf: #","detail":"#.utf8)
    Self.append(detail, to: &out)
    if let offset {
      out.append(contentsOf: #","offset":"#.utf8)
      out.append(contentsOf: String(offset).utf8)
    }
    if !errors.isEmpty {
      out.append(contentsOf: #","errors":["#.utf8)
      for (index, fault) in errors.enumerated() {
        out.append(contentsOf: (index == 0 ? #"{"pointer":"# : #",{"pointer":"#).utf8)
        Self.append(fault.pointer, to: &out)
        out.append(contentsOf: #","detail":"#.utf8)
        Self.append(fault.detail, to: &out)
        out.append(UInt8(ascii: "}"))
      }
      out.append(UInt8(ascii: "]"))
    }
    out.append(UInt8(ascii: "}"))
    return out
  }

  /// A JSON string (RFC 8259 §7): quotation mark, backslash and controls escaped.
  private static func append(_ text: String, to out: inout [UInt8]) {
    let quote = UInt8(ascii: "\"")
    let backslash = UInt8(ascii: "\\")
    out.append(quote)
    for byte in text.utf8 {
      if byte == quote || byte == backslash {
        out.append(backslash)
        out.append(byte)
      } else if byte < 0x20 {
        out.append(contentsOf: #"\u00"#.utf8)
        out.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
        let low = byte & 0x0F
        out.append(low < 10 ? 0x30 &+ low : 0x57 &+ low)
      } else {
        out.append(byte)
      }
    }
    out.append(quote)
  }
}
