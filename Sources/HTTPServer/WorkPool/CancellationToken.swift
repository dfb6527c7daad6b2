internal import HTTP
internal import Synchronization

/// Tells work on another thread to stop: its client has disconnected, or its time is up.
final class CancellationToken: Sendable {
  private let abandoned = Atomic<Bool>(false)
  private let deadline: Instant

  init(deadline: Instant) { self.deadline = deadline }

  /// The client has disconnected.
  func abandon() { abandoned.store(true, ordering: .relaxed) }

  var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

  /// Whether the client has disconnected or the deadline has passed.
  var isCancelled: Bool { isAbandoned || Clock.now() >= deadline }
}

/// The short time for which an event loop may compute by itself. A request that needs more is run again on the work
/// pool, so that it does not delay the loop's other connections.
final class InlineTimeBudget: Sendable {
  private let end = Atomic<UInt64>(0)
  private let expired = Atomic<Bool>(false)

  func start(at now: Instant, nanoseconds: UInt64) {
    end.store(now.nanoseconds &+ nanoseconds, ordering: .relaxed)
    expired.store(false, ordering: .relaxed)
  }

  /// Asked by the work itself, about every millisecond: whether to stop.
  func checkExpired() -> Bool {
    guard Clock.now().nanoseconds >= end.load(ordering: .relaxed) else { return false }
    expired.store(true, ordering: .relaxed)
    return true
  }

  /// The work needs what only a worker has: its answer is void.
  func expire() { expired.store(true, ordering: .relaxed) }

  /// Whether the work was told to stop, or could not go on, so that its answer is void.
  var didExpire: Bool { expired.load(ordering: .relaxed) }
}
