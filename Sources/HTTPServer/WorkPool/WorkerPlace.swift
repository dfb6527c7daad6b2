internal import Dispatch
internal import HTTP
internal import Synchronization

/// One request's place among the workers of a pool.
///
/// Unbounded work, whose length the request's size does not tell, keeps nobody waiting: after some milliseconds of it
/// a request yields to every other that waits for a worker. Once the work has become expensive, the request gives
/// its place up. It goes on beside the workers, on the thread that it has, one such request at a time. So all
/// expensive requests together take the time of one thread, and cheap ones pass even where there is only one worker.
final class WorkerPlace: Sendable {
  /// Nanoseconds of unbounded work after which it yields to others.
  static let yieldInterval = 10_000_000
  /// Nanoseconds of unbounded work after which a request is expensive.
  static let expensive = 200_000_000

  private enum Standing {
    /// It is one of the workers, and goes on until it has done this many nanoseconds of unbounded work.
    case worker(until: Int)
    /// It runs beside them.
    case expensive
    /// It is to end: too many such requests wait, or its time is up.
    case refused
  }

  private let pool: WorkPool
  private let standing = Mutex(Standing.worker(until: WorkerPlace.yieldInterval))
  private let refused = Atomic<Bool>(false)
  /// Nanoseconds of unbounded work so far, over all of the request's threads.
  private let unboundedWork = Atomic<Int>(0)

  init(_ pool: WorkPool) { self.pool = pool }

  /// Unbounded work has gone on. Returns when it may go further, or is to end; the threads of one request wait
  /// together: one waits for its turn and watches `isCancelled`, the others for the lock that it holds meanwhile.
  ///
  /// - Parameters:
  ///   - sinceLastCall: nanoseconds of it that have not been told yet.
  ///   - isCancelled: ends the waiting, and with it the request.
  func workedUnbounded(_ sinceLastCall: Int, unless isCancelled: () -> Bool) {
    let nanoseconds = unboundedWork.add(sinceLastCall, ordering: .relaxed).newValue
    guard nanoseconds > Self.yieldInterval else { return }
    standing.withLock { standing in
      guard case .worker(let limit) = standing, nanoseconds > limit else { return }
      if nanoseconds > Self.expensive {
        pool.yieldForGood()
        standing = pool.expensive.enter(unless: isCancelled) ? .expensive : .refused
      } else {
        let goesOn = pool.yieldToQueue(unless: isCancelled)
        standing = goesOn ? .worker(until: nanoseconds + Self.yieldInterval) : .refused
      }
      if case .refused = standing { refused.store(true, ordering: .relaxed) }
    }
  }

  /// Whether the request is to end, since its unbounded work may not go on.
  var isRefused: Bool { refused.load(ordering: .relaxed) }

  /// The work is done.
  /// - Returns: whether the place is still this request's, so that its thread may take the next one.
  func leave() -> Bool {
    standing.withLock { standing in
      switch standing {
      case .worker: return true
      case .expensive: pool.expensive.leave()
      case .refused: break
      }
      return false
    }
  }

  private var isWorker: Bool {
    standing.withLock { standing in
      if case .worker = standing { true } else { false }
    }
  }

  /// Runs `body(0)` … `body(count - 1)`: on all cores for a worker with no other request beside it or behind it, else
  /// one after the other.
  func parallel(_ count: Int, _ body: (Int) -> Void) { pool.parallel(count, isWorker: isWorker, body) }
}

/// Threads that wait for something that is handed from one to the next, in the order in which they came.
struct WaitingThreads {
  private var threads: [(thread: DispatchSemaphore, since: Instant)] = []

  var count: Int { threads.count }

  /// Adds the calling thread, which then calls ``wait(for:unless:)`` without the lock that guards this value.
  mutating func append() -> DispatchSemaphore {
    let thread = DispatchSemaphore(value: 0)
    threads.append((thread, Clock.now()))
    return thread
  }

  /// Wakes the thread that has waited longest.
  /// - Returns: whether there was one that has waited this many nanoseconds.
  mutating func wakeFirst(waitingFor nanoseconds: UInt64 = 0) -> Bool {
    guard let first = threads.first else { return false }
    guard nanoseconds == 0 || Clock.now().nanoseconds(since: first.since) >= nanoseconds else { return false }
    threads.removeFirst().thread.signal()
    return true
  }

  /// - Returns: whether the thread still waited.
  mutating func remove(_ thread: DispatchSemaphore) -> Bool {
    guard let index = threads.firstIndex(where: { $0.thread === thread }) else { return false }
    threads.remove(at: index)
    return true
  }

  /// Waits until the thread is woken, or its request is cancelled.
  /// - Returns: whether it was woken.
  static func wait(for thread: DispatchSemaphore, unless isCancelled: () -> Bool) -> Bool {
    while thread.wait(timeout: .now() + .milliseconds(10)) == .timedOut {
      if isCancelled() { return false }
    }
    return true
  }
}

/// Lets one expensive request run at a time, a few others wait, and refuses the rest.
final class ExpensiveGate: Sendable {
  private let waiting = Mutex(WaitingThreads())
  /// Changed under the lock alone, but read without it by the loops, which must not wait for it.
  private let isTaken = Atomic<Bool>(false)
  private let limit: Int

  /// - Parameter waiting: how many may wait; each keeps a thread and its request's memory meanwhile.
  init(waiting: Int) { limit = waiting }

  var isBusy: Bool { isTaken.load(ordering: .relaxed) }

  /// Returns true when the caller may run, and false when too many wait or the caller is cancelled.
  func enter(unless isCancelled: () -> Bool) -> Bool {
    let (hasEntered, thread) = waiting.withLock { waiting -> (Bool, DispatchSemaphore?) in
      if !isTaken.exchange(true, ordering: .relaxed) { return (true, nil) }
      return (false, waiting.count < limit ? waiting.append() : nil)
    }
    guard let thread else { return hasEntered }
    if WaitingThreads.wait(for: thread, unless: isCancelled) { return true }
    // It may have been woken meanwhile.
    if !waiting.withLock({ $0.remove(thread) }) { leave() }
    return false
  }

  func leave() {
    waiting.withLock { waiting in
      if !waiting.wakeFirst() { isTaken.store(false, ordering: .relaxed) }
    }
  }
}
