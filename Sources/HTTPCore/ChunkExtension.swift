/// The grammar of a chunk's extensions, after the first semicolon (RFC 9112 §7.1.1):
/// `name [ "=" ( token / quoted-string ) ] *( ";" … )`, with white space around names and values.
struct ChunkExtension: Sendable {
  private enum State: Sendable {
    case beforeName, name, afterName, beforeValue, token, quoted, escaped, afterValue
  }

  private var state = State.beforeName

  /// Whether the line may end here.
  var mayEnd: Bool {
    switch state {
    case .name, .afterName, .token, .afterValue: true
    case .beforeName, .beforeValue, .quoted, .escaped: false
    }
  }

  /// Takes one byte; false if the grammar has no place for it.
  mutating func take(_ byte: UInt8) -> Bool {
    let isBlank = byte == ASCII.space || byte == ASCII.tab
    switch state {
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
    case .token, .afterValue:
      if isBlank {
        state = .afterValue
      } else if byte == UInt8(ascii: ";") {
        state = .beforeName
      } else {
        guard case .token = state else { return false }
        return ASCII.isToken(byte)
      }
      return true
    case .quoted:
      if byte == UInt8(ascii: "\"") {
        state = .afterValue
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
