import TestSupport
import Testing
import VectorKernels

@testable import Softmax

/// Targets close to softmax itself: the vector stage decides them in triples, and with the bits of the interval stage.
@Suite("Triple rows")
struct TripleRowTests {
  let big = IntervalArithmetic.standard

  /// The loops keep the bounds of their docstrings.
  @Test(arguments: levelsHere) func exponentialsAndSums(level: KernelLevel) throws {
    var poll = CancellationPoll()
    var random = SplitMix64(7)
    let (table, rests) = (exponentialTable, exponentialRests)
    for _ in repetitions(300) {
      let scale = [1e-300, 1e-9, 0.003, 1, 30, 600][random.int(in: 0...5)]
      let temperature = [1, 1, 0.7, 3, 1.1][random.int(in: 0...4)]
      let logits = [0.3] + (0..<random.int(in: 1...600)).map { _ in 0.3 - random.double(in: 0...1) * scale }
      let softmax = try SoftmaxProblem(
        logits: logits, layout: Layout(shape: [logits.count], axis: 0), temperature: temperature)
      let loops = VectorRow(softmax, level).loops
      let top = loops.maximum(logits.span)
      let count = paddedCount(logits.count)
      var triples = [Double](repeating: 0, count: 3 * count)
      var span = triples.mutableSpan
      let found = loops.tripleExponentials(
        logits.span, top: top, shift: RowShift(maximum: top.value, temperature: temperature), table: table.span,
        rests: rests.span, into: &span)
      var sum = big.whole(0)
      for (i, logit) in logits.enumerated() {
        let z = (big.exact(logit) - big.exact(top.value)) / big.exact(temperature)
        let triple = TripleDouble(high: triples[i], middle: triples[count + i], low: triples[2 * count + i])
        guard -z.lower.approximation < 619 else { continue }
        let truth = try big.exponential(z, &poll)
        sum = sum + truth
        #expect(
          isClose([triple.high, triple.middle, triple.low], truth, within: 0x1p-131),
          "e^(\(logit)/\(temperature)) at \(level)")
      }
      if scale < 600 || temperature >= 1 {
        #expect(isClose([found.high, found.middle, found.low], sum, within: 0x1.12p-131), "\(logits.count)")
      }
    }
  }

  enum Kind: CaseIterable { case rounded, weighted, ulps, tiny, equal, permuted }

  /// Rows of which the target is softmax, rounded, or a teacher's that is the student except for so little.
  private func problem(_ target: Kind, rows: Int, classes: Int, seed: UInt64, isLast: Bool) throws -> LossProblem {
    var source = RandomProblem(seed: seed)
    let temperature = source.pick(1, 1, 0.7, 4)
    let scale = source.pick(0.1, 1, 3, 20)
    let logits = (0..<rows * classes).map { _ in source.gauss() * scale }
    let softmax = try SoftmaxProblem(
      logits: logits, layout: Layout(shape: isLast ? [rows, classes] : [classes, rows], axis: isLast ? 1 : 0),
      temperature: temperature, format: seed % 5 == 4 ? .binary32 : .binary64)
    let shift = source.pick(0.0, 1, -3)
    func teacher(_ change: (Double) -> Double) -> Target { .logits(Numbers(logits.map(change))) }
    let of: Target
    switch target {
    case .rounded, .weighted:
      let exact = try SoftmaxProblem(logits: logits, layout: softmax.layout, temperature: temperature)
      of = .probabilities(Numbers(try #require(try exact.solve([.probabilities], Execution()).probabilities)))
    case .ulps: of = teacher { source.chance(0.5) ? $0.nextUp : $0.nextDown }
    case .tiny: of = teacher { $0 + shift + source.gauss() * 1e-9 }
    case .equal: of = teacher { $0 }
    case .permuted: of = teacher { _ in logits[Int.random(in: logits.indices, using: &source)] }
    }
    let weights = target == .weighted ? (0..<classes).map { _ in source.pick(1, 1, 0x1.0000000000001p0) } : nil
    return try LossProblem(
      softmax: softmax, target: of, weight: weights,
      sampleWeight: source.chance(0.5) ? nil : (0..<rows).map { _ in source.uniform(0.1, 3) },
      reduction: source.pick(.none, .sum, .mean))
  }

  @Test(arguments: Kind.allCases) func hostileRows(target: Kind) throws {
    for k in repetitions(60) {
      let seed = UInt64(k) &* 31 &+ randomSeed
      let problem = try problem(
        target, rows: 1 + k % 4, classes: 1 + k % 37, seed: seed, isLast: k % 3 > 0)
      let truth = try problem.lossAndGradient(
        upstream: nil, loss: true, gradient: true, Execution(), from: .interval)
      for level in levelsHere {
        let found = try problem.lossAndGradient(
          upstream: nil, loss: true, gradient: true, Execution(level: level), from: .vector)
        #expect(found == truth, "seed \(seed), \(level)")
      }
    }
  }

  @Test(arguments: Kind.allCases.filter { $0 != .permuted }) func everydayRowsAreDecided(target: Kind) throws {
    for (seed, isLast) in [(1, true), (2, false)] as [(UInt64, Bool)] {
      let problem = try problem(target, rows: 16, classes: 1000, seed: seed, isLast: isLast)
      for level in levelsHere {
        let counter = StageCounter()
        let found = try problem.lossAndGradient(
          upstream: nil, loss: true, gradient: true, Execution(level: level), from: .vector, counting: counter)
        #expect(counter.total.outputs >= 16_000)
        #expect(counter.total.ball <= 6, "\(counter.total.ball) of \(counter.total.outputs) open")
        #expect(found.gradient?.contains { $0.isNaN } == false)
      }
    }
  }
}
