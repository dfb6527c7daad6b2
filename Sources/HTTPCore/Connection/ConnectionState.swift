/// The life of one server connection as a value: events in, actions out, the time an argument (RFC 9112 §9).
///
/// It does no I/O, owns no clock and calls nobody. Its owner reports what happened:
///
///     state.readBody(at: now) { … }                // readInterest == .body: read straight into the body
///     state.peerFinished()                         // read() returned 0: a half-close, still answered
///     state.respond(to: id, with: response, at: now)
///     state.tick(at: now)                          // nextDeadline has passed
///     state.stopKeepingAlive()                     // the server is stopping, but still accepts
///     state.drain(at: now)                         // its port has closed
///
/// After each event, and with the bytes that it has read (readInterest == .bytes), it calls `process` to do what the state
/// asks for and `flush` to write. Then it watches for reading as `readInterest` says, for writing while `hasOutput`, and for
/// `nextDeadline`.
///
/// A hang-up, a reset or a failed write needs no event: the owner closes the descriptor, cancels the work under way and
/// drops the value. One request at a time is being answered; those behind it wait, unparsed and bounded, so that answers
/// keep their order (RFC 9112 §9.3.2).
public struct ConnectionState: ~Copyable, Sendable {
  /// Numbers the requests of one connection, from 1.
  public typealias RequestID = UInt64

  /// What the owner must do.
  public enum Action: ~Copyable, Sendable {
    /// A head is whole: decide at once, by `proceed(to:at:)` or `refuse(at:with:at:)`.
    case head(RequestHead)
    /// A request is whole: answer it, now or later, by `respond(to:with:at:)`.
    case request(RequestID, Request)
    /// The request broke a rule or a deadline: give the connection's last answer at once, by `reject(with:at:)`.
    case reject(Rejection)
    /// Nothing to do, but for logs and metrics: the answer to a refused head has been queued.
    case refused(Refusal)
    /// A part of a request has arrived: acknowledge it at once. The client may hold the rest back until then (Nagle's
    /// algorithm, RFC 9293 §3.7.4), while the server's kernel waits for a response that could carry the acknowledgement.
    case acknowledge
    /// `shutdown(SHUT_WR)`, and go on reading: what comes is dropped, so that the last answer is not lost to a reset.
    case shutdownWrite
    /// Close the descriptor and cancel the work under way, if any. Nothing comes after it.
    case close(CloseReason)
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

  /// A request that broke a rule or a deadline.
  public final class Rejection: Sendable {
    public let problem: Problem
    /// Nil when the head itself was at fault, or late.
    public let head: RequestHead?

    init(_ problem: Problem, _ head: RequestHead?) {
      self.problem = problem
      self.head = head
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
    /// Any bytes, into a buffer of the owner's, to hand to `process`.
    case bytes
    /// The rest of a body, through `readBody`.
    case body
  }

  /// Where the connection stands between two events.
  enum Phase: Sendable {
    /// Waiting for a head, or amid one.
    case head
    /// `.head` is to be returned, and has been: the owner decides.
    case headReady, deciding
    case body
    /// The body of a refused request is read and dropped; its refusal waits for the end, or is queued already.
    case discarding
    /// `.request` is to be returned, and has been: the owner answers.
    case requestReady, answering
    /// `.reject` is to be returned, and has been: the owner gives the last answer.
    case rejectPending, rejecting
    /// The last answer is queued. What comes in is dropped.
    case closing
    /// The last answer is out and our side is shut down; waiting for the peer's end.
    case lingering
    /// `.close` is to be returned, and has been.
    case closePending, closed
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
  /// Whether bytes have arrived since the last decision on an acknowledgement.
  var hasNewInput = false
  var head: RequestHead?
  /// What the last head that was decided on leads to.
  var route = Route.unmatched
  var body = BodyReader(.none)
  /// The most bytes that the present body may have.
  var bodyLimit = 0
  var discardLeft = 0

  var exchange = Exchange()
  var requestID: RequestID = 0
  var keepsAlive = true
  /// The server is stopping: the next answer is the last.
  var isStopping = false
  /// Once the port has closed: until when an idle connection is kept.
  var drainDeadline: Instant?
  var peerHasFinished = false
  /// A refusal that waits for its body's end.
  var waitingRefusal: Refusal?
  /// One that has been queued and is to be reported; until then no other request is read.
  var queuedRefusal: Refusal?
  var rejection: Rejection?
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

  /// The peer will send no more. Complete requests are still answered, then the connection closes.
  public mutating func peerFinished() {
    peerHasFinished = true
  }

  /// Time has passed. Does nothing before `nextDeadline`.
  public mutating func tick(at now: Moment) {
    if let deadline = writeDeadline, deadline <= now.instant {
      finish(.slowReader)
    } else if let deadline = readDeadline, deadline <= now.instant {
      switch phase {
      case .head where !hasBegunHead: endIdle()
      case .head: breakRule(ParseFailure(.headTimeout, at: pending.count - pendingStart))
      case .body: breakRule(ParseFailure(.bodyTimeout, at: body.position))
      case .discarding where waitingRefusal != nil: breakRule(ParseFailure(.bodyTimeout, at: body.position))
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
  mutating func nextAction(at now: Moment) -> Action? {
    while true {
      if let refusal = queuedRefusal.take() { return .refused(refusal) }
      let before = phase
      switch phase {
      case .head, .body, .discarding:
        if pendingStart < pending.count { consumePending(at: now) }
        if phase == before, queuedRefusal == nil { endIfOver() }
        if phase == before, queuedRefusal == nil { return nil }
      case .headReady:
        guard let head else { return nil }
        phase = .deciding
        return .head(head)
      case .requestReady:
        guard let head = head.take() else { return nil }
        phase = .answering
        let bytes = body.takeBytes()
        // A chunked body's reader may hold its trailers, and what came behind them.
        body = BodyReader(.none)
        return .request(requestID, Request(head: head, route: route, body: bytes))
      case .rejectPending:
        guard let rejection = rejection.take() else { return nil }
        phase = .rejecting
        return .reject(rejection)
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
      case .closePending:
        phase = .closed
        return .close(closeReason)
      case .deciding, .answering, .rejecting, .closed: return nil
      }
    }
  }

  /// The end of a connection that waits for bytes that will not come.
  private mutating func endIfOver() {
    guard peerHasFinished, output.count < limits.outputBytes else { return }
    switch phase {
    case .head where !hasBegunHead: endIdle()
    case .head: breakRule(ParseFailure(.incomplete, at: pending.count - pendingStart))
    case .discarding where waitingRefusal == nil: phase = .closing
    case .body, .discarding: breakRule(ParseFailure(.incomplete, at: body.position))
    default: break
    }
  }

  /// No further request is waited for: what is queued is still written.
  private mutating func endIdle() {
    if output.isEmpty { finish(peerHasFinished ? .finished : .idle) } else { phase = .closing }
  }

  private mutating func finish(_ reason: CloseReason) {
    closeReason = reason
    phase = .closePending
    output = OutputQueue()
    dropInput()
  }

  // MARK: Standing

  /// Bytes wait to be written.
  public var hasOutput: Bool { !output.isEmpty }

  /// What to read now.
  public var readInterest: ReadInterest {
    if peerHasFinished { return .none }
    return switch phase {
    case .head: output.count < limits.outputBytes ? .bytes : .none
    case .body: body.directCount > 0 ? .body : .bytes
    case .headReady, .deciding, .requestReady, .answering:
      pending.count - pendingStart < limits.pipelineBytes ? .bytes : .none
    case .discarding, .rejectPending, .rejecting, .closing, .lingering: .bytes
    case .closePending, .closed: .none
    }
  }

  /// When to call `tick`, or nil while no deadline runs.
  public var nextDeadline: Instant? {
    switch (readDeadline, writeDeadline) {
    case (let read?, let write?): min(read, write)
    case (let read?, nil): read
    case (nil, let write): write
    }
  }

  /// Nothing received, nothing to answer, nothing to write.
  var isIdle: Bool { phase == .head && !hasBegunHead && output.isEmpty }

  /// Whether a body is here, or on its way, or its answer is being made.
  public var holdsRequest: Bool {
    switch phase {
    case .body, .requestReady, .answering: true
    case .head, .headReady, .deciding, .discarding, .rejectPending, .rejecting, .closing, .lingering, .closePending,
      .closed:
      false
    }
  }

  private var readDeadline: Instant? {
    switch phase {
    case .head where hasBegunHead: since.advanced(by: timing.head)
    // The keep-alive time starts when the last answer is out; until then the writing deadline runs.
    case .head where output.isEmpty:
      min(since.advanced(by: timing.keepAlive), drainDeadline ?? Instant(nanoseconds: .max))
    case .head: drainDeadline
    case .body, .discarding: readPace.deadline
    case .lingering: min(since.advanced(by: timing.lingerTotal), readPace.deadline)
    case .headReady, .deciding, .requestReady, .answering, .rejectPending, .rejecting, .closing, .closePending, .closed:
      nil
    }
  }

  private var writeDeadline: Instant? { output.isEmpty ? nil : writePace.deadline }
}
