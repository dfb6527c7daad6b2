internal import CLinux
internal import Dispatch
internal import Glibc
internal import HTTP
internal import Synchronization

/// Runs large requests on threads of its own, which yield to the event loops: a bounded number at once, and a bounded
/// queue behind them.
///
/// Beyond its bounds it refuses at once, so that a client learns of the overload while it can still ask another server.
final class WorkPool: Sendable {
  typealias Work = @Sendable (WorkerPlace) -> Void

  private struct QueuedWork {
    var work: Work
    var isAbandoned: @Sendable () -> Bool
  }

  private struct State {
    /// The work that has waited longest first.
    var queued: [QueuedWork] = []
    /// Requests that have begun and yielded to those in the queue.
    var yielded = WaitingThreads()
    /// Counts the requests started, so that a later check can tell whether any has come.
    var started: UInt64 = 0
    /// Such a check is scheduled.
    var willTrim = false

    /// The work that has waited longest, if any waits.
    mutating func takeFirst() -> Work? { queued.isEmpty ? nil : queued.removeFirst().work }
  }

  /// How many requests may have yielded to others; each keeps a thread and its memory meanwhile.
  static let mostYielded = 32
  /// How many expensive requests may wait for the one that runs; each keeps them too.
  static let mostExpensiveWaiting = 4
  /// One that has waited so long, in nanoseconds, yields to no further ones.
  private static let longestYield: UInt64 = 1_000_000_000

  /// Requests computed at once, and threads for one that is alone.
  let workers: Int
  private let queueLimit: Int
  private let mostYielded: Int
  /// Expensive requests, which have given up their places.
  let expensive: ExpensiveGate
  private let state = Mutex(State())
  /// Requests computed now: changed under the lock alone, but read without it by the loops, which must not wait for it.
  private let running = Atomic<Int>(0)

  /// - Parameters:
  ///   - workers: requests computed at once.
  ///   - queueLimit: requests that wait behind them.
  ///   - mostYielded: how many requests may have yielded to others.
  ///   - expensiveWaiting: how many expensive requests may wait for the one that runs.
  init(
    workers: Int, queueLimit: Int, mostYielded: Int = WorkPool.mostYielded,
    expensiveWaiting: Int = WorkPool.mostExpensiveWaiting
  ) {
    self.workers = workers
    self.queueLimit = queueLimit
    self.mostYielded = mostYielded
    expensive = ExpensiveGate(waiting: expensiveWaiting)
  }

  /// Whether a request would be taken now.
  var hasRoom: Bool { state.withLock { hasRoom(&$0) } }

  private func hasRoom(_ state: inout State) -> Bool {
    if hasFreeWorker || state.queued.count < queueLimit { return true }
    // Drop queued requests whose clients have disconnected, to make room for this one.
    state.queued.removeAll { $0.isAbandoned() }
    return state.queued.count < queueLimit
  }

  /// Requests that wait behind those being computed.
  var queueLength: Int { state.withLock { $0.queued.count } }

  /// Runs `work` now or when a worker is free; false when the pool is full.
  ///
  /// - Parameter isAbandoned: whether nobody waits for the result any more, so that the work may be dropped.
  func submit(
    _ work: @escaping Work, unlessAbandoned isAbandoned: @escaping @Sendable () -> Bool = { false }
  ) -> Bool {
    let startsNow: Bool? = state.withLock { state in
      guard hasRoom(&state) else { return nil }
      state.started &+= 1
      if hasFreeWorker {
        running.add(1, ordering: .relaxed)
        return true
      }
      state.queued.append(QueuedWork(work: work, isAbandoned: isAbandoned))
      return false
    }
    if startsNow == true { start(work) }
    return startsNow != nil
  }

  /// A queue of its own has a thread of its own. A concurrent queue would have no more threads than there are cores,
  /// and expensive requests would take them away from the workers.
  private var thread: DispatchQueue { DispatchQueue(label: "softmaxd.worker", qos: .utility) }

  private func start(_ work: @escaping Work) { thread.async { self.run(work) } }

  private func run(_ work: Work) {
    Self.yieldToLoops()
    if hasPlaceAfter(work) {
      // A thread that has finished takes the next request itself: no hop, and first come, first served.
      while let next = next(), hasPlaceAfter(next) {}
    }
    trimWhenIdle()
  }

  /// Asks the allocator at once, on a thread of its own, to return free memory to the kernel.
  func trim() { thread.async { _ = malloc_trim(0) } }

  /// Does the work.
  /// - Returns: whether this thread still is one of the workers.
  private func hasPlaceAfter(_ work: Work) -> Bool {
    let place = WorkerPlace(self)
    work(place)
    return place.leave()
  }

  /// Gives the place of an expensive request to the next one.
  func yieldForGood() {
    if let next = next() { start(next) }
  }

  /// Gives the calling request's place to the requests in the queue, if there are any, and returns when there are none
  /// left, or after about a second.
  ///
  /// - Returns: whether the caller has a place again: not if it is cancelled, or too many have yielded.
  func yieldToQueue(unless isCancelled: () -> Bool) -> Bool {
    let (next, thread) = state.withLock { state -> (Work?, DispatchSemaphore?) in
      guard let next = state.takeFirst() else { return (nil, nil) }
      return (next, state.yielded.count < mostYielded ? state.yielded.append() : nil)
    }
    guard let next else { return true }
    start(next)
    guard let thread else { return false }
    if WaitingThreads.wait(for: thread, unless: isCancelled) { return true }
    // It may have been woken meanwhile, and then has a place to give.
    if !state.withLock({ $0.yielded.remove(thread) }) { yieldForGood() }
    return false
  }

  /// Returns the memory that large requests leave in the allocator to the kernel, once none has come for two seconds.
  func trimWhenIdle() {
    let started: UInt64? = state.withLock { state in
      guard !isBusy, !state.willTrim else { return nil }
      state.willTrim = true
      return state.started
    }
    guard let started else { return }
    thread.asyncAfter(deadline: .now() + .seconds(2)) {
      let isIdle = self.state.withLock { state in
        state.willTrim = false
        return !self.isBusy && state.started == started
      }
      if isIdle { _ = malloc_trim(0) } else { self.trimWhenIdle() }
    }
  }

  /// The work that has waited longest, or nil: then this thread is no longer one of the workers, and one that has
  /// yielded takes its place, if there is any.
  private func next() -> Work? {
    state.withLock { state in
      if state.yielded.wakeFirst(waitingFor: Self.longestYield) { return nil }
      if let next = state.takeFirst() { return next }
      if !state.yielded.wakeFirst() { running.subtract(1, ordering: .relaxed) }
      return nil
    }
  }

  private var runningCount: Int { running.load(ordering: .relaxed) }

  /// Whether a request would be begun now.
  var hasFreeWorker: Bool { runningCount < workers }

  /// Whether a request is computed now.
  var isBusy: Bool { runningCount > 0 || expensive.isBusy }

  /// Whether one request has the pool to itself, so that it may use the other cores too.
  var isAlone: Bool {
    state.withLock { runningCount <= 1 && $0.queued.isEmpty }
  }

  /// Runs `body(0)` … `body(count - 1)`: on all cores for a worker when nobody else waits for them, else one after the
  /// other. A request that is computed calls it through its ``WorkerPlace``.
  func parallel(_ count: Int, isWorker: Bool = true, _ body: (Int) -> Void) {
    guard isWorker, count > 1, workers > 1, isAlone else {
      for index in 0..<max(0, count) { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      // That the calls may run at once is the caller's promise (RequestContext.parallel).
      nonisolated(unsafe) let body = body
      DispatchQueue.concurrentPerform(iterations: count) { index in
        Self.yieldToLoops()
        unsafe body(index)
      }
    }
  }

  /// Lets this thread run only when the loops leave a core free. A worker thread serves one of Dispatch's root queues
  /// for its whole life, and the loops have another, so the nice value stays where it belongs.
  private static func yieldToLoops() {
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceValue)
  }

  /// 5 more than the process was started with.
  private static let niceValue = min(19, getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(getpid())) + 5)
}

/// A request on its way to a worker. Whoever takes it owns it alone, so that the memory of a large body is released as
/// soon as the body has been read. A closure that captured the request would keep it until the answer is complete.
final class OneShotRequest: Sendable {
  private let request: Mutex<Request?>

  init(_ request: consuming Request) { self.request = Mutex(request) }

  /// The request, once.
  func take() -> Request? { request.withLock { $0.take() } }
}
