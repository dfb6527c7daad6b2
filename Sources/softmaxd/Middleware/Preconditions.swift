import HTTPCore
import SoftmaxAPI

/// Conditional requests (RFC 9110 §13): no answer here has an entity tag or a date of modification.
enum Preconditions {
  /// A final answer when a precondition is false, else nil. For requests that would be answered otherwise (§13.2.1).
  static func refusal(of head: RequestHead) -> Response? {
    // What can be read has a representation; what only takes a POST has none.
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
