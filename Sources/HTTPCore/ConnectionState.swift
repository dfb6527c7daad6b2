/// The life of one server connection as a value: events in, actions out, the time an argument (RFC 9112 §9).
///
/// It does no I/O and owns no clock. The transport reports what happened, then takes its turn:
///
///     // 1. One event:
///     state.receive(bytes, at: now, judge: …)      // readInterest == .bytes: read into a buffer of the loop's own
///     state.readBody(at: now) { … }                // readInterest == .body: read straight into the body
///     state.peerFinished(at: now)                  // read() returned 0: a half-close, still answered
///     state.respond(to: id, with: response, at: now)
///     state.tick(at: now)                          // nextDeadline has passed
///     state.stopKeepingAlive()                     // the server is stopping, but still accepts
///     state.drain(at: now)                         // its port has closed
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
  public enum Action: ~Copyable, Sendable {
    /// Ask the handler, on the loop or off it, and report with `respond(to:with:at:)`.
    case answer(RequestID, Request)
    /// Nothing to do, but for logs and metrics: an answer without a handler has been queued.
    case told(Notice)
    /// Part of a request has come: acknowledge it at once. Its sender may hold back the rest until then (Nagle's algorithm,
    /// RFC 9293 §3.7.4), while the receiver's kernel waits for an answer that would carry the acknowledgement.
    case acknowledge
    /// `shutdown(SHUT_WR)`, and go on reading: what comes is dropped, so that the last answer is not lost to a reset.
    case shutdownWrite
    /// Close the descriptor and cancel the work under way, if any. Nothing comes after it.
    case close(CloseReason)
  }

  /// An answer that the connection has queued without asking a handler for it.
  public enum Notice: Sendable {
    /// The judge's answer to a head.
    case refused(Refusal)
    /// Its own, to a request that broke a rule or a deadline.
    indirect case rejected(Problem)
  }

  /// A final answer to a head, known before its body. A class, so that a connection holds one word for what it seldom has.
  public final class Refusal: Sendable {
    public let head: RequestHead
    public let route: Route
    public let response: Response

    init(_ head: RequestHead, _ route: Route, _ response: Response) {
      self.head = head
      self.route = route
      self.response = response
    }
  }

  public enum CloseReason: Sendable, Hashable {
    /// The last answer is out and the peer has finished or its time is up.
    case finished
    /// No request came within the keep-alive time, or the server is stopping.
    case idle
    /// The peer does not take its answers.
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

  /// Decides on a head alone, before its body is read: `RequestHandler.route(_:)` together with the server's own reasons to
  /// refuse (overload: 503).
  public typealias Judge = (RequestHead) -> Routing

  /// Where the connection stands between two events.
  enum Phase: Sendable {
    /// Waiting for a head, or amid one.
    case head
    case body
    /// The body of a refused request is read and dropped; its refusal waits for the end, or is queued already.
    case discarding
    /// A whole request waits for `nextAction` to hand it out.
    case ready
    case answering
    /// The last answer is queued. What comes in is dropped.
    case closing
    /// The last answer is out and our side is shut down; waiting for the peer's end.
    case lingering
    /// `.close` is to be said, and has been.
    case closed, gone
  }

  let limits: HTTPLimits
  let timing: Timing
  var phase = Phase.head
  var output = OutputQueue()

  var parser = HeadParser()
  /// Whether a byte of the head has come: then its deadline runs, else the keep-alive time.
  var hasBegunHead = false
  /// Bytes received but not yet taken, from `pendingStart`: an unfinished head, or pipelined requests.
  var pending: [UInt8] = []
  var pendingStart = 0
  /// Something has come since the last look at whether the rest of a request is awaited.
  var hasNews = false
  var head: RequestHead?
  /// What the last whole head leads to.
  var route = Route.unmatched
  var body = BodyReader(.none)
  /// The most bytes that the present body may have.
  var bodyLimit = 0
  var discardLeft = 0

  var exchange = Exchange()
  var requestID: RequestID = 0
  var answered = 0
  var keepsAlive = true
  /// The server is stopping: the next answer is the last.
  var isStopping = false
  /// Once the port has closed: until when an idle connection is kept.
  var drainDeadline: Instant?
  var peerHasFinished = false
  /// A refusal that waits for its body's end.
  var refusal: Refusal?
  /// Answers queued without a handler that are still to be told; until then no other request is read.
  var notices: [Notice] = []
  var closeReason = CloseReason.finished

  /// When the present phase began: of a head, its first byte.
  var since: Instant
  var readPace: Pace
  var writePace: Pace
  /// Since when there is something to write, and how many bytes have been written since.
  var outputSince: Instant
  var outputWritten = 0

  /// A connection just accepted.
  public init(limits: HTTPLimits, at now: Moment) {
    self.limits = limits
    timing = Timing(limits)
    since = now.instant
    readPace = timing.bodyPace(from: now.instant)
    writePace = timing.writePace(from: now.instant)
    outputSince = now.instant
  }

  // MARK: Events

  /// Bytes arrived. Call it only while `readInterest` is `.bytes`.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Moment, judge: Judge) {
    guard !bytes.isEmpty, !peerHasFinished else { return }
    hasNews = true
    if phase != .ready, phase != .answering { readPace.moved(bytes.count, at: now.instant) }
    guard takesInput else { return }
    if pendingStart == pending.count {
      // The common case: whole requests are parsed where the transport read them, and nothing is kept.
      let used = consume(bytes, at: now, judge)
      if used < bytes.count, takesInput { hold(bytes.extracting(used...)) }
    } else {
      hold(bytes)
      consumePending(at: now, judge)
    }
  }

  /// Reads the rest of a body straight into its place: `fill` appends what one `read` brings, or nothing if it throws;
  /// room grows with what has arrived, never with what was announced. Call it only while `readInterest` is `.body`.
  public mutating func readBody<E: Error>(
    at now: Moment, _ fill: (inout OutputSpan<UInt8>) throws(E) -> Void
  ) throws(E) {
    guard phase == .body, body.directCount > 0 else { return }
    let count = try body.read(fill)
    if count > 0 { hasNews = true }
    readPace.moved(count, at: now.instant)
    if body.isComplete { phase = .ready }
  }

  /// Gives up on a body that is still coming, with a last answer: what holds bodies has run out of room. Does nothing once
  /// the body is whole.
  public mutating func refuseBody(at now: Moment, with response: (RequestHead) -> Response) {
    guard phase == .body, let head else { return }
    answer(Refusal(head, route, response(head)), mayKeep: false, at: now)
  }

  /// The peer will send no more. Complete requests are still answered, then the connection closes.
  public mutating func peerFinished(at now: Moment) {
    peerHasFinished = true
  }

  /// The answer to the request that `.answer` gave. A number that is not the one under way is ignored.
  public mutating func respond(to id: RequestID, with response: Response, at now: Moment) {
    guard phase == .answering, id == requestID else { return }
    enqueue(response, mayKeep: !peerHasFinished || pendingStart < pending.count, at: now)
  }

  /// `count` bytes of `withOutput`'s two pieces have been written.
  public mutating func wrote(_ count: Int, at now: Moment) {
    guard count > 0 else { return }
    output.drop(count)
    outputWritten += count
    writePace.moved(count, at: now.instant)
    if output.isEmpty, isIdle { since = now.instant }
  }

  /// Time has passed. Does nothing before `nextDeadline`.
  public mutating func tick(at now: Moment) {
    if let deadline = writeDeadline, deadline <= now.instant {
      finish(.slowReader)
    } else if let deadline = readDeadline, deadline <= now.instant {
      switch phase {
      case .head where !hasBegunHead: endIdle()
      case .head: reject(ParseFailure(.headTimeout, at: pending.count - pendingStart), at: now)
      case .body: reject(ParseFailure(.bodyTimeout, at: body.position), at: now)
      case .discarding where refusal != nil: reject(ParseFailure(.bodyTimeout, at: body.position), at: now)
      default: finish(.finished)
      }
    }
  }

  /// The server is stopping: from now on each answer says that it is the connection's last (RFC 9112 §9.6).
  public mutating func stopKeepingAlive() {
    isStopping = true
  }

  /// The server's port has closed: a busy connection ends after the answer under way, an idle one after
  /// ``HTTPLimits/stopGrace``, so that a request already on its way is answered.
  public mutating func drain(at now: Moment) {
    isStopping = true
    drainDeadline = now.instant.advanced(by: timing.stopGrace)
  }

  // MARK: Actions

  /// The next thing to do, or nil until another event.
  public mutating func nextAction(at now: Moment, judge: Judge) -> Action? {
    while true {
      if !notices.isEmpty { return .told(notices.removeFirst()) }
      let before = phase
      switch phase {
      case .ready: return handOut()
      case .head, .body, .discarding:
        if pendingStart < pending.count { consumePending(at: now, judge) }
        // A pipelined request may have been refused or have broken a rule, with the next head already looked at.
        guard notices.isEmpty else { continue }
        if phase == before { endIfOver(at: now) }
        if phase == before, notices.isEmpty { return acknowledgement() }
      case .closing:
        guard output.isEmpty else { return nil }
        guard !peerHasFinished else {
          finish(.finished)
          continue
        }
        phase = .lingering
        since = now.instant
        readPace = Pace(from: now.instant, grace: timing.lingerSilence)
        return .shutdownWrite
      case .lingering:
        guard peerHasFinished else { return nil }
        finish(.finished)
      case .closed:
        phase = .gone
        return .close(closeReason)
      case .answering, .gone: return nil
      }
    }
  }

  /// `.acknowledge`, if bytes have come that neither made a request whole nor led to an answer, which would carry it.
  private mutating func acknowledgement() -> Action? {
    guard hasNews else { return nil }
    hasNews = false
    guard phase != .head || hasBegunHead, output.isEmpty else { return nil }
    return .acknowledge
  }

  // MARK: Standing
  // Mutating, though nothing changes: so the state is looked at where it lies, while one that is only borrowed from a
  // transport's variable is copied whole for each question.

  /// Bytes wait to be written.
  public var hasOutput: Bool { mutating get { !output.isEmpty } }

  /// The next bytes to write, in two pieces for one `writev`: heads and small bodies, then a large body or nothing.
  public mutating func withOutput<R, E: Error>(
    _ body: (_ first: Span<UInt8>, _ second: Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    try output.withPieces(body)
  }

  /// What to read now.
  public var readInterest: ReadInterest {
    mutating get {
      if peerHasFinished { return .none }
      return switch phase {
      case .head: output.count < limits.outputBytes ? .bytes : .none
      case .body: body.directCount > 0 ? .body : .bytes
      case .ready, .answering: pending.count - pendingStart < limits.pipelineBytes ? .bytes : .none
      case .discarding, .closing, .lingering: .bytes
      case .closed, .gone: .none
      }
    }
  }

  /// When to call `tick`, or nil while no deadline runs.
  public var nextDeadline: Instant? {
    mutating get {
      switch (readDeadline, writeDeadline) {
      case (let read?, let write?): min(read, write)
      case (let read?, nil): read
      case (nil, let write): write
      }
    }
  }

  /// Nothing received, nothing to answer, nothing to write.
  var isIdle: Bool { mutating get { phase == .head && !hasBegunHead && output.isEmpty } }

  /// Whether a body is here, or on its way, or its answer is being made.
  public var holdsRequest: Bool {
    mutating get {
      switch phase {
      case .body, .ready, .answering: true
      case .head, .discarding, .closing, .lingering, .closed, .gone: false
      }
    }
  }
}
