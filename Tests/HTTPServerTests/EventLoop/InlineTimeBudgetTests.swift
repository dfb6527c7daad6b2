import HTTP
import Testing

@testable import HTTPServer

/// What ends the work on a request, or hands it on.
@Suite struct CancellationTests {
  @Test func aTokenIsCancelledByTheClientsEndOrByTheDeadline() {
    let token = CancellationToken(deadline: .never)
    #expect(!token.isCancelled)
    token.abandon()
    #expect(token.isCancelled && token.isAbandoned)
    let late = CancellationToken(deadline: Clock.now())
    #expect(late.isCancelled && !late.isAbandoned)
  }

  @Test func aTimeBudgetRemembersThatItStoppedTheWork() {
    let budget = InlineTimeBudget(60_000_000_000)
    budget.start(at: Clock.now())
    for _ in 0..<3 { #expect(!budget.checkExpired()) }
    #expect(!budget.didExpire)
    budget.start(at: Instant(nanoseconds: 0))
    // Used up, but the work has not asked: its answer counts.
    #expect(!budget.didExpire)
    let now = Instant(nanoseconds: 70_000_000_000)
    #expect(!budget.checkExpired(at: now, threadTime: 1) && budget.checkExpired(at: now, threadTime: 60_000_000_001))
    #expect(budget.didExpire)
    budget.start(at: Clock.now())
    #expect(!budget.didExpire)
  }

  @Test func aRequestIsTakenOnce() {
    let request = OneShotRequest(Request(head: RequestHead(.post, "/"), route: .unmatched, body: [1, 2, 3]))
    #expect(request.take()?.body == [1, 2, 3])
    #expect(request.take() == nil)
  }
}

/// How long a loop tries requests by itself, with a clock moved by hand.
@Suite struct InlineTimeBudgetTests {
  private static let longest: UInt64 = 2_000_000

  private func instant(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

  /// A try from `now` on, in which the thread has the processor for a part of the time: until it is stopped.
  private func fail(_ budget: InlineTimeBudget, from now: Instant, isShort: Bool = false, share: Double = 1) -> Instant
  {
    budget.start(at: now, isShort: isShort)
    var elapsed: UInt64 = 0
    repeat {
      elapsed += 100_000
    } while elapsed < 1_000_000_000
      && !budget.checkExpired(at: now.advanced(by: elapsed), threadTime: 1_000_000 + UInt64(share * Double(elapsed)))
    if !isShort { budget.failed(at: now.advanced(by: elapsed)) }
    return now.advanced(by: elapsed)
  }

  /// A crowd of requests that all take long: however many there are, an eighth of the time and 16 ms go to long tries.
  @Test func longTriesTakeASmallPartOfTheTime() {
    let budget = InlineTimeBudget(Self.longest)
    var (now, long) = (instant(1000), UInt64(0))
    while now < instant(11_000) {
      let (began, isLong) = (now, !budget.isSpent(at: now))
      now = fail(budget, from: now, isShort: !isLong)
      #expect(now.nanoseconds(since: began) == (isLong ? Self.longest : InlineTimeBudget.short))
      if isLong { long += Self.longest }
    }
    #expect(long <= 10_000_000_000 / 8 + 10 * Self.longest)
    #expect(long >= 10_000_000_000 / 10)
  }

  @Test func afterAPauseTriesAreLongAgain() {
    let budget = InlineTimeBudget(Self.longest)
    // However many have failed.
    for _ in 0..<100 { _ = fail(budget, from: instant(1)) }
    #expect(budget.isSpent(at: instant(3)))
    #expect(!budget.isSpent(at: instant(3 + 10 * 2 * 8)))
  }

  @Test("Time in which others have the processor does not count", arguments: [1, 0.5, 0.1, 0.01])
  func interruptedTries(share: Double) {
    let budget = InlineTimeBudget(Self.longest)
    let time = fail(budget, from: instant(1), share: share).nanoseconds(since: instant(1))
    #expect(abs(Double(time) * share - Double(Self.longest)) <= 100_000)
    // Nor does the budget count it.
    var now = instant(1000)
    for _ in 0..<100 { now = fail(budget, from: now, share: share) }
    #expect(budget.isSpent(at: now) == (share * Double(InlineTimeBudget.cost) > 1))
  }

  @Test func aTryThatWantedMemoryCountsForNothing() {
    let budget = InlineTimeBudget(Self.longest)
    for _ in 0..<1000 {
      budget.start(at: instant(1))
      budget.expire()
      budget.failed(at: instant(2))
    }
    #expect(!budget.isSpent(at: instant(2)))
  }
}
