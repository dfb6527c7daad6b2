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
