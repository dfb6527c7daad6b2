internal import HTTPCore

/// A connection as its loop knows it: the socket, the state that decides, and what epoll has been told.
final class Connection {
  let socket: Socket
  /// Place in the loop's table and the count of those who had it before: what epoll's events carry.
  let token: Token
  /// Beyond the cap: only routes for that are answered, and the connection ends with it.
  let isReserve: Bool
  private var state: ConnectionState
  var interest: Readiness = .readable
  /// What to read when there is something.
  var reads = ConnectionState.ReadInterest.bytes
  /// When the loop will look at its deadline next, at the latest.
  var due = Instant(nanoseconds: .max)
  /// The peer has sent its last byte.
  var peerFinished = false
  /// The loop has let go of it: what is still being done for it is in vain.
  var isClosed = false
  /// Its answer waits to be written with those of the other connections that were ready.
  var isUnsent = false
  /// The request that the lane works on.
  var current: Current?
  /// Bytes counted for it.
  var held = 0
  /// Its last request outlasted the loop's patience: the next goes to the lane at once, until one was quick there.
  var prefersLane = false
  /// When the head last judged was whole.
  var began = Instant(nanoseconds: 0)

  struct Current {
    let id: ConnectionState.RequestID
    let metrics: RequestMetrics
    let cancel: CancelFlag
    let handed: HandedRequest
    let memory: MemoryReservation
  }

  init(socket: consuming Socket, state: consuming ConnectionState, token: Token, isReserve: Bool) {
    self.socket = socket
    self.state = state
    self.token = token
    self.isReserve = isReserve
  }

  /// Opens the state once for all that an event brings: each opening of a class's property is checked as it runs, and
  /// costs more than most of the steps that are taken inside.
  @inline(__always)
  func withState<R>(_ body: (inout ConnectionState) -> R) -> R { body(&state) }

  /// What to watch for now.
  func wantedInterest(_ state: inout ConnectionState) -> Readiness {
    reads = peerFinished ? .none : state.readInterest
    var wanted: Readiness = []
    if reads != .none { wanted.insert(.readable) }
    if state.hasOutput { wanted.insert(.writable) }
    return wanted
  }
}
