import HTTP

/// Whether a body is one that a route reads, as its head tells (RFC 9110 §8.3, §8.4, §8.6).
enum BodyType {
  /// A final answer when the body of a JSON route has no length, is certainly not JSON, or is compressed, else nil.
  ///
  /// - Parameter example: a body that would be read.
  static func refusal(of head: RequestHead, _ policy: BodyPolicy, example: String) -> Response? {
    refusalOfLength(head, example: example) ?? refusalOfType(head, policy) ?? refusalOfCoding(head, policy)
  }

  static func refusalOfLength(_ head: RequestHead, example: String) -> Response? {
    guard head.framing == .none else { return nil }
    return Response(
      ProblemType.lengthRequired.problem(
        !head.hasQuery
          ? "The request has neither Content-Length nor Transfer-Encoding: chunked, and so no body; send a JSON object, such as "
            + example
          : "What is asked for goes into a JSON body, not after \"?\", such as \(example); send it with Content-Length"
      ))
  }

  private static func refusalOfType(_ head: RequestHead, _ policy: BodyPolicy) -> Response? {
    guard !head.repeatsContentType else {
      return Response(ProblemType.malformedField.problem("Content-Type must be sent once."))
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

  static func refusalOfCoding(_ head: RequestHead, _ policy: BodyPolicy) -> Response? {
    for encoding in head.fields.values(of: .contentEncoding) {
      let isPlain = encoding.split(separator: ",", omittingEmptySubsequences: false).allSatisfy {
        $0.trimmingWhitespace.lowercased() == "identity"
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
    guard let name = MediaTypeText(text[...]) else { return false }
    switch (name.type, name.subtype) {
    case ("application", "json"), ("application", "x-www-form-urlencoded"), ("text", "plain"): return true
    default: return name.subtype.hasSuffix("+json") && name.subtype.utf8.count > 5
    }
  }

  /// The charset that a head names, if it is one in which other bytes than ASCII mean something else than in UTF-8.
  static func otherCharset(of head: RequestHead) -> String? {
    guard !head.isContentType("application/json"), let text = head.contentType,
      let name = MediaTypeText(text[...])
    else { return nil }
    return name.parameters.first { $0.name == "charset" && $0.value.lowercased() != "utf-8" }?.value
  }
}
