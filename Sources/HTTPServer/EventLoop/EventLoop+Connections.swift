internal import HTTP

/// The life of a connection: opened, read, written, closed.
extension EventLoop {
  /// - Parameter wasBeyondCap: whether it was beyond the cap when it was accepted. It stays so if no place can be made
  ///   for it.
  func open(_ socket: consuming Socket, wasBeyondCap: Bool) {
    if wasBeyondCap { makePlaces() }
    let isBeyondCap = wasBeyondCap && services.limiter.isBeyondCap
    if isBeyondCap { makePlaceBeyondCap() }
    let token = table.nextToken()
    let state = ConnectionState(limits: isBeyondCap ? limitsBeyondCap : limits, at: now)
    let connection = Connection(socket: socket, state: state, token: token, isBeyondCap: isBeyondCap)
    do throws(SystemError) {
      try epoll.add(connection.socket.descriptor, connection.interest, token: token.rawValue)
    } catch {
      table.cancel(token)
      services.limiter.release()
      observer.connectionRejected(.descriptors)
      return
    }
    table.insert(connection)
    if isBeyondCap { beyondCap.append(token) }
    memory.add(ServerConfiguration.bytesPerConnection)
    connection.memory = ServerConfiguration.bytesPerConnection
    observer.connectionOpened(loop: index)
    connection.withState { state in
      if isStopping { state.stopKeepingAlive() }
      schedule(connection, &state)
    }
  }

  /// Ends a connection: its descriptor closes with its last reference, and work in progress is cancelled.
  func close(_ connection: Connection) {
    guard !connection.isClosed else { return }
    connection.isClosed = true
    if let work = connection.work {
      work.cancellation.abandon()
      // A body that no worker has taken is not kept until one does.
      if work.request.take() != nil { work.memory.release() }
      connection.work = nil
      observer.requestAbandoned(work.metrics, loop: index)
    }
    memory.add(-connection.memory)
    connection.memory = 0
    table.remove(connection.token)
    services.limiter.release()
    observer.connectionClosed(loop: index)
    if services.budget.hasFallen(by: Self.trimBytes) { services.workPool.trimWhenIdle() }
  }

  /// The port has closed: what has arrived by now is answered, and then the connection ends.
  func drain(_ connection: Connection) {
    connection.withState { state in
      receive(connection, &state)
      guard !connection.isClosed else { return }
      state.drain(at: now)
      advance(connection, &state)
    }
  }

  // MARK: Events

  func handle(_ events: EpollEvents, of connection: Connection) {
    if events.contains(.error) {
      // A reset: there is nobody left to answer (docs/http.md, 30).
      close(connection)
    } else if events.contains(.readable) {
      connection.withState { state in receive(connection, &state) }
    } else {
      connection.withState { state in
        if events.contains(.hangUp) { reportUnacknowledged(of: connection, &state) }
        advance(connection, &state)
      }
    }
  }

  /// Reads what has arrived and answers it. Whoever calls it writes the answers, at once or with those of other
  /// connections.
  func receive(_ connection: Connection, _ state: inout ConnectionState) {
    beginTurn()
    // Bounded, so that one sender cannot keep the loop to itself: epoll reports again what is left.
    var reads = 16
    while reads > 0, !isTurnOver, !connection.isClosed, read(connection, &state) {
      reads -= 1
      refreshClock()
    }
    guard !connection.isClosed else { return }
    if state.hasOutput {
      connection.hasDeferredWrite = true
    } else {
      update(connection, &state)
    }
  }

  /// Reads once; false when there is no more to read for now.
  private func read(_ connection: Connection, _ state: inout ConnectionState) -> Bool {
    let outcome: Result<Socket.Transfer, SystemError>
    var mayHaveMore = true
    switch state.readInterest {
    case .none: return false
    case .bytes:
      outcome = unsafe connection.socket.read(into: buffer.bytes)
      if case .success(.moved(let count)) = outcome {
        mayHaveMore = count == buffer.size
        buffer.withBytes(count) { bytes in process(bytes, of: connection, &state) }
      }
    case .body:
      var direct = Result<Socket.Transfer, SystemError>.success(.wouldBlock)
      state.readBody(at: now) { output in direct = connection.socket.read(into: &output) }
      outcome = direct
      process(of: connection, &state)
    }
    switch outcome {
    case .success(.moved):
      if !connection.isClosed { keepWithinBudget(connection, &state) }
      return mayHaveMore
    case .success(.finished):
      reportUnacknowledged(of: connection, &state)
      state.peerFinished()
      process(of: connection, &state)
    case .success(.wouldBlock): break
    case .failure: close(connection)
    }
    return false
  }

  /// Does what the connection's state asks for, and writes what the socket takes.
  func advance(_ connection: Connection, _ state: inout ConnectionState) {
    beginTurn()
    process(of: connection, &state)
    if !connection.isClosed { write(connection, &state) }
  }

  // MARK: Writing

  func writeDeferred(_ connection: Connection) {
    guard connection.hasDeferredWrite, !connection.isClosed else { return }
    beginTurn()
    connection.withState { state in write(connection, &state) }
  }

  private func write(_ connection: Connection, _ state: inout ConnectionState) {
    connection.hasDeferredWrite = false
    state.flush(at: now) { action, state in
      perform(action, on: connection, &state)
    } write: { first, second in
      switch connection.socket.write(first, second) {
      case .success(.moved(let count)):
        connection.kernelMemory += count
        return count
      case .success: return 0
      case .failure:
        close(connection)
        return 0
      }
    }
    guard !connection.isClosed else { return }
    if state.hasOutput || connection.kernelMemory >= Self.kernelMemoryStep { askKernel(of: connection) }
    if state.hasOutput { reportUnacknowledged(of: connection, &state) }
    update(connection, &state)
    if state.hasOutput || connection.kernelMemory >= Self.kernelMemoryStep { dropIfMemoryIsFull(connection) }
  }

  // MARK: State

  /// Hands bytes that were read to the connection's state, and does what it asks for.
  private func process(_ bytes: Span<UInt8> = Span(), of connection: Connection, _ state: inout ConnectionState) {
    state.process(bytes, at: now) { action, state in perform(action, on: connection, &state) }
  }

  private func perform(
    _ action: consuming ConnectionState.Action, on connection: Connection, _ state: inout ConnectionState
  ) {
    switch consume action {
    case .head(let head): decide(on: head, of: connection, &state)
    case .request(let id, let request): run(consume request, id: id, on: connection, &state)
    case .reject(let rejection): reject(rejection, of: connection, &state)
    case .refused(let refusal): report(refusal, of: connection)
    case .acknowledge: connection.socket.acknowledge()
    case .shutdownWrite:
      connection.socket.shutdownWrite()
      reportUnacknowledged(of: connection, &state)
    case .close(.slowReader): drop(connection, for: .slowReader)
    // Without a reset, so that the kernel delivers what it still holds.
    case .close: close(connection)
    }
    if isTurnOver { pause(connection, &state) }
  }

  /// Counts what the connection holds now, and says what to wait for.
  private func update(_ connection: Connection, _ state: inout ConnectionState) {
    updateMemory(of: connection, &state)
    schedule(connection, &state)
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
