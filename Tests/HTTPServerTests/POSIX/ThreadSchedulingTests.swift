import Glibc
import Testing

@testable import HTTPServer

struct ThreadSchedulingTests {
  /// A sandbox may forbid a thread to change its policy, and only the privileged may choose a real-time one.
  private static let mayChoose = choose(batch) && choose(other)
  private static let mayChooseRealTime = choose(fifo, priority: 1) && choose(other)

  private static let (other, fifo, batch): (CInt, CInt, CInt) = (0, 1, 3)

  private static func choose(_ policy: CInt, priority: CInt = 0) -> Bool {
    var parameters = sched_param(sched_priority: priority)
    return unsafe sched_setscheduler(0, policy, &parameters) == 0
  }

  @Test(
    "The calling thread's policy is what was asked for, its nice value what it was",
    .enabled(if: mayChoose, "this system lets no thread change its policy"))
  func policies() {
    let nice = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
    defer { ThreadScheduling.normal.adopt() }
    #expect(ThreadScheduling.batch.adopt())
    #expect(sched_getscheduler(0) == Self.batch)
    #expect(ThreadScheduling.normal.adopt())
    #expect(sched_getscheduler(0) == Self.other)
    #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == nice)
  }

  @Test(
    "What an operator has chosen for the thread stays, such as a real-time policy by chrt(1)",
    .enabled(if: mayChooseRealTime, "only the privileged may choose a real-time policy"))
  func foreignPolicies() {
    #expect(Self.choose(Self.fifo, priority: 1))
    defer { #expect(Self.choose(Self.other)) }
    #expect(!ThreadScheduling.batch.adopt() && !ThreadScheduling.normal.adopt())
    #expect(sched_getscheduler(0) == Self.fifo)
  }
}
