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
          if gatekeeper === expensive { place.becameExpensive { false } }
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
          for _ in 0..<3 { place.becameExpensive { false } }
          running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.refused + (place.isRefused ? 1 : 0)) }
          place.parallel(100) { _ in }
          running.withLock { $0.now -= 1 }
          ended.signal()
        })
    }
    for _ in 0..<8 { ended.wait() }
    #expect(running.withLock { $0.most == 1 && $0.refused == 0 })
  }

  @Test func expensiveRequestsBeyondTheBoundAreRefusedAndCancelledOnesEnd() {
    let pool = WorkPool(workers: 1, queueLimit: 8, expensiveWaiting: 1)
    let first = Gatekeeper()
    #expect(
      pool.submit { place in
        place.becameExpensive { false }
        first.work()
      })
    first.began.wait()
    let isCancelled = Atomic(false)
    let verdicts = DispatchSemaphore(value: 0)
    let refusals = Atomic(0)
    let waits = DispatchSemaphore(value: 0)
    #expect(
      pool.submit { place in
        place.becameExpensive {
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
        place.becameExpensive { false }
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
