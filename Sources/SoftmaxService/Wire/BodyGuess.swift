import HTTP

/// What a body most likely is that is no JSON, so that the answer can name the cause instead of a byte.
enum BodyGuess {
  /// Text in UTF-16 or UTF-32.
  case wideText
  /// Numbers as bytes, or a compressed body.
  case binary
  /// Names and values of a form, as HTTP libraries send an object where nobody asks them for JSON.
  case form
  /// What JavaScript writes for an object that nobody made a text of: `[object Object]`.
  case scriptObject

  /// How much of a body is looked at.
  private static let begin = 64

  /// - Parameter offset: that of the first byte that no JSON has there.
  init?(_ body: Span<UInt8>, errorAt offset: Int) {
    let start = (0..<min(body.count, Self.begin)).map { body[$0] }
    if Self.isWide(start) {
      self = .wideText
    } else if offset == 0
      ? Self.isBinary(start, isCut: body.count > start.count) : offset < 16 && start.count(where: { $0 == 0 }) > 1
    {
      self = .binary
    } else if start.starts(with: "[object ".utf8) {
      self = .scriptObject
    } else if Self.isForm(start, errorAt: offset) {
      self = .form
    } else {
      return nil
    }
  }

  /// A byte order mark, or two units of ASCII's with NULs around it (RFC 4627 §3).
  private static func isWide(_ bytes: [UInt8]) -> Bool {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return true }
    return [(unit: 2, letter: 0), (2, 1), (4, 0), (4, 3)].contains { unit, letter in
      bytes.count >= 2 * unit
        && (0..<2 * unit).allSatisfy { $0 % unit == letter ? isText(bytes[$0]) : bytes[$0] == 0 }
    }
  }

  /// Printable ASCII and white space.
  private static func isText(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7F || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  /// Control characters that no text has, or what is not UTF-8, also without a last character that was cut.
  private static func isBinary(_ bytes: [UInt8], isCut: Bool) -> Bool {
    bytes.contains { $0 < 0x20 && !isText($0) }
      || (0...(isCut ? 3 : 0)).allSatisfy { String(validating: bytes.dropLast($0), as: UTF8.self) == nil }
  }

  /// A name of letters, digits and escapes, then an equals sign; or an escaped brace or bracket.
  private static func isForm(_ bytes: [UInt8], errorAt offset: Int) -> Bool {
    if bytes.starts(with: "%7B".utf8) || bytes.starts(with: "%5B".utf8) { return true }
    guard let end = bytes.firstIndex(of: UInt8(ascii: "=")), end > 0, offset <= end else { return false }
    return bytes[..<end].allSatisfy { ASCII.isAlphanumeric($0) || "%+-._[]".utf8.contains($0) }
  }

  /// What is wrong and the cure, in a sentence.
  ///
  /// - Parameters:
  ///   - example: a body that would be read.
  ///   - bytes: where numbers may come as bytes.
  func sentence(example: String, bytes: String) -> String {
    switch self {
    case .wideText: "The body is UTF-16 or UTF-32; send it in UTF-8"
    case .binary: "The body is binary; send JSON text, not compressed, such as \(example); \(bytes)"
    case .form: "The body is a form; send JSON, such as \(example)"
    case .scriptObject:
      "The body is what JavaScript writes for any object; send what JSON.stringify makes of it, such as \(example)"
    }
  }
}
