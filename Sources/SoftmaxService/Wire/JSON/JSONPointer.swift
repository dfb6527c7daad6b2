/// JSON pointers (RFC 6901) in their URI fragment form (§6), which problem details use.
enum JSONPointer {
  /// The pointer to a place in a request's JSON body: `#/logits/3/1`.
  static func text(of location: Location) -> String {
    switch location {
    case .request: "#"
    case .field(let field, let path): path.reduce(into: "#/" + field.name) { $0 += "/\($1)" }
    case .unknown(let name): text(of: JSONPath(name))
    case .member(let path): text(of: path)
    }
  }

  /// The pointer to a place in any JSON document.
  static func text(of path: JSONPath) -> String {
    path.steps.reduce(into: "#") { text, step in
      switch step {
      case .name(let name): text += "/" + escaped(name.prefixOfUTF8(longestName))
      case .index(let index): text += "/\(index)"
      }
    }
  }

  /// A longer unknown name is cut, so that an answer stays small whatever the request.
  private static let longestName = 256

  /// A name as one reference token: `~` and `/` escaped as RFC 6901 §3 demands, then percent-encoded as RFC 3986 §3.5
  /// does.
  private static func escaped(_ name: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "~"): bytes += "~0".utf8
      case UInt8(ascii: "/"): bytes += "~1".utf8
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        bytes.append(byte)
      case _ where fragmentMarks.contains(byte): bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What a fragment may hold besides letters and digits.
  private static let fragmentMarks = Array("-._!$&'()*+,;=:@?".utf8)
}
