/// Why a request to an operation gets no results, whatever wire it came on; ``Wire/problem(for:)`` makes an answer of
/// it.
enum RequestError: Error, Sendable {
  /// The body is not of the wire's format; the offset is that of the first byte at fault.
  case malformed(detail: String, offset: Int)
  /// The body's media type or charset, as the head tells it, does not fit its bytes.
  case unsupportedBody(detail: String)
  /// There are more logits than the service takes.
  case tooManyLogits(limit: Int)
  /// The request can be read, but not understood or not computed.
  case invalid(IssueList)
  /// "mean" would divide by exactly zero; the issue names the input that makes it so.
  case zeroNormaliser(InputIssue)
  /// The server has no memory for it now.
  case outOfMemory
  /// The server never has as much memory as it needs.
  case needsTooMuchMemory(bytes: Int)
  /// The deadline passed, or the client has gone.
  case cancelled
  /// An error of the service's own.
  case inconsistency

  /// A single thing wrong: its place, and a sentence that begins by naming it.
  static func invalid(_ location: Location, _ sentence: (String) -> String) -> RequestError {
    var issues = IssueList()
    issues.append(location, sentence)
    return .invalid(issues)
  }
}
