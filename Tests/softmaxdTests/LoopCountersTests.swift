import Testing

@testable import softmaxd

/// The counters' fixed sizes are written as numbers; a label more must not lead past their end.
struct LoopCountersTests {
  @Test func thereIsACounterForEachLabel() {
    let counters = LoopCounters()
    #expect(LoopCounters.seriesCount == Labels.methods.count * Labels.routes.count * Labels.statuses.count)
    #expect(counters.began.count == Labels.methods.count)
    #expect(counters.ended.count == Labels.methods.count)
    let last = LoopCounters.index(
      method: Labels.otherMethod, route: Labels.noRoute, status: Labels.otherStatus)
    #expect(last == LoopCounters.seriesCount - 1)
    _ = counters.series(at: last)
    #expect(counters.existingSeries(at: last) != nil)
  }
}
