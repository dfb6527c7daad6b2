/// What a request can do wrong before a handler sees it. Each case ends the connection after one answer.
enum ParseError: Error, Sendable, Hashable, CaseIterable {
  // The request line (RFC 9112 §3)
  case requestLineMalformed
  case methodUnknown
  case targetTooLong
  case targetInvalid
  case targetEscapeMalformed
  case targetEscapeOfControl
  case targetHasFragment
  case targetHasUser
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
  case headIncomplete
  case incomplete
  case headTimeout
  case bodyTimeout
}

/// A broken rule and where it was broken.
struct ParseFailure: Error, Sendable, Hashable {
  /// The rule.
  let error: ParseError
  /// Zero-based, in bytes: of a head from the request's first byte, of a body from the body's first byte.
  let offset: Int

  init(_ error: ParseError, at offset: Int) {
    self.error = error
    self.offset = offset
  }
}

/// What a client is told about each rule that it broke.
extension ParseError {
  /// The type of problem.
  var type: ProblemType {
    switch self {
    case .requestLineMalformed, .targetInvalid, .targetEscapeMalformed, .targetEscapeOfControl, .targetHasFragment,
      .targetHasUser, .versionMalformed:
      .malformedRequestLine
    case .methodUnknown: .methodNotImplemented
    case .targetTooLong: .targetTooLong
    case .versionUnsupported: .versionNotSupported
    case .bareCarriageReturn, .bareLineFeed, .controlCharacter, .foldedLine, .fieldNameInvalid: .malformedField
    case .headTooLarge, .tooManyFields, .trailersTooLarge: .headTooLarge
    case .hostMissing, .hostRepeated, .hostInvalid: .invalidHost
    case .contentLengthInvalid, .contentLengthRepeated, .transferEncodingInvalid, .transferEncodingRepeated,
      .transferEncodingWithContentLength, .transferEncodingInHTTP10, .framingFieldDisguised:
      .invalidFraming
    case .transferEncodingUnknown: .transferCodingNotImplemented
    case .expectationUnknown: .expectationFailed
    case .bodyTooLarge: .bodyTooLarge
    case .chunkSizeInvalid, .chunkExtensionInvalid, .chunkExtensionsTooLarge, .chunkUnterminated, .trailerForbidden:
      .malformedChunk
    case .headIncomplete, .incomplete: .incompleteRequest
    case .headTimeout, .bodyTimeout: .requestTimeout
    }
  }

  /// The sentence that names the rule, or the limit, and the cure.
  ///
  /// - Parameters:
  ///   - limits: what the server keeps to.
  ///   - bodyLimit: the most bytes that this request's body might have; nil for the limit of all.
  func detail(_ limits: HTTPLimits = HTTPLimits(), bodyLimit: Int? = nil) -> String {
    switch self {
    case .requestLineMalformed:
      "A request starts with a method, a target and HTTP/1.1, with single spaces between them"
    case .methodUnknown: "This method is not implemented here; method names are case-sensitive"
    case .targetTooLong:
      "The request target is longer than the \(limits.targetBytes) bytes that this server reads; send data in the body"
    case .targetInvalid:
      "The target must be a path that begins with a slash, or an absolute http URI; percent-encode other characters"
    case .targetEscapeMalformed:
      "In the target, % must be followed by two hexadecimal digits; write the character % itself as %25"
    case .targetEscapeOfControl:
      "The path must not contain escaped control characters, such as %00 or %0A; leave them out"
    case .targetHasFragment: "The target must not contain #; leave out the fragment, or write # as %23"
    case .targetHasUser:
      "The target must not contain a user or a password before an @; send credentials in the field Authorization"
    case .versionMalformed: "The request line must end in HTTP/, a digit, a point and a digit, such as HTTP/1.1"
    case .versionUnsupported: "This server speaks HTTP/1.1 and HTTP/1.0 only; send the request as HTTP/1.1"
    case .bareCarriageReturn: "A carriage return may appear only before the line feed that ends a line"
    case .bareLineFeed: "Each line must end in a carriage return and a line feed, not in a line feed alone"
    case .controlCharacter:
      "The request's head must not contain control characters; this server speaks HTTP without TLS, so not https"
    case .foldedLine: "A line of the head must not start with white space; put the field's value on one line"
    case .fieldNameInvalid: "A field line must be a name, a colon directly after it, and a value"
    case .headTooLarge:
      "The request's head is larger than the \(limits.headBytes) bytes that this server reads; "
        + "send fewer or shorter fields"
    case .tooManyFields:
      "The request has more than the \(limits.fieldCount) fields that this server reads; send fewer"
    case .hostMissing: "An HTTP/1.1 request must have a Host field; send one, such as Host: localhost"
    case .hostRepeated: "A request must have exactly one Host field"
    case .hostInvalid: "Host must be a host name or address and, optionally, a colon and a port"
    case .contentLengthInvalid: "Content-Length must contain only decimal digits, without a leading zero"
    case .contentLengthRepeated: "Content-Length must be sent once"
    case .transferEncodingInvalid: "Transfer-Encoding must be exactly \"chunked\""
    case .transferEncodingRepeated: "Transfer-Encoding must be sent once"
    case .transferEncodingUnknown: "The only transfer coding that this server reads is chunked"
    case .transferEncodingWithContentLength: "Send Content-Length or Transfer-Encoding, never both"
    case .transferEncodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding; send Content-Length"
    case .framingFieldDisguised:
      "A field name may not resemble Content-Length or Transfer-Encoding; write these names with one hyphen"
    case .expectationUnknown: "The only expectation that this server meets is 100-continue; leave any other out"
    case .bodyTooLarge:
      Self.bodyTooLarge(bodyLimit ?? limits.bodyBytes, hasMeaning: bodyLimit ?? .max >= limits.bodyBytes)
    case .chunkSizeInvalid: "A chunk must start with its size in 1 to 16 hexadecimal digits and a line end"
    case .chunkExtensionInvalid:
      "A chunk extension must be a semicolon, a name and, optionally, an equals sign and a value"
    case .chunkExtensionsTooLarge: "The chunk extensions are out of proportion to the data; send none"
    case .chunkUnterminated:
      "A chunk's data must be as long as its size says and end in a carriage return and a line feed"
    case .trailerForbidden:
      "The trailers must not contain Content-Length, Content-Type, Transfer-Encoding, Host, Connection or Expect"
    case .trailersTooLarge:
      "The trailers are more than the \(limits.headBytes) bytes or \(limits.fieldCount) fields "
        + "that this server reads; send none"
    case .headIncomplete:
      "The client ended its side before the request's head was complete; end the head with an empty line"
    case .incomplete:
      "The client ended its side before the body was complete; send as many bytes as Content-Length announces, "
        + "and a chunked body's last chunk"
    case .headTimeout: "The request's head did not arrive within \(limits.headTimeout); send it without pauses"
    case .bodyTimeout:
      "The request's body paused for \(limits.bodyTimeout), "
        + "or arrived at less than \(limits.bodyBytesPerSecond) bytes a second; send it without pauses"
    }
  }

  fileprivate static func bodyTooLarge(_ limit: Int, hasMeaning: Bool) -> String {
    guard hasMeaning else {
      return
        "A body means nothing with this method, and this one is larger than the \(limit) bytes that are read of it; "
        + "send none"
    }
    return "The body is larger than the \(limit) bytes that this server reads (--max-body, --max-memory); "
      + "send several requests"
  }
}

extension ProblemDetails {
  /// The problem that tells a client which rule or limit its request broke, and at which byte.
  init(_ failure: ParseFailure, limits: HTTPLimits, bodyLimit: Int? = nil) {
    self.init(
      failure.error.type, detail: failure.error.detail(limits, bodyLimit: bodyLimit), offset: failure.offset)
  }

  /// A head announces a body that is longer than the `limit`, in bytes.
  ///
  /// - Parameters:
  ///   - limit: the most bytes.
  ///   - hasMeaning: whether the method gives a body a meaning.
  public static func bodyTooLarge(_ limit: Int, hasMeaning: Bool = true) -> ProblemDetails {
    ProblemType.bodyTooLarge.problem(ParseError.bodyTooLarge(limit, hasMeaning: hasMeaning))
  }
}
