/// A `Content-Type` that this server sends (RFC 9110 §8.3).
public struct MediaType: Sendable, Equatable {
  /// The field's value.
  public let text: StaticString

  /// - Precondition: `text` can stand in a field: visible ASCII and spaces.
  public init(_ text: StaticString) {
    precondition(Self.isValid(text))
    self.text = text
  }

  static func isValid(_ text: StaticString) -> Bool {
    let bytes = text.span
    return !bytes.isEmpty && bytes.indices.allSatisfy { bytes[$0] >= 0x20 && bytes[$0] < 0x7F }
  }

  public static func == (left: MediaType, right: MediaType) -> Bool { left.text.description == right.text.description }

  public static let json = MediaType("application/json")
  /// RFC 9457 §3.
  public static let problem = MediaType("application/problem+json")
  public static let html = MediaType("text/html; charset=utf-8")
  public static let plainText = MediaType("text/plain; charset=utf-8")
  /// RFC 9512.
  public static let yaml = MediaType("application/yaml")
  /// The Prometheus text exposition format, version 0.0.4.
  public static let prometheus = MediaType("text/plain; version=0.0.4; charset=utf-8")
}
