internal import HTTP

/// Deadlines of slots in coarse steps: placing one costs the same whatever the number of others.
///
/// One entry of each slot counts, the earliest; all others are stale. So a request that moves its connection's deadline
/// further away costs nothing here: the entry stays, and when it comes up, the owner places the slot anew.
///
/// A value without a clock: whoever calls hands the time in.
struct TimerWheel {
  /// Nanoseconds in a step; a slot comes up at most this much late.
  private let granularity: UInt64
  private var steps: [[Int]]
  /// When each slot's entry that counts comes up.
  private var dues: [Instant] = []
  /// The last step that has been looked at.
  private var done: UInt64
  /// How many entries there are, stale ones among them.
  private(set) var count = 0

  /// - Parameters:
  ///   - granularity: nanoseconds in a step.
  ///   - steps: the horizon in steps; a deadline beyond it comes up at the horizon and is placed again.
  init(granularity: UInt64 = 100_000_000, steps: Int = 1024, startingAt now: Instant) {
    self.granularity = max(1, granularity)
    self.steps = Array(repeating: [], count: max(2, steps))
    done = now.nanoseconds / self.granularity
  }

  /// Sees to it that a slot comes up once a deadline has passed, or before.
  ///
  /// - Returns: when it comes up, if that has changed.
  mutating func place(_ slot: Int, by deadline: Instant) -> Instant? {
    while dues.count <= slot { dues.append(.never) }
    guard deadline < dues[slot] else { return nil }
    let step = step(for: deadline)
    let due = Instant(nanoseconds: step * granularity)
    guard due < dues[slot] else { return nil }
    dues[slot] = due
    steps[Int(step % UInt64(steps.count))].append(slot)
    count += 1
    return due
  }

  /// The step in which a deadline comes up: not before the deadline, never in the past, never beyond the horizon.
  private func step(for deadline: Instant) -> UInt64 {
    let (quotient, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: granularity)
    let exact = rest == 0 ? quotient : quotient + 1
    return min(max(exact, done + 1), done + UInt64(steps.count) - 1)
  }

  /// Takes out the slots of the next step that has come up; nil when there is none.
  ///
  /// However long nobody looked, all steps that have come up lie within one turn of the wheel behind `done`.
  mutating func popDue(at now: Instant) -> [Int]? {
    let current = now.nanoseconds / granularity
    // An empty wheel follows the clock, so that what is placed next is not placed in the past.
    defer { if count == 0 { done = max(done, current) } }
    while count > 0, done < current {
      done += 1
      let step = Int(done % UInt64(steps.count))
      let entries = steps[step]
      steps[step] = []
      count -= entries.count
      let due = Instant(nanoseconds: done * granularity)
      var slots: [Int] = []
      for slot in entries where dues[slot] == due {
        dues[slot] = .never
        slots.append(slot)
      }
      if !slots.isEmpty { return slots }
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
