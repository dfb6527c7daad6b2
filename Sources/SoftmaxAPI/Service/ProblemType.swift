public import HTTPCore

/// A kind of problem (RFC 9457 §3.1.1): its name makes the `type`, and `GET /problems/<name>` explains it.
public struct ProblemType: Sendable {
  /// The last part of the `type`, in kebab case.
  public let name: String
  /// The type in a few words.
  public let title: String
  /// What it is answered with.
  public let status: Status
  /// What it means and what to do, for any occurrence.
  let explanation: String

  /// An occurrence: its own sentence and, in the body, its places.
  public func problem(_ detail: String, errors: [Problem.Fault] = [], offset: Int? = nil) -> Problem {
    Problem(name, title: title, status: status, detail: detail, errors: errors, offset: offset)
  }
}

extension ProblemType {
  static let invalidJSON = ProblemType(
    name: "invalid-json", title: "Not JSON", status: .badRequest,
    explanation: "The body is not JSON (RFC 8259) in UTF-8, or it nests deeper than 64 arrays and objects. The member "
      + "\"offset\" gives the zero-based offset of the first byte at fault.")

  static let invalidInput = ProblemType(
    name: "invalid-input", title: "Invalid input", status: .unprocessableContent,
    explanation:
      "The body is JSON, but no request that can be answered. The member \"errors\" lists the faults found, at most "
      + "\(FaultList.maximumCount), each with a JSON pointer to its place and the cure.")

  static let zeroNormaliser = ProblemType(
    name: "zero-normaliser", title: "A mean over nothing", status: .unprocessableContent,
    explanation:
      "The reduction \"mean\" would divide by exactly zero, since every item is ignored or has a weight of 0. Let "
      + "one item count, or ask for \"sum\" or \"none\".")

  static let tooManyLogits = ProblemType(
    name: "too-many-logits", title: "Too many logits", status: .contentTooLarge,
    explanation:
      "The logits are more than the service takes in one request (--max-logits). Send the slices in several requests.")

  static let needsTooMuchMemory = ProblemType(
    name: "needs-too-much-memory", title: "Needs too much memory", status: .contentTooLarge,
    explanation:
      "The request would take more memory than the service has for one (--max-memory). Send the slices in several "
      + "requests, or ask for fewer outputs.")

  static let unsupportedMediaType = ProblemType(
    name: "unsupported-media-type", title: "Unsupported media type", status: .unsupportedMediaType,
    explanation: "The body must be JSON in UTF-8: send the field \"Content-Type: application/json\".")

  static let unsupportedContentEncoding = ProblemType(
    name: "unsupported-content-encoding", title: "Unsupported content encoding", status: .unsupportedMediaType,
    explanation: "The body must not be compressed: send it without the field Content-Encoding.")

  static let notFound = ProblemType(
    name: "not-found", title: "Not found", status: .notFound,
    explanation: "The service has nothing at this path. GET / lists what it has.")

  public static let methodNotAllowed = ProblemType(
    name: "method-not-allowed", title: "Method not allowed", status: .methodNotAllowed,
    explanation: "The path exists, but does not take this method. The field Allow lists those that it takes.")

  static let deadlineExceeded = ProblemType(
    name: "deadline-exceeded", title: "Not computed in time", status: .serviceUnavailable,
    explanation:
      "The computation was ended because its deadline had passed. Send fewer logits, or try again when the service "
      + "has less to do.")

  static let internalError = ProblemType(
    name: "internal-error", title: "Internal error", status: .internalServerError,
    explanation: "A fault of the service's own. Please report it with the request that met it.")

  /// Every type that can occur, those of the rooms around this one among them.
  public static let all =
    [
      invalidJSON, invalidInput, zeroNormaliser, tooManyLogits, needsTooMuchMemory,
      unsupportedMediaType, unsupportedContentEncoding,
      notFound, methodNotAllowed, deadlineExceeded, internalError,
      overloaded, notReady, unauthorized, misdirectedRequest, preconditionFailed,
    ] + ParseError.Kind.allCases.map(ProblemType.init)
}
