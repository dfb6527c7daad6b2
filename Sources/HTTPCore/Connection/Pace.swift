/// Until when a peer that sends or takes bytes may keep up its pace.
///
/// It may be silent for `grace`, and each byte earns it `perByte` nanoseconds more, but never more than `grace` ahead: who was
/// fast at first may not trickle for hours afterwards.
struct Pace: Sendable {
  private(set) var deadline: Instant
  private let grace: UInt64
  private var perByte: UInt64

  /// - Parameter perByte: 0 asks for no rate.
  init(from now: Instant, grace: UInt64, perByte: UInt64 = 0) {
    deadline = now.advanced(by: grace)
    self.grace = grace
    self.perByte = perByte
  }

  /// From here on, asks for a rate at which `bytes` have moved within `total` nanoseconds after the grace, if it is higher.
  mutating func require(_ bytes: Int, within total: UInt64) {
    let earned = total / UInt64(max(1, bytes))
    perByte = perByte == 0 ? earned : min(perByte, earned)
  }

  mutating func moved(_ bytes: Int, at now: Instant) {
    let (earned, overflow) = UInt64(max(0, bytes)).multipliedReportingOverflow(by: perByte)
    deadline = min(deadline.advanced(by: overflow || perByte == 0 ? .max : earned), now.advanced(by: grace))
  }
}

/// The limits of time in nanoseconds, reckoned once a connection.
struct Timing: Sendable {
  let head, bodyGrace, bodyPerByte, keepAlive, stopGrace, writeGrace, writePerByte, writeTotal, lingerSilence,
    lingerTotal: UInt64

  init(_ limits: HTTPLimits) {
    head = Self.nanoseconds(limits.headDeadline)
    bodyGrace = Self.nanoseconds(limits.bodyGrace)
    bodyPerByte = Self.perByte(limits.bodyBytesPerSecond)
    keepAlive = Self.nanoseconds(limits.keepAlive)
    stopGrace = Self.nanoseconds(limits.stopGrace)
    writeGrace = Self.nanoseconds(limits.writeGrace)
    writePerByte = Self.perByte(limits.writeBytesPerSecond)
    writeTotal = Self.nanoseconds(limits.writeTotal)
    lingerSilence = Self.nanoseconds(limits.lingerSilence)
    lingerTotal = Self.nanoseconds(limits.lingerTotal)
  }

  func bodyPace(from now: Instant) -> Pace { Pace(from: now, grace: bodyGrace, perByte: bodyPerByte) }
  func writePace(from now: Instant) -> Pace { Pace(from: now, grace: writeGrace, perByte: writePerByte) }

  private static func nanoseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 1 << 33 else { return .max }
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }

  /// No rate is asked for where the limit is 0.
  private static func perByte(_ rate: Int) -> UInt64 { rate > 0 ? 1_000_000_000 / UInt64(rate) : 0 }
}
