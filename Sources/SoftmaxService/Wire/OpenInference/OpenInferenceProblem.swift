import HTTP

/// Errors as the protocol has them: an object whose only member is the string `error`.
enum OpenInferenceProblem {
  /// Gives a response that tells of a problem the protocol's form, if its path belongs to the protocol and its client
  /// does not ask for RFC 9457. What cannot be understood is 400 there, never 422.
  static func rewrite(_ response: inout Response, for head: RequestHead?, at path: String?) {
    guard let path, OpenInferenceEndpoint.owns(path), var problem = response.problem else { return }
    response.problem = nil
    if problem.status == .unprocessableContent { problem.status = .badRequest }
    response.status = problem.status
    guard !wantsProblemDetails(head) else {
      response.body = problem.json
      return
    }
    response.contentType = .json
    response.body = text(problem.detail)
  }

  /// `{"error": …}` in one line.
  static func text(_ detail: String) -> [UInt8] {
    var body = Array(#"{"error":"#.utf8)
    body.append(jsonString: detail)
    body.append(UInt8(ascii: "}"))
    return body
  }

  /// Whether the field Accept names the media type of RFC 9457 itself.
  private static func wantsProblemDetails(_ head: RequestHead?) -> Bool {
    guard let head else { return false }
    return head.fields.values(of: .accept).flatMap(\.listMembers).contains { member in
      guard let type = MediaTypeText(member) else { return false }
      return type.type == "application" && type.subtype == "problem+json"
    }
  }
}
