internal import CLinux
internal import Glibc

/// How the kernel schedules an event loop's thread (sched(7)).
///
/// On a machine that clients share, a loop that interrupts the client that woke it gets requests one by one: 8.7 µs of
/// CPU for a request of ten logits. A loop that does not interrupt gets a dozen at a time: 7.6 µs. Beside threads that
/// compute for long the loop must interrupt: half of all answers then took 0.5 ms, against 1.1 ms without.
enum ThreadScheduling {
  /// SCHED_BATCH: wakes without interrupting whoever runs.
  case batch
  /// SCHED_OTHER, the usual one: wakes at once beside long computations.
  case normal

  /// Has the calling thread scheduled so. False where the system forbids it, or an operator has chosen a policy of
  /// another kind (chrt(1)); then things stay as they are.
  @discardableResult
  func adopt() -> Bool {
    guard [SCHED_NORMAL, SCHED_BATCH].contains(sched_getscheduler(0)) else { return false }
    var parameters = sched_param()
    return unsafe sched_setscheduler(0, self == .batch ? SCHED_BATCH : SCHED_NORMAL, &parameters) == 0
  }
}
