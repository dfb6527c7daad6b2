internal import Glibc
internal import HTTP

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

/// A second of the wall clock with its date's text, which all moments in it share.
struct CurrentSecond {
  let date: HTTPDate
  /// When it is over.
  let end: Instant

  /// The second in which `instant`, the present, lies.
  init(at instant: Instant) {
    let wall = Clock.wall()
    date = HTTPDate(unixSeconds: wall.seconds)
    end = Instant(nanoseconds: instant.nanoseconds &+ (1_000_000_000 &- wall.nanoseconds))
  }
}
