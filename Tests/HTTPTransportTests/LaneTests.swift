import Dispatch
import HTTPCore
import Synchronization
import Testing

@testable import HTTPTransport

@Suite struct LaneTests {
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
    let lane = Lane(Lane.Bounds(width: 1, waiting: 1))
    let gatekeeper = Gatekeeper()
    #expect(!lane.isBusy)
    #expect(lane.submit { gatekeeper.work() })
    gatekeeper.began.wait()
    #expect(lane.isBusy && lane.hasRoom)
    #expect(lane.submit { gatekeeper.work() })
    #expect(!lane.hasRoom)
    #expect(!lane.submit {})
    gatekeeper.mayEnd.signal()
    gatekeeper.began.wait()
    // The one that waited runs: its place in the queue is free.
    #expect(lane.hasRoom)
    gatekeeper.mayEnd.signal()
  }

  @Test func whoHasGoneGivesUpThePlace() {
    let lane = Lane(Lane.Bounds(width: 1, waiting: 2))
    let gatekeeper = Gatekeeper()
    let hasGone = Atomic(false)
    let ran = Atomic(0)
    #expect(lane.submit { gatekeeper.work() })
    gatekeeper.began.wait()
    for _ in 0..<2 {
      #expect(
        lane.submit {
          ran.add(1, ordering: .relaxed)
        } unless: {
          hasGone.load(ordering: .relaxed)
        })
    }
    #expect(!lane.submit {})
    hasGone.store(true, ordering: .relaxed)
    #expect(lane.submit { gatekeeper.work() })
    gatekeeper.mayEnd.signal()
    gatekeeper.began.wait()
    #expect(ran.load(ordering: .relaxed) == 0)
    gatekeeper.mayEnd.signal()
  }

  @Test func answersInTheOrderAsked() async {
    let lane = Lane(Lane.Bounds(width: 1, waiting: 200))
    let order = Mutex<[Int]>([])
    let gatekeeper = Gatekeeper()
    #expect(lane.submit { gatekeeper.work() })
    gatekeeper.began.wait()
    for number in 0..<150 { #expect(lane.submit { order.withLock { $0.append(number) } }) }
    await withCheckedContinuation { done in
      #expect(lane.submit { done.resume() })
      gatekeeper.mayEnd.signal()
    }
    #expect(order.withLock { $0 } == Array(0..<150))
  }

  @Test(arguments: [0, 1, 2, 1000])
  func parallelCallsEachIndexOnce(count: Int) {
    let lane = Lane(Lane.Bounds(width: 4, waiting: 10))
    let counts = Mutex([Int](repeating: 0, count: count))
    lane.parallel(count) { index in counts.withLock { $0[index] += 1 } }
    #expect(counts.withLock { $0 } == [Int](repeating: 1, count: count))
  }

  @Test func aFlagIsRaisedByHandOrByItsDeadline() {
    let flag = CancelFlag(deadline: Instant(nanoseconds: .max))
    #expect(!flag.isRaised)
    flag.raise()
    #expect(flag.isRaised)
    #expect(CancelFlag(deadline: Clock.now()).isRaised)
  }

  @Test func aSliceEndsAndRemembersThatItWasAsked() {
    let slice = LoopSlice()
    slice.begin(at: Clock.now(), nanoseconds: 60_000_000_000)
    #expect(!slice.isOver())
    #expect(!slice.wasOver)
    slice.begin(at: Clock.now(), nanoseconds: 0)
    // Over, but nobody has asked: the answer counts.
    #expect(!slice.wasOver)
    #expect(slice.isOver())
    #expect(slice.wasOver)
    slice.begin(at: Clock.now(), nanoseconds: 60_000_000_000)
    #expect(!slice.wasOver)
  }

  @Test func aHandedRequestIsTakenOnce() {
    let handed = HandedRequest(Request(head: RequestHead(.post, "/"), route: .unmatched, body: [1, 2, 3]))
    #expect(handed.take()?.body == [1, 2, 3])
    #expect(handed.take() == nil)
  }
}
