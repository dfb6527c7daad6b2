internal import Dispatch
internal import Synchronization

/// One request's place among the workers of a pool.
///
/// A request whose computation has become expensive gives its place to the requests that wait. It goes on beside the
/// workers, on the thread that it has, one such request at a time. So all expensive requests together take the time of
/// one thread, and cheap ones pass even where there is only one worker.
final class WorkerPlace: Sendable {
  private enum Standing {
    /// It is one of the workers.
    case worker
    /// It runs beside them.
    case expensive
    /// It is to end: too many expensive requests wait, or its time is up.
    case refused
  }

  private let pool: WorkPool
  private let standing = Mutex(Standing.worker)
  private let refused = Atomic<Bool>(false)

  init(_ pool: WorkPool) { self.pool = pool }

  /// Gives the place up, and returns when no other expensive request runs. Only the first call does something; the
  /// threads of one request wait for it together.
  ///
  /// - Parameter isCancelled: ends the waiting, and with it the request.
  func becameExpensive(unless isCancelled: () -> Bool) {
    standing.withLock { standing in
      guard standing == .worker else { return }
      pool.passOn()
      standing = pool.expensive.enter(unless: isCancelled) ? .expensive : .refused
      if standing == .refused { refused.store(true, ordering: .relaxed) }
    }
  }

  /// Whether the request is to end, since it may not go on as an expensive one.
  var isRefused: Bool { refused.load(ordering: .relaxed) }

  /// The work is done. - Returns: whether the place is still this request's, so that its thread may take the next one.
  func leave() -> Bool {
    standing.withLock { standing in
      if standing == .expensive { pool.expensive.leave() }
      return standing == .worker
    }
  }

  /// Runs `body(0)` … `body(count - 1)`: on all cores for a worker with no other request beside it or behind it, else
  /// one after the other.
  func parallel(_ count: Int, _ body: (Int) -> Void) {
    if standing.withLock({ $0 == .worker }) {
      pool.parallel(count, body)
    } else {
      for index in 0..<max(0, count) { body(index) }
    }
  }
}

/// Lets one expensive request run at a time, a few others wait, and refuses the rest.
final class ExpensiveGate: Sendable {
  private let turn = DispatchSemaphore(value: 1)
  /// The one that runs, and those that wait.
  private let inside = Atomic<Int>(0)
  private let waiting: Int

  /// - Parameter waiting: how many may wait; each keeps a thread and its request's memory meanwhile.
  init(waiting: Int) { self.waiting = waiting }

  var isBusy: Bool { inside.load(ordering: .relaxed) > 0 }

  /// Returns true when the caller may run, and false when too many wait or the caller is cancelled.
  func enter(unless isCancelled: () -> Bool) -> Bool {
    guard inside.add(1, ordering: .relaxed).oldValue <= waiting else {
      inside.subtract(1, ordering: .relaxed)
      return false
    }
    while turn.wait(timeout: .now() + .milliseconds(10)) == .timedOut {
      if isCancelled() {
        inside.subtract(1, ordering: .relaxed)
        return false
      }
    }
    return true
  }

  func leave() {
    inside.subtract(1, ordering: .relaxed)
    turn.signal()
  }
}
