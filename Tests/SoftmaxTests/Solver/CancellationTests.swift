import Synchronization
import Testing
import VectorKernels

@testable import Softmax

/// A computation ends soon after it is told to, at every width.
@Suite("Cancellation")
struct CancellationTests {
  /// Cancels from the n-th question on.
  private final class ImpatientHost: ExecutionHost {
    let isCancelled: @Sendable () -> Bool
    let parallel: @Sendable (Int, (Int) -> Void) -> Void = { count, body in for index in 0..<count { body(index) } }
    let reportUnboundedWork: @Sendable (Int) -> Void = { _ in }
    private let asked = Questions()

    /// How often it was asked.
    var count: Int { asked.count.load(ordering: .relaxed) }

    private final class Questions: Sendable { let count = Atomic(0) }

    init(_ questions: Int) {
      let asked = asked
      isCancelled = { asked.count.add(1, ordering: .relaxed).newValue > questions }
    }
  }

  @Test(arguments: [0, 1, 5]) func longRowsEnd(questions: Int) throws {
    let logits = (0..<200_000).map { Double($0 % 1000) / 64 }
    let problem = try SoftmaxProblem(logits: logits, layout: Layout(shape: [200_000], axis: 0))
    let execution = Execution(level: .baseline, host: ImpatientHost(questions))
    #expect(throws: ComputationError.cancelled) {
      try problem.solve([.probabilities], execution, from: .interval)
    }
  }

  /// Rows that the vector stage does not take, each with less to do than asks by itself: what was not begun is not.
  @Test func manyShortRowsEnd() throws {
    let (rows, n) = (400, 20)
    let problem = try Self.capped(rows: rows, n)
    let execution = Execution(level: .baseline, host: ImpatientHost(3))
    _ = try ResultBuffer.arrays([rows * n * n]) { buffers throws(ComputationError) in
      buffers[0].clear(rows * n * n, from: 0)
      #expect(throws: ComputationError.cancelled) {
        try problem.solve([.jacobian], into: buffers, execution)
      }
      #expect((0..<rows * n * n).count { buffers[0][$0] == 0 } > rows * n * n / 2)
    }
  }

  /// Many numbers of one row: each is counted for about what it costs, a microsecond in balls.
  @Test func rowsWithManyNumbersAsk() throws {
    let n = 200
    let problem = try Self.capped(rows: 1, n)
    let host = ImpatientHost(.max)
    _ = try problem.solve([.jacobian], Execution(level: .baseline, host: host))
    #expect(host.count > n * n / 1000)
  }

  private static func capped(rows: Int, _ n: Int) throws -> SoftmaxProblem {
    try SoftmaxProblem(
      logits: (0..<rows * n).map { Double($0 * 7 % 10) }, layout: Layout(shape: [rows, n], axis: 1),
      temperature: 1e-300, softcap: 0.001)
  }

  /// A log-sum-exp that is zero to more bits than anyone waits for: each logit cancels what the ones before left.
  @Test func widthsThatGrowEnd() throws {
    let logits = try CancellationTests.greedy(count: 20)
    let problem = try SoftmaxProblem(logits: logits, layout: Layout(shape: [logits.count], axis: 0))
    let execution = Execution(level: .baseline, host: ImpatientHost(0))
    #expect(throws: ComputationError.cancelled) { try problem.solve([.logSumExp], execution) }
    let counter = StageCounter()
    let found = try problem.solve([.logSumExp], Execution(), from: .vector, counting: counter)
    #expect(counter.total.widestBits >= 1024)
    #expect((found.logSumExp?[0] ?? 1).magnitude < 1e-200)
  }

  /// Logits whose exponentials add up to one within about 2^(-45 count): each is the logarithm of what is left, rounded
  /// down.
  private static func greedy(count: Int) throws -> [Double] {
    var poll = CancellationPoll()
    let big = try IntervalArithmetic<WideLimbs>.wide(bits: 2048, &poll)
    var left = big.whole(1)
    var logits: [Double] = []
    for _ in 0..<count {
      // log(left) by log1p of its inverse, which is at least 1.
      let inverse = big.whole(1) / left
      let log = -(try big.logOfOnePlus(inverse - big.whole(1), &poll))
      let logit = logits.isEmpty ? -0.7 : log.lower.approximation.nextDown
      logits.append(logit)
      left = left - (try big.exponential(big.exact(logit), &poll))
      guard left.lower.sign > 0 else { break }
    }
    return logits
  }
}
