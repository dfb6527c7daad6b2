import Glibc
import Testing

@testable import HTTPTransport

struct SchedulingTests {
  @Test("The calling thread's policy is what was asked for, its nice value what it was")
  func policies() {
    let (other, batch): (CInt, CInt) = (0, 3)
    let nice = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
    defer { Scheduling.prompt.adopt() }
    // A sandbox may forbid it.
    guard Scheduling.patient.adopt() else { return }
    #expect(sched_getscheduler(0) == batch)
    #expect(Scheduling.prompt.adopt())
    #expect(sched_getscheduler(0) == other)
    #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == nice)
  }

  @Test("What an operator has chosen for the thread stays, such as a real-time policy by chrt(1)")
  func foreignPolicies() {
    let fifo: CInt = 1
    var priority = sched_param(sched_priority: 1)
    // Only the privileged may choose it.
    guard unsafe sched_setscheduler(0, fifo, &priority) == 0 else { return }
    defer {
      priority.sched_priority = 0
      _ = unsafe sched_setscheduler(0, 0, &priority)
    }
    #expect(!Scheduling.patient.adopt() && !Scheduling.prompt.adopt())
    #expect(sched_getscheduler(0) == fifo)
  }
}
