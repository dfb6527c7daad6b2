internal import HTTP
internal import Synchronization

/// The memory that all connections and the requests being answered may hold together.
///
/// What has arrived is held, wanted or not: it is added. Work that has not begun asks first: its memory is reserved, or
/// refused when there is no room. Reservations leave an eighth free, so that small requests, which reserve nothing,
/// always find room. When more than half is held, a transfer that waits for its peer may go on for
/// ``transferTimeLimit(besides:)`` only: the slower and the larger, the sooner it is dropped.
final class MemoryBudget: Sendable {
  /// A body of no more bytes is never refused for want of memory.
  static let smallRequest = 32 * 1024
  /// A transfer that would end within a second is not worth dropping, and a refusal must have time to be written.
  private static let shortestLimit: UInt64 = 1_000_000_000
  /// The share of the limit that reservations leave free.
  private static let smallRequestShare = 8
  /// The share of the limit that a large request may need without being refused while the server is ready.
  private static let readyShare = 16

  let limit: Int
  /// What a transfer may take while there is room: see ``transferTimeLimit(besides:)``.
  private let longestTransfer: UInt64
  private let held = Atomic<Int>(0)
  /// The most that has been held since the allocator was last asked to return memory.
  private let highest = Atomic<Int>(0)
  /// Called on whichever thread finds that room is wanted.
  private let onAsk = Mutex<@Sendable (_ wanted: Int) -> Void>({ _ in })
  /// Called on a worker's thread, before a request is refused.
  private let onMaking = Mutex<@Sendable (_ wanted: Int) -> Void>({ _ in })

  init(limit: Int, longestTransfer: UInt64 = 300_000_000_000) {
    self.limit = max(1, limit)
    self.longestTransfer = longestTransfer
  }

  /// Sets what ``askForRoom(for:)`` does.
  func whenAskedForRoom(_ body: @escaping @Sendable (_ wanted: Int) -> Void) { onAsk.withLock { $0 = body } }

  /// Sets what ``makeRoom(for:)`` does.
  func whenMakingRoom(_ body: @escaping @Sendable (_ wanted: Int) -> Void) { onMaking.withLock { $0 = body } }

  /// Has all loops count anew what they hold and free at least `bytes`, and returns when that is done.
  func makeRoom(for bytes: Int) { onMaking.withLock { $0 }(bytes) }

  var heldBytes: Int { max(0, held.load(ordering: .relaxed)) }

  /// Whether more is held than the limit: an answer that its peer does not take at once cannot be kept.
  var isExceeded: Bool { heldBytes > limit }

  /// Whether more than half is held.
  var isHalfHeld: Bool { heldBytes > limit / 2 }

  /// Whether so much is held that no more of a large body is read.
  var isFullOfBodies: Bool { heldBytes > limitOfBodies }

  /// Whether a body of a sixteenth of the limit would be refused now. This depends on nothing but what is held: no
  /// request that was refused is remembered.
  var isExhausted: Bool { heldBytes > limitOfBodies - limit / Self.readyShare }

  private var limitOfReservations: Int { limit - limit / Self.smallRequestShare }

  /// Bodies leave another eighth, to the work on those that have come: else all might wait for room that all hold.
  private var limitOfBodies: Int { limitOfReservations - limit / Self.smallRequestShare }

  /// Whether `bytes` could be reserved if nobody else held anything.
  func canEverReserve(_ bytes: Int) -> Bool { bytes <= limitOfReservations }

  /// Whether `bytes` could be reserved now.
  func hasRoom(for bytes: Int) -> Bool { canEverReserve(bytes) && heldBytes <= limitOfReservations - bytes }

  /// What there must be room for before a body is read: itself, and what bodies leave to work.
  func roomNeeded(forBody count: Int) -> Int { count + limitOfReservations - limitOfBodies }

  /// Counts `bytes` more, or fewer if negative, whether there is room or not.
  func add(_ bytes: Int) {
    let (before, after) = held.add(bytes, ordering: .relaxed)
    noteGrowth(from: before, to: after)
  }

  /// Counts `bytes` more if there is room for them. What does not fit is never counted, not even for a moment: others
  /// drop transfers by what is held.
  func reserve(_ bytes: Int) -> Bool {
    guard canEverReserve(bytes) else { return false }
    var before = held.load(ordering: .relaxed)
    while before <= limitOfReservations - bytes {
      let (isDone, now) = held.weakCompareExchange(expected: before, desired: before + bytes, ordering: .relaxed)
      if isDone {
        noteGrowth(from: before, to: before + bytes)
        return true
      }
      before = now
    }
    askForRoom(for: bytes)
    return false
  }

  private func noteGrowth(from before: Int, to after: Int) {
    if before <= limit / 2, after > limit / 2 { askForRoom() }
    if after > before { highest.max(after, ordering: .relaxed) }
  }

  /// Asks all loops to end slow transfers, and does not wait for it: with the bytes of a request that finds no room,
  /// or with 0 because more than half has become held.
  func askForRoom(for wanted: Int = 0) { onAsk.withLock { $0 }(wanted) }

  /// For how long, in nanoseconds, a transfer may be expected to go on: nil while at most half is held, then five
  /// minutes times the square of the share of the other half that is free. 75 s when three quarters are held, 12 s at
  /// nine tenths.
  ///
  /// - Parameter wanted: the bytes of a request that is to find room. While it finds none, the limit is a second.
  func transferTimeLimit(besides wanted: Int = 0) -> UInt64? {
    if wanted > 0, canEverReserve(wanted), !hasRoom(for: wanted) { return Self.shortestLimit }
    let free = max(0, limit - heldBytes)
    let half = limit - limit / 2
    guard free < half else { return nil }
    let share = Double(free) / Double(half)
    return max(Self.shortestLimit, UInt64(Double(min(longestTransfer, 1 << 62)) * share * share))
  }

  /// Whether so much less is held than was held before that the allocator has memory to give back. Once: then the count
  /// begins anew.
  func hasFallen(by bytes: Int) -> Bool {
    let now = heldBytes
    let before = highest.load(ordering: .relaxed)
    return before >= now + bytes
      && highest.compareExchange(expected: before, desired: now, ordering: .relaxed).exchanged
  }
}

/// A loop's own count of what its connections hold, reported to the budget in steps: so an answer that is written at
/// once costs no access to memory that all loops share.
final class LoopMemory {
  private static let step = 64 * 1024

  private let budget: MemoryBudget
  private(set) var held = 0
  private var reported = 0

  init(_ budget: MemoryBudget) { self.budget = budget }

  func add(_ bytes: Int) {
    held += bytes
    if abs(held - reported) >= Self.step { report() }
  }

  /// Brings the budget up to date.
  func report() {
    guard held != reported else { return }
    budget.add(held - reported)
    reported = held
  }
}

/// What the work on one request holds; given back with its answer, or when the last reference goes.
///
/// One thread at a time resizes it: the loop until the work begins, then the worker that does the work. The number is
/// atomic since the closures that carry it are `@Sendable`.
final class MemoryReservation: Sendable {
  private let budget: MemoryBudget
  private let bytes: Atomic<Int>

  /// - Parameter bytes: what is held from the start, whether there is room or not.
  init(_ budget: MemoryBudget, bytes: Int = 0) {
    self.budget = budget
    self.bytes = Atomic(bytes)
    if bytes > 0 { budget.add(bytes) }
  }

  deinit { release() }

  /// Holds `count` bytes from now on, instead of what was held before.
  func resize(to count: Int) -> MemoryGrant {
    let before = bytes.load(ordering: .relaxed)
    if count > before {
      // Before others are asked to make room for it.
      guard budget.canEverReserve(count) else { return .never }
      guard budget.reserve(count - before) else { return .notNow }
    } else {
      budget.add(count - before)
    }
    bytes.store(count, ordering: .relaxed)
    return .granted
  }

  /// The same on a thread that may wait: before it is refused, others make room for it.
  func resizeOrMakeRoom(to count: Int) -> MemoryGrant {
    let grant = resize(to: count)
    guard grant == .notNow else { return grant }
    budget.makeRoom(for: count - bytes.load(ordering: .relaxed))
    return resize(to: count)
  }

  func release() {
    let before = bytes.exchange(0, ordering: .relaxed)
    if before != 0 { budget.add(-before) }
  }
}
