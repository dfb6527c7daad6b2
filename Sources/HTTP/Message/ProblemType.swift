/// A kind of problem (RFC 9457 §3.1.1), declared once: its name makes the `type`, and the rest explains it.
public struct ProblemType: Sendable, Hashable {
  /// The last part of the `type`, in kebab case.
  public let name: String
  /// The type in a few words.
  public let title: String
  /// What it is answered with.
  public let status: Status
  /// What has happened, for any occurrence.
  public let explanation: String
  /// What to do about it, for any occurrence.
  public let cure: String
  /// The detail of one occurrence, word for word: of each occurrence where the type has one sentence, ``usual``.
  public let example: String
  /// After how many seconds to try again, where that may help: the field Retry-After of each answer of the type.
  public let retryAfter: Int?

  /// A type of its parts; see the properties.
  public init(
    name: String, title: String, status: Status, explanation: String, cure: String, example: String,
    retryAfter: Int? = nil
  ) {
    self.name = name
    self.title = title
    self.status = status
    self.explanation = explanation
    self.cure = cure
    self.example = example
    self.retryAfter = retryAfter
  }

  /// The value of `type`: where the type is explained.
  public var uri: String { "/problems/" + name }

  /// An occurrence: its own sentence and, in the body, its places.
  public func problem(_ detail: String, errors: [ProblemDetails.Fault] = [], offset: Int? = nil) -> ProblemDetails {
    ProblemDetails(self, detail: detail, errors: errors, offset: offset)
  }

  /// An occurrence that says what the example says.
  public var usual: ProblemDetails { problem(example) }

  public static func == (left: ProblemType, right: ProblemType) -> Bool { left.name == right.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

// MARK: What the parser and a connection report

extension ProblemType {
  /// 400: the request line breaks RFC 9112 §3.
  static let malformedRequestLine = ProblemType(
    name: "malformed-request-line", title: "Malformed request line", status: .badRequest,
    explanation: "The first line is not a method, a target and HTTP/1.1 with single spaces between them (RFC 9112 §3).",
    cure: "Send a path, percent-encoded; an HTTP library does this by itself.",
    example: ParseError.versionMalformed.detail())

  /// 400: a field line breaks RFC 9112 §5, or a field that may be sent once is sent twice.
  public static let malformedField = ProblemType(
    name: "malformed-field", title: "Malformed header field", status: .badRequest,
    explanation:
      "A line of the head is not a name, a colon and a value ended by CR LF (RFC 9112 §5), "
      + "or a field that may be sent once is sent twice.",
    cure: "Remove line breaks and control characters from names and values, and send Content-Type once.",
    example: ParseError.fieldNameInvalid.detail())

  /// 400: there is not exactly one valid Host (RFC 9112 §3.2).
  static let invalidHost = ProblemType(
    name: "invalid-host", title: "Missing or invalid Host", status: .badRequest,
    explanation: "An HTTP/1.1 request must have exactly one valid Host field (RFC 9112 §3.2).",
    cure: "Send one Host field: a name or an address and, if needed, a colon and a port.",
    example: ParseError.hostMissing.detail())

  /// 400: where the body ends is not said, or not once (RFC 9112 §6).
  static let invalidFraming = ProblemType(
    name: "invalid-framing", title: "Ambiguous or invalid body length", status: .badRequest,
    explanation: "The length of the body is not stated once and without doubt (RFC 9112 §6).",
    cure: "Send one Content-Length of digits only, or Transfer-Encoding: chunked, never both.",
    example: ParseError.transferEncodingWithContentLength.detail())

  /// 400: a chunk of the body breaks RFC 9112 §7.1.
  static let malformedChunk = ProblemType(
    name: "malformed-chunk", title: "Malformed chunked body", status: .badRequest,
    explanation: "The chunks of the body do not follow RFC 9112 §7.1.",
    cure: "Let an HTTP library write the chunks, or send the body with Content-Length.",
    example: ParseError.chunkSizeInvalid.detail())

  /// 400: the client has finished before its request was whole (RFC 9112 §8).
  static let incompleteRequest = ProblemType(
    name: "incomplete-request", title: "Incomplete request", status: .badRequest,
    explanation: "The client closed its side of the connection before the request was complete.",
    cure:
      "End the head with an empty line; send as many bytes as Content-Length announces, and a chunked body's last chunk.",
    example: ParseError.incomplete.detail())

  /// 408: the head, or the body, came too slowly.
  public static let requestTimeout = ProblemType(
    name: "request-timeout", title: "Request too slow", status: .requestTimeout,
    explanation: "The request arrived too slowly (--head-timeout, --body-timeout, --min-body-rate).",
    cure: "Send it again on a new connection, without pauses.",
    example: ParseError.headTimeout.detail())

  /// 413: the body is larger than the limit, or than memory allows.
  public static let bodyTooLarge = ProblemType(
    name: "body-too-large", title: "Body too large", status: .contentTooLarge,
    explanation: "The body is larger than the server reads (--max-body), or than its memory allows (--max-memory).",
    cure: "Send a smaller body, or several requests.",
    example: ParseError.bodyTooLarge.detail())

  /// 414: the request target is longer than the limit.
  static let targetTooLong = ProblemType(
    name: "target-too-long", title: "Request target too long", status: .uriTooLong,
    explanation: "The request target is longer than the server reads (--max-target).",
    cure: "Send data in the body, not in the target.",
    example: ParseError.targetTooLong.detail())

  /// 417: Expect asks for something else than 100-continue (RFC 9110 §10.1.1).
  static let expectationFailed = ProblemType(
    name: "expectation-failed", title: "Expectation not supported", status: .expectationFailed,
    explanation: "The only expectation that the server meets is 100-continue (RFC 9110 §10.1.1).",
    cure: "Leave the field Expect out.",
    example: ParseError.expectationUnknown.detail())

  /// 431: the head or the trailers have more bytes or fields than the limits.
  static let headTooLarge = ProblemType(
    name: "head-too-large", title: "Request head too large", status: .requestHeaderFieldsTooLarge,
    explanation:
      "The head or the trailers are larger, or have more fields, than the server reads (--max-head, --max-fields).",
    cure: "Send fewer or shorter fields, cookies for example.",
    example: ParseError.tooManyFields.detail())

  /// 501: the method is none that the parser knows.
  static let methodNotImplemented = ProblemType(
    name: "method-not-implemented", title: "Method not implemented", status: .notImplemented,
    explanation: "The server does not know this method.",
    cure: "Use GET, HEAD, POST or OPTIONS, in capital letters: method names are case-sensitive.",
    example: ParseError.methodUnknown.detail())

  /// 501: Transfer-Encoding names another coding than chunked (RFC 9112 §6.1).
  static let transferCodingNotImplemented = ProblemType(
    name: "transfer-coding-not-implemented", title: "Transfer coding not implemented", status: .notImplemented,
    explanation: "The only transfer coding that the server reads is chunked (RFC 9112 §7).",
    cure: "Send Transfer-Encoding: chunked alone, or Content-Length.",
    example: ParseError.transferEncodingUnknown.detail())

  /// 505: the version is neither HTTP/1.1 nor HTTP/1.0.
  static let versionNotSupported = ProblemType(
    name: "http-version-not-supported", title: "HTTP version not supported", status: .httpVersionNotSupported,
    explanation: "The server speaks HTTP/1.1 and HTTP/1.0.",
    cure: "Send the request as HTTP/1.1.",
    example: ParseError.versionUnsupported.detail())
}

// MARK: What a server reports

extension ProblemType {
  /// 503: the server has as many requests or connections as it takes on, or no memory for another.
  public static let overloaded = ProblemType(
    name: "overloaded", title: "Overloaded", status: .serviceUnavailable,
    explanation: "The server has as many requests, or connections, as it takes on, or no memory for another request.",
    cure: "Send the request again after the seconds in Retry-After, or to another instance.",
    example: "The server has as much work waiting as it takes on; try again after the seconds in Retry-After",
    retryAfter: 1)

  /// 503: the request's time was up before its response was ready.
  public static let deadlineExceeded = ProblemType(
    name: "deadline-exceeded", title: "Not computed in time", status: .serviceUnavailable,
    explanation: "The request was ended because its time was up (--request-timeout).",
    cure: "Send a smaller request, or send it again after the seconds in Retry-After.",
    example: "The request waited in the queue until its deadline; try again after the seconds in Retry-After",
    retryAfter: 5)

  /// Every type that HTTP itself knows of, whatever the handler.
  public static let ofHTTP: [ProblemType] = [
    overloaded, deadlineExceeded, malformedRequestLine, malformedField, invalidHost, invalidFraming, malformedChunk,
    incompleteRequest, requestTimeout, bodyTooLarge, targetTooLong, expectationFailed, headTooLarge,
    methodNotImplemented, transferCodingNotImplemented, versionNotSupported,
  ]
}
