import VectorKernels
import Softmax
import TestSupport
import Testing

/// Whichever stage is asked first, all bits are those of the interval stage alone: random problems with every option,
/// numbers from all of binary64's range among them.
///
/// SOFTMAXD_CASES asks for so many times as many, SOFTMAXD_SEED for others (scripts/differential).
@Suite("Stages")
struct StageTests {
  static let threads = 4
  static let cases = repetitions(10_000)

  @Test(arguments: 0..<threads)
  func everyStageGivesTheBitsOfTheLast(thread: Int) throws {
    var found = Mismatches()
    let counter = StageCounter()
    for k in stride(from: thread, to: Self.cases.count, by: Self.threads) {
      // Each case has a seed of its own, so that it can be made again alone.
      let seed = randomSeed &* 1_000_000_007 &+ UInt64(k)
      var source = RandomProblem(seed: seed)
      let made = try source.nextCase()
      let execution = Execution(level: levelsHere[k % levelsHere.count])
      try compare(made, "case seed \(seed)", execution, &found, counting: counter)
    }
    #expect(found.values > 0)
    #expect(found.wrong == 0, "\(found.wrong) of \(found.values) values differ:\n\(found.report)")
    // The cases are such that no stage is left out.
    #expect(
      counter.total.outputs > counter.total.ball && counter.total.ball > counter.total.interval
        && counter.total.interval > 0)
    print(
      "stages, thread \(thread): \(found.values) values compared; of \(counter.total.outputs) outputs \(counter.total.ball) came to "
        + "the ball stage, \(counter.total.interval) to intervals, of \(counter.total.widestBits) bits at most")
  }

  private func compare(
    _ made: RandomProblem.Case, _ name: String, _ execution: Execution, _ found: inout Mismatches,
    counting counter: StageCounter
  ) throws {
    let truth = try made.softmax.solve(made.outputs, top: made.top, execution, from: .interval)
    let lossTruth = try made.loss?.lossAndGradient(
      upstream: made.upstream, loss: true, gradient: true, execution, from: .interval)
    let beyond = try made.beyond(execution, from: .interval)
    for stage in [Stage.vector, .ball] {
      for (name, numbers) in try made.beyond(execution, from: stage) {
        found.compare(numbers, beyond[name] ?? [], "\(name) from \(stage)")
      }
      let spent = stage == .vector ? counter : nil
      let result = try made.softmax.solve(made.outputs, top: made.top, execution, from: stage, counting: spent)
      found.compare(result, truth, "\(name) from \(stage)")
      if let lossTruth {
        let result = try made.loss?.lossAndGradient(
          upstream: made.upstream, loss: true, gradient: true, perplexity: true, execution, from: stage, counting: spent
        )
        found.compare(result?.loss, lossTruth.loss ?? [], "\(name) loss from \(stage)")
        found.compare(result?.gradient, lossTruth.gradient ?? [], "\(name) gradient from \(stage)")
        found.compare(
          result?.perplexity.map { [$0] } ?? [], lossTruth.perplexity.map { [$0] } ?? [],
          "\(name) perplexity from \(stage)")
      }
    }
  }
}

extension RandomProblem.Case {
  /// The divergence and the Hessian's product, where the problem has them.
  fileprivate func beyond(_ execution: Execution, from stage: Stage) throws -> [String: [Double]] {
    guard let loss else { return [:] }
    var found: [String: [Double]] = [:]
    let isIndex = if case .indices = loss.target { true } else { false }
    if !isIndex, vector != nil, loss.weight == nil, loss.labelSmoothing == 0 {
      found["kl_divergence"] = try loss.klDivergence(execution, from: stage)
    }
    if let vector, loss.zLoss == 0, loss.focalGamma == 0, softmax.softcap == nil {
      found["hessian_vector_product"] = try loss.hessianVectorProduct(
        vector, upstream: upstream, execution, from: stage)
    }
    return found
  }
}

extension Mismatches {
  fileprivate mutating func compare(_ result: SoftmaxResult, _ truth: SoftmaxResult, _ name: String) {
    compare(result.probabilities, truth.probabilities ?? [], "\(name) probabilities")
    compare(result.logProbabilities, truth.logProbabilities ?? [], "\(name) log_probabilities")
    compare(result.logSumExp, truth.logSumExp ?? [], "\(name) log_sum_exp")
    compare(result.entropy, truth.entropy ?? [], "\(name) entropy")
    compare(result.jacobian ?? [], truth.jacobian ?? [], "\(name) jacobian")
    compare(result.topProbabilities, truth.topProbabilities ?? [], "\(name) top_probabilities")
    compare(result.topLogProbabilities, truth.topLogProbabilities ?? [], "\(name) top_log_probabilities")
    if result.topIndices != truth.topIndices { note(1, "\(name) top_indices") }
    if result.argmax != truth.argmax { note(1, "\(name) argmax") }
  }
}
