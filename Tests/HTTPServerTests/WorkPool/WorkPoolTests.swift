import Dispatch
import HTTP
import Synchronization
import Testing

@testable import HTTPServer

@Suite struct WorkPoolTests {
  /// Work that says when it has begun and waits to be let go.
  private final class Gatekeeper: Sendable {
    let began = DispatchSemaphore(value: 0)
    let mayEnd = DispatchSemaphore(value: 0)

    func work() {
      began.signal()
      mayEnd.wait()
    }
  }

  @Test func refusesBeyondItsQueue() {
    let pool = WorkPool(workers: 1, queueLimit: 1)
    let gatekeeper = Gatekeeper()
    #expect(!pool.isBusy)
    #expect(pool.submit { _ in gatekeeper.work() })
    gatekeeper.began.wait()
    #expect(pool.isBusy && pool.hasRoom)
    #expect(pool.submit { _ in gatekeeper.work() })
    #expect(!pool.hasRoom)
    #expect(!pool.submit { _ in })
    gatekeeper.mayEnd.signal()
    gatekeeper.began.wait()
    // The one that waited runs: its place in the queue is free.
    #expect(pool.hasRoom)
    gatekeeper.mayEnd.signal()
  }

  @Test func abandonedWorkMakesRoom() {
    let pool = WorkPool(workers: 1, queueLimit: 2)
    let gatekeeper = Gatekeeper()
    let isAbandoned = Atomic(false)
    let ran = Atomic(0)
    #expect(pool.submit { _ in gatekeeper.work() })
    gatekeeper.began.wait()
    for _ in 0..<2 {
      #expect(
        pool.submit { _ in
          ran.add(1, ordering: .relaxed)
        } unlessAbandoned: {
          isAbandoned.load(ordering: .relaxed)
        })
    }
    #expect(!pool.submit { _ in })
    isAbandoned.store(true, ordering: .relaxed)
    #expect(pool.submit { _ in gatekeeper.work() })
    gatekeeper.mayEnd.signal()
    gatekeeper.began.wait()
    #expect(ran.load(ordering: .relaxed) == 0)
    gatekeeper.mayEnd.signal()
  }

  /// With a single worker, too: what is cheap passes what has become expensive.
  @Test func anExpensiveRequestGivesItsPlaceToTheNext() {
    let pool = WorkPool(workers: 1, queueLimit: 2)
    let expensive = Gatekeeper()
    let cheap = Gatekeeper()
    for gatekeeper in [expensive, cheap] {
      #expect(
        pool.submit { place in
          if gatekeeper === expensive { place.workedUnbounded(WorkerPlace.expensive + 1) { false } }
          gatekeeper.work()
        })
    }
    expensive.began.wait()
    cheap.began.wait()
    // Both run: one as the only worker, the other beside it.
    #expect(pool.isBusy)
    expensive.mayEnd.signal()
    #expect(pool.submit { _ in expensive.work() })
    // The thread of the expensive one took nothing: the only worker is still at work.
    #expect(expensive.began.wait(timeout: .now()) == .timedOut)
    cheap.mayEnd.signal()
    expensive.began.wait()
    expensive.mayEnd.signal()
  }

  @Test func oneExpensiveRequestRunsAtATime() {
    let pool = WorkPool(workers: 4, queueLimit: 8, expensiveWaiting: 8)
    let running = Mutex((now: 0, most: 0, refused: 0))
    let ended = DispatchSemaphore(value: 0)
    for _ in 0..<8 {
      #expect(
        pool.submit { place in
          for _ in 0..<3 { place.workedUnbounded(WorkerPlace.expensive + 1) { false } }
          running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.refused + (place.isRefused ? 1 : 0)) }
          place.parallel(100) { _ in }
          running.withLock { $0.now -= 1 }
          ended.signal()
        })
    }
    for _ in 0..<8 { ended.wait() }
    #expect(running.withLock { $0.most == 1 && $0.refused == 0 })
  }

  /// A burst of requests that are hard to round keeps no other waiting: each lets what waits go first.
  @Test func unboundedWorkLetsWaitingRequestsGoFirst() {
    let pool = WorkPool(workers: 1, queueLimit: 8)
    let order = Mutex<[String]>([])
    let first = Gatekeeper()
    let ended = DispatchSemaphore(value: 0)
    #expect(
      pool.submit { place in
        first.work()
        // Too little of it to make a difference.
        place.workedUnbounded(WorkerPlace.yieldInterval) { false }
        order.withLock { $0.append("begins") }
        for _ in 2...4 { place.workedUnbounded(WorkerPlace.yieldInterval) { false } }
        order.withLock { $0.append(place.isRefused ? "is refused" : "ends") }
        ended.signal()
      })
    first.began.wait()
    for number in 1...3 {
      #expect(
        pool.submit { _ in
          order.withLock { $0.append("passes \(number)") }
          ended.signal()
        })
    }
    first.mayEnd.signal()
    for _ in 0..<4 { ended.wait() }
    #expect(order.withLock { $0 } == ["begins", "passes 1", "passes 2", "passes 3", "ends"])
  }

  /// Whoever lets others go first waits no longer than its client, and too many of them are told at once.
  @Test func letsOthersGoFirstWithinBoundsAndUnlessCancelled() {
    let pool = WorkPool(workers: 1, queueLimit: 200)
    let first = Gatekeeper()
    let last = Gatekeeper()
    let isCancelled = Atomic(false)
    let refused = Atomic(0)
    let ended = DispatchSemaphore(value: 0)
    #expect(pool.submit { _ in first.work() })
    first.began.wait()
    for _ in 0..<40 {
      #expect(
        pool.submit { place in
          place.workedUnbounded(WorkerPlace.yieldInterval + 1) { isCancelled.load(ordering: .relaxed) }
          if place.isRefused { refused.add(1, ordering: .relaxed) }
          ended.signal()
        })
    }
    #expect(pool.submit { _ in last.work() })
    first.mayEnd.signal()
    // The only worker is at work for the last: 32 wait for it, 8 were refused.
    last.began.wait()
    for _ in 0..<8 { ended.wait() }
    #expect(refused.load(ordering: .relaxed) == 8)
    isCancelled.store(true, ordering: .relaxed)
    for _ in 0..<32 { ended.wait() }
    #expect(refused.load(ordering: .relaxed) == 40)
    #expect(pool.isBusy)
    last.mayEnd.signal()
    #expect(pool.submit { _ in first.work() })
    first.began.wait()
    first.mayEnd.signal()
  }

  @Test func expensiveRequestsBeyondTheBoundAreRefusedAndCancelledOnesEnd() {
    let pool = WorkPool(workers: 1, queueLimit: 8, expensiveWaiting: 1)
    let first = Gatekeeper()
    #expect(
      pool.submit { place in
        place.workedUnbounded(WorkerPlace.expensive + 1) { false }
        first.work()
      })
    first.began.wait()
    let isCancelled = Atomic(false)
    let verdicts = DispatchSemaphore(value: 0)
    let refusals = Atomic(0)
    let waits = DispatchSemaphore(value: 0)
    #expect(
      pool.submit { place in
        place.workedUnbounded(WorkerPlace.expensive + 1) {
          waits.signal()
          return isCancelled.load(ordering: .relaxed)
        }
        if place.isRefused { refusals.add(1, ordering: .relaxed) }
        verdicts.signal()
      })
    // It waits, and is asked whether it still wants to.
    waits.wait()
    #expect(
      pool.submit { place in
        place.workedUnbounded(WorkerPlace.expensive + 1) { false }
        if place.isRefused { refusals.add(1, ordering: .relaxed) }
        verdicts.signal()
      })
    verdicts.wait()
    #expect(refusals.load(ordering: .relaxed) == 1)
    isCancelled.store(true, ordering: .relaxed)
    verdicts.wait()
    #expect(refusals.load(ordering: .relaxed) == 2)
    first.mayEnd.signal()
  }

  @Test func answersInTheOrderAsked() async {
    let pool = WorkPool(workers: 1, queueLimit: 200)
    let order = Mutex<[Int]>([])
    let gatekeeper = Gatekeeper()
    #expect(pool.submit { _ in gatekeeper.work() })
    gatekeeper.began.wait()
    for number in 0..<150 { #expect(pool.submit { _ in order.withLock { $0.append(number) } }) }
    await withCheckedContinuation { done in
      #expect(pool.submit { _ in done.resume() })
      gatekeeper.mayEnd.signal()
    }
    #expect(order.withLock { $0 } == Array(0..<150))
  }

  @Test(arguments: [0, 1, 2, 1000])
  func parallelCallsEachIndexOnce(count: Int) {
    let pool = WorkPool(workers: 4, queueLimit: 10)
    let counts = Mutex([Int](repeating: 0, count: count))
    pool.parallel(count) { index in counts.withLock { $0[index] += 1 } }
    #expect(counts.withLock { $0 } == [Int](repeating: 1, count: count))
  }
}
