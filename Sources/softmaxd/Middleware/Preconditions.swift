import HTTP
import SoftmaxService

/// Conditional requests (RFC 9110 §13). No response of this server has an entity tag or a modification date.
enum Preconditions {
  /// The response when a precondition is false, else nil. Only for requests that would otherwise succeed (§13.2.1).
  static func refusal(of head: RequestHead) -> Response? {
    // A resource that can be read has a current representation; one that only takes POST has none.
    let isRead = head.method == .get || head.method == .head
    guard isRead || head.method == .post else { return nil }
    if let tags = head.fields[.ifMatch], !(isRead && tags == "*") {
      return Response(
        ProblemType.preconditionFailed.problem(
          "If-Match cannot hold, since nothing here has an entity tag; leave it out"))
    }
    if isRead, head.fields[.ifNoneMatch] == "*" { return Response(.notModified) }
    return nil
  }
}
