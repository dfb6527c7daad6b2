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
  /// Its last request took too long for the loop: the next goes to the work pool at once, until one was quick there.
  var prefersWorkPool = false
  var headCompletedAt = Instant(nanoseconds: 0)

  struct Work {
    let id: ConnectionState.RequestID
    var metrics: RequestMetrics
    let cancellation: CancellationToken
    let memory: MemoryReservation
    let request: OneShotRequest
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

/// Deadlines of slots in coarse steps: placing one costs the same whatever the number of others.
///
/// One entry of each slot counts, the earliest; all others are stale. So a request that moves its connection's deadline
/// further away costs nothing here: the entry stays, and when it comes up, the owner places the slot anew.
///
/// A value without a clock: whoever calls hands the time in.
struct TimerWheel {
  /// Nanoseconds in a step; a slot comes up at most this much late.
  private let granularity: UInt64
  private var steps: [[Int]]
  /// When each slot's entry that counts comes up.
  private var dues: [Instant] = []
  /// The last step that has been looked at.
  private var done: UInt64
  /// How many entries there are, stale ones among them.
  private(set) var count = 0

  /// - Parameters:
  ///   - granularity: nanoseconds in a step.
  ///   - steps: the horizon in steps; a deadline beyond it comes up at the horizon and is placed again.
  init(granularity: UInt64 = 100_000_000, steps: Int = 1024, startingAt now: Instant) {
    self.granularity = max(1, granularity)
    self.steps = Array(repeating: [], count: max(2, steps))
    done = now.nanoseconds / self.granularity
  }

  /// Sees to it that a slot comes up once a deadline has passed, or before.
  ///
  /// - Returns: when it comes up, if that has changed.
  mutating func place(_ slot: Int, by deadline: Instant) -> Instant? {
    while dues.count <= slot { dues.append(.never) }
    guard deadline < dues[slot] else { return nil }
    let step = step(for: deadline)
    let due = Instant(nanoseconds: step * granularity)
    guard due < dues[slot] else { return nil }
    dues[slot] = due
    steps[Int(step % UInt64(steps.count))].append(slot)
    count += 1
    return due
  }

  /// The step in which a deadline comes up: not before the deadline, never in the past, never beyond the horizon.
  private func step(for deadline: Instant) -> UInt64 {
    let (quotient, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: granularity)
    let exact = rest == 0 ? quotient : quotient + 1
    return min(max(exact, done + 1), done + UInt64(steps.count) - 1)
  }

  /// Takes out the slots of the next step that has come up; nil when there is none.
  ///
  /// However long nobody looked, all steps that have come up lie within one turn of the wheel behind `done`.
  mutating func popDue(at now: Instant) -> [Int]? {
    let current = now.nanoseconds / granularity
    // An empty wheel follows the clock, so that what is placed next is not placed in the past.
    defer { if count == 0 { done = max(done, current) } }
    while count > 0, done < current {
      done += 1
      let step = Int(done % UInt64(steps.count))
      let entries = steps[step]
      steps[step] = []
      count -= entries.count
      let due = Instant(nanoseconds: done * granularity)
      var slots: [Int] = []
      for slot in entries where dues[slot] == due {
        dues[slot] = .never
        slots.append(slot)
      }
      if !slots.isEmpty { return slots }
    }
    return nil
  }

  /// When the next entry comes up, or nil when there is none: then no timer need run.
  var nextWake: Instant? {
    guard count > 0 else { return nil }
    for offset in 1...UInt64(steps.count) where !steps[Int((done + offset) % UInt64(steps.count))].isEmpty {
      return Instant(nanoseconds: (done + offset) * granularity)
    }
    return nil
  }
}
