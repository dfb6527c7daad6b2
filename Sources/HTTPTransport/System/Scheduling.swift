internal import CLinux
internal import Glibc

/// How the kernel schedules the thread of a loop (sched(7)).
///
/// A loop that took the processor at each wake-up from the very client that woke it, on a machine that both share, would
/// be handed requests one by one: 8.7 µs of CPU for a request of ten logits, where a loop that waits its turn finds them by
/// the dozen, for 7.6. Beside threads that compute for long it must not wait: then half of all answers took 1.4 ms, and 0.3
/// if it asks for slices so short that the kernel gives them at once (Linux 6.12; others keep to theirs).
enum Scheduling {
  /// SCHED_BATCH: wakes without interrupting whoever runs.
  case patient
  /// SCHED_OTHER, the usual one: wakes at once beside long computations.
  case prompt

  /// Nanoseconds that a loop asks to run for at a time, the least that the kernel grants.
  private static let slice: UInt64 = 100_000

  /// Has the calling thread scheduled so. False where the system forbids it, or an operator has chosen a policy of another
  /// kind (chrt(1)); then things stay as they are.
  @discardableResult
  func adopt() -> Bool {
    guard [SCHED_NORMAL, SCHED_BATCH].contains(sched_getscheduler(0)) else { return false }
    var attributes = sched_attr()
    attributes.size = UInt32(MemoryLayout<sched_attr>.size)
    attributes.sched_policy = UInt32(self == .patient ? SCHED_BATCH : SCHED_NORMAL)
    attributes.sched_nice = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
    attributes.sched_runtime = Self.slice
    return unsafe clinux_sched_setattr(&attributes) == 0
  }
}
