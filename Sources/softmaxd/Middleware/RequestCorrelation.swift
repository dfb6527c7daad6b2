import HTTP
import SoftmaxService

/// The identifiers that find one request again in the logs of several programs.
enum RequestCorrelation {
  /// Copies a valid `X-Request-Id` and `traceparent` into the response; an invalid request id is replaced by a new one.
  static func carry(from head: RequestHead, to response: inout Response) {
    if head.fields.count(of: .xRequestID) > 0 {
      response.fields.append(.xRequestID, requestID(head) ?? makeID())
    }
    if head.fields.count(of: .traceparent) > 0, let parent = traceparent(head) {
      response.fields.append(.traceparent, parent)
    }
  }

  /// The client's id: one field of 1 to 128 visible ASCII characters.
  private static func requestID(_ head: RequestHead) -> String? {
    guard head.fields.count(of: .xRequestID) == 1, let id = head.fields[.xRequestID],
      (1...128).contains(id.utf8.count), id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    return id
  }

  /// 128 random bits in hexadecimal.
  static func makeID() -> String {
    var generator = SystemRandomNumberGenerator()
    return hexadecimal(generator.next()) + hexadecimal(generator.next())
  }

  private static func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// A `traceparent` that is valid by Trace Context §3.2.2: version, trace id, parent id and flags in lower-case
  /// hexadecimal, neither id all zeros, the version not ff. A later version may append more. It must be visible ASCII,
  /// because only that is returned byte for byte.
  static func traceparent(_ head: RequestHead) -> String? {
    guard head.fields.count(of: .traceparent) == 1, let text = head.fields[.traceparent] else { return nil }
    let bytes = Array(text.utf8)
    guard bytes.count >= 55, bytes.count <= 256 else { return nil }
    for (index, byte) in bytes.prefix(55).enumerated() {
      let isDash = index == 2 || index == 35 || index == 52
      let isDigit = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66)
      guard isDash ? byte == 0x2D : isDigit else { return nil }
    }
    guard bytes[3..<35].contains(where: { $0 != 0x30 }), bytes[36..<52].contains(where: { $0 != 0x30 }) else {
      return nil
    }
    if bytes[0] == 0x66, bytes[1] == 0x66 { return nil }
    let isFirstVersion = bytes[0] == 0x30 && bytes[1] == 0x30
    let rest = bytes[55...]
    guard rest.isEmpty || !isFirstVersion && rest[55] == 0x2D && rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      return nil
    }
    return text
  }
}
