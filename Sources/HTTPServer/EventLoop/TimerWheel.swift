internal import HTTP

/// Deadlines in coarse steps: placing one costs the same whatever the number of others.
///
/// A connection has at most a few entries: a later deadline leaves its entry where it is, and when that comes up the
/// owner places it anew. So a request that moves its connection's deadline further away costs nothing here.
/// A value without a clock: whoever calls hands the time in.
struct TimerWheel {
  /// Nanoseconds in a step; an entry comes up at most this much late.
  let granularity: UInt64
  private var steps: [[Int]]
  /// The last step that has been looked at.
  private var done: UInt64
  private(set) var count = 0

  /// - Parameters:
  ///   - granularity: nanoseconds in a step.
  ///   - steps: the horizon in steps; a deadline beyond it comes up at the horizon and is placed again.
  init(granularity: UInt64 = 100_000_000, steps: Int = 1024, startingAt now: Instant) {
    self.granularity = max(1, granularity)
    self.steps = Array(repeating: [], count: max(2, steps))
    done = now.nanoseconds / self.granularity
  }

  /// The step in which a deadline comes up: not before the deadline, never in the past, never beyond the horizon.
  func step(for deadline: Instant) -> UInt64 {
    let (quotient, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: granularity)
    let exact = rest == 0 ? quotient : quotient + 1
    return min(max(exact, done + 1), done + UInt64(steps.count) - 1)
  }

  /// Places `entry` into a step that `step(for:)` gave.
  mutating func insert(_ entry: Int, at step: UInt64) {
    steps[Int(step % UInt64(steps.count))].append(entry)
    count += 1
  }

  /// Takes out the entries of the next step that has come up, with the step's number; nil when there is none.
  ///
  /// However long nobody looked, entries come up under the step that they were placed in, by which their owner knows
  /// them: all lie within one turn of the wheel behind `done`.
  mutating func popDue(at now: Instant) -> (step: UInt64, entries: [Int])? {
    let current = now.nanoseconds / granularity
    // An empty wheel follows the clock, so that what is placed next is not placed in the past.
    defer { if count == 0 { done = max(done, current) } }
    while count > 0, done < current {
      done += 1
      let index = Int(done % UInt64(steps.count))
      if !steps[index].isEmpty {
        var entries: [Int] = []
        swap(&entries, &steps[index])
        count -= entries.count
        return (done, entries)
      }
    }
    return nil
  }

  /// When the next entry comes up, or nil when there is none: then no timer need run.
  var nextWake: Instant? {
    guard count > 0 else { return nil }
    for offset in 1...UInt64(steps.count) where !steps[Int((done + offset) % UInt64(steps.count))].isEmpty {
      return Instant(nanoseconds: (done + offset) * granularity)
    }
    return nil
  }
}
