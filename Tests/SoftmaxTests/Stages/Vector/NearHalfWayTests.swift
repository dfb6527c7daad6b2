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

  /// The divergence of a teacher near its student is far below the logarithms that it is the difference of.
  @Test(arguments: levelsHere) func divergencesFromNearTeachers(level: KernelLevel) throws {
    var source = RandomProblem(seed: 8)
    for _ in repetitions(60) {
      let (rows, classes) = (source.pick(1, 7, 20), source.pick(2, 10, 65, 700))
      let (step, shift) = (source.pick(1e-11, 1e-9, 1e-6, 1e-4, 3e-3), source.pick(0.0, 1, -3))
      var logits = (0..<rows * classes).map { _ in source.gauss() * 3 }
      var teacher = logits.map { $0 + shift + step * source.gauss() }
      if classes > 2 { (logits[1], teacher[1]) = (-.infinity, -.infinity) }
      let softmax = try SoftmaxProblem(
        logits: logits, layout: Layout(shape: [rows, classes], axis: 1), temperature: source.pick(1, 2, 0.7))
      let problem = try LossProblem(
        softmax: softmax, target: .logits(Numbers(teacher)), reduction: source.pick(.none, .mean))
      try check(level) { execution, stage, counter in
        try problem.klDivergence(execution, from: stage, counting: counter)
      }
    }
  }

  /// e^d - 1 - d and x - log(1 + x) keep the bounds of their docstrings.
  @Test func rests() throws {
    var poll = CancellationPoll()
    var random = SplitMix64(7)
    let big = IntervalArithmetic.standard
    for _ in repetitions(2000) {
      let size = [0x1p-4, 0x1p-9, 1e-5, 1e-17][random.int(in: 0...3)]
      let d = DoubleDouble(large: random.double(in: -1...1) * size, small: random.double(in: -1...1) * size * 0x1p-60)
      let rest = BaselineLoops.exponentialRest(VectorPair(repeating: d))
      let x = big.exact(d.high) + big.exact(d.low)
      let below = try big.exponential(d.high < 0 ? x : -x, &poll)
      let power = (d.high < 0 ? below : big.whole(1) / below) - big.whole(1) - x
      #expect(isClose(DoubleDouble(high: rest.high[3], low: rest.low[3]), power, within: 0x1p-81), "\(d)")
      let log =
        d.high < 0 ? -(try big.logOfOnePlus(-x / (big.whole(1) + x), &poll)) : try big.logOfOnePlus(x, &poll)
      let other = BaselineLoops.logarithmRest(VectorPair(repeating: d))
      #expect(isClose(DoubleDouble(high: other.high[3], low: other.low[3]), x - log, within: 0x1p-83), "\(d)")
    }
  }

  /// The powers of log-probabilities add up to 1 except for their rounding.
  @Test(arguments: levelsHere) func logSumExpOfLogProbabilities(level: KernelLevel) throws {
    var source = RandomProblem(seed: 11)
    for _ in repetitions(30) {
      let (rows, classes) = (source.pick(1, 7, 20), source.pick(2, 10, 65, 700))
      let layout = Layout(shape: [rows, classes], axis: 1)
      let logits = (0..<rows * classes).map { _ in source.gauss() * 3 }
      let logs = try #require(
        try SoftmaxProblem(logits: logits, layout: layout).solve([.logProbabilities], Execution()).logProbabilities)
      let step = source.pick(0, 0, 1e-9, -1e-4, 0.5)
      let problem = try SoftmaxProblem(logits: logs.map { $0 + step }, layout: layout)
      try check(level) { execution, stage, counter in
        try problem.solve([.logSumExp], execution, from: stage, counting: counter).logSumExp
      }
    }
  }
}
