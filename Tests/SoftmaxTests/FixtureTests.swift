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
    #expect(Fixture.families().count == 22)
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
        if found.argmax != wanted { mismatches.note(1, "\(place): \(found.argmax ?? []) for \(wanted)") }
      case .digest(let digest, let samples):
        for sample in samples {
          mismatches.compare(values.map { [$0[sample.index]] }, [sample.value], "\(place) \(sample.index)")
        }
        if Fixture.digest(values ?? []) != digest { mismatches.note(1, "\(place): digest differs") }
      }
    }
  }

  private func results(_ execution: Execution) throws -> (numbers: [String: [Double]], argmax: [Int]?) {
    switch operation {
    case .softmax:
      var outputs: PerOutput<SoftmaxOutput> = [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax]
      if answers.contains(where: { $0.output == "jacobian" }) { outputs.append(.jacobian) }
      let result = try softmax.solve(outputs, execution)
      let numbers = [
        "probabilities": result.probabilities, "log_probabilities": result.logProbabilities,
        "log_sum_exp": result.logSumExp, "entropy": result.entropy, "jacobian": result.jacobian,
      ]
      return (numbers.compactMapValues { $0 }, result.argmax)
    case .loss:
      let result = try loss?.lossAndGradient(upstream: upstream, loss: true, gradient: true, execution)
      return (["loss": result?.loss, "gradient": result?.gradient].compactMapValues { $0 }, nil)
    case .derivation(let target):
      let steps = try softmax.derivation(target: target, execution)
      let numbers = [
        "y_hat": steps.yHat, "dL_dy_hat_l": [steps.dLdyHatL], "first_term": steps.quotientFirst,
        "second_term": steps.quotientSecond, "dy_hat_l_da": steps.dyHatLdA, "chain_rule": steps.chainRule,
        "gradient": steps.gradient,
      ]
      return (numbers, nil)
    }
  }
}
