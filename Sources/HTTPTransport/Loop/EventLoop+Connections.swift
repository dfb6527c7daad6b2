internal import HTTPCore

/// The life of a connection: opened, read, given its turn, written, closed.
extension EventLoop {
  func open(_ socket: consuming Socket, _ isReserve: Bool, _ now: Moment) {
    var limits = services.configuration.limits
    if isReserve {
      limits.headDeadline = min(limits.headDeadline, services.configuration.reserveHeadDeadline)
      limits.keepAlive = min(limits.keepAlive, services.configuration.reserveHeadDeadline)
    }
    let token = table.reserve()
    let connection = Connection(
      socket: socket, state: ConnectionState(limits: limits, at: now), token: token, isReserve: isReserve)
    do throws(SystemError) {
      try epoll.add(connection.socket.descriptor, connection.interest, token: token.rawValue)
    } catch {
      table.cancel(token)
      services.gate.leave()
      return
    }
    table.insert(connection)
    observer.connectionOpened(loop: index)
    schedule(connection)
  }

  /// Ends a connection: its descriptor closes with its last reference, and work under way learns that nobody waits.
  func close(_ connection: Connection) {
    guard table[connection.token] != nil else { return }
    if let current = connection.current {
      current.cancel.raise()
      connection.current = nil
      observer.requestAbandoned(current.head, loop: index)
    }
    table.remove(connection.token)
    services.gate.leave()
    observer.connectionClosed(loop: index)
  }

  /// epoll has something to tell of a connection.
  func ready(_ connection: Connection, _ readiness: Readiness, _ now: Moment) {
    if !readiness.isDisjoint(with: .gone) {
      // A reset, or both sides have finished: there is nobody left to answer (HTTP.md 30).
      close(connection)
      return
    }
    if readiness.contains(.readable) {
      receive(connection, now)
    } else {
      turn(connection, now)
    }
  }

  /// Reads what has arrived, up to a bound, so that one sender cannot have the loop to itself: what is left makes
  /// epoll tell again.
  func receive(_ connection: Connection, _ now: Moment) {
    for _ in 0..<16 {
      let result: Result<Socket.Transfer, SystemError>
      var isWholeBuffer = true
      switch connection.state.readInterest {
      case .none:
        turn(connection, now)
        return
      case .bytes:
        result = unsafe connection.socket.read(into: buffer.bytes)
        if case .success(.moved(let count)) = result {
          isWholeBuffer = count == buffer.size
          buffer.withPrefix(count) { bytes in
            connection.state.receive(bytes, at: now) { judge($0, connection, now) }
          }
        }
      case .body:
        var outcome = Result<Socket.Transfer, SystemError>.success(.wouldBlock)
        connection.state.readBody(at: now) { output in outcome = connection.socket.read(into: &output) }
        result = outcome
      }
      switch result {
      case .success(.moved):
        turn(connection, now)
        guard isWholeBuffer, table[connection.token] != nil else { return }
      case .success(.finished):
        connection.peerFinished = true
        connection.state.peerFinished(at: now)
        turn(connection, now)
        return
      case .success(.wouldBlock):
        turn(connection, now)
        return
      case .failure:
        close(connection)
        return
      }
    }
  }

  /// Does what the connection's state asks for, writes what the socket takes, and says what to wait for.
  func turn(_ connection: Connection, _ now: Moment) {
    repeat {
      while let action = connection.state.nextAction(at: now, judge: { judge($0, connection, now) }) {
        switch action {
        case .answer(let id, let request): answer(id, request, on: connection, now)
        case .rejected(let problem): observer.requestRejected(problem, loop: index)
        case .shutdownWrite: connection.socket.shutdownWrite()
        case .close:
          close(connection)
          return
        }
      }
      guard connection.state.hasOutput else { break }
      switch connection.state.withOutput({ first, second in connection.socket.write(first, second) }) {
      case .success(.moved(let count)): connection.state.wrote(count, at: now)
      case .success:
        updateInterest(connection)
        schedule(connection)
        return
      case .failure:
        close(connection)
        return
      }
    } while true
    updateInterest(connection)
    schedule(connection)
  }

  private func updateInterest(_ connection: Connection) {
    let wanted = connection.wantedInterest
    guard wanted != connection.interest else { return }
    do throws(SystemError) {
      try epoll.modify(connection.socket.descriptor, wanted, token: connection.token.rawValue)
      connection.interest = wanted
    } catch {
      close(connection)
    }
  }
}
