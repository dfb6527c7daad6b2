import HTTPCore

/// Judges from the head whether a body is one that the JSON endpoints read (RFC 9110 §8.3, §8.4).
enum BodyType {
  /// Bodies of 32 KiB are read and answered in about 0.2 ms: longer ones would keep an event loop's other connections waiting.
  static let policy = BodyPolicy(mediaTypes: "application/json", workPoolBytes: 32 * 1024)

  /// A final answer when the body is no JSON in UTF-8 or is compressed, else nil.
  static func refusal(of head: RequestHead) -> Response? {
    // A missing Content-Type counts as JSON: several clients send bytes without one.
    if !head.fields.holds(.contentType, "application/json"), let type = head.fields[.contentType], !isJSON(type) {
      return Response(
        ProblemType.unsupportedMediaType.problem(
          "Content-Type is \(quoted(type)); send \"Content-Type: application/json\""),
        fields: [.acceptPost: policy.mediaTypes.description])
    }
    for encoding in head.fields.values(of: .contentEncoding) {
      let isPlain = encoding.split(separator: ",", omittingEmptySubsequences: false).allSatisfy {
        $0.trimmingWhitespace.lowercased() == "identity"
      }
      guard isPlain else {
        return Response(
          ProblemType.unsupportedContentEncoding.problem(
            "Content-Encoding is \(quoted(encoding)); send the body as it is, without Content-Encoding"),
          fields: [.acceptEncoding: policy.encodings.description])
      }
    }
    return nil
  }

  /// Whether a Content-Type is application/json or any type with the suffix +json (RFC 6839 §3.1), in any case, its charset
  /// UTF-8 if it names one.
  static func isJSON(_ text: String) -> Bool {
    guard let parts = parsed(text) else { return false }
    let type = parts.type.lowercased()
    let subtype = parts.subtype.lowercased()
    guard (type == "application" && subtype == "json") || (subtype.hasSuffix("+json") && subtype.utf8.count > 5) else {
      return false
    }
    return parts.parameters.allSatisfy { $0.name.lowercased() != "charset" || $0.value.lowercased() == "utf-8" }
  }

  private typealias Parameter = (name: Substring, value: String)

  /// `type "/" subtype *( OWS ";" OWS [ parameter ] )` (RFC 9110 §8.3.1, §5.6.6), or nil.
  private static func parsed(
    _ text: String
  ) -> (type: Substring, subtype: Substring, parameters: [Parameter])? {
    var rest = text[...]
    let type = rest.takeToken()
    guard !type.isEmpty, rest.take("/") else { return nil }
    let subtype = rest.takeToken()
    guard !subtype.isEmpty else { return nil }
    var parameters: [Parameter] = []
    rest.skipWhitespace()
    while !rest.isEmpty {
      guard rest.take(";") else { return nil }
      rest.skipWhitespace()
      if rest.isEmpty || rest.first == ";" { continue }
      let name = rest.takeToken()
      guard !name.isEmpty, rest.take("="), let value = rest.takeValue() else { return nil }
      parameters.append((name, value))
      rest.skipWhitespace()
    }
    return (type, subtype, parameters)
  }
}

extension Substring {
  fileprivate mutating func take(_ character: Character) -> Bool {
    guard first == character else { return false }
    removeFirst()
    return true
  }

  fileprivate mutating func skipWhitespace() {
    while let first, first == " " || first == "\t" { removeFirst() }
  }

  fileprivate var trimmingWhitespace: Substring {
    var rest = self
    rest.skipWhitespace()
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return rest
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
