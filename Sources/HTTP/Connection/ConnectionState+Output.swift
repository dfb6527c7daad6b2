/// From responses to bytes.
extension ConnectionState {
  /// The response to `.request`. Ignored if `id` is not the request in progress.
  public mutating func respond(to id: RequestID, with response: Response, at now: Moment) {
    guard phase == .answering, id == requestID else { return }
    queue(response, mayKeep: !peerHasFinished || pendingStart < pending.count, at: now)
  }

  /// The decision on `.head` to refuse the request.
  ///
  /// An error in a body's framing takes precedence over other client errors, whatever the path: a 4xx waits until the
  /// body has been read and dropped, if it is short or of unknown length (RFC 9112 §6.3). A 5xx never waits. Before a
  /// long body, or one that the client holds back, the response is sent at once and the connection closes (RFC 9112
  /// §9.3, RFC 9110 §10.1.1).
  public mutating func refuse(at route: Route, with response: consuming Response, at now: Moment) {
    guard phase == .deciding, let head else { return }
    self.route = route
    // Too large whatever else is wrong; the owner may say so in its own response.
    guard !limits.areExceeded(byBodyOf: head) || response.status == .contentTooLarge else {
      return breakRule(ParseFailure(.bodyTooLarge, at: 0))
    }
    self.head = nil
    let refusal = Refusal(head, route, response)
    let isClientError = refusal.response.status.code < 500
    discardLeft = limits.discardBytes
    switch head.framing {
    case .none, .length(0):
      queue(refusal, mayKeep: true, at: now)
      return
    case .length(let length) where length <= min(limits.discardBytes, limits.bodyBytes) && !head.expectsContinue:
      if isClientError { waitingRefusal = refusal } else { queue(refusal, mayKeep: true, at: now) }
      guard phase != .closing else { return }
    case .chunked where isClientError && !head.expectsContinue:
      waitingRefusal = refusal
    default:
      queue(refusal, mayKeep: false, at: now)
      return
    }
    beginBody(head, .discarding, at: now)
  }

  /// Refuses a request whose body is still arriving, with the connection's last response. Does nothing once the body is
  /// complete.
  public mutating func refuseBody(at now: Moment, with response: (RequestHead) -> Response) {
    guard phase == .body, let head else { return }
    queue(Refusal(head, route, response(head)), mayKeep: false, at: now)
  }

  /// The response to `.reject`, which is the connection's last.
  public mutating func reject(with response: Response, at now: Moment) {
    guard phase == .rejecting else { return }
    queue(response, mayKeep: false, at: now)
  }

  /// Queues a refusal's response; `.refused` follows.
  mutating func queue(_ refusal: Refusal, mayKeep: Bool, at now: Moment) {
    queue(refusal.response, mayKeep: mayKeep, at: now)
    queuedRefusal = refusal
  }

  /// Queues a response and decides whether another request may follow it.
  private mutating func queue(_ response: Response, mayKeep: Bool, at now: Moment) {
    let keeps = mayKeep && keepsAlive && !response.closes && !isStopping
    startWriting(at: now)
    framing.closes = !keeps
    output.append(response, framing, date: now.date)
    writeRate.require(output.count, within: times.writeTotalTimeout)
    if keeps {
      awaitHead(at: now)
    } else {
      phase = .closing
      dropInput()
    }
  }

  mutating func queueContinue(at now: Moment) {
    startWriting(at: now)
    output.appendContinue()
  }

  /// The writing deadline runs while there is something to write.
  private mutating func startWriting(at now: Moment) {
    guard output.isEmpty else { return }
    writeRate = times.writeDeadline(from: now.instant)
    outputSince = now.instant
    outputWritten = 0
  }

  /// `count` bytes of the output's two pieces have been written.
  mutating func wrote(_ count: Int, at now: Moment) {
    guard count > 0 else { return }
    output.drop(count)
    outputWritten += count
    writeRate.moved(count, at: now.instant)
    if output.isEmpty, isIdle { since = now.instant }
  }
}

/// What a connection holds, and how fast its peer lets it go: by this a server that is short of memory chooses.
extension ConnectionState {
  /// Bytes of memory held for the connection, beside the value itself: what has been received and not taken, a body, a
  /// head that waits for its body, answers until they are written.
  public var memory: Int {
    mutating get { pending.capacity + body.memory + output.memory + (head?.memory ?? 0) }
  }

  /// How long, in nanoseconds, the answers under way would still take at the pace at which the peer has taken them so
  /// far, or a body at the pace at which it has come; nil where nothing waits for the peer.
  ///
  /// 64 KiB count as moved from the start, so that a transfer that has just begun is not taken for a slow one.
  /// - Parameters:
  ///   - now: the time.
  ///   - unsent: bytes that have been written, but that the system holds because the peer has not taken them.
  public mutating func expectedTransferTime(at now: Instant, unsent: Int = 0) -> UInt64? {
    let left = output.count + unsent
    if phase == .body, output.isEmpty {
      return Self.expectedTime(left: body.bytesToCome, moved: body.bytes.count, since: since, at: now)
    }
    return left > 0
      ? Self.expectedTime(left: left, moved: max(0, outputWritten - unsent), since: outputSince, at: now) : nil
  }

  private static func expectedTime(left: Int, moved: Int, since: Instant, at now: Instant) -> UInt64 {
    let elapsed = now.nanoseconds > since.nanoseconds ? now.nanoseconds - since.nanoseconds : 0
    let expected = Double(elapsed) * Double(left) / Double(moved + 64 * 1024)
    return expected < 1e18 ? UInt64(expected) : .max
  }
}

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
