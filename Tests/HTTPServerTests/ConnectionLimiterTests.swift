import Testing

@testable import HTTPServer

@Suite struct ConnectionLimiterTests {
  @Test func countsAndKeepsAReserve() {
    let limiter = ConnectionLimiter(cap: 2, reserve: 1)
    #expect(limiter.admit() == .normal)
    #expect(limiter.admit() == .normal)
    #expect(limiter.admit() == .reserve)
    #expect(limiter.admit() == .refused)
    #expect(limiter.count == 3)
    limiter.release()
    limiter.release()
    #expect(limiter.admit() == .normal)
  }
}
