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
    let budget = InlineTimeBudget()
    budget.start(at: Clock.now(), nanoseconds: 60_000_000_000)
    #expect(!budget.checkExpired())
    #expect(!budget.didExpire)
    budget.start(at: Clock.now(), nanoseconds: 0)
    // Used up, but the work has not asked: its answer counts.
    #expect(!budget.didExpire)
    #expect(budget.checkExpired())
    #expect(budget.didExpire)
    budget.start(at: Clock.now(), nanoseconds: 60_000_000_000)
    #expect(!budget.didExpire)
  }

  @Test func aRequestIsTakenOnce() {
    let request = OneShotRequest(Request(head: RequestHead(.post, "/"), route: .unmatched, body: [1, 2, 3]))
    #expect(request.take()?.body == [1, 2, 3])
    #expect(request.take() == nil)
  }
}
