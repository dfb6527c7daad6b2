internal import HTTPCore

/// The life of a connection: opened, read, given its turn, written, closed.
extension EventLoop {
  func open(_ socket: consuming Socket, _ isReserve: Bool, _ now: Moment) {
    let token = table.reserve()
    let connection = Connection(
      socket: socket, state: ConnectionState(limits: isReserve ? reserveLimits : limits, at: now), token: token,
      isReserve: isReserve)
    do throws(SystemError) {
      try epoll.add(connection.socket.descriptor, connection.interest, token: token.rawValue)
    } catch {
      table.cancel(token)
      services.gate.leave()
      return
    }
    table.insert(connection)
    memory.add(ServerConfiguration.bytesPerConnection)
    connection.held = ServerConfiguration.bytesPerConnection
    observer.connectionOpened(loop: index)
    connection.withState { state in
      if isStopping { state.stopKeepingAlive() }
      schedule(connection, &state)
    }
  }

  /// Ends a connection: its descriptor closes with its last reference, and work under way learns that nobody waits.
  func close(_ connection: Connection) {
    guard !connection.isClosed else { return }
    connection.isClosed = true
    if let current = connection.current {
      current.cancel.raise()
      // Its body does not wait for the lane's turn.
      if current.handed.take() != nil { current.memory.release() }
      connection.current = nil
      observer.requestAbandoned(current.metrics, loop: index)
    }
    memory.add(-connection.held)
    connection.held = 0
    table.remove(connection.token)
    services.gate.leave()
    observer.connectionClosed(loop: index)
    if services.budget.hasFallen(by: Self.trimStep) { services.lane.trimWhenIdle() }
  }

  /// epoll has something to tell of a connection.
  func ready(_ connection: Connection, _ readiness: Readiness, _ arrivals: inout Arrivals, _ now: Moment) {
    if !readiness.isDisjoint(with: .gone) {
      // A reset, or both sides have finished: there is nobody left to answer (docs/http.md, 30).
      close(connection)
    } else if !readiness.contains(.readable) {
      connection.withState { state in turn(connection, &state, now) }
    } else if connection.reads == .bytes {
      if arrivals.isFull(buffer) { answer(&arrivals, now) }
      arrivals.read(connection, into: buffer)
    } else {
      // What is read behind a body needs the buffer.
      answer(&arrivals, now)
      connection.withState { state in receive(connection, &state, now) }
    }
  }

  /// Sees to what has been read from several connections, and writes their answers together, unless the first would have to
  /// wait for them.
  func answer(_ arrivals: inout Arrivals, _ now: Moment) {
    var unsent = 0
    var since = lastClock
    for (place, arrival) in arrivals.list.enumerated() where !arrival.connection.isClosed {
      let connection = arrival.connection
      connection.withState { state in
        buffer.withBytes(in: arrival.range) { bytes in process(bytes, from: connection, &state, now) }
        // One that has filled the rest of the buffer is the last, and may have more.
        let mayHaveMore = arrival.range.upperBound == buffer.size
        took(arrival.outcome, connection, &state, now, gathers: !mayHaveMore && arrivals.list.count > 1)
        if mayHaveMore, !connection.isClosed { receive(connection, &state, now) }
      }
      if lastClock.nanoseconds &- since.nanoseconds > Self.gatherNanoseconds {
        send(arrivals.list[unsent...place], now)
        unsent = place + 1
        since = lastClock
      }
    }
    send(arrivals.list[unsent...], now)
    arrivals.removeAll()
  }

  private func send(_ arrivals: ArraySlice<Arrivals.Arrival>, _ now: Moment) {
    for arrival in arrivals where arrival.connection.isUnsent && !arrival.connection.isClosed {
      arrival.connection.withState { state in turn(arrival.connection, &state, now) }
    }
  }

  /// Reads what has arrived, up to a bound, so that one sender cannot have the loop to itself: what is left makes
  /// epoll tell again.
  func receive(_ connection: Connection, _ state: inout ConnectionState, _ now: Moment) {
    for _ in 0..<16 {
      var outcome = Result<Socket.Transfer, SystemError>.success(.wouldBlock)
      var mayHaveMore = true
      switch state.readInterest {
      case .none:
        turn(connection, &state, now)
        return
      case .bytes:
        outcome = unsafe connection.socket.read(into: buffer.bytes)
        if case .success(.moved(let count)) = outcome {
          mayHaveMore = count == buffer.size
          buffer.withBytes(in: 0..<count) { bytes in process(bytes, from: connection, &state, now) }
        }
      case .body:
        state.readBody(at: now) { output in outcome = connection.socket.read(into: &output) }
      }
      took(outcome, connection, &state, now)
      guard case .success(.moved) = outcome, mayHaveMore, !connection.isClosed else { return }
    }
  }

  /// What a read has brought is with the connection's state now.
  ///
  /// - Parameter gathers: as in `turn`.
  private func took(
    _ outcome: Result<Socket.Transfer, SystemError>, _ connection: Connection, _ state: inout ConnectionState,
    _ now: Moment, gathers: Bool = false
  ) {
    switch outcome {
    case .success(.moved):
      guard !connection.isClosed else { return }
      updateMemory(of: connection, &state)
      let isLarge = connection.held > ServerConfiguration.bytesPerConnection + MemoryBudget.smallRequest
      if isLarge, services.budget.isExceeded {
        relieve(now, sparing: connection)
        if services.budget.isExceeded { state.refuseBody(at: now) { handler.answer(.overloaded, to: $0) } }
      }
    case .success(.finished):
      connection.peerFinished = true
      state.peerFinished()
    case .success(.wouldBlock): break
    case .failure:
      close(connection)
      return
    }
    turn(connection, &state, now, gathers: gathers)
  }

  /// Does what the connection's state asks for, writes what the socket takes, and says what to wait for.
  ///
  /// - Parameter gathers: what is to be written waits for a call that does not gather, which is the caller's to make soon.
  func turn(_ connection: Connection, _ state: inout ConnectionState, _ now: Moment, gathers: Bool = false) {
    guard !connection.isClosed else { return }
    process(Span(), from: connection, &state, now)
    connection.isUnsent = gathers && state.hasOutput
    guard !connection.isUnsent, !connection.isClosed else { return }
    state.flush(at: now) { action, state in
      perform(action, on: connection, &state, now)
    } write: { first, second in
      switch connection.socket.write(first, second) {
      case .success(.moved(let count)): return count
      case .success: return 0
      case .failure:
        close(connection)
        return 0
      }
    }
    guard !connection.isClosed else { return }
    updateMemory(of: connection, &state)
    inlineMemory.release()
    if state.hasOutput, services.budget.isExceeded {
      // What its peer does not take cannot be kept.
      relieve(now, sparing: connection)
      if services.budget.isExceeded { drop(connection) }
      guard !connection.isClosed else { return }
    }
    updateInterest(connection, &state)
    schedule(connection, &state)
  }

  /// Hands bytes that were read to the connection's state, and does what it asks for.
  private func process(
    _ bytes: Span<UInt8>, from connection: Connection, _ state: inout ConnectionState, _ now: Moment
  ) {
    state.process(bytes, at: now) { action, state in perform(action, on: connection, &state, now) }
  }

  private func perform(
    _ action: consuming ConnectionState.Action, on connection: Connection, _ state: inout ConnectionState, _ now: Moment
  ) {
    switch consume action {
    case .head(let head): decide(on: head, of: connection, &state, now)
    case .request(let id, let request): answer(id, request, on: connection, &state, now)
    case .reject(let rejection):
      observer.requestRejected(rejection.problem, loop: index)
      var response = Response(rejection.problem)
      handler.decorate(&response, for: rejection.head)
      state.reject(with: response, at: now)
    case .refused(let refusal):
      let metrics = RequestMetrics(
        refusal.head, refusal.route, bodyBytes: 0, began: connection.began, ended: Clock.now())
      observer.requestRefused(metrics, refusal.response, loop: index)
    case .acknowledge: connection.socket.acknowledge()
    case .shutdownWrite: connection.socket.shutdownWrite()
    case .close(let reason):
      close(connection)
      if reason == .slowReader { observer.connectionDropped(.slowReader, loop: index) }
    }
  }

  private func updateInterest(_ connection: Connection, _ state: inout ConnectionState) {
    let wanted = connection.wantedInterest(&state)
    guard wanted != connection.interest else { return }
    do throws(SystemError) {
      try epoll.modify(connection.socket.descriptor, wanted, token: connection.token.rawValue)
      connection.interest = wanted
    } catch {
      close(connection)
    }
  }
}
