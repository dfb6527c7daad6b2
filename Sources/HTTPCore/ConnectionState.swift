/// The life of one server connection as a value: events in, actions out, the time an argument (RFC 9112 §9).
///
/// It does no I/O and owns no clock. The transport reports what happened, then takes its turn:
///
///     // 1. One event:
///     state.receive(bytes, at: now, judge: …)      // readInterest == .bytes: read into a buffer of the loop's own
///     state.readBody(at: now) { … }                // readInterest == .body: read straight into the body
///     state.peerFinished(at: now)                  // read() returned 0: a half-close, still answered (HTTP.md 30)
///     state.respond(to: id, with: response, at: now)
///     state.tick(at: now)                          // nextDeadline has passed
///     state.drain(at: now)                         // the server is stopping
///     // 2. Until nil:
///     while let action = state.nextAction(at: now, judge: …) { … }
///     // 3. As far as the socket takes it, then 2 again if anything was written:
///     state.withOutput { head, body in writev(head, body) }; state.wrote(count, at: now)
///     // 4. Watch for reading as `readInterest` says, for writing while `hasOutput`, and for `nextDeadline`.
///
/// A hang-up, a reset or a failed write needs no event: the transport closes the descriptor, cancels the work under
/// way and drops the value. One request at a time is being answered; those behind it wait, unparsed and bounded, so
/// that answers keep their order (RFC 9112 §9.3.2).
public struct ConnectionState: ~Copyable, Sendable {
  /// Numbers the requests of one connection, from 1.
  public typealias RequestID = UInt64

  /// What the transport must do.
  public enum Action: Sendable {
    /// Ask the handler, on the loop or off it, and report with `respond(to:with:at:)`.
    case answer(RequestID, Request)
    /// Nothing to do: the connection has queued an answer of its own to a request that broke a rule or a deadline.
    /// For logs and metrics.
    case rejected(Problem)
    /// `shutdown(SHUT_WR)`, and go on reading: what comes is dropped, so that the last answer is not lost to a reset.
    case shutdownWrite
    /// Close the descriptor and cancel the work under way, if any. Nothing comes after it.
    case close(CloseReason)
  }

  public enum CloseReason: Sendable, Hashable {
    /// The last answer is out and the peer has finished or its time is up.
    case finished
    /// No request came within the keep-alive time, or the server is stopping.
    case idle
    /// The peer does not take its answers (HTTP.md 23).
    case slowReader
  }

  /// What to read.
  public enum ReadInterest: Sendable, Hashable {
    /// Nothing: enough is waiting to be answered. Do not watch for reading.
    case none
    /// Any bytes, into a buffer of the transport's own, to hand to `receive`.
    case bytes
    /// The rest of a body, through `readBody`.
    case body
  }

  /// Decides on a head alone, before its body is read: a final answer, or nil to go on. `RequestHandler.refusal(of:)`
  /// together with the server's own reasons (overload: 503).
  public typealias Judge = (RequestHead) -> Response?

  let limits: HTTPLimits
  var output = OutputQueue()

  /// A connection just accepted.
  public init(limits: HTTPLimits, at now: Moment) {
    self.limits = limits
  }

  // MARK: Events

  /// Bytes arrived. Call it only while `readInterest` is `.bytes`; `bytes` is not empty.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Moment, judge: Judge) {}

  /// Reads the rest of a body straight into its place: `fill` appends what one `read` brings; room grows with what has
  /// arrived, never with what was announced. Call it only while `readInterest` is `.body`.
  public mutating func readBody<E: Error>(
    at now: Moment, _ fill: (inout OutputSpan<UInt8>) throws(E) -> Void
  ) throws(E) {}

  /// The peer will send no more. Complete requests are still answered, then the connection closes.
  public mutating func peerFinished(at now: Moment) {}

  /// The answer to the request that `.answer` gave. A number that is not the one under way is ignored.
  public mutating func respond(to id: RequestID, with response: consuming Response, at now: Moment) {}

  /// `count` bytes of `withOutput`'s two pieces have been written.
  public mutating func wrote(_ count: Int, at now: Moment) {}

  /// Time has passed. Does nothing before `nextDeadline`.
  public mutating func tick(at now: Moment) {}

  /// The server is stopping: an idle connection ends now, a busy one after the answer under way.
  public mutating func drain(at now: Moment) {}

  // MARK: Actions

  /// The next thing to do, or nil until another event.
  public mutating func nextAction(at now: Moment, judge: Judge) -> Action? { nil }

  /// Bytes wait to be written.
  public var hasOutput: Bool { false }

  /// The next bytes to write, in two pieces for one `writev`: heads and small bodies, then a large body or nothing.
  public func withOutput<R, E: Error>(
    _ body: (_ first: Span<UInt8>, _ second: Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    let nothing = [UInt8]()
    return try body(nothing.span, nothing.span)
  }

  public var readInterest: ReadInterest { .bytes }

  /// When to call `tick`, or nil while no deadline runs.
  public var nextDeadline: Instant? { nil }

  /// Nothing received, nothing to answer, nothing to write: what an overloaded server may close first.
  public var isIdle: Bool { true }
}
struct OutputQueue {}
