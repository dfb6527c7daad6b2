/// What the owner of a connection does after each event: `process`, then `flush`.
///
/// Owners differ in how they perform an action and how they write: the server uses sockets, tests and fuzz targets use
/// arrays. The loop is the same for all of them.
extension ConnectionState {
  /// Performs one action, and reports the outcome to the connection's state.
  public typealias Perform = (_ action: consuming Action, _ state: inout ConnectionState) -> Void

  /// Consumes input and performs actions until the state returns none.
  ///
  /// Input that cannot be consumed yet, because an earlier request has no response yet, is kept.
  ///
  /// - Parameters:
  ///   - input: what has been read; not empty only if `readInterest` was `.bytes`.
  ///   - now: the present time.
  ///   - perform: performs an action.
  public mutating func process(_ input: Span<UInt8>, at now: Moment, perform: Perform) {
    var taken = receive(input, at: now)
    while true {
      while let action = nextAction(at: now) { perform(action, &self) }
      guard taken < input.count else { break }
      let count = consume(input.extracting(taken...), at: now)
      guard count > 0 else {
        hold(input.extracting(taken...))
        break
      }
      taken += count
    }
    if takeAcknowledgement() { perform(.acknowledge, &self) }
  }

  /// Performs actions until the state returns none.
  public mutating func process(at now: Moment, perform: Perform) {
    process(Span(), at: now, perform: perform)
  }

  /// Writes what is queued until `write` returns 0, and performs the actions that follow.
  ///
  /// - Parameters:
  ///   - now: the present time.
  ///   - perform: performs an action.
  ///   - write: writes a prefix of the two pieces and returns its length. The first piece has heads and small bodies;
  ///     the second is a large body or empty.
  public mutating func flush(
    at now: Moment, perform: Perform, write: (_ first: Span<UInt8>, _ second: Span<UInt8>) -> Int
  ) {
    while hasOutput {
      let count = output.withPieces(write)
      guard count > 0 else { return }
      wrote(count, at: now)
      process(at: now, perform: perform)
    }
  }
}

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
  public var headDeadline = Duration.seconds(20)
  /// The longest silence, and the head start, of a body; beyond: 408.
  public var bodyGrace = Duration.seconds(20)
  /// What a body must bring each second, but for its head start; being faster never earns more than that again.
  public var bodyBytesPerSecond = 1024
  /// How long a connection may wait for a request: above the 60 s of common load balancers.
  public var keepAlive = Duration.seconds(75)
  /// At a stop: how long an idle connection is kept once the port has closed, since a request may be on its way.
  public var stopGrace = Duration.seconds(1)
  /// The longest silence, and the head start, of a reader; beyond: the connection is dropped.
  public var writeGrace = Duration.seconds(30)
  /// What a reader must take each second, likewise.
  public var writeBytesPerSecond = 1024
  /// The longest that answers may take to be written, after the head start: the more bytes wait, the faster they must
  /// be taken.
  public var writeTotal = Duration.seconds(300)
  /// After the last answer: the silence after which a connection that the peer leaves open is closed.
  public var lingerSilence = Duration.seconds(5)
  /// After the last answer: the longest wait in all.
  public var lingerTotal = Duration.seconds(30)

  public init() {}

  /// The most bytes of a request's body: few where the method gives a body no meaning (RFC 9110 §9.3.1).
  func bodyBytes(for method: Method) -> Int { method.takesBody ? bodyBytes : min(bodyBytes, discardBytes) }
}
