internal import CLinux
internal import Glibc

/// How the kernel schedules the thread of a loop (sched(7)).
///
/// A loop that took the processor at each wake-up from the very client that woke it, on a machine that both share, would
/// be handed requests one by one: 8.7 µs of CPU for a request of ten logits, where a loop that waits its turn finds them by
/// the dozen, for 7.6. Beside threads that compute for long it must not wait: then half of all answers took 1.1 ms, and 0.5
/// if it interrupts them.
enum Scheduling {
  /// SCHED_BATCH: wakes without interrupting whoever runs.
  case patient
  /// SCHED_OTHER, the usual one: wakes at once beside long computations.
  case prompt

  /// Has the calling thread scheduled so. False where the system forbids it, or an operator has chosen a policy of another
  /// kind (chrt(1)); then things stay as they are.
  @discardableResult
  func adopt() -> Bool {
    guard [SCHED_NORMAL, SCHED_BATCH].contains(sched_getscheduler(0)) else { return false }
    var parameters = sched_param()
    return unsafe sched_setscheduler(0, self == .patient ? SCHED_BATCH : SCHED_NORMAL, &parameters) == 0
  }
}
