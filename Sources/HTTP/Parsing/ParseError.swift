/// What a request can do wrong before a handler sees it. Each case ends the connection after one answer.
public enum ParseError: Error, Sendable, Hashable, CaseIterable {
  // The request line (RFC 9112 §3)
  case requestLineMalformed
  case methodUnknown
  case targetTooLong
  case targetInvalid
  case versionMalformed
  case versionUnsupported
  // Lines (RFC 9112 §2.2, §5)
  case bareCarriageReturn
  case bareLineFeed
  case controlCharacter
  case foldedLine
  case fieldNameInvalid
  case headTooLarge
  case tooManyFields
  // Host (RFC 9112 §3.2)
  case hostMissing
  case hostRepeated
  case hostInvalid
  // Framing (RFC 9112 §6)
  case contentLengthInvalid
  case contentLengthRepeated
  case transferEncodingInvalid
  case transferEncodingRepeated
  case transferEncodingUnknown
  case transferEncodingWithContentLength
  case transferEncodingInHTTP10
  case framingFieldDisguised
  case expectationUnknown
  // Bodies (RFC 9112 §6.3, §7.1)
  case bodyTooLarge
  case chunkSizeInvalid
  case chunkExtensionInvalid
  case chunkExtensionsTooLarge
  case chunkUnterminated
  case trailerForbidden
  case trailersTooLarge
  // Time and the peer's end (RFC 9112 §8)
  case incomplete
  case headTimeout
  case bodyTimeout
}

/// A broken rule and where it was broken.
public struct ParseFailure: Error, Sendable, Hashable {
  public let error: ParseError
  /// Zero-based, in bytes: of a head from the request's first byte, of a body from the body's first byte.
  public let offset: Int

  init(_ error: ParseError, at offset: Int) {
    self.error = error
    self.offset = offset
  }
}

/// What a client is told about each rule that it broke.
extension ParseError {
  /// The type of problem, and the sentence that names the rule, or the limit, and the cure.
  func explanation(_ limits: HTTPLimits) -> (type: ProblemType, detail: String) {
    switch self {
    case .requestLineMalformed:
      (
        .malformedRequestLine,
        "A request starts with a method, a target and HTTP/1.1, with single spaces between them."
      )
    case .methodUnknown:
      (.methodNotImplemented, "This method is not implemented here; method names are case-sensitive.")
    case .targetTooLong:
      (
        .targetTooLong,
        "The request target is longer than the \(limits.targetBytes) bytes that this server reads; send data in the body."
      )
    case .targetInvalid:
      (
        .malformedRequestLine,
        "The target must be a path that begins with a slash, or an absolute http URI; percent-encode other characters."
      )
    case .versionMalformed:
      (.malformedRequestLine, "The request line must end in HTTP/, a digit, a point and a digit, such as HTTP/1.1.")
    case .versionUnsupported:
      (.versionNotSupported, "This server speaks HTTP/1.1 and HTTP/1.0 only.")
    case .bareCarriageReturn:
      (.malformedField, "A carriage return may appear only before the line feed that ends a line.")
    case .bareLineFeed:
      (.malformedField, "Each line must end in a carriage return and a line feed, not in a line feed alone.")
    case .controlCharacter:
      (.malformedField, "The request's head must not contain control characters.")
    case .foldedLine:
      (.malformedField, "A line of the head must not start with white space; put the field's value on one line.")
    case .fieldNameInvalid:
      (.malformedField, "A field line must be a name, a colon directly after it, and a value.")
    case .headTooLarge:
      (
        .headTooLarge,
        "The request's head is larger than the \(limits.headBytes) bytes that this server reads; send fewer or shorter fields."
      )
    case .tooManyFields:
      (.headTooLarge, "The request has more than the \(limits.fieldCount) fields that this server reads; send fewer.")
    case .hostMissing:
      (.invalidHost, "An HTTP/1.1 request must have a Host field.")
    case .hostRepeated:
      (.invalidHost, "A request must have exactly one Host field.")
    case .hostInvalid:
      (.invalidHost, "Host must be a host name or address and, optionally, a colon and a port.")
    case .contentLengthInvalid:
      (.invalidFraming, "Content-Length must contain only decimal digits, without a leading zero.")
    case .contentLengthRepeated:
      (.invalidFraming, "Content-Length must be sent once.")
    case .transferEncodingInvalid:
      (.invalidFraming, "Transfer-Encoding must be exactly \"chunked\".")
    case .transferEncodingRepeated:
      (.invalidFraming, "Transfer-Encoding must be sent once.")
    case .transferEncodingUnknown:
      (.transferCodingNotImplemented, "The only transfer coding that this server reads is chunked.")
    case .transferEncodingWithContentLength:
      (.invalidFraming, "Send Content-Length or Transfer-Encoding, never both.")
    case .transferEncodingInHTTP10:
      (.invalidFraming, "HTTP/1.0 has no Transfer-Encoding; send Content-Length.")
    case .framingFieldDisguised:
      (
        .invalidFraming,
        "A field name may not resemble Content-Length or Transfer-Encoding; write these names with one hyphen."
      )
    case .expectationUnknown:
      (.expectationFailed, "The only expectation that this server meets is 100-continue.")
    case .bodyTooLarge:
      (
        .bodyTooLarge,
        "The body is larger than the \(limits.bodyBytes) bytes that this server reads; send several requests."
      )
    case .chunkSizeInvalid:
      (.malformedChunk, "A chunk must start with its size in 1 to 16 hexadecimal digits and a line end.")
    case .chunkExtensionInvalid:
      (.malformedChunk, "A chunk extension must be a semicolon, a name and, optionally, an equals sign and a value.")
    case .chunkExtensionsTooLarge:
      (.malformedChunk, "The chunk extensions are out of proportion to the data; send none.")
    case .chunkUnterminated:
      (.malformedChunk, "A chunk's data must be as long as its size says and end in a carriage return and a line feed.")
    case .trailerForbidden:
      (
        .malformedChunk,
        "The trailers must not contain Content-Length, Content-Type, Transfer-Encoding, Host, Connection or Expect."
      )
    case .trailersTooLarge:
      (
        .headTooLarge,
        "The trailers are more than the \(limits.headBytes) bytes or \(limits.fieldCount) fields that this server reads; send none."
      )
    case .incomplete:
      (.incompleteRequest, "The connection was closed before the request was complete.")
    case .headTimeout:
      (.requestTimeout, "The request's head did not arrive within \(limits.headDeadline).")
    case .bodyTimeout:
      (
        .requestTimeout,
        "The request's body paused for \(limits.bodyGrace), or arrived at less than \(limits.bodyBytesPerSecond) bytes a second."
      )
    }
  }
}

extension Problem {
  /// The problem that tells a client which rule or limit its request broke, and at which byte.
  public init(_ failure: ParseFailure, limits: HTTPLimits) {
    let (type, detail) = failure.error.explanation(limits)
    self.init(type, detail: detail, offset: failure.offset)
  }
}
