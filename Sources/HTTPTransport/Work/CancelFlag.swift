internal import HTTPCore
internal import Synchronization

/// Tells work on another thread that nobody waits for it any more.
final class CancelFlag: Sendable {
  private let raised = Atomic<Bool>(false)
  private let deadline: Instant

  init(deadline: Instant) { self.deadline = deadline }

  func raise() { raised.store(true, ordering: .relaxed) }

  /// The client has gone.
  var isAbandoned: Bool { raised.load(ordering: .relaxed) }

  /// The client has gone, or the request's time is up.
  var isRaised: Bool { isAbandoned || Clock.now() >= deadline }
}

/// The short time for which a loop may compute by itself. A request that needs longer is begun anew on the lane, so
/// that it cannot keep the loop's other connections waiting.
final class LoopSlice: Sendable {
  private let ends = Atomic<UInt64>(0)
  private let expired = Atomic<Bool>(false)

  func begin(at now: Instant, nanoseconds: UInt64) {
    ends.store(now.nanoseconds &+ nanoseconds, ordering: .relaxed)
    expired.store(false, ordering: .relaxed)
  }

  /// Asked by the work itself, about every millisecond.
  func isOver() -> Bool {
    guard Clock.now().nanoseconds >= ends.load(ordering: .relaxed) else { return false }
    expired.store(true, ordering: .relaxed)
    return true
  }

  /// Whether the work was told to stop, so that its answer is void.
  var wasOver: Bool { expired.load(ordering: .relaxed) }
}
