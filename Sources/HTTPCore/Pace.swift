/// How fast a peer sends or takes bytes, and until when it may keep that up.
struct Pace: Sendable {
  private var start: Instant
  private var last: Instant
  private var count: UInt64 = 0

  init(from now: Instant) {
    start = now
    last = now
  }

  mutating func moved(_ bytes: Int, at now: Instant) {
    last = now
    count = count &+ UInt64(max(0, bytes))
  }

  /// The peer may be silent for `grace`, and must keep the average that `perByte` nanoseconds a byte allow, with
  /// `grace` as its head start.
  func deadline(grace: UInt64, perByte: UInt64) -> Instant {
    let (earned, overflow) = count.multipliedReportingOverflow(by: perByte)
    let average = start.advanced(by: grace).advanced(by: overflow || perByte == 0 ? .max : earned)
    return min(last.advanced(by: grace), average)
  }
}

/// The limits of time in nanoseconds, reckoned once a connection.
struct Timing: Sendable {
  let head, bodyGrace, bodyPerByte, keepAlive, newcomer, writeGrace, writePerByte, lingerSilence, lingerTotal: UInt64

  init(_ limits: HTTPLimits) {
    head = Self.nanoseconds(limits.headDeadline)
    bodyGrace = Self.nanoseconds(limits.bodyGrace)
    bodyPerByte = Self.perByte(limits.bodyBytesPerSecond)
    keepAlive = Self.nanoseconds(limits.keepAlive)
    newcomer = Self.nanoseconds(limits.newcomerGrace)
    writeGrace = Self.nanoseconds(limits.writeGrace)
    writePerByte = Self.perByte(limits.writeBytesPerSecond)
    lingerSilence = Self.nanoseconds(limits.lingerSilence)
    lingerTotal = Self.nanoseconds(limits.lingerTotal)
  }

  private static func nanoseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 1 << 33 else { return .max }
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }

  /// No rate is asked for where the limit is 0.
  private static func perByte(_ rate: Int) -> UInt64 { rate > 0 ? 1_000_000_000 / UInt64(rate) : 0 }
}
