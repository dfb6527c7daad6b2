import HTTP
import Testing

@testable import HTTPServer

@Suite struct ConnectionTableTests {
  private func connection(_ token: Token) throws -> Connection {
    let moment = Moment(instant: Instant(nanoseconds: 1), date: HTTPDate(unixSeconds: 0))
    return try Socket.pair { here, _ in
      Connection(
        socket: here, state: ConnectionState(limits: SharedLimits(HTTPLimits()), at: moment), token: token,
        isBeyondCap: false)
    }
  }

  @Test func anEventForAnEarlierConnectionFindsNobody() throws {
    let table = ConnectionTable()
    let first = table.nextToken()
    table.insert(try connection(first))
    #expect(table[first] != nil)
    table.remove(first)
    #expect(table[first] == nil)
    let second = table.nextToken()
    table.insert(try connection(second))
    #expect(second.slot == first.slot)
    #expect(table[first] == nil)
    #expect(table[second] != nil)
    #expect(table.count == 1)
  }

  @Test func removingTwiceCountsOnce() throws {
    let table = ConnectionTable()
    let token = table.nextToken()
    table.insert(try connection(token))
    table.remove(token)
    table.remove(token)
    #expect(table.count == 0)
    #expect(table.nextToken().slot != table.nextToken().slot)
  }

  @Test func aTokenComesBackFromEpollAsItWas() {
    for token in [Token(slot: 0, generation: 0), Token(slot: 12_345, generation: .max - 1)] {
      #expect(Token(rawValue: token.rawValue) == token)
    }
  }
}

/// The wheel, with a clock moved by hand.
@Suite struct TimerWheelTests {
  private static let second: UInt64 = 1_000_000_000

  private func instant(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

  @discardableResult
  private func place(_ slot: Int, by milliseconds: UInt64, in wheel: inout TimerWheel) -> Instant? {
    wheel.place(slot, by: instant(milliseconds))
  }

  private func due(_ wheel: inout TimerWheel, at milliseconds: UInt64) -> [Int] {
    var found: [Int] = []
    while let slots = wheel.popDue(at: instant(milliseconds)) { found += slots }
    return found
  }

  @Test func entriesComeUpNotBeforeTheirDeadlineAndAtMostAStepLate() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 64, startingAt: instant(0))
    for milliseconds in [1, 99, 100, 101, 250, 3000] as [UInt64] {
      place(Int(milliseconds), by: milliseconds, in: &wheel)
    }
    #expect(due(&wheel, at: 0).isEmpty)
    #expect(due(&wheel, at: 99).isEmpty)
    #expect(due(&wheel, at: 100) == [1, 99, 100])
    #expect(due(&wheel, at: 199).isEmpty)
    #expect(due(&wheel, at: 200) == [101])
    #expect(due(&wheel, at: 299).isEmpty)
    #expect(due(&wheel, at: 300) == [250])
    #expect(due(&wheel, at: 2999).isEmpty)
    #expect(due(&wheel, at: 60_000) == [3000])
    #expect(wheel.count == 0)
  }

  @Test func aDeadlineInThePastComesUpInTheNextStep() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 64, startingAt: instant(5000))
    place(1, by: 10, in: &wheel)
    #expect(due(&wheel, at: 5099).isEmpty)
    #expect(due(&wheel, at: 5100) == [1])
  }

  @Test func aDeadlineBeyondTheHorizonComesUpAtTheHorizon() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    place(1, by: 1_000_000, in: &wheel)
    #expect(due(&wheel, at: 1499).isEmpty)
    #expect(due(&wheel, at: 1500) == [1])
  }

  @Test func nextWakeIsTheFirstEntryAndNilWithoutOne() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 64, startingAt: instant(0))
    #expect(wheel.nextWake == nil)
    place(1, by: 2000, in: &wheel)
    place(2, by: 450, in: &wheel)
    #expect(wheel.nextWake == instant(500))
    #expect(due(&wheel, at: 500) == [2])
    #expect(wheel.nextWake == instant(2000))
  }

  @Test func aLongSleepLosesNothing() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    for entry in 0..<10 { place(entry, by: UInt64(entry) * 100, in: &wheel) }
    #expect(due(&wheel, at: 3_600_000).sorted() == Array(0..<10))
    // And afterwards time goes on from there.
    place(11, by: 3_600_050, in: &wheel)
    #expect(due(&wheel, at: 3_600_099).isEmpty)
    #expect(due(&wheel, at: 3_600_100) == [11])
  }

  @Test(arguments: [0, 1500, 1600, 1700, 3_600_000] as [UInt64])
  func aSlotComesUpHoweverLate(_ pause: UInt64) throws {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    // Placed after a pause without entries, and looked at after another.
    place(1, by: pause + 1000, in: &wheel)
    #expect(due(&wheel, at: 2 * pause + 1000) == [1])
    // From here on it goes by the clock again.
    #expect(place(1, by: 2 * pause + 1050, in: &wheel) == instant(2 * pause + 1100))
    #expect(due(&wheel, at: 2 * pause + 1000).isEmpty)
  }

  @Test func onlyTheEarliestEntryOfASlotCounts() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 64, startingAt: instant(0))
    #expect(place(1, by: 2000, in: &wheel) == instant(2000))
    #expect(place(1, by: 3000, in: &wheel) == nil)
    #expect(place(1, by: 1950, in: &wheel) == nil)
    #expect(place(1, by: 450, in: &wheel) == instant(500))
    #expect(due(&wheel, at: 500) == [1])
    #expect(place(1, by: 2100, in: &wheel) == instant(2100))
    #expect(due(&wheel, at: 2000).isEmpty)
    #expect(due(&wheel, at: 2100) == [1])
    #expect(wheel.count == 0)
  }

  @Test func anEmptyWheelFollowsTheClock() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    #expect(due(&wheel, at: 50_000).isEmpty)
    place(1, by: 50_100, in: &wheel)
    #expect(due(&wheel, at: 50_099).isEmpty)
    #expect(due(&wheel, at: 50_100) == [1])
  }
}
