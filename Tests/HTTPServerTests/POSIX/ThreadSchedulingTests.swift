import Glibc
import Testing

@testable import HTTPServer

struct ThreadSchedulingTests {
  /// A sandbox may forbid a thread to change its policy, and only the privileged may choose a real-time one.
  private static let mayChoose = ThreadScheduling.batch.adopt() && ThreadScheduling.normal.adopt()
  private static let mayChooseRealTime = choosesRealTime()

  private static func choosesRealTime() -> Bool {
    var priority = sched_param(sched_priority: 1)
    guard unsafe sched_setscheduler(0, fifo, &priority) == 0 else { return false }
    leaveRealTime()
    return true
  }

  private static let fifo: CInt = 1

  private static func leaveRealTime() {
    var priority = sched_param(sched_priority: 0)
    _ = unsafe sched_setscheduler(0, 0, &priority)
  }

  @Test(
    "The calling thread's policy is what was asked for, its nice value what it was",
    .enabled(if: mayChoose, "this system lets no thread change its policy"))
  func policies() {
    let (other, batch): (CInt, CInt) = (0, 3)
    let nice = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
    defer { ThreadScheduling.normal.adopt() }
    #expect(ThreadScheduling.batch.adopt())
    #expect(sched_getscheduler(0) == batch)
    #expect(ThreadScheduling.normal.adopt())
    #expect(sched_getscheduler(0) == other)
    #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == nice)
  }

  @Test(
    "What an operator has chosen for the thread stays, such as a real-time policy by chrt(1)",
    .enabled(if: mayChooseRealTime, "only the privileged may choose a real-time policy"))
  func foreignPolicies() {
    var priority = sched_param(sched_priority: 1)
    #expect(unsafe sched_setscheduler(0, Self.fifo, &priority) == 0)
    defer { Self.leaveRealTime() }
    #expect(!ThreadScheduling.batch.adopt() && !ThreadScheduling.normal.adopt())
    #expect(sched_getscheduler(0) == Self.fifo)
  }
}
