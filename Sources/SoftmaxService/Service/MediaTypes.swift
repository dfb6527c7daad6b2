import HTTP

/// Whether a body is one that a route reads, as its head tells (RFC 9110 §8.3, §8.4, §8.6).
enum BodyType {
  /// A final answer when the body of a JSON route has no length, is certainly not JSON, or is compressed, else nil.
  ///
  /// - Parameter example: a body that would be read.
  static func refusal(of head: RequestHead, _ policy: BodyPolicy, example: String) -> Response? {
    refusalOfLength(head, example: example) ?? refusalOfType(head, policy) ?? refusalOfCoding(head)
  }

  static func refusalOfLength(_ head: RequestHead, example: String) -> Response? {
    guard head.framing == .none else { return nil }
    return Response(
      ProblemType.lengthRequired.problem(
        head.hasQuery
          ? "What is asked for goes into a JSON body, not after \"?\", such as \(example); send it with Content-Length"
          : "The request has neither Content-Length nor Transfer-Encoding: chunked, and so no body; "
            + "send a JSON object, such as \(example)"))
  }

  private static func refusalOfType(_ head: RequestHead, _ policy: BodyPolicy) -> Response? {
    guard !head.repeatsContentType else {
      return Response(ProblemType.malformedField.problem("Content-Type must be sent once"))
    }
    // A missing Content-Type counts as JSON: several clients send bytes without one.
    if !head.isContentType("application/json"), let type = head.contentType, !isRead(type) {
      return Response(
        ProblemType.unsupportedMediaType.problem(
          "Content-Type is \(quoted(type)); send \"Content-Type: application/json\""),
        fields: [.acceptPost: policy.mediaTypes.description])
    }
    return nil
  }

  static func refusalOfCoding(_ head: RequestHead) -> Response? {
    for encoding in head.fields.values(of: .contentEncoding) {
      let isPlain = Array(encoding.utf8).split(separator: UInt8(ascii: ",")).allSatisfy { member in
        var rest = member
        rest.skipWhitespace()
        // An empty member of a list means nothing (RFC 9110 §5.6.1.2).
        if rest.isEmpty { return true }
        let isIdentity = rest.takeToken().lowercasedText == "identity"
        rest.skipWhitespace()
        return isIdentity && rest.isEmpty
      }
      guard isPlain else {
        return Response(
          ProblemType.unsupportedContentEncoding.problem(
            "Content-Encoding is \(quoted(encoding)); send the body as it is, without Content-Encoding"),
          fields: [.acceptEncoding: "identity"])
      }
    }
    return nil
  }

  /// Whether a body of a Content-Type is read as JSON: application/json, any type with the suffix +json (RFC 6839
  /// §3.1), and the types that clients add by themselves where nobody named one, as curl and browsers do.
  static func isRead(_ text: String) -> Bool {
    guard let name = MediaTypeText(text) else { return false }
    switch (name.type, name.subtype) {
    case ("application", "json"), ("application", "x-www-form-urlencoded"), ("text", "plain"): return true
    default: return name.subtype.hasSuffix("+json") && name.subtype.utf8.count > 5
    }
  }

  /// The charset that a head names, if it is one in which other bytes than ASCII mean something else than in UTF-8.
  static func otherCharset(of head: RequestHead) -> String? {
    guard !head.isContentType("application/json"), let text = head.contentType,
      let name = MediaTypeText(text)
    else { return nil }
    return name.parameters.first { $0.name == "charset" && $0.value.lowercased() != "utf-8" }?.value
  }
}

/// A media type or a media range as a field of a request gives it (RFC 9110 §8.3.1, §12.5.1).
struct MediaTypeText {
  typealias Parameter = (name: String, value: String)

  /// In lower case, as the names of the parameters are: none of them depends on case.
  let type: String
  let subtype: String
  /// In their order, each value without its quotes and escapes.
  var parameters: [Parameter] = []

  /// `type "/" subtype *( OWS ";" OWS [ parameter ] )` (RFC 9110 §8.3.1, §5.6.6), or nil.
  init?(_ text: ArraySlice<UInt8>) {
    var rest = text
    rest.skipWhitespace()
    let type = rest.takeToken()
    guard !type.isEmpty, rest.take("/") else { return nil }
    let subtype = rest.takeToken()
    guard !subtype.isEmpty else { return nil }
    self.type = type.lowercasedText
    self.subtype = subtype.lowercasedText
    rest.skipWhitespace()
    while !rest.isEmpty {
      guard rest.take(";") else { return nil }
      rest.skipWhitespace()
      if rest.isEmpty || rest.first == UInt8(ascii: ";") { continue }
      let name = rest.takeToken()
      guard !name.isEmpty, rest.take("="), let value = rest.takeValue() else { return nil }
      parameters.append((name.lowercasedText, value))
      rest.skipWhitespace()
    }
  }

  init?(_ text: String) { self.init(Array(text.utf8)[...]) }
}

extension String {
  /// The members of a field that is a list (RFC 9110 §5.6.1): what stands between its commas, those in quoted strings
  /// aside.
  fileprivate var listMembers: [ArraySlice<UInt8>] {
    var (isQuoted, isEscaped) = (false, false)
    return Array(utf8).split { byte in
      defer { isEscaped = isQuoted && !isEscaped && byte == UInt8(ascii: "\\") }
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      return byte == UInt8(ascii: ",") && !isQuoted
    }
  }
}

// What a field's value consists of, read from its beginning. By bytes: to read 16 KB by characters took milliseconds.
extension ArraySlice<UInt8> {
  fileprivate var lowercasedText: String { String(decoding: map(ASCII.lowercased), as: UTF8.self) }

  fileprivate mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard first == UInt8(ascii: character) else { return false }
    removeFirst()
    return true
  }

  fileprivate mutating func skipWhitespace() {
    while let first, first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") { removeFirst() }
  }

  /// A token (RFC 9110 §5.6.2), possibly empty.
  fileprivate mutating func takeToken() -> ArraySlice<UInt8> {
    let token = prefix(while: ASCII.isToken)
    removeFirst(token.count)
    return token
  }

  /// A token or a quoted string (RFC 9110 §5.6.4) without its quotes and escapes.
  fileprivate mutating func takeValue() -> String? {
    guard take("\"") else {
      let token = takeToken()
      return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
    }
    var value: [UInt8] = []
    while let byte = popFirst() {
      if byte == UInt8(ascii: "\"") { return String(decoding: value, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") {
        guard let escaped = popFirst() else { return nil }
        value.append(escaped)
      } else {
        value.append(byte)
      }
    }
    return nil
  }
}

/// How much a client wants each media type, by its field Accept (RFC 9110 §12.5.1).
struct AcceptedTypes {
  /// A media range: `type/subtype`, `type/*` or `*/*`.
  private struct Range {
    let name: MediaTypeText
    /// In thousandths (§12.4.2).
    let weight: Int

    /// How exactly it names a media type, the higher the more exactly; nil when the type is not in the range.
    func precision(for candidate: MediaTypeText) -> Int? {
      if name.type == "*" { return name.subtype == "*" ? 0 : nil }
      guard name.type == candidate.type else { return nil }
      if name.subtype == "*" { return 1 }
      guard name.subtype == candidate.subtype else { return nil }
      let isHeld = name.parameters.allSatisfy { wanted in
        candidate.parameters.contains { $0.name == wanted.name && $0.value.lowercased() == wanted.value.lowercased() }
      }
      return isHeld ? 2 + name.parameters.count : nil
    }
  }

  private let ranges: [Range]

  /// Several lines are one list (§5.2). Members that are no media range are passed over.
  init(of head: RequestHead) {
    ranges = head.fields.values(of: .accept).flatMap(\.listMembers).compactMap { member in
      guard var name = MediaTypeText(member) else { return nil }
      let weights = name.parameters.filter { $0.name == "q" }
      name.parameters.removeAll { $0.name == "q" }
      guard let first = weights.first else { return Range(name: name, weight: 1000) }
      guard weights.count == 1, let weight = Self.thousandths(first.value) else { return nil }
      return Range(name: name, weight: weight)
    }
  }

  /// The weight of a media type, in thousandths: that of the range that names it most exactly; 0 where none does. All
  /// types weigh the same where the field is missing or empty.
  func weight(of type: MediaType) -> Int {
    guard !ranges.isEmpty, let candidate = MediaTypeText(type.text.description) else { return 1000 }
    let matches = ranges.compactMap { range in range.precision(for: candidate).map { ($0, range.weight) } }
    return matches.max { $0.0 < $1.0 }?.1 ?? 0
  }

  /// Whether a media type is named itself, and not by a range of several.
  func names(_ type: MediaType) -> Bool {
    guard let candidate = MediaTypeText(type.text.description) else { return false }
    return ranges.contains { $0.precision(for: candidate) ?? 0 > 1 }
  }

  /// `0`, `1`, or with a point and up to three digits, at most 1 (§12.4.2).
  private static func thousandths(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1"), bytes.count <= 5,
      bytes.count == 1 || bytes[1] == UInt8(ascii: ".")
    else { return nil }
    var (weight, unit) = (first == UInt8(ascii: "1") ? 1000 : 0, 100)
    for byte in bytes.dropFirst(2) {
      guard ASCII.isDigit(byte) else { return nil }
      weight += Int(byte &- 0x30) * unit
      unit /= 10
    }
    return weight <= 1000 ? weight : nil
  }
}
