import Kernels
import SoftmaxCore
import TestSupport
import Testing

/// Random problems with every option, numbers from all of binary64's range among them: whichever stage is first, the middle
/// one too, all bits are those of the big integers alone. `SOFTMAXD_CASES` asks for more, `SOFTMAXD_SEED` for
/// others.
@Suite("Stages")
struct StageTests {
  @Test func everyStageGivesTheBitsOfTheLast() throws {
    var seeds = SplitMix64(randomSeed)
    var found = StageCounts()
    for number in repetitions(2_000) {
      let seed = seeds.next()
      var random = SplitMix64(seed)
      let place = "SOFTMAXD_SEED=\(randomSeed), case \(number)"
      if number % 2 == 0 {
        try compareSoftmax(&random, place, &found)
      } else {
        try compareLoss(&random, place, &found)
      }
    }
    print(
      "outputs \(found.outputs), double-double \(found.doubleDouble), big \(found.big), at most \(found.widest) bits")
  }

  private func levels(_ random: inout SplitMix64) -> Execution {
    let levels = levelsHere
    return Execution(level: levels[random.int(in: 0...(levels.count - 1))])
  }

  private func compareSoftmax(_ random: inout SplitMix64, _ place: String, _ counts: inout StageCounts) throws {
    let problem = try softmax(&random)
    var outputs: SoftmaxOutputs = [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax]
    if problem.layout.classes <= 8 { outputs.insert(.jacobian) }
    var unused = StageCounts()
    let execution = levels(&random)
    let truth = try problem.solve(outputs, execution, from: .big, &unused)
    let fast = try problem.solve(outputs, execution, from: .fast, &counts)
    #expect(fast == truth, "\(place)")
    let middle = try problem.solve(outputs, execution, from: .doubleDouble, &unused)
    #expect(middle == truth, "\(place) from double-double")
  }

  private func compareLoss(_ random: inout SplitMix64, _ place: String, _ counts: inout StageCounts) throws {
    guard let problem = try loss(&random) else { return }
    let batch = problem.reduction == .none ? problem.softmax.layout.batch : 1
    let upstream = random.int(in: 0...2) > 0 ? nil : (0..<batch).map { _ in factor(&random) * (random.bool() ? 1 : -1) }
    var unused = StageCounts()
    let execution = levels(&random)
    func results(from stage: Stage, _ counts: inout StageCounts) throws -> LossResult {
      try problem.lossAndGradient(upstream: upstream, loss: true, gradient: true, execution, from: stage, &counts)
    }
    let truth = try results(from: .big, &unused)
    #expect(try results(from: .fast, &counts) == truth, "\(place)")
    #expect(try results(from: .doubleDouble, &unused) == truth, "\(place) from double-double")
  }

  /// A factor such as a weight or a temperature: mostly moderate, now and then at the end of binary64's range.
  private func factor(_ random: inout SplitMix64) -> Double {
    switch random.int(in: 0...9) {
    case 0: 1
    case 1: Double(random.int(in: 1...7))
    case 2: random.double(in: 1...2) * pow2(random.int(in: -1000...1000))
    case 3: .leastNonzeroMagnitude * Double(random.int(in: 1...5))
    default: random.double(in: 0.01...3)
    }
  }

  private func pow2(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }

  private func logits(_ random: inout SplitMix64, _ count: Int) -> [Double] {
    let kind = random.int(in: 0...9)
    let offset = random.int(in: 0...3) == 0 ? random.double(in: -1...1) * pow2(random.int(in: 0...60)) : 0
    let reach = pow2(random.int(in: kind == 0 ? -1000...1000 : -3...9))
    var row: [Double] = (0..<count).map { _ in
      switch kind {
      case 1: return offset
      case 2: return offset + Double(random.int(in: 0...1))
      case 3: return offset + random.double(in: -1...1) * pow2(random.int(in: -300 ... -20))
      case 4: return random.int(in: 0...3) == 0 ? offset : offset - random.double(in: 20...800)
      default: return offset + random.double(in: -1...1) * reach
      }
    }
    if random.int(in: 0...5) == 0 {
      for i in 1..<max(1, count) where random.int(in: 0...3) == 0 { row[i] = -.infinity }
    }
    return row
  }

  private func softmax(_ random: inout SplitMix64) throws -> SoftmaxProblem {
    let classes = random.int(in: 0...9) == 0 ? random.int(in: 13...40) : random.int(in: 1...12)
    let batch = random.int(in: 1...3)
    let layout = Layout(shape: [batch, classes], axis: 1)
    let all = (0..<batch).flatMap { _ in logits(&random, classes) }
    return try SoftmaxProblem(
      logits: all, layout: layout, temperature: random.int(in: 0...2) > 0 ? 1 : factor(&random),
      format: random.int(in: 0...3) == 0 ? .binary32 : .binary64)
  }

  private func loss(_ random: inout SplitMix64) throws -> LossProblem? {
    let softmax = try softmax(&random)
    let layout = softmax.layout
    func factors(_ count: Int) -> [Double]? {
      random.bool() ? nil : (0..<count).map { _ in random.int(in: 0...5) == 0 ? 0 : factor(&random) }
    }
    let target: Target
    switch random.int(in: 0...3) {
    case 0:
      // Self-distillation: cancels to the last bit, and then some.
      let p = try softmax.solve(.probabilities, Execution()).probabilities
      target = .probabilities(p ?? [])
    case 1:
      target = .probabilities((0..<layout.count).map { _ in random.bool() ? random.double(in: 0...1) : 0 })
    default:
      target = .indices(
        (0..<layout.batch).map { _ in random.int(in: 0...9) == 0 ? -100 : random.int(in: 0...(layout.classes - 1)) })
    }
    let smoothing = [0, 0, 0.1, 1, Double.leastNonzeroMagnitude, random.double(in: 0...1)][random.int(in: 0...5)]
    let reduction = Reduction.allCases[random.int(in: 0...2)]
    let weight = factors(layout.classes)
    let sampleWeight = factors(layout.batch)
    do throws(ProblemError) {
      return try LossProblem(
        softmax: softmax, target: target, weight: weight, sampleWeight: sampleWeight, labelSmoothing: smoothing,
        reduction: reduction)
    } catch .zeroNormaliser {
      return nil
    }
  }
}
