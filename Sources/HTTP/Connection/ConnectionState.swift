/// The life of one server connection as a value: events in, actions out, the time an argument (RFC 9112 §9).
///
/// It does no I/O, owns no clock, and calls nobody but the closures of `process`, `flush` and `readBody`. Its owner
/// reports events:
///
///     state.readBody(at: now) { … }                // readInterest == .body: read straight into the body
///     state.peerFinished()                         // read() returned 0: a half-close, still answered
///     state.respond(to: id, with: response, at: now)
///     state.systemHolds(count, at: now)            // before `tick` and `peerFinished`, after `.shutdownWrite`, when a
///                                                  // write was not taken whole, and when both sides have finished
///     state.tick(at: now)                          // nextDeadline has passed
///     state.stopKeepingAlive()                     // the server is stopping, but still accepts connections
///     state.drain(at: now)                         // its port has closed
///
/// After each event, and with the bytes that it has read (readInterest == .bytes), the owner calls `process`, to
/// perform the actions that the state returns, and `flush`, to write. Then it watches for reading as `readInterest`
/// says, for writing while `hasOutput`, and for `nextDeadline`.
///
/// A hang-up, a reset or a failed write is no event: the owner closes the descriptor, cancels the work in progress and
/// drops the value. One request is answered at a time. Those after it wait, unparsed and bounded, so that responses
/// keep their order (RFC 9112 §9.3.2).
public struct ConnectionState: ~Copyable, Sendable {
  /// Numbers the requests of one connection, from 1.
  public typealias RequestID = UInt64

  /// What the owner must do.
  public enum Action: ~Copyable, Sendable {
    /// A head is whole: decide at once, by `proceed(to:at:)` or `refuse(_:at:)`.
    case head(RequestHead)
    /// A request is whole: answer it, now or later, by `respond(to:with:at:)`.
    case request(RequestID, Request)
    /// The request broke a rule or a deadline: give the connection's last answer at once, by `reject(with:at:)`.
    case reject(Rejection)
    /// For logs and metrics only: the response to a refused head has been queued.
    case refused(Refusal)
    /// A part of a request has arrived: acknowledge it at once. The client may hold the rest back until then (Nagle's
    /// algorithm, RFC 9293 §3.7.4), while the server's kernel waits for a response that could carry the
    /// acknowledgement.
    case acknowledge
    /// Call `shutdown(SHUT_WR)` and go on reading; the input is dropped. A close with unread input would reset the
    /// connection, and the client might lose the last response.
    case shutdownWrite
    /// Close the descriptor and cancel the work in progress, if any. There are no further actions.
    case close(CloseReason)
  }

  /// A request that broke a rule or a deadline.
  public final class Rejection: Sendable {
    /// What the client is told.
    public let problem: ProblemDetails
    /// Nil when the head itself was at fault, or late.
    public let head: RequestHead?
    /// What the head leads to; ``Route/unmatched`` where it is nil.
    public let route: Route
    /// The path, as far as it could be read.
    public let path: String?

    init(_ problem: ProblemDetails, _ head: RequestHead?, _ route: Route, path: String?) {
      self.problem = problem
      self.head = head
      self.route = route
      self.path = path
    }
  }

  /// Why a connection ends.
  public enum CloseReason: Sendable, Hashable {
    /// The last response has been taken, and the peer has finished or its time is up.
    case finished
    /// No request arrived within the keep-alive time, or the server is stopping.
    case idle
    /// The peer does not read its responses.
    case slowReader
  }

  /// What to read.
  public enum ReadInterest: Sendable, Hashable {
    /// Nothing: enough input is waiting already. Do not watch for reading.
    case none
    /// Any bytes, into a buffer of the owner's, to hand to `process`.
    case bytes
    /// The rest of a body, through `readBody`.
    case body
  }

  /// What the connection is doing between two events.
  enum Phase: Sendable {
    /// Waiting for a head, or reading one.
    case head
    /// `.head` will be returned; it has been returned, and the owner decides.
    case headReady, deciding
    /// Reading a body.
    case body
    /// The body of a refused request is read and dropped; its response waits for the end, or is queued already.
    case discarding
    /// `.request` will be returned; it has been returned, and the owner answers.
    case requestReady, responding
    /// `.reject` will be returned; it has been returned, and the owner gives the last response.
    case rejectPending, rejecting
    /// The last response is queued. Input is dropped.
    case closing
    /// The last response is written and the writing side shut down; waiting for the peer to take it and to close.
    case lingering
    /// `.close` will be returned; it has been returned.
    case closePending, closed
  }

  let shared: SharedLimits
  var phase = Phase.head
  var output = OutputQueue()

  var parser = HeadParser()
  /// Whether a byte of the head has arrived: then its deadline runs, else the keep-alive time.
  var hasBegunHead = false
  /// Bytes received but not yet consumed, from `pendingStart`: an incomplete head, or pipelined requests.
  var pending: [UInt8] = []
  var pendingStart = 0
  /// Whether bytes have arrived since the last decision on an acknowledgement.
  var hasNewInput = false
  var head: RequestHead?
  /// The last head, which the next one mostly repeats.
  var lastHead: RequestHead?
  /// The route of the last head that was decided on.
  var route = Route.unmatched
  var body = BodyReader()
  /// The most bytes that the present body may have.
  var bodyLimit: Int
  var discardLeft = 0

  var framing = ResponseFraming()
  var requestID: RequestID = 0
  var keepsAlive = true
  /// The server is stopping: the connection ends with its answer to what has arrived by the next response.
  var isStopping = false
  /// How many bytes have been received, how many of them consumed, and up to which requests are answered once the
  /// server is stopping: a client that goes on sending cannot keep it.
  var received = 0
  var consumed = 0
  /// Up to where nothing but empty lines had arrived after what was consumed.
  var blankUpTo = 0
  var lastReceived: Int?
  /// Once the port has closed: until when an idle connection is kept.
  var drainDeadline: Instant?
  var peerHasFinished = false
  /// No head is read: the owner has others to serve.
  public private(set) var isPaused = false
  /// A refusal that waits for the end of its request's body.
  var waitingRefusal: Refusal?
  /// A refusal that has been queued and not yet reported; until then no other request is read.
  var queuedRefusal: Refusal?
  var rejection: Rejection?
  var closeReason = CloseReason.finished

  /// When the current phase began; for a head, when its first byte arrived.
  var since: Instant
  var readRate: RateDeadline
  var writeRate: RateDeadline
  /// Of the transfer that was asked about last.
  var pace: Pace
  /// When something to write was last queued after nothing, and how many bytes have been written since.
  var outputSince: Instant
  var outputWritten = 0
  /// How many bytes the system held for the peer when the owner last asked it, and how many were written since.
  var unacknowledged = 0
  var writtenSinceAsked = 0

  /// A connection just accepted.
  public init(limits: SharedLimits, at now: Moment) {
    shared = limits
    bodyLimit = limits.limits.bodyBytes
    since = now.instant
    readRate = limits.times.bodyDeadline(from: now.instant)
    writeRate = limits.times.writeDeadline(from: now.instant)
    pace = Pace(since: now.instant)
    outputSince = now.instant
  }

  var limits: HTTPLimits { shared.limits }
  var times: TimeLimits { shared.times }

  // MARK: Events

  /// The peer sends no more. Complete requests are still answered, then the connection closes.
  public mutating func peerFinished() {
    peerHasFinished = true
  }

  /// The server is stopping: what has arrived by the next response is answered, and the last answer says that it is
  /// (RFC 9112 §9.6).
  public mutating func stopKeepingAlive() {
    isStopping = true
  }

  /// The server's port has closed: a busy connection ends after the responses to what has arrived, an idle one after
  /// ``HTTPLimits/stopGrace``, so that a request that is already on its way is answered.
  public mutating func drain(at now: Moment) {
    isStopping = true
    drainDeadline = now.instant.advanced(by: times.stopGrace)
  }

  /// How many of the bytes that were written the system still holds, since the peer has not taken them. While there are
  /// any, the peer keeps to the rate of readers, and the times of idle and of ended connections do not begin.
  public mutating func systemHolds(_ count: Int, at now: Moment) {
    // What `.shutdownWrite` sends counts as a byte.
    let count = max(0, phase == .lingering ? count - 1 : count)
    writeRate.moved(unacknowledged + writtenSinceAsked - count, at: now.instant)
    (unacknowledged, writtenSinceAsked) = (count, 0)
    guard count > 0 else { return }
    if isIdle { since = now.instant }
    if phase == .lingering { beginLingering(at: now) }
  }

  /// The owner has others to serve: no further head is read until `resume`. A request that has begun goes on.
  public mutating func pause() { isPaused = true }

  /// Heads are read again: call `process`.
  public mutating func resume() { isPaused = false }

  // MARK: What to wait for
  // Each `mutating get`: to lend so large a value to a getter of another module, the compiler copies all of it.

  /// Whether bytes wait to be written.
  public var hasOutput: Bool {
    mutating get { !output.isEmpty }
  }

  /// Whether a body is being read, and no answer waits for the peer.
  public var isReceivingBody: Bool {
    mutating get { phase == .body && !isWriting }
  }

  /// Whether a part of a head has arrived.
  public var isReadingHead: Bool {
    mutating get { phase == .head && hasBegunHead }
  }

  /// What to read now.
  public var readInterest: ReadInterest {
    mutating get {
      if peerHasFinished { return .none }
      return switch phase {
      case .head: mayReadHead ? .bytes : .none
      case .body: body.directCount > 0 ? .body : .bytes
      case .headReady, .deciding, .requestReady, .responding:
        pending.count - pendingStart < limits.pipelineBytes ? .bytes : .none
      case .discarding, .rejectPending, .rejecting, .closing, .lingering: .bytes
      case .closePending, .closed: .none
      }
    }
  }

  /// Whether nothing has been received, is being answered, or waits to be written.
  var isIdle: Bool { phase == .head && !hasBegunHead && output.isEmpty && !isPaused }

  /// Whether the next head may be read: not while many answers wait to be written.
  var mayReadHead: Bool { output.count < limits.outputBytes && !isPaused }
}

/// What the owner of a connection does after each event, `process`, then `flush`, and the actions that it is given.
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
      while !waitsForBytes, let action = nextAction(at: now) { perform(action, &self) }
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

  /// Whether there is no action until bytes arrive, as mostly: to find that here costs less than a large nil.
  @inline(__always)
  private var waitsForBytes: Bool {
    (phase == .head || phase == .body) && pendingStart == pending.count && queuedRefusal == nil && !peerHasFinished
  }

  /// The next action, or nil until another event.
  private mutating func nextAction(at now: Moment) -> Action? {
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
        phase = .responding
        let bytes = body.takeBytes()
        // A chunked body's reader may hold trailers, and the bytes after them.
        body.begin(.none)
        return .request(requestID, Request(head: head, route: route, body: bytes))
      case .rejectPending:
        guard let rejection = rejection.take() else { return nil }
        phase = .rejecting
        return .reject(rejection)
      case .closing:
        guard output.isEmpty else { return nil }
        phase = .lingering
        beginLingering(at: now)
        return .shutdownWrite
      case .lingering:
        guard peerHasFinished, unacknowledged == 0 else { return nil }
        finish(.finished)
      case .closePending:
        phase = .closed
        return .close(closeReason)
      case .deciding, .responding, .rejecting, .closed: return nil
      }
    }
  }

  /// Ends a connection that waits for bytes although the peer has finished.
  private mutating func endIfOver() {
    guard peerHasFinished, mayReadHead else { return }
    switch phase {
    case .head where !hasBegunHead: endIdle()
    case .head: breakRule(ParseFailure(.headIncomplete, at: pending.count - pendingStart), path: pendingPath)
    case .discarding where waitingRefusal == nil: phase = .closing
    case .body, .discarding: breakRule(ParseFailure(.incomplete, at: body.position))
    default: break
    }
  }

  /// From here on the peer may take its time to close.
  mutating func beginLingering(at now: Moment) {
    since = now.instant
    readRate = RateDeadline(from: now.instant, grace: times.lingerSilence)
  }

  /// Waits for no further request; what is queued is still written, and what the system holds still taken.
  mutating func endIdle() {
    if output.isEmpty, unacknowledged == 0 { finish(peerHasFinished ? .finished : .idle) } else { phase = .closing }
  }

  mutating func finish(_ reason: CloseReason) {
    closeReason = reason
    phase = .closePending
    output = OutputQueue()
    dropInput()
  }
}
