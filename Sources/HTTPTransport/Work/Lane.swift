internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Where large requests are computed: a bounded number at once, a bounded queue behind them, on threads of their own
/// that yield to the loops.
///
/// Beyond its bounds it refuses, at once, so that a client learns of the overload while it can still go elsewhere.
final class Lane: Sendable {
  typealias Work = @Sendable (WorkerPlace) -> Void

  struct Bounds: Sendable {
    /// Requests computed at once.
    var width: Int
    /// Requests that wait behind them.
    var waiting: Int
  }

  private struct Waiting {
    var work: Work
    var isVain: @Sendable () -> Bool
  }

  private struct State {
    var waiting: [Waiting] = []
    /// Where the queue begins; what lies before has been taken.
    var first = 0
    /// Counts the requests begun, so that a look later can tell whether any has come.
    var begun: UInt64 = 0
    /// Such a look is under way.
    var willTrim = false
  }

  private let bounds: Bounds
  /// Expensive requests, which have given up their places.
  let expensive: ExpensiveGate
  private let state = Mutex(State())
  /// Requests computed now: changed under the lock alone, but read without it by the loops, which must not wait for it.
  private let running = Atomic<Int>(0)

  /// - Parameters:
  ///   - bounds: of the requests that are computed and that wait.
  ///   - expensiveWaiting: how many expensive requests may wait for the one that runs.
  init(_ bounds: Bounds, expensiveWaiting: Int = 4) {
    self.bounds = bounds
    expensive = ExpensiveGate(waiting: expensiveWaiting)
  }

  /// Whether a request would be taken now.
  var hasRoom: Bool { state.withLock { hasRoom(&$0) } }

  private func hasRoom(_ state: inout State) -> Bool {
    if runningCount < bounds.width || state.waiting.count - state.first < bounds.waiting { return true }
    // Who has gone gives up the place in the queue to who has come.
    state.waiting.removeFirst(state.first)
    state.first = 0
    state.waiting.removeAll { $0.isVain() }
    return state.waiting.count < bounds.waiting
  }

  /// Has `work` done, now or when its turn comes; false when the lane is full.
  ///
  /// - Parameter isVain: whether nobody waits for it any more, so that it need not be done.
  func submit(_ work: @escaping Work, unless isVain: @escaping @Sendable () -> Bool = { false }) -> Bool {
    let starts: Bool? = state.withLock { state in
      guard hasRoom(&state) else { return nil }
      state.begun &+= 1
      if runningCount < bounds.width {
        running.add(1, ordering: .relaxed)
        return true
      }
      state.waiting.append(Waiting(work: work, isVain: isVain))
      return false
    }
    if starts == true { start(work) }
    return starts != nil
  }

  /// A queue of its own has a thread of its own. A concurrent queue would have no more threads than there are cores, and
  /// expensive requests would take them away from the workers.
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

  /// Gives back at once what the allocator keeps, on a thread of its own.
  func trim() { thread.async { _ = malloc_trim(0) } }

  /// Does the work. - Returns: whether this thread still is one of the workers.
  private func hasPlaceAfter(_ work: Work) -> Bool {
    let place = WorkerPlace(self)
    work(place)
    return place.leave()
  }

  /// Has the place of an expensive request taken by the next that waits.
  func passOn() {
    if let next = next() { start(next) }
  }

  /// What large requests leave behind in the allocator goes back to the kernel once none has come for two seconds.
  func trimWhenIdle() {
    let begun: UInt64? = state.withLock { state in
      guard !isBusy, !state.willTrim else { return nil }
      state.willTrim = true
      return state.begun
    }
    guard let begun else { return }
    thread.asyncAfter(deadline: .now() + .seconds(2)) {
      let isIdle = self.state.withLock { state in
        state.willTrim = false
        return !self.isBusy && state.begun == begun
      }
      if isIdle { _ = malloc_trim(0) } else { self.trimWhenIdle() }
    }
  }

  /// The work that has waited longest, or nil: then this thread no longer counts as running.
  private func next() -> Work? {
    state.withLock { state in
      guard state.first < state.waiting.count else {
        running.subtract(1, ordering: .relaxed)
        state.waiting.removeAll(keepingCapacity: true)
        state.first = 0
        return nil
      }
      let next = state.waiting[state.first].work
      state.waiting[state.first] = Waiting(work: { _ in }, isVain: { true })
      state.first += 1
      if state.first > 64, state.first * 2 > state.waiting.count {
        state.waiting.removeFirst(state.first)
        state.first = 0
      }
      return next
    }
  }

  private var runningCount: Int { running.load(ordering: .relaxed) }

  /// Whether a request is computed now.
  var isBusy: Bool { runningCount > 0 || expensive.isBusy }

  /// Whether one request has the lane to itself, so that it may use the other cores too.
  var isAlone: Bool {
    state.withLock { runningCount <= 1 && $0.first == $0.waiting.count }
  }

  /// Runs `body(0)` … `body(count - 1)`: on all cores when nobody else waits for them, else one after the other. A request
  /// that is computed calls it through its ``WorkerPlace``.
  func parallel(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1, bounds.width > 1, isAlone else {
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
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
  }
}
