/// A point on a monotonic clock, in nanoseconds from an arbitrary start.
///
/// HTTP owns no clock: callers pass the time in, so a test moves it by hand.
public struct Instant: Sendable, Hashable, Comparable {
  /// Nanoseconds from the clock's start.
  public var nanoseconds: UInt64

  /// A point so many nanoseconds from the clock's start.
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Later than every deadline.
  public static var never: Instant { Instant(nanoseconds: .max) }

  /// How long ago `earlier` was, in nanoseconds; 0 if it is later.
  @inlinable
  public func nanoseconds(since earlier: Instant) -> UInt64 {
    nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
  }

  /// `span` nanoseconds later, never wrapping.
  package func advanced(by span: UInt64) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(span)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// `span` later, never wrapping; a negative one counts as 0.
  public func advanced(by span: Duration) -> Instant { advanced(by: span.nanoseconds) }

  public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
  /// Whole nanoseconds, held to what 64 bits take; negative ones are 0.
  public var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return Instant(nanoseconds: overflow ? .max : product).advanced(by: UInt64(attoseconds / 1_000_000_000)).nanoseconds
  }
}

/// The time as an event's argument: the monotonic instant for deadlines and the text of the Date field.
public struct Moment: Sendable {
  /// The time for deadlines.
  public var instant: Instant
  /// The time for the field Date.
  public var date: HTTPDate

  /// The same moment on both clocks.
  public init(instant: Instant, date: HTTPDate) {
    self.instant = instant
    self.date = date
  }
}

/// A time as the 29 bytes of IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// A server makes one a second and uses it for every response.
public struct HTTPDate: Sendable {
  let text: InlineArray<29, UInt8>

  /// - Parameter unixSeconds: seconds since 1970-01-01T00:00:00Z, clamped to the years 1970 to 9999.
  public init(unixSeconds: Int64) {
    let time = CivilTime(unixSeconds: unixSeconds)
    var text = InlineArray<29, UInt8>(repeating: 0x20)
    Self.write("ThuFriSatSunMonTueWed", from: time.daysSince1970 % 7 * 3, to: &text, at: 0)
    text[3] = UInt8(ascii: ",")
    Self.write(time.day, to: &text, at: 5)
    Self.write("JanFebMarAprMayJunJulAugSepOctNovDec", from: (time.month - 1) * 3, to: &text, at: 8)
    Self.write(time.year / 100, to: &text, at: 12)
    Self.write(time.year % 100, to: &text, at: 14)
    Self.write(time.hour, to: &text, at: 17)
    text[19] = UInt8(ascii: ":")
    Self.write(time.minute, to: &text, at: 20)
    text[22] = UInt8(ascii: ":")
    Self.write(time.second, to: &text, at: 23)
    Self.write("GMT", from: 0, to: &text, at: 26)
    self.text = text
  }

  /// Writes two digits.
  private static func write(_ number: Int, to text: inout InlineArray<29, UInt8>, at index: Int) {
    text[index] = 0x30 &+ UInt8(truncatingIfNeeded: number / 10 % 10)
    text[index + 1] = 0x30 &+ UInt8(truncatingIfNeeded: number % 10)
  }

  /// Writes the three letters of `names` from `start` on.
  private static func write(_ names: String, from start: Int, to text: inout InlineArray<29, UInt8>, at index: Int) {
    for (offset, byte) in names.utf8.dropFirst(start).prefix(3).enumerated() { text[index + offset] = byte }
  }
}

/// A time of the proleptic Gregorian calendar in UTC.
public struct CivilTime: Sendable, Hashable {
  let daysSince1970: Int
  /// From 1970 to 9999.
  public let year: Int
  /// From 1 to 12.
  public let month: Int
  /// From 1 to 31.
  public let day: Int
  /// From 0 to 23.
  public let hour: Int
  /// From 0 to 59.
  public let minute: Int
  /// From 0 to 59.
  public let second: Int

  /// - Parameter unixSeconds: seconds since 1970-01-01T00:00:00Z, clamped to the years 1970 to 9999.
  public init(unixSeconds: Int64) {
    let seconds = min(max(unixSeconds, 0), 253_402_300_799)
    daysSince1970 = Int(seconds / 86_400)
    let secondOfDay = Int(seconds % 86_400)
    (hour, minute, second) = (secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60)
    // Years are counted from March, so that the leap day ends them, in eras of 400 years, each of 146,097 days.
    let shifted = daysSince1970 + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}
