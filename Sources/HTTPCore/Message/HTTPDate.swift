/// A time as the 29 bytes of IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// A server makes one a second and hands it to every response.
public struct HTTPDate: Sendable {
  let text: InlineArray<29, UInt8>

  /// `unixSeconds`: seconds since 1970-01-01T00:00:00Z, held to the years 1970 to 9999.
  public init(unixSeconds: Int64) {
    let seconds = min(max(unixSeconds, 0), 253_402_300_799)
    let days = Int(seconds / 86_400)
    let second = Int(seconds % 86_400)
    let (year, month, day) = Self.civil(days)
    var text = InlineArray<29, UInt8>(repeating: 0x20)
    Self.put("ThuFriSatSunMonTueWed", days % 7 * 3, 3, at: 0, in: &text)
    text[3] = UInt8(ascii: ",")
    Self.put(day, at: 5, in: &text)
    Self.put("JanFebMarAprMayJunJulAugSepOctNovDec", (month - 1) * 3, 3, at: 8, in: &text)
    Self.put(year / 100, at: 12, in: &text)
    Self.put(year % 100, at: 14, in: &text)
    Self.put(second / 3600, at: 17, in: &text)
    text[19] = UInt8(ascii: ":")
    Self.put(second / 60 % 60, at: 20, in: &text)
    text[22] = UInt8(ascii: ":")
    Self.put(second % 60, at: 23, in: &text)
    Self.put("GMT", 0, 3, at: 26, in: &text)
    self.text = text
  }

  /// Year, month and day of a day number from 1970-01-01, in the proleptic Gregorian calendar: years are counted from
  /// March, so that the leap day ends them, in eras of 400 years, which all have 146,097 days.
  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func put(_ number: Int, at index: Int, in text: inout InlineArray<29, UInt8>) {
    text[index] = 0x30 &+ UInt8(truncatingIfNeeded: number / 10 % 10)
    text[index + 1] = 0x30 &+ UInt8(truncatingIfNeeded: number % 10)
  }

  private static func put(
    _ source: String, _ start: Int, _ count: Int, at index: Int, in text: inout InlineArray<29, UInt8>
  ) {
    for (offset, byte) in source.utf8.dropFirst(start).prefix(count).enumerated() { text[index + offset] = byte }
  }
}
