import Synchronization
import Testing
import VectorKernels

@testable import Softmax

/// What rows of many classes cost whose derivatives are half-way but for faint parts, as their work is announced: each
/// entry takes few steps more than the row.
@Suite("Costs of exponential sums")
struct QuotientCostTests {
  /// Adds up the nanoseconds that the interval stage announces.
  private final class CountingHost: ExecutionHost {
    let isCancelled: @Sendable () -> Bool = { false }
    let parallel: @Sendable (Int, (Int) -> Void) -> Void = { count, body in for index in 0..<count { body(index) } }
    let reportUnboundedWork: @Sendable (Int) -> Void
    let work: @Sendable () -> Int

    init() {
      let sum = Sum()
      reportUnboundedWork = { sum.value.add($0, ordering: .relaxed) }
      work = { sum.value.load(ordering: .relaxed) }
    }

    private final class Sum: Sendable {
      let value = Atomic(0)
    }
  }

  private func expect(
    _ logits: [Double], teacher: [Double], weight: [Double]? = nil, smoothing: Double = 0, entry: Double, most: Int
  ) throws {
    let softmax = try SoftmaxProblem(
      logits: logits, layout: Layout(shape: [logits.count], axis: 0), format: .bfloat16)
    let problem = try LossProblem(
      softmax: softmax, target: .logits(Numbers(teacher)), weight: weight, labelSmoothing: smoothing)
    let host = CountingHost()
    let result = try problem.lossAndGradient(
      upstream: nil, loss: false, gradient: true, Execution(level: .baseline, host: host))
    #expect(try #require(result.gradient).dropFirst().allSatisfy { $0 == entry }, "\(result.gradient ?? [])")
    #expect(host.work() < most, "\(host.work()) ns")
  }

  private func row(_ first: Double, _ count: Int, _ logit: (Double) -> Double) -> [Double] {
    [first] + (1..<count).map { logit(Double($0)) }
  }

  /// The half-way part is of the product S S' alone, and gone before that is multiplied out.
  @Test func twoRowsThatAreNotLevel() throws {
    try expect(
      row(0, 256) { -2_000_000 - $0 }, teacher: row(0, 256) { -2_000_000 - 3 * $0 }, smoothing: 257 / 512,
      entry: -0x1p-9, most: 2_000_000_000)
  }

  @Test func levelTeacherWithUnevenWeights() throws {
    try expect(
      row(0, 1024) { -1000 - $0 }, teacher: row(0, 1024) { _ in 0 }, weight: row(1, 1024) { _ in 4 * 257 },
      entry: -1, most: 100_000_000)
  }

  /// Equal logits are one power each, and two powers are compared at once.
  @Test func manyEqualLogits() throws {
    try expect(
      row(2000, 4096) { _ in 0 }, teacher: row(2000, 4096) { _ in 1 }, smoothing: 257 / 512, entry: -0x1.02p-13,
      most: 100_000_000)
  }
}
