import Testing

@testable import HTTP

struct TimeTests {
  @Test(
    "IMF-fixdate (RFC 9110 §5.6.7)",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (1_795_487_999, "Tue, 24 Nov 2026 02:39:59 GMT"),
      (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
      (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] as [(Int64, String)])
  func text(seconds: Int64, text: String) {
    let date = HTTPDate(unixSeconds: seconds)
    #expect(String(decoding: date.text.indices.map { date.text[$0] }, as: UTF8.self) == text)
  }

  @Test func whatIsTooLongIsHeldToTheEnd() {
    let longest = Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 709_551_615_000_000_000)
    #expect(longest.nanoseconds == .max && (longest + .nanoseconds(1)).nanoseconds == .max)
    #expect((longest - .nanoseconds(1)).nanoseconds == .max - 1 && Duration.seconds(-1).nanoseconds == 0)
  }

  @Test func theTimeSinceALaterInstantIsNone() {
    let (early, late) = (Instant(nanoseconds: 5), Instant(nanoseconds: 12))
    #expect(late.nanoseconds(since: early) == 7 && early.nanoseconds(since: late) == 0 && late < .never)
  }
}
