public import HTTP
import NumericJSON

// What the service itself reports.
extension ProblemType {
  static let invalidJSON = ProblemType(
    name: "invalid-json", title: "Not JSON", status: .badRequest,
    explanation: "The body is not JSON (RFC 8259) in UTF-8, "
      + "or it nests deeper than \(JSONReader.maximumDepth) arrays and objects. "
      + "The member \"offset\" is the zero-based offset of the first byte at fault.",
    cure: "Let a JSON library write the body; replace NaN and +Infinity first, and write -Infinity as a string "
      + "(Python's json writes them bare).",
    example:
      "At byte 15: JSON has no NaN and no Infinity; "
      + "send finite numbers or, to mask a class, the JSON string \"-Infinity\"")

  static let invalidInput = ProblemType(
    name: "invalid-input", title: "Invalid input", status: .unprocessableContent,
    explanation: "The body is valid JSON but not a valid request. The member \"errors\" lists the faults, "
      + "at most \(FaultList.maximumCount), each with a JSON pointer to its place.",
    cure: "Change what \"errors\" names; each of its sentences says how.",
    example: "\"inputs\" is not a member of /softmax; the nearest is \"logits\"; and 1 more fault, in errors")

  static let zeroNormaliser = ProblemType(
    name: "zero-normaliser", title: "Mean of zero weight", status: .unprocessableContent,
    explanation:
      "The reduction \"mean\" would divide by exactly zero, because every item is ignored or has a weight of 0.",
    cure: "Give at least one item a weight, send a \"divisor\", or ask for the reduction \"sum\" or \"none\".",
    example: sentence(aboutZeroNormaliser: "every target is ignored"))

  static let tooManyLogits = ProblemType(
    name: "too-many-logits", title: "Too many logits", status: .contentTooLarge,
    explanation: "The request has more logits than the service takes in one request (--max-logits).",
    cure: "Send the slices in several requests.",
    example: sentence(aboutMoreLogitsThan: Limits().logits))

  static let needsTooMuchMemory = ProblemType(
    name: "needs-too-much-memory", title: "Needs too much memory", status: .contentTooLarge,
    explanation: "The request would take more memory than the service has for one (--max-memory).",
    cure: "Send the slices in several requests, or ask for fewer outputs.",
    example: sentence(aboutMemory: 4 << 30))

  static let unsupportedMediaType = ProblemType(
    name: "unsupported-media-type", title: "Unsupported media type", status: .unsupportedMediaType,
    explanation: "The body must be JSON in UTF-8.",
    cure: "Send the field \"Content-Type: application/json\".",
    example: "Content-Type is \"multipart/form-data\"; send \"Content-Type: application/json\"")

  static let unsupportedContentEncoding = ProblemType(
    name: "unsupported-content-encoding", title: "Unsupported content encoding", status: .unsupportedMediaType,
    explanation: "The body must not be compressed.",
    cure: "Send it without the field Content-Encoding.",
    example: "Content-Encoding is \"gzip\"; send the body as it is, without Content-Encoding")

  static let notFound = ProblemType(
    name: "not-found", title: "Not found", status: .notFound,
    explanation: "The service has nothing at this path.",
    cure: "GET / lists what there is.",
    example: "Nothing is at \"/gradients\"; the nearest is \"/gradient\"; GET / lists what there is")

  static let methodNotAllowed = ProblemType(
    name: "method-not-allowed", title: "Method not allowed", status: .methodNotAllowed,
    explanation: "The path exists, but does not take this method.",
    cure: "Use a method that the field Allow lists.",
    example:
      "\"/softmax\" does not take GET; it takes POST, OPTIONS; POST a JSON body, such as {\"logits\": [1.5, -0.25, 3]}")

  static let lengthRequired = ProblemType(
    name: "length-required", title: "Length required", status: .lengthRequired,
    explanation: "A request with this method needs a body, and its head announces none (RFC 9110 §8.6).",
    cure: "Send Content-Length, also for a body of no bytes, or Transfer-Encoding: chunked.",
    example:
      "The request has neither Content-Length nor Transfer-Encoding: chunked, and so no body; "
      + "send a JSON object, such as {\"logits\": [1.5, -0.25, 3]}")

  static let internalError = ProblemType(
    name: "internal-error", title: "Internal error", status: .internalServerError,
    explanation: "The service made an error of its own.",
    cure: "Please report it with the request.",
    example: "The service refused its own validated input")
}

// What is said of occurrences.
extension ProblemType {
  static func sentence(aboutZeroNormaliser reason: String) -> String {
    "\(reason), so that \"mean\" would divide by 0; "
      + "let one item count, send a \"divisor\", or ask for \"sum\" or \"none\""
  }

  static func sentence(aboutMoreLogitsThan limit: Int) -> String {
    "logits holds more than \(limit) numbers, the most that this service takes in one request (--max-logits); "
      + "send several requests"
  }

  static func sentence(aboutMemory bytes: Int) -> String {
    "The answer needs about \(bytes >> 20) MiB of memory, more than this server has for one request (--max-memory); "
      + "send fewer logits, or ask for fewer outputs, in several requests"
  }
}

// What the program around the service reports: whether it is ready, and who may ask.
extension ProblemType {
  /// 503: the server is starting or stopping, or short of memory.
  public static let notReady = ProblemType(
    name: "not-ready", title: "Not ready", status: .serviceUnavailable,
    explanation: "The server is starting or stopping, or has no memory for large requests.",
    cure: "Send requests to another instance.",
    example: "The server is not ready: it is starting or stopping; ask another", retryAfter: 1)

  /// 401: the bearer token is missing or another one (RFC 6750).
  public static let unauthorized = ProblemType(
    name: "unauthorized", title: "Unauthorized", status: .unauthorized,
    explanation: "The server asks for a bearer token (--token-file).",
    cure: "Send the field \"Authorization: Bearer <token>\".",
    example: "This path needs the field \"Authorization: Bearer <token>\"")

  /// 421: Host names none of the allowed hosts (RFC 9110 §15.5.20).
  public static let misdirectedRequest = ProblemType(
    name: "misdirected-request", title: "Not this server's host", status: .misdirectedRequest,
    explanation: "The request's Host is none of those that the server answers for (--allowed-hosts).",
    cure: "Send the request to a host that the server answers for, or have the host added.",
    example: "This server does not answer for the host \"example.org\"; use one that --allowed-hosts names")

  /// 412: If-Match cannot hold, since nothing has an entity tag (RFC 9110 §13.1.1).
  public static let preconditionFailed = ProblemType(
    name: "precondition-failed", title: "Precondition failed", status: .preconditionFailed,
    explanation: "The field If-Match asks for an entity tag, and nothing here has one.",
    cure: "Leave the field If-Match out.",
    example: "If-Match cannot hold, since nothing here has an entity tag; leave it out")
}

extension ProblemType {
  /// Every type that can occur, HTTP's own among them.
  public static let all =
    [
      invalidJSON, invalidInput, zeroNormaliser, tooManyLogits, needsTooMuchMemory, unsupportedMediaType,
      unsupportedContentEncoding, notFound, methodNotAllowed, lengthRequired, internalError, notReady, unauthorized,
      misdirectedRequest, preconditionFailed,
    ] + ofHTTP

  /// The type that a path `/problems/<name>` names.
  init?(path: String) {
    guard let type = Self.all.first(where: { path == $0.uri }) else { return nil }
    self = type
  }
}

/// Whether the process would have new requests sent to it.
public enum Readiness: Sendable {
  case ready
  /// It is starting or stopping.
  case notRunning
  case shortOfMemory

  /// What is wrong, in a sentence; nil when it is ready.
  public var complaint: String? {
    switch self {
    case .ready: nil
    case .notRunning: ProblemType.notReady.example
    case .shortOfMemory: "The server is not ready: it has no memory for large requests now; ask another"
    }
  }
}
