import VectorKernels
import Softmax
import TestSupport
import Testing

/// The promise itself: every output of every case has the bits of the true value rounded once.
@Suite("Fixtures")
struct FixtureTests {
  /// 131,072 classes are for optimised builds: unoptimised vector loops take minutes.
  static let families = Fixture.families().filter { family in
    #if DEBUG
      family != "large"
    #else
      true
    #endif
  }

  @Test(arguments: families)
  func everyBitIsRight(family: String) throws {
    let fixtures = try Fixture.read(family: family)
    #expect(!fixtures.isEmpty)
    for level in levelsHere {
      var found = Mismatches()
      for fixture in fixtures { try fixture.check(Execution(level: level), &found) }
      #expect(found.wrong == 0, "\(level): \(found.wrong) of \(found.values) values differ:\n\(found.report)")
    }
  }

  @Test func everyFamilyCanBeRead() throws {
    #expect(Fixture.families().count == 34)
    for family in Fixture.families() { #expect(try !Fixture.read(family: family).isEmpty) }
  }
}

/// Values compared, bit by bit, and the first few that differ. A zero in the fixtures stands for +0.0, the only zero
/// that the mathematics returns: adding 0 turns -0.0 into it.
struct Mismatches {
  private(set) var values = 0
  private(set) var wrong = 0
  private var lines: [String] = []

  var report: String { lines.joined(separator: "\n") }

  mutating func compare(_ found: [Double]?, _ wanted: [Double], _ place: @autoclosure () -> String) {
    values += wanted.count
    guard let found, found.count == wanted.count else {
      return note(wanted.count, "\(place()): \(found?.count ?? 0) values for \(wanted.count)")
    }
    for (index, (x, y)) in zip(found, wanted).enumerated() where x.bitPattern != (y + 0).bitPattern {
      note(1, "\(place())[\(index)]: found \(x), true \(y)")
    }
  }

  mutating func note(_ count: Int, _ line: String) {
    wrong += count
    if lines.count < 40 { lines.append(line) }
  }
}

extension Fixture {
  func check(_ execution: Execution, _ mismatches: inout Mismatches) throws {
    let found = try results(execution)
    for (output, answer) in answers {
      let place = "\(name) \(output)"
      let values = found.numbers[output]
      switch answer {
      case .numbers(let wanted):
        mismatches.compare(values, wanted, place)
      case .indices(let wanted):
        let indices = found.indices[output]
        if indices != wanted { mismatches.note(1, "\(place): \(indices ?? []) for \(wanted)") }
      case .digest(let digest, let samples):
        for sample in samples {
          mismatches.compare(values.map { [$0[sample.index]] }, [sample.value], "\(place) \(sample.index)")
        }
        if Fixture.digest(values ?? []) != digest { mismatches.note(1, "\(place): digest differs") }
      }
    }
  }

  private func results(_ execution: Execution) throws -> (numbers: [String: [Double]], indices: [String: [Int]]) {
    let asked = answers.map(\.output)
    switch operation {
    case .softmax:
      var outputs = ShortList<SoftmaxOutput>()
      for name in asked { outputs.append(try output(named: name)) }
      let result = try softmax.solve(outputs, top: topCount, execution)
      let numbers = [
        "probabilities": result.probabilities, "log_probabilities": result.logProbabilities,
        "log_sum_exp": result.logSumExp, "entropy": result.entropy, "jacobian": result.jacobian,
        "top_probabilities": result.topProbabilities, "top_log_probabilities": result.topLogProbabilities,
      ]
      let indices = ["argmax": result.argmax, "top_indices": result.topIndices]
      return (numbers.compactMapValues { $0 }, indices.compactMapValues { $0 })
    case .loss:
      guard let loss else { return ([:], [:]) }
      var numbers: [String: [Double]] = [:]
      let result = try loss.lossAndGradient(
        upstream: upstream, loss: asked.contains("loss"), gradient: asked.contains("gradient"),
        perplexity: asked.contains("perplexity"), execution)
      numbers["loss"] = result.loss
      numbers["gradient"] = result.gradient
      numbers["perplexity"] = result.perplexity.map { [$0] }
      if asked.contains("kl_divergence") { numbers["kl_divergence"] = try loss.klDivergence(execution) }
      if let vector {
        numbers["hessian_vector_product"] = try loss.hessianVectorProduct(
          Numbers(vector), upstream: upstream, execution)
      }
      return (numbers, [:])
    case .derivation(let target):
      let steps = try softmax.derivation(target: target, execution)
      let numbers = [
        "y_hat": steps[.yHat], "dL_dy_hat_l": steps[.dLdyHatL], "first_term": steps[.quotientFirst],
        "second_term": steps[.quotientSecond], "dy_hat_l_da": steps[.dyHatLdA], "chain_rule": steps[.gradient],
        "gradient": steps[.gradient],
      ]
      return (numbers.compactMapValues { $0 }, [:])
    }
  }

  private func output(named name: String) throws -> SoftmaxOutput {
    switch name {
    case "probabilities": .probabilities
    case "log_probabilities": .logProbabilities
    case "log_sum_exp": .logSumExp
    case "entropy": .entropy
    case "argmax": .argmax
    case "jacobian": .jacobian
    case "top_indices": .topIndices
    case "top_probabilities": .topProbabilities
    case "top_log_probabilities": .topLogProbabilities
    default: throw Malformed(place: "\(self.name) \(name)")
    }
  }
}
