import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

@Suite struct MemoryBudgetTests {
  @Test func reservationsLeaveAnEighthFree() {
    let budget = MemoryBudget(limit: 800)
    #expect(budget.reserve(700) && !budget.reserve(1) && !budget.hasRoom(for: 1))
    #expect(budget.isExhausted && !budget.isExceeded)
    budget.add(100)
    #expect(!budget.isExceeded)
    budget.add(1)
    #expect(budget.isExceeded)
    budget.add(-801)
    #expect(budget.heldBytes == 0 && budget.hasRoom(for: 700) && !budget.hasRoom(for: 701))
    #expect(budget.canEverReserve(700) && !budget.canEverReserve(701))
    #expect(!budget.reserve(.max) && budget.heldBytes == 0)
  }

  /// Whatever has been asked for before, in whatever order: readiness depends on what is held alone.
  @Test(
    "Ready is who has room for a sixteenth, whatever was asked for, granted or not", arguments: 0..<64 as Range<UInt64>)
  func readinessDependsOnWhatIsHeldAlone(seed: UInt64) {
    let budget = MemoryBudget(limit: 1600)
    var random = SplitMix64(seed)
    budget.add(random.int(in: 0...200))
    let connections = budget.heldBytes
    do {
      let requests = (0..<4).map { _ in MemoryReservation(budget, bytes: random.int(in: 0...300)) }
      for _ in 0..<40 {
        // Up to more than there ever is, and often less than before, as when a request asks again for less.
        _ = requests.randomElement(using: &random)?.resize(to: random.int(in: 0...1700))
        if random.bool() { _ = budget.hasRoom(for: random.int(in: 0...1700)) }
        #expect(budget.isExhausted == (budget.heldBytes > 1100))
        #expect(budget.isExhausted != budget.hasRoom(for: budget.roomNeeded(forBody: 100)))
        #expect(budget.isFullOfBodies == (budget.heldBytes > 1200))
      }
    }
    #expect(budget.heldBytes == connections && !budget.isExhausted)
  }

  @Test("Nobody makes room for a request that is larger than there ever is", arguments: [0, 100])
  func whatIsNeverGrantedAsksForNothing(held: Int) {
    let budget = MemoryBudget(limit: 800)
    let counter = Counter()
    budget.whenAskedForRoom { _ in counter.count.add(1, ordering: .relaxed) }
    budget.add(200)
    let reservation = MemoryReservation(budget, bytes: held)
    #expect(reservation.resize(to: 701) == .never && counter.value == 0)
    #expect(reservation.resize(to: 700) == .notNow && counter.value == 1)
  }

  @Test(
    "The time limit is the square of what is free of the second half",
    arguments: [
      (0, nil), (500, nil), (625, 168_750), (750, 75_000), (900, 12_000), (1000, 1000), (1200, 1000),
    ] as [(Int, UInt64?)])
  func transferTimeLimit(held: Int, milliseconds: UInt64?) {
    let budget = MemoryBudget(limit: 1000, longestTransfer: 300_000_000_000)
    budget.add(held)
    // Doubles of small integers' ratios: within a microsecond.
    #expect(budget.transferTimeLimit().map { ($0 + 1000) / 1_000_000 } == milliseconds)
  }

  @Test(
    "While a request finds no room, a transfer may go on for a second",
    arguments: [(600, 275, 192_000), (600, 276, 1000), (400, 475, nil), (400, 476, 1000), (400, 876, nil)]
      as [(Int, Int, UInt64?)])
  func transferTimeLimitBesidesARequest(held: Int, wanted: Int, milliseconds: UInt64?) {
    let budget = MemoryBudget(limit: 1000, longestTransfer: 300_000_000_000)
    budget.add(held)
    #expect(budget.transferTimeLimit(besides: wanted).map { ($0 + 1000) / 1_000_000 } == milliseconds)
  }

  @Test func shortageIsReportedWhenItBeginsAndAtEachRefusal() {
    let budget = MemoryBudget(limit: 1000)
    // The test waits for nobody: it is told on this thread.
    let counter = Counter()
    let wanted = Atomic<Int>(0)
    budget.whenAskedForRoom {
      counter.count.add(1, ordering: .relaxed)
      wanted.store($0, ordering: .relaxed)
    }
    budget.add(500)
    #expect(counter.value == 0 && !budget.isHalfHeld)
    budget.add(1)
    #expect(counter.value == 1 && budget.isHalfHeld)
    budget.add(100)
    #expect(counter.value == 1)
    #expect(wanted.load(ordering: .relaxed) == 0)
    #expect(!budget.reserve(500) && counter.value == 2 && wanted.load(ordering: .relaxed) == 500)
    budget.add(-601)
    #expect(budget.reserve(600) && counter.value == 3 && wanted.load(ordering: .relaxed) == 0)
  }

  @Test func aFallIsSeenOnce() {
    let budget = MemoryBudget(limit: 1000)
    budget.add(600)
    budget.add(-100)
    #expect(!budget.hasFallen(by: 200))
    budget.add(-100)
    #expect(budget.hasFallen(by: 200))
    #expect(!budget.hasFallen(by: 200))
    budget.add(-200)
    #expect(budget.hasFallen(by: 200))
  }

  @Test func aLoopReportsInSteps() {
    let budget = MemoryBudget(limit: 1 << 20)
    let memory = LoopMemory(budget)
    memory.add(60_000)
    #expect(budget.heldBytes == 0 && memory.held == 60_000)
    memory.add(10_000)
    #expect(budget.heldBytes == 70_000)
    memory.add(-10_000)
    #expect(budget.heldBytes == 70_000)
    memory.report()
    #expect(budget.heldBytes == 60_000)
    memory.add(-60_000)
    memory.report()
    #expect(budget.heldBytes == 0)
  }

  @Test func aReservationGrowsShrinksAndEnds() {
    let budget = MemoryBudget(limit: 800)
    do {
      let reservation = MemoryReservation(budget, bytes: 100)
      #expect(budget.heldBytes == 100)
      #expect(reservation.resize(to: 400) == .granted && budget.heldBytes == 400)
      #expect(reservation.resize(to: 50) == .granted && budget.heldBytes == 50)
      budget.add(600)
      #expect(reservation.resize(to: 101) == .notNow && budget.heldBytes == 650)
      #expect(reservation.resize(to: 701) == .never)
      reservation.release()
      reservation.release()
      #expect(budget.heldBytes == 600)
      #expect(reservation.resize(to: 60) == .granted)
    }
    #expect(budget.heldBytes == 600)
  }

  private final class Counter: Sendable {
    let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
  }
}
