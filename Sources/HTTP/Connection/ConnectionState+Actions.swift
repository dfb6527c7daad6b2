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
        phase = .answering
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
        guard !peerHasFinished else {
          finish(.finished)
          continue
        }
        phase = .lingering
        beginLingering(at: now)
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

  /// Ends a connection that waits for bytes although the peer has finished.
  private mutating func endIfOver() {
    guard peerHasFinished, output.count < limits.outputBytes else { return }
    switch phase {
    case .head where !hasBegunHead: endIdle()
    case .head: breakRule(ParseFailure(.incomplete, at: pending.count - pendingStart), path: pendingPath)
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
    if output.isEmpty, unsent == 0 { finish(peerHasFinished ? .finished : .idle) } else { phase = .closing }
  }

  mutating func finish(_ reason: CloseReason) {
    closeReason = reason
    phase = .closePending
    output = OutputQueue()
    dropInput()
  }
}
