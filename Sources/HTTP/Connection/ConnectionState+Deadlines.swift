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

  private var readDeadline: Instant? {
    switch phase {
    case .head where hasBegunHead: since.advanced(by: times.head)
    // The keep-alive time starts when the last response has been written; until then the writing deadline runs.
    case .head where output.isEmpty:
      min(since.advanced(by: times.keepAlive), drainDeadline ?? Instant(nanoseconds: .max))
    case .head: drainDeadline
    case .body, .discarding: readRate.instant
    case .lingering: min(since.advanced(by: times.lingerTotal), readRate.instant)
    case .headReady, .deciding, .requestReady, .answering, .rejectPending, .rejecting, .closing, .closePending, .closed:
      nil
    }
  }

  private var writeDeadline: Instant? { output.isEmpty ? nil : writeRate.instant }
}
