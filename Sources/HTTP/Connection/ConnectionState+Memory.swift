/// What a connection holds, and how fast its peer lets it go: by this a server that is short of memory chooses.
extension ConnectionState {
  /// Bytes of memory held for the connection, beside the value itself: what has been received and not taken, a body, a
  /// head that waits for its body, answers until they are written.
  public var memory: Int {
    mutating get { pending.capacity + body.memory + output.memory + (head?.memory ?? 0) }
  }

  /// How long, in nanoseconds, the answers under way would still take at the pace at which the peer has taken them so
  /// far, or a body at the pace at which it has come; nil where nothing waits for the peer.
  ///
  /// 64 KiB count as moved from the start, so that a transfer that has just begun is not taken for a slow one.
  public mutating func expectedTransferTime(at now: Instant) -> UInt64? {
    if !output.isEmpty {
      Self.expectedTime(left: output.count, moved: outputWritten, since: outputSince, at: now)
    } else if phase == .body {
      Self.expectedTime(left: body.bytesToCome, moved: body.bytes.count, since: since, at: now)
    } else {
      nil
    }
  }

  private static func expectedTime(left: Int, moved: Int, since: Instant, at now: Instant) -> UInt64 {
    let elapsed = now.nanoseconds > since.nanoseconds ? now.nanoseconds - since.nanoseconds : 0
    let expected = Double(elapsed) * Double(left) / Double(moved + 64 * 1024)
    return expected < 1e18 ? UInt64(expected) : .max
  }
}
