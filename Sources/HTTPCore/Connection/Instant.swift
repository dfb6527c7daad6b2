/// A point on a monotonic clock, in nanoseconds from an arbitrary start.
///
/// HTTPCore owns no clock: whoever calls hands the time in, so a test moves it as it likes.
public struct Instant: Sendable, Hashable, Comparable {
  public var nanoseconds: UInt64

  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// `span` nanoseconds later, never wrapping.
  func advanced(by span: UInt64) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(span)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// The time as an event's argument: the monotonic instant for deadlines and the text of the Date field.
public struct Moment: Sendable {
  public var instant: Instant
  public var date: HTTPDate

  public init(instant: Instant, date: HTTPDate) {
    self.instant = instant
    self.date = date
  }
}
