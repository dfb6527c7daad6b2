internal import HTTP

/// A slot of a loop's table, with the generation that has it: an event or answer for an earlier one finds nobody.
struct Token: Hashable, Sendable {
  let slot: Int
  let generation: UInt32

  var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(truncatingIfNeeded: slot)) }

  init(slot: Int, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  init(rawValue: UInt64) {
    slot = Int(rawValue & 0xFFFF_FFFF)
    generation = UInt32(rawValue >> 32)
  }
}

/// A loop's connections by slot. Slots are used again, and what the timer wheel has of one outlives its connection.
///
/// A class, like ``LoopMemory``: the loop's accesses to a structure among its properties are checked at run time,
/// several for each request.
final class ConnectionTable {
  private struct Slot {
    var connection: Connection?
    var generation: UInt32 = 0
  }

  private var slots: [Slot] = []
  private var free: [Int] = []
  private(set) var count = 0

  subscript(token: Token) -> Connection? {
    guard token.slot < slots.count, slots[token.slot].generation == token.generation else { return nil }
    return slots[token.slot].connection
  }

  subscript(slot: Int) -> Connection? { slots[slot].connection }

  /// The token for the next connection.
  func nextToken() -> Token {
    if let slot = free.popLast() { return Token(slot: slot, generation: slots[slot].generation) }
    slots.append(Slot())
    return Token(slot: slots.count - 1, generation: 0)
  }

  func insert(_ connection: Connection) {
    slots[connection.token.slot].connection = connection
    count += 1
  }

  func remove(_ token: Token) {
    guard self[token] != nil else { return }
    slots[token.slot].connection = nil
    slots[token.slot].generation &+= 1
    free.append(token.slot)
    count -= 1
  }

  /// Gives back a token that came to nothing.
  func cancel(_ token: Token) { free.append(token.slot) }

  /// Each connection that is open now.
  var all: [Connection] { slots.compactMap(\.connection) }
}

/// A connection as its event loop knows it: the socket, the state that decides, and what epoll watches for.
final class Connection {
  let socket: Socket
  /// What epoll's events carry.
  let token: Token
  /// Beyond the cap: only routes that say so are answered, and the connection ends with its answer.
  let isBeyondCap: Bool
  private var state: ConnectionState
  var interest: EpollEvents = .readable
  /// The loop has dropped it: the result of work in progress is not wanted any more.
  var isClosed = false
  /// What it has to send waits to be written with what others have.
  var hasDeferredWrite = false
  /// The request that the work pool has, or that waits for the loop.
  var work: Work?
  /// Bytes counted for it.
  var memory = 0
  /// Those among them that the kernel holds: what it said when it was last asked, and all that was written since.
  var kernelMemory = 0
  /// Its last request took too long for the loop: the next goes to the work pool at once, until one was quick.
  var prefersWorkPool = false
  var headCompletedAt = Instant(nanoseconds: 0)

  struct Work {
    let id: ConnectionState.RequestID
    var metrics: RequestMetrics
    let cancellation: CancellationToken
    let memory: MemoryReservation
    var request: OneShotRequest
    var trial: Trial
  }

  /// How long the loop has tried to answer a request.
  enum Trial {
    /// Not yet.
    case none
    /// For a moment, beside many others.
    case short
    /// For as long as it may; or the request is too large for it to try.
    case full
  }

  init(socket: consuming Socket, state: consuming ConnectionState, token: Token, isBeyondCap: Bool) {
    self.socket = socket
    self.state = state
    self.token = token
    self.isBeyondCap = isBeyondCap
  }

  /// Opens the state once for all that an event brings: each access to a class's property is checked for exclusivity at
  /// run time, which costs more than most of the steps inside. Do not nest calls for one connection: that traps.
  @inline(__always)
  func withState<R>(_ body: (inout ConnectionState) -> R) -> R { body(&state) }

  /// What to watch for now.
  func wantedInterest(_ state: inout ConnectionState) -> EpollEvents {
    var wanted: EpollEvents = []
    if state.readInterest != .none { wanted.insert(.readable) }
    if state.hasOutput { wanted.insert(.writable) }
    // That both sides have finished lasts until the peer has taken its answers, and is told once.
    return wanted.isEmpty ? .edge : wanted
  }
}
