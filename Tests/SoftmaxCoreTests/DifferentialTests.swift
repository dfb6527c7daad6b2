import Kernels
import SoftmaxCore
import TestSupport
import Testing

/// The stages against each other: whatever stage settles a result, its bits are those of the third stage alone.
///
/// SOFTMAXD_CASES asks for more cases, SOFTMAXD_SEED for others (scripts/differential).
@Suite("Differential")
struct DifferentialTests {
  static let lanes = 4
  static let cases = repetitions(10_000)

  @Test(arguments: 0..<lanes)
  func stagesAgreeToTheBit(lane: Int) throws {
    let everything: SoftmaxOutputs = [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax]
    let levels = levelsHere
    var found = Mismatches()
    var counts = StageCounts()
    for k in stride(from: lane, to: Self.cases.count, by: Self.lanes) {
      // Each case has a seed of its own, so that one can be had again alone.
      let seed = randomSeed &* 1_000_000_007 &+ UInt64(k)
      var source = CaseSource(seed: seed)
      let made = try source.next(outputs: everything)
      let execution = Execution(level: levels[k % levels.count])
      let fast = try made.softmax.solve(made.outputs, execution, from: .fast, &counts)
      let sure = try made.softmax.solve(made.outputs, execution, from: .big, &counts)
      let pairs = [
        ("probabilities", fast.probabilities, sure.probabilities),
        ("log_probabilities", fast.logProbabilities, sure.logProbabilities),
        ("log_sum_exp", fast.logSumExp, sure.logSumExp), ("entropy", fast.entropy, sure.entropy),
        ("jacobian", fast.jacobian, sure.jacobian),
        ("argmax", fast.argmax?.map(Double.init), sure.argmax?.map(Double.init)),
      ]
      for (name, fast, sure) in pairs { found.compare(fast ?? [], sure ?? [], "case seed \(seed) \(name)") }
      guard let loss = made.loss else { continue }
      let hasty = try loss.lossAndGradient(
        upstream: made.upstream, loss: true, gradient: true, execution, from: .fast, &counts)
      let proven = try loss.lossAndGradient(
        upstream: made.upstream, loss: true, gradient: true, execution, from: .big, &counts)
      found.compare(hasty.loss, proven.loss ?? [], "case seed \(seed) loss")
      found.compare(hasty.gradient, proven.gradient ?? [], "case seed \(seed) gradient")
    }
    #expect(found.values > 0)
    #expect(found.wrong == 0, "\(found.wrong) of \(found.values) values differ:\n\(found.report)")
    print("differential lane \(lane): \(found.values) values, \(found.wrong) differ")
  }
}
