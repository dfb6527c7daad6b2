internal import Glibc
internal import HTTPCore

/// The clocks as the loops read them.
enum Clock {
  /// CLOCK_MONOTONIC: what deadlines are measured on.
  static func now() -> Instant {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
  }

  /// Seconds since 1970 and the nanoseconds into the current one.
  static func wall() -> (seconds: Int64, nanoseconds: UInt64) {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return (Int64(time.tv_sec), UInt64(time.tv_nsec))
  }
}

/// Hands out moments; the date's text is made when asked for and at most once a second, so an idle loop makes none.
struct MomentSource {
  private var date = HTTPDate(unixSeconds: 0)
  private var dateEnds = Instant(nanoseconds: 0)

  mutating func now() -> Moment {
    let instant = Clock.now()
    if instant >= dateEnds {
      let wall = Clock.wall()
      date = HTTPDate(unixSeconds: wall.seconds)
      dateEnds = Instant(nanoseconds: instant.nanoseconds &+ (1_000_000_000 &- wall.nanoseconds))
    }
    return Moment(instant: instant, date: date)
  }
}
