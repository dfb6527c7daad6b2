import HTTP
import Testing

@testable import HTTPServer

@Suite struct ConnectionTableTests {
  private func connection(_ token: Token) throws -> Connection {
    let moment = Moment(instant: Instant(nanoseconds: 1), date: HTTPDate(unixSeconds: 0))
    return try Socket.pair { here, _ in
      Connection(
        socket: here, state: ConnectionState(limits: SharedLimits(HTTPLimits()), at: moment), token: token,
        isReserve: false)
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

  private func due(_ wheel: inout TimerWheel, at milliseconds: UInt64) -> [Int] {
    var found: [Int] = []
    while let step = wheel.popDue(at: instant(milliseconds)) { found += step.entries }
    return found
  }

  @Test func entriesComeUpNotBeforeTheirDeadlineAndAtMostAStepLate() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 64, startingAt: instant(0))
    for milliseconds in [1, 99, 100, 101, 250, 3000] as [UInt64] {
      wheel.insert(Int(milliseconds), at: wheel.step(for: instant(milliseconds)))
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
    wheel.insert(1, at: wheel.step(for: instant(10)))
    #expect(due(&wheel, at: 5099).isEmpty)
    #expect(due(&wheel, at: 5100) == [1])
  }

  @Test func aDeadlineBeyondTheHorizonComesUpAtTheHorizon() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    wheel.insert(1, at: wheel.step(for: instant(1_000_000)))
    #expect(due(&wheel, at: 1499).isEmpty)
    #expect(due(&wheel, at: 1500) == [1])
  }

  @Test func nextWakeIsTheFirstEntryAndNilWithoutOne() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 64, startingAt: instant(0))
    #expect(wheel.nextWake == nil)
    wheel.insert(1, at: wheel.step(for: instant(2000)))
    wheel.insert(2, at: wheel.step(for: instant(450)))
    #expect(wheel.nextWake == instant(500))
    #expect(due(&wheel, at: 500) == [2])
    #expect(wheel.nextWake == instant(2000))
  }

  @Test func aLongSleepLosesNothing() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    for entry in 0..<10 { wheel.insert(entry, at: wheel.step(for: instant(UInt64(entry) * 100))) }
    #expect(due(&wheel, at: 3_600_000).sorted() == Array(0..<10))
    // And afterwards time goes on from there.
    wheel.insert(11, at: wheel.step(for: instant(3_600_050)))
    #expect(due(&wheel, at: 3_600_099).isEmpty)
    #expect(due(&wheel, at: 3_600_100) == [11])
  }

  /// The owner knows an entry by the step that it was given, however long nobody looked.
  @Test(arguments: [0, 1500, 1600, 1700, 3_600_000] as [UInt64])
  func anEntryComesUpUnderItsOwnStepHoweverLate(_ pause: UInt64) throws {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    // Placed after a pause without entries, and looked at after another.
    let step = wheel.step(for: instant(pause + 1000))
    wheel.insert(1, at: step)
    let found = wheel.popDue(at: instant(2 * pause + 1000))
    let late = try #require(found)
    #expect(late.step == step && late.entries == [1])
    // From here on it goes by the clock again.
    #expect(wheel.step(for: instant(2 * pause + 1050)) == (2 * pause + 1100) / 100)
    #expect(due(&wheel, at: 2 * pause + 1000).isEmpty)
  }

  @Test func anEmptyWheelFollowsTheClock() {
    var wheel = TimerWheel(granularity: 100_000_000, steps: 16, startingAt: instant(0))
    #expect(due(&wheel, at: 50_000).isEmpty)
    wheel.insert(1, at: wheel.step(for: instant(50_100)))
    #expect(due(&wheel, at: 50_099).isEmpty)
    #expect(due(&wheel, at: 50_100) == [1])
  }
}
