internal import HTTP

/// A place in a loop's table, with the generation that has it: an event or answer for an earlier one finds nobody.
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

/// A loop's connections by place. Places are used again; each has its entry in the timer wheel, which outlives the
/// connection that made it.
///
/// A class, like ``LoopMemory``: the loop's accesses to a structure among its properties are checked at run time,
/// several for each request.
final class ConnectionTable {
  private struct Slot {
    var connection: Connection?
    var generation: UInt32 = 0
    /// The wheel's step in which this place comes up next.
    var step = UInt64.max
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

  func step(of slot: Int) -> UInt64 { slots[slot].step }
  func setStep(_ step: UInt64, of slot: Int) { slots[slot].step = step }

  /// Each connection that is open now.
  var all: [Connection] { slots.compactMap(\.connection) }
}

/// A connection as its event loop knows it: the socket, the state that decides, and what epoll watches for.
final class Connection {
  let socket: Socket
  /// What epoll's events carry.
  let token: Token
  /// Beyond the cap: only routes that say so are answered, and the connection ends with its answer.
  let isReserve: Bool
  private var state: ConnectionState
  var interest: EpollEvents = .readable
  /// When the loop will look at its deadline next, at the latest.
  var due = Instant.never
  /// The loop has dropped it: the result of work in progress is not wanted any more.
  var isClosed = false
  /// What it has to send waits to be written with what others have.
  var hasDeferredWrite = false
  /// The request that the work pool has.
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
  func wantedInterest(_ state: inout ConnectionState) -> EpollEvents {
    var wanted: EpollEvents = []
    if state.readInterest != .none { wanted.insert(.readable) }
    if state.hasOutput { wanted.insert(.writable) }
    // That both sides have finished lasts until the peer has taken its answers, and is told once.
    return wanted.isEmpty ? .edge : wanted
  }
}

/// Deadlines in coarse steps: placing one costs the same whatever the number of others.
///
/// A connection has at most a few entries: a later deadline leaves its entry where it is, and when that comes up the
/// owner places it anew. So a request that moves its connection's deadline further away costs nothing here.
/// A value without a clock: whoever calls hands the time in.
struct TimerWheel {
  /// Nanoseconds in a step; an entry comes up at most this much late.
  let granularity: UInt64
  private var steps: [[Int]]
  /// The last step that has been looked at.
  private var done: UInt64
  private(set) var count = 0

  /// - Parameters:
  ///   - granularity: nanoseconds in a step.
  ///   - steps: the horizon in steps; a deadline beyond it comes up at the horizon and is placed again.
  init(granularity: UInt64 = 100_000_000, steps: Int = 1024, startingAt now: Instant) {
    self.granularity = max(1, granularity)
    self.steps = Array(repeating: [], count: max(2, steps))
    done = now.nanoseconds / self.granularity
  }

  /// The step in which a deadline comes up: not before the deadline, never in the past, never beyond the horizon.
  func step(for deadline: Instant) -> UInt64 {
    let (quotient, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: granularity)
    let exact = rest == 0 ? quotient : quotient + 1
    return min(max(exact, done + 1), done + UInt64(steps.count) - 1)
  }

  /// Places `entry` into a step that `step(for:)` gave.
  mutating func insert(_ entry: Int, at step: UInt64) {
    steps[Int(step % UInt64(steps.count))].append(entry)
    count += 1
  }

  /// Takes out the entries of the next step that has come up, with the step's number; nil when there is none.
  ///
  /// However long nobody looked, entries come up under the step that they were placed in, by which their owner knows
  /// them: all lie within one turn of the wheel behind `done`.
  mutating func popDue(at now: Instant) -> (step: UInt64, entries: [Int])? {
    let current = now.nanoseconds / granularity
    // An empty wheel follows the clock, so that what is placed next is not placed in the past.
    defer { if count == 0 { done = max(done, current) } }
    while count > 0, done < current {
      done += 1
      let index = Int(done % UInt64(steps.count))
      if !steps[index].isEmpty {
        var entries: [Int] = []
        swap(&entries, &steps[index])
        count -= entries.count
        return (done, entries)
      }
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
