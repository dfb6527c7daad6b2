internal import HTTPCore

/// What has been read from connections that were ready at once, not yet looked at: their bytes lie one behind the other.
///
/// First all are read, then all are answered, then all answers are written. A request's way through the kernel and through
/// the code here is more than an instruction cache holds; so each part of it is gone through by many requests in turn.
struct Arrivals {
  struct Arrival {
    let connection: Connection
    let outcome: Result<Socket.Transfer, SystemError>
    /// Where what was read lies.
    let range: Range<Int>
  }

  private(set) var list: [Arrival] = []
  private var end = 0

  /// Whether `buffer` has no room for another head of usual size.
  func isFull(_ buffer: borrowing ReadBuffer) -> Bool { buffer.size - end < 16 * 1024 }

  /// Reads from a connection into the rest of `buffer`.
  mutating func read(_ connection: Connection, into buffer: borrowing ReadBuffer) {
    let outcome = unsafe connection.socket.read(into: buffer.bytes(from: end))
    let start = end
    if case .success(.moved(let count)) = outcome { end += count }
    list.append(Arrival(connection: connection, outcome: outcome, range: start..<end))
  }

  mutating func removeAll() {
    list.removeAll(keepingCapacity: true)
    end = 0
  }
}
