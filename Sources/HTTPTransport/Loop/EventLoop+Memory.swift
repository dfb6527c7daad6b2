internal import HTTPCore

/// What the loop's connections hold, and which of them go when memory is short.
extension EventLoop {
  /// So much less must be held than before that it is worth asking the allocator for it.
  static let trimStep = 16 * 1024 * 1024
  /// How often the transfers are looked at while memory is short.
  private static let reliefNanoseconds: UInt64 = 250_000_000
  private static let leastReliefNanoseconds: UInt64 = 10_000_000

  /// Counts what the connection holds now.
  func updateMemory(of connection: Connection, _ state: inout ConnectionState) {
    let held = ServerConfiguration.bytesPerConnection + state.memory
    guard held != connection.held else { return }
    memory.add(held - connection.held)
    connection.held = held
  }

  /// Drops the transfers that would go on for longer than there is patience, the slowest first, and looks again while memory
  /// is short.
  ///
  /// - Parameter spared: a connection whose state the caller has open.
  func relieve(_ now: Moment, sparing spared: Connection? = nil) {
    guard now.instant.nanoseconds &- lastRelief.nanoseconds >= Self.leastReliefNanoseconds else { return }
    lastRelief = now.instant
    memory.tell()
    var freed = 0
    if let patience = services.budget.patience {
      var slow: [(time: UInt64, connection: Connection)] = []
      for connection in table.all where connection !== spared {
        guard
          let time = connection.withState({ $0.expectedTransferTime(at: now.instant) }), time > patience
        else { continue }
        slow.append((time, connection))
      }
      slow.sort { $0.time > $1.time }
      for (time, connection) in slow {
        guard let patience = services.budget.patience, time > patience else { break }
        freed += connection.held
        drop(connection)
        memory.tell()
      }
    }
    if freed > services.budget.limit / 8 { services.lane.trim() }
    nextRelief =
      services.budget.isShort
      ? Instant(nanoseconds: now.instant.nanoseconds + Self.reliefNanoseconds) : Instant(nanoseconds: .max)
    if nextRelief < wake { setTimer(nextRelief) }
  }

  /// Ends a connection because others need the memory that it holds.
  func drop(_ connection: Connection) {
    close(connection)
    observer.connectionDropped(.memory, loop: index)
  }
}
