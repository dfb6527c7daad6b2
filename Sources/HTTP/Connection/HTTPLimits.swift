/// Every bound that a connection keeps, in bytes, counts and time. Each is the server's to configure.
public struct HTTPLimits: Sendable, Hashable {
  /// The request target's bytes; beyond: 414.
  public var targetBytes = 8 * 1024
  /// The head's bytes, from the request line to the empty line; a chunked body's trailer section too; beyond: 431.
  public var headBytes = 16 * 1024
  /// Field lines in a head, and in a trailer section; beyond: 431.
  public var fieldCount = 100
  /// The body's bytes without its transfer coding; beyond: 413, said before the body is read.
  public var bodyBytes = 64 * 1024 * 1024
  /// Chunk extensions in one chunk's line; beyond: 400.
  public var chunkExtensionBytes = 1024
  /// Chunk extensions of a whole body beyond one byte for each eight of data; beyond: 400 (CVE-2023-39326).
  public var chunkExtensionAllowance = 4096
  /// The body of a request whose method gives it no meaning; beyond: 413. And what is read and dropped of a refused
  /// body, to judge its framing and to keep the connection; beyond, it is closed.
  public var discardBytes = 64 * 1024
  /// Bytes held of requests that wait behind the one being answered; when they are reached, reading stops.
  public var pipelineBytes = 64 * 1024
  /// Bytes of answers that wait to be written; when they are reached, the next pipelined request waits.
  public var outputBytes = 256 * 1024

  /// From a head's first byte to its last; beyond: 408.
  public var headTimeout = Duration.seconds(20)
  /// The longest silence, and the grace period, of a body; beyond: 408.
  public var bodyTimeout = Duration.seconds(20)
  /// What a body must bring each second, except for its grace period; being faster never earns more than that again.
  public var bodyBytesPerSecond = 1024
  /// How long a connection may wait for a request: above the 60 s of common load balancers.
  public var idleTimeout = Duration.seconds(75)
  /// At a stop: how long an idle connection is kept once the port has closed, since a request may be on its way.
  public var stopGrace = Duration.seconds(1)
  /// The longest silence, and the grace period, of a reader; beyond: the connection is dropped.
  public var writeTimeout = Duration.seconds(30)
  /// What a reader must take each second, likewise.
  public var writeBytesPerSecond = 1024
  /// The longest that answers may take to be written, after the grace period: the more bytes wait, the faster they must
  /// be taken.
  public var writeTotalTimeout = Duration.seconds(300)
  /// After the last answer: the silence after which a connection that the peer leaves open is closed.
  public var lingerSilence = Duration.seconds(5)
  /// After the last answer: the longest wait in all.
  public var lingerTotal = Duration.seconds(30)

  /// The limits above.
  public init() {}

  /// The most bytes of a request's body: few where the method gives a body no meaning (RFC 9110 §9.3.1).
  func bodyBytes(for method: Method) -> Int { method.takesBody ? bodyBytes : min(bodyBytes, discardBytes) }

  /// The limit that a head's Content-Length exceeds, or nil.
  ///
  /// - Parameters:
  ///   - head: what announces the body.
  ///   - isRefused: whether the request has another fault. The client is told of that one, unless the body is too large
  ///     for any method.
  public func limitExceeded(by head: RequestHead, isRefused: Bool) -> Int? {
    guard case .length(let length) = head.framing else { return nil }
    let limit = isRefused ? bodyBytes : bodyBytes(for: head.method)
    return length > limit ? limit : nil
  }
}

/// What the connections of a server keep to: one for all of them, so that each spends one word on it.
public final class SharedLimits: Sendable {
  let limits: HTTPLimits
  let times: TimeLimits

  /// Shares some limits.
  public init(_ limits: HTTPLimits) {
    self.limits = limits
    times = TimeLimits(limits)
  }
}

/// The time limits of ``HTTPLimits`` in nanoseconds, converted once.
struct TimeLimits: Sendable {
  let headTimeout, bodyTimeout, bodyPerByte, idleTimeout, stopGrace, writeTimeout, writePerByte, writeTotalTimeout,
    lingerSilence, lingerTotal: UInt64

  init(_ limits: HTTPLimits) {
    headTimeout = limits.headTimeout.nanoseconds
    bodyTimeout = limits.bodyTimeout.nanoseconds
    bodyPerByte = Self.perByte(limits.bodyBytesPerSecond)
    idleTimeout = limits.idleTimeout.nanoseconds
    stopGrace = limits.stopGrace.nanoseconds
    writeTimeout = limits.writeTimeout.nanoseconds
    writePerByte = Self.perByte(limits.writeBytesPerSecond)
    writeTotalTimeout = limits.writeTotalTimeout.nanoseconds
    lingerSilence = limits.lingerSilence.nanoseconds
    lingerTotal = limits.lingerTotal.nanoseconds
  }

  func bodyDeadline(from now: Instant) -> RateDeadline {
    RateDeadline(from: now, grace: bodyTimeout, perByte: bodyPerByte)
  }
  func writeDeadline(from now: Instant) -> RateDeadline {
    RateDeadline(from: now, grace: writeTimeout, perByte: writePerByte)
  }

  /// 0 where the limit is 0: then no rate is asked for.
  private static func perByte(_ rate: Int) -> UInt64 { rate > 0 ? 1_000_000_000 / UInt64(rate) : 0 }
}
