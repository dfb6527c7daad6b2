/// A media type or a media range as a field of a request gives it (RFC 9110 §8.3.1, §12.5.1).
struct MediaTypeText {
  typealias Parameter = (name: String, value: String)

  /// In lower case, as the names of the parameters are: none of them depends on case.
  let type: String
  let subtype: String
  /// In their order, each value without its quotes and escapes.
  var parameters: [Parameter] = []

  /// `type "/" subtype *( OWS ";" OWS [ parameter ] )` (RFC 9110 §8.3.1, §5.6.6), or nil.
  init?(_ text: Substring) {
    var rest = text
    rest.skipWhitespace()
    let type = rest.takeToken()
    guard !type.isEmpty, rest.take("/") else { return nil }
    let subtype = rest.takeToken()
    guard !subtype.isEmpty else { return nil }
    self.type = type.lowercased()
    self.subtype = subtype.lowercased()
    rest.skipWhitespace()
    while !rest.isEmpty {
      guard rest.take(";") else { return nil }
      rest.skipWhitespace()
      if rest.isEmpty || rest.first == ";" { continue }
      let name = rest.takeToken()
      guard !name.isEmpty, rest.take("="), let value = rest.takeValue() else { return nil }
      parameters.append((name.lowercased(), value))
      rest.skipWhitespace()
    }
  }
}

extension String {
  /// The members of a field that is a list (RFC 9110 §5.6.1): what stands between its commas, those in quoted strings
  /// aside.
  var listMembers: [Substring] {
    var (isQuoted, isEscaped) = (false, false)
    return split { character in
      defer { isEscaped = isQuoted && !isEscaped && character == "\\" }
      if character == "\"", !isEscaped { isQuoted.toggle() }
      return character == "," && !isQuoted
    }
  }
}

extension Substring {
  /// Without spaces and tabs at either end.
  var trimmingWhitespace: Substring {
    var rest = self
    rest.skipWhitespace()
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return rest
  }

  fileprivate mutating func take(_ character: Character) -> Bool {
    guard first == character else { return false }
    removeFirst()
    return true
  }

  fileprivate mutating func skipWhitespace() {
    while let first, first == " " || first == "\t" { removeFirst() }
  }

  /// A token (RFC 9110 §5.6.2), possibly empty.
  fileprivate mutating func takeToken() -> Substring {
    let token = prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "!#$%&'*+-.^_`|~".contains($0)) }
    removeFirst(token.count)
    return token
  }

  /// A token or a quoted string (RFC 9110 §5.6.4) without its quotes and escapes.
  fileprivate mutating func takeValue() -> String? {
    guard take("\"") else {
      let token = takeToken()
      return token.isEmpty ? nil : String(token)
    }
    var value = ""
    while let character = popFirst() {
      if character == "\"" { return value }
      if character == "\\" {
        guard let escaped = popFirst() else { return nil }
        value.append(escaped)
      } else {
        value.append(character)
      }
    }
    return nil
  }
}
