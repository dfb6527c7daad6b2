/// The one place where a broken rule becomes a status and a sentence.
extension ParseError {
  /// The kinds of problem that the parser reports, each a `type` of its own.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case malformedRequestLine = "malformed-request-line"
    case malformedField = "malformed-field"
    case invalidHost = "invalid-host"
    case invalidFraming = "invalid-framing"
    case malformedChunk = "malformed-chunk"
    case incompleteRequest = "incomplete-request"
    case requestTimeout = "request-timeout"
    case bodyTooLarge = "body-too-large"
    case targetTooLong = "target-too-long"
    case expectationFailed = "expectation-failed"
    case headTooLarge = "head-too-large"
    case methodNotImplemented = "method-not-implemented"
    case transferCodingNotImplemented = "transfer-coding-not-implemented"
    case versionNotSupported = "http-version-not-supported"

    public var status: Status {
      switch self {
      case .malformedRequestLine, .malformedField, .invalidHost, .invalidFraming, .malformedChunk, .incompleteRequest:
        .badRequest
      case .requestTimeout: .requestTimeout
      case .bodyTooLarge: .contentTooLarge
      case .targetTooLong: .uriTooLong
      case .expectationFailed: .expectationFailed
      case .headTooLarge: .requestHeaderFieldsTooLarge
      case .methodNotImplemented, .transferCodingNotImplemented: .notImplemented
      case .versionNotSupported: .httpVersionNotSupported
      }
    }

    public var title: String {
      switch self {
      case .malformedRequestLine: "Malformed request line"
      case .malformedField: "Malformed header field"
      case .invalidHost: "Missing or invalid Host"
      case .invalidFraming: "Ambiguous or invalid body length"
      case .malformedChunk: "Malformed chunked body"
      case .incompleteRequest: "Incomplete request"
      case .requestTimeout: "Request too slow"
      case .bodyTooLarge: "Body too large"
      case .targetTooLong: "Request target too long"
      case .expectationFailed: "Expectation not supported"
      case .headTooLarge: "Request head too large"
      case .methodNotImplemented: "Method not implemented"
      case .transferCodingNotImplemented: "Transfer coding not implemented"
      case .versionNotSupported: "HTTP version not supported"
      }
    }
  }

  /// The problem type, and the sentence that names the rule, or the limit, and the cure. No sentence holds what a status line
  /// begins with, so that a tool which counts answers in raw bytes counts right.
  func explanation(_ limits: HTTPLimits) -> (kind: Kind, detail: String) {
    switch self {
    case .requestLineMalformed:
      (
        .malformedRequestLine,
        "A request starts with a method, a target and a version, with single spaces between them."
      )
    case .methodUnknown:
      (.methodNotImplemented, "This method is not implemented here; method names are case-sensitive.")
    case .targetTooLong:
      (
        .targetTooLong,
        "The request target is longer than the \(limits.targetBytes) bytes that this server reads; send parameters in the body."
      )
    case .targetInvalid:
      (
        .malformedRequestLine,
        "The target must be a path such as /softmax or a whole http URI, percent-encoded, without a fragment or controls."
      )
    case .versionMalformed:
      (.malformedRequestLine, "The request line must end in the version: HTTP in capitals, a slash, and 1.1 or 1.0.")
    case .versionUnsupported:
      (.versionNotSupported, "This server speaks versions 1.1 and 1.0 of HTTP only.")
    case .bareCarriageReturn:
      (.malformedField, "A carriage return must be followed by a line feed, and may not stand within a line.")
    case .bareLineFeed:
      (.malformedField, "A line must end in carriage return and line feed, not in a line feed alone.")
    case .controlCharacter:
      (.malformedField, "The request's head may not hold control characters.")
    case .foldedLine:
      (.malformedField, "A line of the head may not start with white space; put the field's value on one line.")
    case .fieldNameInvalid:
      (.malformedField, "A field line must be a name, a colon at once after it, and a value.")
    case .contentTypeRepeated:
      (.malformedField, "Content-Type must be sent once.")
    case .headTooLarge:
      (
        .headTooLarge,
        "The request's head is larger than the \(limits.headBytes) bytes that this server reads; send fewer or shorter fields."
      )
    case .tooManyFields:
      (.headTooLarge, "The request has more than the \(limits.fieldCount) fields that this server reads; send fewer.")
    case .hostMissing:
      (.invalidHost, "A request must have a Host field, except in version 1.0 of HTTP.")
    case .hostRepeated:
      (.invalidHost, "A request must have one Host field only.")
    case .hostInvalid:
      (.invalidHost, "Host must be a host name or address and, optionally, a colon and a port.")
    case .contentLengthInvalid:
      (.invalidFraming, "Content-Length must be a decimal number: digits only, no zero before others.")
    case .contentLengthRepeated:
      (.invalidFraming, "Content-Length must be sent once.")
    case .transferEncodingInvalid:
      (.invalidFraming, "Transfer-Encoding must be exactly: chunked.")
    case .transferEncodingRepeated:
      (.invalidFraming, "Transfer-Encoding must be sent once.")
    case .transferEncodingUnknown:
      (.transferCodingNotImplemented, "The only transfer coding that this server reads is chunked.")
    case .transferEncodingWithContentLength:
      (.invalidFraming, "Send Content-Length or Transfer-Encoding, never both.")
    case .transferEncodingInHTTP10:
      (.invalidFraming, "Version 1.0 of HTTP has no Transfer-Encoding; send Content-Length.")
    case .framingFieldDisguised:
      (.invalidFraming, "Content-Length and Transfer-Encoding are written with one hyphen and no other character.")
    case .expectationUnknown:
      (.expectationFailed, "The only expectation that this server meets is 100-continue.")
    case .bodyTooLarge:
      (
        .bodyTooLarge,
        "The body is larger than the \(limits.bodyBytes) bytes that this server reads; split the batch over several requests."
      )
    case .chunkSizeInvalid:
      (.malformedChunk, "A chunk must start with its size in 1 to 16 hexadecimal digits and a line end.")
    case .chunkExtensionInvalid:
      (.malformedChunk, "A chunk extension must be a semicolon, a name and, optionally, an equals sign and a value.")
    case .chunkExtensionsTooLarge:
      (.malformedChunk, "The chunk extensions are out of proportion to the data; send none.")
    case .chunkUnterminated:
      (.malformedChunk, "A chunk's data must be as long as its size says and end in a line end.")
    case .trailerForbidden:
      (
        .malformedChunk,
        "A trailer may not hold Content-Length, Content-Type, Transfer-Encoding, Host, Connection or Expect."
      )
    case .trailersTooLarge:
      (
        .headTooLarge,
        "The trailers are more than the \(limits.headBytes) bytes or \(limits.fieldCount) fields that this server reads; send none."
      )
    case .incomplete:
      (.incompleteRequest, "The connection was finished before the request was whole.")
    case .headTimeout:
      (.requestTimeout, "The request's head did not arrive within \(limits.headDeadline).")
    case .bodyTimeout:
      (
        .requestTimeout,
        "The request's body was silent for \(limits.bodyGrace), or brought less than \(limits.bodyBytesPerSecond) bytes a second."
      )
    }
  }
}

extension Problem {
  /// The problem that tells a client which rule or limit its request broke, and at which byte.
  public init(_ failure: ParseFailure, limits: HTTPLimits) {
    let (kind, detail) = failure.error.explanation(limits)
    self.init(kind.rawValue, title: kind.title, status: kind.status, detail: detail, offset: failure.offset)
  }
}
