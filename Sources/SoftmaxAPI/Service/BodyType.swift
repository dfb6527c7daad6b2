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
    guard let name = MediaTypeText(text[...]) else { return false }
    let isPlain = name.type == "application" && name.subtype == "json"
    guard isPlain || (name.subtype.hasSuffix("+json") && name.subtype.utf8.count > 5) else { return false }
    return name.parameters.allSatisfy { $0.name != "charset" || $0.value.lowercased() == "utf-8" }
  }
}
