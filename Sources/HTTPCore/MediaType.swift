/// A `Content-Type` that this server sends (RFC 9110 §8.3).
public struct MediaType: Sendable, Hashable {
  /// The field's value.
  public let text: String

  /// Nil unless `text` can stand in a field: visible ASCII and spaces.
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
    self.text = text
  }

  private init(unchecked text: String) { self.text = text }

  public static let json = MediaType(unchecked: "application/json")
  /// RFC 9457 §3.
  public static let problem = MediaType(unchecked: "application/problem+json")
  public static let plainText = MediaType(unchecked: "text/plain; charset=utf-8")
  /// RFC 9512.
  public static let yaml = MediaType(unchecked: "application/yaml")
  /// The Prometheus text exposition format, version 0.0.4.
  public static let prometheus = MediaType(unchecked: "text/plain; version=0.0.4; charset=utf-8")
}
