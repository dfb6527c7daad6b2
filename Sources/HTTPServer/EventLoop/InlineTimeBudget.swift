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
///
/// While a loop tries a request in vain it answers nobody, and a crowd of small requests that all take long would cost
/// one try each. So an eighth of the time may go to such tries, and some more at once; then each request is tried for a
/// moment first.
///
/// A try is measured in the thread's own time: what others take of the processor meanwhile does not count.
final class InlineTimeBudget: Sendable {
  /// Nanoseconds of a try.
  let longest: UInt64
  /// Nanoseconds of a try beside many that fail: a request of some thousand numbers takes less.
  static let short: UInt64 = 200_000
  /// A nanosecond of a failed try counts for so many of the time that goes by.
  static let cost: UInt64 = 8
  /// How many of the longest tries may fail at once.
  static let mostAtOnce: UInt64 = 8

  private let began = Atomic<UInt64>(0)
  private let length = Atomic<UInt64>(0)
  /// The thread's time when the try began, found at the work's first question; 0 before it.
  private let threadBegan = Atomic<UInt64>(0)
  /// The thread's time that the try took, when it was last looked at.
  private let threadUsed = Atomic<UInt64>(0)
  private let expired = Atomic<Bool>(false)
  /// When the time will have gone by for which the failed tries count.
  private let settled = Atomic<UInt64>(0)

  init(_ longest: UInt64) { self.longest = longest }

  /// Whether too many tries have failed.
  func isSpent(at now: Instant) -> Bool {
    Instant(nanoseconds: settled.load(ordering: .relaxed)).nanoseconds(since: now)
      >= Self.mostAtOnce &* Self.cost &* longest
  }

  /// A try begins.
  func start(at now: Instant, isShort: Bool = false) {
    began.store(now.nanoseconds, ordering: .relaxed)
    length.store(isShort ? min(Self.short, longest) : longest, ordering: .relaxed)
    threadBegan.store(0, ordering: .relaxed)
    threadUsed.store(0, ordering: .relaxed)
    expired.store(false, ordering: .relaxed)
  }

  /// Asked by the work itself, about every 0.1 ms: whether to stop.
  func checkExpired(at now: Instant = Clock.now(), threadTime: @autoclosure () -> UInt64 = Clock.threadTime()) -> Bool {
    let (elapsed, length) = (
      now.nanoseconds &- began.load(ordering: .relaxed), length.load(ordering: .relaxed)
    )
    let threadBegan = threadBegan.load(ordering: .relaxed)
    guard threadBegan > 0 else {
      // To look when each try begins would cost small requests a hundredth.
      self.threadBegan.store(threadTime() &- min(elapsed, length / 2), ordering: .relaxed)
      return false
    }
    guard elapsed >= length else { return false }
    let used = threadTime() &- threadBegan
    threadUsed.store(used, ordering: .relaxed)
    guard used >= length else { return false }
    expired.store(true, ordering: .relaxed)
    return true
  }

  /// The work needs what only a worker has: its answer is void.
  func expire() { expired.store(true, ordering: .relaxed) }

  /// Whether the work was told to stop, or could not go on, so that its answer is void.
  var didExpire: Bool { expired.load(ordering: .relaxed) }

  /// A try has failed that was not short. Those that fail when too many have failed already count for one.
  func failed(at now: Instant) {
    let time = min(longest, threadUsed.load(ordering: .relaxed))
    let settled = max(now, Instant(nanoseconds: settled.load(ordering: .relaxed))).advanced(by: time &* Self.cost)
    let most = now.advanced(by: (Self.mostAtOnce + 1) &* Self.cost &* longest)
    self.settled.store(min(settled, most).nanoseconds, ordering: .relaxed)
  }
}
