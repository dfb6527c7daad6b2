/// The deadline of a peer that must move bytes at a minimum rate.
///
/// The peer may pause for `grace`. Each byte extends the deadline by `perByte` nanoseconds, but never beyond `grace`
/// from now: a peer that was fast at first may not slow to a trickle for hours.
struct RateDeadline: Sendable {
  private(set) var instant: Instant
  private let grace: UInt64
  private var perByte: UInt64

  /// - Parameter perByte: nanoseconds; 0 asks for no rate.
  init(from now: Instant, grace: UInt64, perByte: UInt64 = 0) {
    instant = now.advanced(by: grace)
    self.grace = grace
    self.perByte = perByte
  }

  /// From here on, asks for a rate at which `bytes` have moved within `total` nanoseconds after the grace, if it is
  /// higher.
  mutating func require(_ bytes: Int, within total: UInt64) {
    let earned = max(1, total / UInt64(max(1, bytes)))
    perByte = perByte == 0 ? earned : min(perByte, earned)
  }

  /// How much of the grace is used up, in nanoseconds: by silence, and by bytes that came too slowly.
  func used(at now: Instant) -> UInt64 { now.advanced(by: grace).nanoseconds(since: instant) }

  mutating func moved(_ bytes: Int, at now: Instant) {
    guard bytes > 0 else { return }
    let (earned, overflow) = UInt64(bytes).multipliedReportingOverflow(by: perByte)
    instant = min(instant.advanced(by: overflow || perByte == 0 ? .max : earned), now.advanced(by: grace))
  }
}

/// How fast a transfer goes: as a whole at first, and while it is asked about, in the last two to four seconds. So a
/// fast beginning does not speak for a slow rest. In its first two seconds it is not known: a peer may be late.
struct Pace: Sendable {
  /// How many bytes of the transfer had moved, and when.
  private struct Mark {
    var instant: Instant
    var moved = 0
  }

  /// The least time between two marks.
  private static let step: UInt64 = 2_000_000_000

  private var began: Instant
  /// The last two marks: the pace is that since the first of them.
  private var (earlier, later): (Mark, Mark)

  init(since began: Instant) {
    self.began = began
    (earlier, later) = (Mark(instant: began), Mark(instant: began))
  }

  /// How long, in nanoseconds, the rest of a transfer would take.
  ///
  /// - Parameters:
  ///   - began: when the transfer began; with another one the pace is measured anew.
  ///   - left: bytes still to move.
  ///   - moved: bytes that have moved. 64 KiB more count at the beginning.
  mutating func expectedTime(since began: Instant, left: Int, moved: Int, at now: Instant) -> UInt64 {
    if began != self.began || moved < later.moved { self = Pace(since: began) }
    if now.nanoseconds(since: later.instant) >= Self.step {
      earlier = later
      later = Mark(instant: now, moved: moved)
    }
    let allowance = earlier.moved == 0 ? 64 * 1024 : 1024
    let time = Double(now.nanoseconds(since: earlier.instant))
    let expected = time * Double(left) / Double(moved - earlier.moved + allowance)
    let age = now.nanoseconds(since: began)
    return min(expected < 1e18 ? UInt64(expected) : .max, age < Self.step ? age : .max)
  }
}

/// Until when a connection waits for what, and what happens then. The times are ``HTTPLimits``'.
extension ConnectionState {
  /// When to call `tick`, or nil while no deadline runs.
  public var nextDeadline: Instant? {
    // `mutating`, as in ConnectionState's own getters.
    mutating get {
      switch (readDeadline, writeDeadline) {
      case (let read?, let write?): min(read, write)
      case (let read?, nil): read
      case (nil, let write): write
      }
    }
  }

  /// A deadline has passed. Does nothing before `nextDeadline`.
  public mutating func tick(at now: Moment) {
    if let deadline = writeDeadline, deadline <= now.instant {
      finish(.slowReader)
    } else if let deadline = readDeadline, deadline <= now.instant {
      switch phase {
      case .head where !hasBegunHead: endIdle()
      case .head: breakRule(ParseFailure(.headTimeout, at: pending.count - pendingStart), path: pendingPath)
      case .body: breakRule(ParseFailure(.bodyTimeout, at: body.position))
      case .discarding where waitingRefusal != nil: breakRule(ParseFailure(.bodyTimeout, at: body.position))
      default: finish(.finished)
      }
    }
  }

  /// How long the peer has kept the connection waiting, in nanoseconds: for the next head since the last response, for
  /// the rest of a head since its first byte, and for bytes of a body or to take an answer as much of the grace as is
  /// used up. Nil while the peer waits for the server.
  public mutating func timeWaited(at now: Instant) -> UInt64? {
    if isWriting { return writeRate.used(at: now) }
    switch phase {
    case .head: return isPaused ? nil : now.nanoseconds(since: since)
    case .body, .discarding, .lingering: return readRate.used(at: now)
    case .headReady, .deciding, .requestReady, .responding, .rejectPending, .rejecting, .closing, .closePending,
      .closed:
      return nil
    }
  }

  @inline(__always) private var readDeadline: Instant? {
    switch phase {
    case .head where isPaused: nil
    case .head where hasBegunHead: since.advanced(by: times.headTimeout)
    // The keep-alive time starts when the last response has been written; until then the writing deadline runs.
    case .head where output.isEmpty:
      min(since.advanced(by: times.idleTimeout), drainDeadline ?? .never)
    // Requests that wait until answers are written are answered at a stop too.
    case .head: pendingStart < pending.count ? nil : drainDeadline
    case .body, .discarding: readRate.instant
    case .lingering: min(since.advanced(by: times.lingerTotal), readRate.instant)
    case .headReady, .deciding, .requestReady, .responding, .rejectPending, .rejecting, .closing, .closePending,
      .closed:
      nil
    }
  }

  @inline(__always) private var writeDeadline: Instant? { isWriting ? writeRate.instant : nil }

  /// Whether the peer has answers to take, as far as is known.
  @inline(__always) var isWriting: Bool { !output.isEmpty || unacknowledged > 0 }
}

/// What a connection holds, and how fast its peer lets it go: by this a server that is short of memory chooses.
extension ConnectionState {
  /// Bytes of memory held for the connection, beside the value itself: what has been received and not taken, a body, a
  /// head that waits for its body, answers until they are written.
  public var memory: Int {
    mutating get { pending.capacity + body.memory + output.memory + ((head ?? lastHead)?.memory ?? 0) }
  }

  /// How long, in nanoseconds, the answers under way would still take at the pace at which the peer takes them, or a
  /// body at the pace at which it comes, but at least as much of the grace as is used up; for a head, as long as it has
  /// taken. Nil where nothing waits for the peer.
  ///
  /// What the system holds counts as not taken: call `systemHolds(_:at:)` before.
  public mutating func expectedTransferTime(at now: Instant) -> UInt64? {
    if isWriting {
      let (left, moved) = (output.count + unacknowledged, max(0, outputWritten - unacknowledged))
      return max(pace.expectedTime(since: outputSince, left: left, moved: moved, at: now), writeRate.used(at: now))
    }
    switch phase {
    case .body:
      let (left, moved) = (body.bytesToCome, body.bytes.count)
      return max(pace.expectedTime(since: since, left: left, moved: moved, at: now), readRate.used(at: now))
    case .head: return hasBegunHead ? now.nanoseconds(since: since) : nil
    default: return nil
    }
  }
}
