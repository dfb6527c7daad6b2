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
