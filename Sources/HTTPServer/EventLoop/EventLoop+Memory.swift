internal import HTTP

/// What the loop's connections hold, and which of them are dropped when memory or places are short.
extension EventLoop {
  /// How much less must be held than before to ask the allocator for it.
  static let trimBytes = 16 * 1024 * 1024
  /// How often slow transfers are looked for while memory is short, and at most when others ask for room.
  private static let checkNanoseconds: UInt64 = 250_000_000
  private static let leastCheckNanoseconds: UInt64 = 10_000_000
  /// After how many bytes written the kernel is asked how many of them it holds: that is a system call.
  static let kernelMemoryStep = 64 * 1024

  /// Asks the kernel what it holds for the connection.
  func askKernel(of connection: Connection) { connection.kernelMemory = connection.socket.kernelMemory }

  /// Tells the connection's state how much of its answers the peer has not taken. Only readers that are late, or might
  /// be, are asked for: that is a system call.
  func reportUnacknowledged(of connection: Connection, _ state: inout ConnectionState) {
    state.systemHolds(connection.kernelMemory > 0 ? connection.socket.unacknowledgedBytes : 0, at: now)
  }

  /// Counts what the connection holds now.
  func updateMemory(of connection: Connection, _ state: inout ConnectionState) {
    let memory = ServerConfiguration.bytesPerConnection + state.memory + connection.kernelMemory
    guard memory != connection.memory else { return }
    self.memory.add(memory - connection.memory)
    connection.memory = memory
  }

  /// Counts anew what the kernel holds of answers, since nothing tells when clients have taken them; in at most one
  /// part of sixteen of the loop's time.
  func recountMemory() {
    refreshClock()
    let began = now.instant
    guard began >= nextRecount else { return }
    for connection in table.all where connection.kernelMemory > 0 {
      let before = connection.kernelMemory
      askKernel(of: connection)
      connection.memory += connection.kernelMemory - before
      memory.add(connection.kernelMemory - before)
    }
    memory.report()
    refreshClock()
    nextRecount = now.instant.advanced(by: now.instant.nanoseconds(since: began) &* 16)
  }

  /// Whether there is room for a body that is about to be read, once slow transfers have made room for it.
  func hasRoom(forBody count: Int, on connection: Connection) -> Bool {
    let bytes = services.budget.roomNeeded(forBody: count)
    if services.budget.hasRoom(for: bytes) { return true }
    dropSlowTransfers(for: bytes, sparing: connection)
    if services.budget.hasRoom(for: bytes) { return true }
    services.budget.askForRoom(for: bytes)
    return false
  }

  /// Refuses a large body that is still arriving, and drops a large head, if more memory is held than bodies may fill
  /// and dropping slow transfers has not freed enough.
  func keepWithinBudget(_ connection: Connection, _ state: inout ConnectionState) {
    updateMemory(of: connection, &state)
    guard services.budget.isFullOfBodies, state.memory > MemoryBudget.smallRequest else { return }
    dropSlowTransfers(sparing: connection)
    guard services.budget.isFullOfBodies else { return }
    if state.isReadingHead { return drop(connection) }
    state.refuseBody(at: now) { handler.response(to: $0, of: $1, with: .outOfMemory) }
  }

  /// Drops a connection whose peer does not take its answer, if more memory is held than the limit and dropping slow
  /// transfers has not freed enough.
  func dropIfMemoryIsFull(_ connection: Connection) {
    guard services.budget.isExceeded else { return }
    dropSlowTransfers(sparing: connection)
    if services.budget.isExceeded { drop(connection) }
  }

  /// Drops the transfers that would go on for longer than the budget allows, the slowest first, and checks again while
  /// memory is short.
  ///
  /// - Parameters:
  ///   - wanted: the bytes of a request that is to find room.
  ///   - spared: a connection whose state the caller is changing.
  func dropSlowTransfers(for wanted: Int = 0, sparing spared: Connection? = nil) {
    recountMemory()
    guard now.instant.nanoseconds(since: lastMemoryCheck) >= Self.leastCheckNanoseconds else {
      // A timer that is due must not fire again at once.
      nextMemoryCheck = max(nextMemoryCheck, now.instant.advanced(by: Self.leastCheckNanoseconds))
      return
    }
    // None begins within another: it would look at connections whose states are being changed.
    lastMemoryCheck = .never
    defer { lastMemoryCheck = now.instant }
    memory.report()
    var freed = 0
    if services.budget.transferTimeLimit(besides: wanted) != nil {
      let transfers = longestFirst { connection in
        connection === spared ? nil : expectedTransferTime(of: connection)
      }
      memory.report()
      for (time, connection) in transfers {
        // An answer that its peer takes is worth more than a request that has not been read.
        let wanted = connection.withState { state in state.isReceivingBody } ? wanted : 0
        guard let limit = services.budget.transferTimeLimit(besides: wanted), time > limit else { continue }
        freed += connection.memory
        endTransfer(of: connection)
        memory.report()
      }
    }
    if freed > services.budget.limit / 8 { services.workPool.trim() }
    nextMemoryCheck = services.budget.isHalfHeld ? now.instant.advanced(by: Self.checkNanoseconds) : .never
    setTimer(noLaterThan: nextMemoryCheck)
  }

  /// The connections that have a time, those with the longest first.
  private func longestFirst(
    _ time: (Connection) -> UInt64?
  ) -> [(time: UInt64, connection: Connection)] {
    table.all.compactMap { connection in time(connection).map { ($0, connection) } }.sorted { $0.time > $1.time }
  }

  /// How long what waits for the peer would still take, in this process and in the kernel. Corrects the count of what
  /// the kernel holds.
  private func expectedTransferTime(of connection: Connection) -> UInt64? {
    connection.withState { state in
      if connection.kernelMemory > 0 { askKernel(of: connection) }
      reportUnacknowledged(of: connection, &state)
      updateMemory(of: connection, &state)
      return state.expectedTransferTime(at: now.instant)
    }
  }

  /// Frees what a slow transfer holds: a body's sender gets the answer 503, a reader that does not take its answer
  /// gets nothing more.
  private func endTransfer(of connection: Connection) {
    let isRefused = connection.withState { state in
      guard !state.hasOutput else { return false }
      state.refuseBody(at: now) { handler.response(to: $0, of: $1, with: .outOfMemory) }
      guard state.hasOutput else { return false }
      advance(connection, &state)
      return true
    }
    if !isRefused { drop(connection) }
  }

  /// Ends a connection because its peer is too slow, or others need what it holds.
  func drop(_ connection: Connection, for reason: ConnectionDrop = .memory) {
    // With a reset, so that the kernel keeps nothing for a peer that has not taken its answers.
    if connection.kernelMemory > 0, connection.socket.unacknowledgedBytes > 0 { connection.socket.resetAtEnd() }
    close(connection)
    observer.connectionDropped(reason, loop: index)
  }

  // MARK: Places

  /// Looking for places may take one part in this many of the loop's time, and end one part in this many of its
  /// connections at once.
  private static let placesShare = 16

  /// A connection beyond the cap has come: those whose peers have kept the loop waiting longest make places.
  func makePlaces() {
    guard now.instant >= nextPlaceCheck else { return }
    refreshClock()
    let began = now.instant
    let grace = services.configuration.placeGrace.nanoseconds
    let waiting = longestFirst { connection in
      connection.withState { state in timeWaited(for: connection, &state, atLeast: grace) }
    }
    for (_, connection) in waiting.prefix(max(1, table.count / Self.placesShare)) {
      endWaiting(of: connection, beyond: grace)
    }
    refreshClock()
    nextPlaceCheck = now.instant.advanced(by: now.instant.nanoseconds(since: began) &* UInt64(Self.placesShare))
  }

  /// Where the loop has its share of the connections beyond the cap, the oldest of these end: those whose peers have
  /// not said yet what they want, or have had their answers.
  func makePlaceBeyondCap() {
    beyondCap.removeAll { table[$0] == nil }
    var excess = beyondCap.count + 1 - services.configuration.connectionsBeyondCapOfLoop
    for token in beyondCap where excess > 0 {
      if let connection = table[token], endIfWaitedFor(connection) { excess -= 1 }
    }
  }

  /// Ends a connection whose peer keeps it waiting, after an answer to what has arrived meanwhile.
  ///
  /// - Returns: whether it has ended.
  private func endIfWaitedFor(_ connection: Connection) -> Bool {
    connection.withState { state in
      if stays(connection, &state), !state.hasOutput, state.timeWaited(at: now.instant) != nil {
        // Without a reset, so that an answer arrives that has just been written.
        close(connection)
        observer.connectionDropped(.connectionCap, loop: index)
      }
      return connection.isClosed
    }
  }

  /// Ends a connection whose peer still keeps it waiting; a request that has arrived meanwhile is answered.
  private func endWaiting(of connection: Connection, beyond grace: UInt64) {
    connection.withState { state in
      guard stays(connection, &state), timeWaited(for: connection, &state, atLeast: grace) != nil else { return }
      drop(connection, for: .connectionCap)
    }
  }

  /// Answers what has arrived meanwhile.
  ///
  /// - Returns: whether the connection is still there.
  private func stays(_ connection: Connection, _ state: inout ConnectionState) -> Bool {
    receive(connection, &state)
    if !connection.isClosed { advance(connection, &state) }
    return !connection.isClosed
  }

  /// How long the peer has kept the connection waiting, if that is as long as `grace`; not while it reads an answer of
  /// which the kernel holds the rest.
  private func timeWaited(
    for connection: Connection, _ state: inout ConnectionState, atLeast grace: UInt64
  ) -> UInt64? {
    guard let time = state.timeWaited(at: now.instant), time >= grace else { return nil }
    reportUnacknowledged(of: connection, &state)
    return state.timeWaited(at: now.instant).flatMap { $0 >= grace ? $0 : nil }
  }
}
