internal import HTTP

/// A connection as its event loop knows it: the socket, the state that decides, and what epoll watches for.
final class Connection {
  let socket: Socket
  /// What epoll's events carry.
  let token: Token
  /// Beyond the cap: only routes that say so are answered, and the connection ends with its answer.
  let isReserve: Bool
  private var state: ConnectionState
  var interest: Readiness = .readable
  /// When the loop will look at its deadline next, at the latest.
  var due = Instant(nanoseconds: .max)
  /// The peer has sent its last byte.
  var peerFinished = false
  /// The loop has dropped it: the result of work in progress is not wanted any more.
  var isClosed = false
  /// Its answer waits to be written with those of other connections.
  var hasDeferredWrite = false
  /// The request that the work pool has.
  var work: Work?
  /// Bytes counted for it.
  var memory = 0
  /// Its last request took too long for the loop: the next goes to the work pool at once, until one was quick there.
  var prefersWorkPool = false
  var headCompletedAt = Instant(nanoseconds: 0)

  struct Work {
    let id: ConnectionState.RequestID
    let metrics: RequestMetrics
    let cancellation: CancellationToken
    let request: OneShotRequest
    let memory: MemoryReservation
  }

  init(socket: consuming Socket, state: consuming ConnectionState, token: Token, isReserve: Bool) {
    self.socket = socket
    self.state = state
    self.token = token
    self.isReserve = isReserve
  }

  /// Opens the state once for all that an event brings: each access to a class's property is checked for exclusivity at
  /// run time, which costs more than most of the steps inside. Do not nest calls for one connection: that traps.
  @inline(__always)
  func withState<R>(_ body: (inout ConnectionState) -> R) -> R { body(&state) }

  /// What to watch for now.
  func wantedInterest(_ state: inout ConnectionState) -> Readiness {
    var wanted: Readiness = []
    if !peerFinished, state.readInterest != .none { wanted.insert(.readable) }
    if state.hasOutput { wanted.insert(.writable) }
    return wanted
  }
}
