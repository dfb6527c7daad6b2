import KernelDispatch
import TestSupport
import Testing

@testable import Softmax
@testable import VectorKernels

/// Everyday results that cancel, or lie nearly half-way between two numbers: the vector stage decides them, with the
/// bits of the interval stage.
@Suite("Results nearly half-way")
struct NearHalfWayTests {
  /// Whether an answer has the interval stage's bits, and how many of its numbers are left to the ball stage.
  private func check(
    _ level: KernelLevel, atMost open: Int = 0, _ answer: (Execution, Stage, StageCounter) throws -> [Double]?
  ) throws {
    let counter = StageCounter()
    let found = try #require(try answer(Execution(level: level), .vector, counter))
    let truth = try #require(try answer(Execution(), .interval, StageCounter()))
    #expect(found.map(\.bitPattern) == truth.map(\.bitPattern))
    #expect(counter.total.ball <= open, "\(counter.total.ball) of \(counter.total.outputs) open")
  }

  private func gradient(_ problem: LossProblem, _ level: KernelLevel, upstream: Double = 1) throws {
    try check(level) { execution, stage, counter in
      try problem.lossAndGradient(
        upstream: [upstream], loss: false, gradient: true, execution, from: stage, counting: counter
      ).gradient
    }
  }

  /// 1/(N T) is 2^-108 from half-way between two numbers, and so is a gradient where the row is sure of a class.
  @Test(arguments: levelsHere) func meansAtSmallTemperatures(level: KernelLevel) throws {
    var source = RandomProblem(seed: 3)
    for k in repetitions(60) {
      let (rows, classes) = (source.pick(10, 20, 40, 80), source.pick(2, 3, 10, 100))
      let softmax = try SoftmaxProblem(
        logits: (0..<rows * classes).map { _ in source.gauss() * 3 }, layout: Layout(shape: [rows, classes], axis: 1),
        temperature: source.pick(0.05, 0.1, 0.2, 0.4))
      let targets = (0..<rows).map { _ in Int.random(in: 0..<classes, using: &source) }
      let oneHot = targets.flatMap { target in (0..<classes).map { $0 == target ? 1.0 : 0 } }
      let weight = source.chance(0.3) ? (0..<classes).map { _ in source.pick(0.1, 1, 3) } : nil
      let sampleWeight = source.chance(0.3) ? (0..<rows).map { _ in source.pick(0.1, 1, 0) } : nil
      let problem = try LossProblem(
        softmax: softmax, target: k % 3 == 0 ? .probabilities(Numbers(oneHot)) : .indices(targets), weight: weight,
        sampleWeight: sampleWeight, divisor: source.pick(nil, nil, Double(rows), 0.1))
      try gradient(problem, level, upstream: source.pick(1, 1, -1, 0.1))
    }
  }

  /// Level logits beside a level target give zeros, at once; what is nearly level does not.
  @Test(arguments: levelsHere) func levelTargets(level: KernelLevel) throws {
    for (classes, rows) in [(2, 1), (3, 5), (10, 40), (100, 3)] {
      for (shift, share) in [(0, 1), (-2.5, 1), (0, 0x1.0000000000001p0)] as [(Double, Double)] {
        var logits = [Double](repeating: shift, count: rows * classes)
        var target = [Double](repeating: 1 / Double(classes), count: rows * classes)
        target[0] *= share
        if classes > 2 {
          logits[1] = -.infinity
          target[1] = 0
        }
        let softmax = try SoftmaxProblem(logits: logits, layout: Layout(shape: [rows, classes], axis: 1))
        for reduction in [Reduction.mean, .sum] {
          try gradient(
            LossProblem(softmax: softmax, target: .probabilities(Numbers(target)), reduction: reduction), level)
        }
      }
    }
  }
}
