/// The grammar of a chunk's extensions, behind its size (RFC 9112 §7.1.1):
/// `*( ";" name [ "=" ( token / quoted-string ) ] )`. White space may stand around semicolons and equals signs, but not
/// before the line's end.
struct ChunkExtension: Sendable {
  private enum State: Sendable {
    case beforeSemicolon, beforeName, name, afterName, beforeValue, token, quoted, escaped, afterQuote
  }

  private var state = State.beforeSemicolon

  /// Whether the line may end here.
  var mayEnd: Bool {
    switch state {
    case .name, .token, .afterQuote: true
    case .beforeSemicolon, .beforeName, .afterName, .beforeValue, .quoted, .escaped: false
    }
  }

  /// Takes one byte; false if the grammar has no place for it.
  mutating func take(_ byte: UInt8) -> Bool {
    let isBlank = byte == ASCII.space || byte == ASCII.tab
    switch state {
    case .beforeSemicolon:
      if isBlank { return true }
      state = .beforeName
      return byte == UInt8(ascii: ";")
    case .beforeName:
      if isBlank { return true }
      state = .name
      return ASCII.isToken(byte)
    case .name, .afterName:
      if isBlank {
        state = .afterName
      } else if byte == UInt8(ascii: "=") {
        state = .beforeValue
      } else if byte == UInt8(ascii: ";") {
        state = .beforeName
      } else {
        guard case .name = state else { return false }
        return ASCII.isToken(byte)
      }
      return true
    case .beforeValue:
      if isBlank { return true }
      state = byte == UInt8(ascii: "\"") ? .quoted : .token
      return byte == UInt8(ascii: "\"") || ASCII.isToken(byte)
    case .token, .afterQuote:
      if isBlank {
        state = .beforeSemicolon
      } else if byte == UInt8(ascii: ";") {
        state = .beforeName
      } else {
        guard case .token = state else { return false }
        return ASCII.isToken(byte)
      }
      return true
    case .quoted:
      if byte == UInt8(ascii: "\"") {
        state = .afterQuote
      } else if byte == UInt8(ascii: "\\") {
        state = .escaped
      }
      return !ASCII.isControl(byte)
    case .escaped:
      state = .quoted
      return !ASCII.isControl(byte)
    }
  }
}
