import Glibc
import HTTP
import TestSupport
import Testing

@testable import SoftmaxService

/// Each mistake, made as a person makes it, is found by its name, in both formats.
struct MistakeTests {
  /// What /check says of the gradient and the loss of an implementation, asked what another one stands for.
  private func causes<Number>(
    of wrong: Textbook<Number>, for right: Textbook<Number>, times factor: Number = 1
  ) throws -> (gradient: [String], loss: [String]) {
    let gradient = wrong.gradient.map { $0.map { $0 * factor } }
    let report = try checked(
      right.request, ["gradient": Textbook.json(gradient), "loss": json(Double(wrong.loss * factor))])
    return (report.causes(of: "gradient"), report.causes(of: "loss"))
  }

  private func expect<Number>(
    _ cause: String, _: Number.Type, options: (inout Textbook<Number>) -> Void = { _ in },
    mistake: (inout Textbook<Number>) -> Void, times factor: Number = 1,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var right = FiveRows.right(Number.self)
    options(&right)
    var wrong = right
    mistake(&wrong)
    let found = try causes(of: wrong, for: right, times: factor)
    #expect(found.gradient == [cause], "\(Number.self)", sourceLocation: sourceLocation)
    #expect(found.loss == [cause], "\(Number.self)", sourceLocation: sourceLocation)
  }

  @Test func rightNumbersPass() throws {
    let right = FiveRows.right(Double.self)
    let report = try checked(right.request, ["gradient": Textbook.json(right.gradient), "loss": json(right.loss)])
    #expect(report.passes && report.findings.isEmpty)
  }

  @Test func aSignIsFound() throws {
    try expect("sign", Double.self, mistake: { _ in }, times: -1)
    try expect("sign", Float.self, mistake: { _ in }, times: -1)
  }

  @Test func aSumForAMeanIsFound() throws {
    try expect("reduction", Double.self, mistake: { $0.reduction = "sum" })
    try expect("reduction", Float.self, mistake: { $0.reduction = "sum" })
    try expect("reduction", Double.self, options: { $0.reduction = "sum" }, mistake: { $0.reduction = "mean" })
  }

  @Test func aDivisorIsFound() throws {
    try expect(
      "divisor", Double.self, options: { $0.weight = [1, 2, 3, 0.5] }, mistake: { $0.divisor = Double($0.items) })
    try expect("divisor", Float.self, mistake: { $0.divisor = Double($0.items * $0.classes) })
  }

  @Test func theTemperatureIsFound() throws {
    let options: (inout Textbook<Double>) -> Void = { $0.temperature = 1.7 }
    try expect("temperature", Double.self, options: options, mistake: { $0.usesTemperature = false })
    try expect("temperature", Float.self, options: { $0.temperature = 1.7 }, mistake: { $0.usesTemperature = false })
    try expect("temperature", Double.self, options: options, mistake: { $0.multipliesByTemperature = true })
  }

  @Test func classesCountedFromOneAreFound() throws {
    for offset in [-1, 1] {
      try expect("target_offset", Double.self, mistake: { $0.offset = offset })
      try expect("target_offset", Float.self, mistake: { $0.offset = offset })
    }
  }

  @Test func smoothingIsFound() throws {
    try expect("smoothing", Double.self, options: { $0.smoothing = 0.1 }, mistake: { $0.smoothing = 0 })
    try expect("smoothing", Float.self, options: { $0.smoothing = 0.1 }, mistake: { $0.smoothing = 0 })
  }

  @Test func weightsAreFound() throws {
    try expect("weight", Double.self, options: { $0.weight = [1, 2, 3, 0.5] }, mistake: { $0.weight = nil })
    try expect("weight", Float.self, options: { $0.weight = [1, 2, 3, 0.5] }, mistake: { $0.weight = nil })
    try expect(
      "sample_weight", Double.self, options: { $0.sampleWeight = [1, 2, 3, 0.5, 4] }, mistake: { $0.sampleWeight = nil }
    )
  }

  @Test func aSoftcapLeftOutIsFoundBesideAnotherMistake() throws {
    let request = #""logits": [-341.18, -568.94, -37.8], "softcap": 30, "target": 0"#
    #expect(try checked(request, ["loss": "531.14"]).causes(of: "loss") == ["target_offset", "softcap"])
  }

  @Test func twoMistakesTogetherAreFound() throws {
    let right = FiveRows.right(Double.self)
    var wrong = right
    wrong.offset = -1
    wrong.reduction = "sum"
    let found = try causes(of: wrong, for: right)
    #expect(Set(found.gradient) == ["target_offset", "reduction"])
    #expect(Set(found.loss) == ["target_offset", "reduction"])
  }

  @Test func overflowIsFound() throws {
    var wrong = Textbook<Double>(logits: [[800, 0, 1], [1, 2, 3]], target: [0, 1])
    wrong.shifts = false
    let report = try checked(
      wrong.request, ["gradient": Textbook.json(wrong.gradient), "probabilities": Textbook.json(wrong.probabilities)])
    #expect(report.findings.map(\.cause) == ["overflow", "overflow"])
  }

  /// JAX's derivative of e / Σ e, whose Σ² is infinite from half the range on.
  @Test func overflowOfTheDerivativeIsFound() throws {
    let right = Textbook<Double>(logits: [[400, 1, 2], [1, 2, 3], [2, 600, 1]], target: [0, 1, 1])
    var gradient = right.gradient
    gradient[0] = [-1.0 / 3, 0, 0]
    gradient[2] = [0, -1.0 / 3, 0]
    let report = try checked(right.request, ["gradient": json(gradient)])
    #expect(report.findings.map(\.cause) == ["overflow"])
    #expect(report.findings.first?.detail.contains("354.89") == true)
  }

  /// Where large logits excuse nearly everything, numbers that are a multiple to the last bit are still accused.
  @Test func aFactorIsFoundInWhatLargeLogitsExcuse() throws {
    let right = Textbook<Float>(
      logits: FiveRows.logits.map { $0.map { Double(Float(1e8 + 8 * ($0 * 2).rounded())) } }, target: [2, 1, 0, 3, 1])
    let report = try checked(right.request, ["gradient": Textbook.json(right.gradient.map { $0.map { $0 * 5 } })])
    #expect(report.findings.map(\.cause).contains("reduction"))
  }

  /// One loss of a large gap, which another class's hardly differs from.
  @Test func anOffsetIsFoundInOneLossOfALargeGap() throws {
    let right = Textbook<Float>(
      logits: [[-722.816, -720.564, -720.296, 0], [-720.871, 0, -720.537, -718.5], [-721.42, -720.8, 0, -718.9]].map {
        $0.map { Double(Float($0)) }
      }, target: [2, 3, 1])
    var wrong = right
    wrong.takesLogSumExp = true
    wrong.offset = -1
    let report = try checked(right.request, ["loss": json(Double(wrong.loss))])
    #expect(report.findings.map(\.cause).contains("target_offset"))
  }

  @Test func aMistakeIsFoundInRoundedNumbers() throws {
    let report = try checked(
      #""logits": [1, 0, 0.55], "target": 1, "reduction": "sum""#, ["gradient": "[-0.5, 0.82, -0.32]"])
    #expect(report.findings.map(\.cause) == ["sign"])
  }

  /// Where p is 1 to the last digit for one class of each row, and tiny for all others.
  @Test func mistakesAreFoundInSurePredictions() throws {
    let logits = [[22, 0.5, -1], [1.25, 25, 0], [0.75, -2, 300], [2, 30, 0.25]]
    let right = Textbook<Double>(logits: logits, target: [0, 1, 2, 1])
    func causes(_ inPlaceOfP: [[Double]]) throws -> [String] {
      let gradient = inPlaceOfP.enumerated().map { row, p in
        p.indices.map { (p[$0] - ($0 == right.target[row] ? 1 : 0)) / Double(right.items) }
      }
      return try checked(right.request, ["gradient": json(gradient)]).causes(of: "gradient")
    }
    #expect(try causes(transposed(Textbook<Double>(logits: transposed(logits)).probabilities)) == ["axis"])
    #expect(try causes(logits) == ["no_softmax"])
    let shuffled = json([1, 2, 3, 0].map { right.gradient[$0] })
    #expect(try checked(right.request, ["gradient": shuffled]).findings.map(\.cause) == ["order"])
  }

  /// Rows that tell each other apart by numbers below the normal range alone.
  @Test func anotherOrderIsFoundInSubnormalNumbers() throws {
    let right = Textbook<Double>(
      logits: [[0, -720.25, -719.5], [-719.75, 0, -720.5], [0, -718.875, -719.125], [-719.625, 0, -720.125]],
      target: [0, 1, 2, 1])
    let shuffled = json([1, 2, 3, 0].map { right.probabilities[$0] })
    #expect(try checked(right.request, ["probabilities": shuffled]).findings.map(\.cause) == ["order"])
  }

  /// What autograd makes of a mistake in softmax's place, in more logits than a few: the gradient is not p - t with
  /// another p.
  @Test(arguments: [(6, 100), (40, 12), (3, 4)])
  func differentiatedMistakesAreFound(_ items: Int, _ classes: Int) throws {
    var random = SplitMix64(3)
    let right = Textbook<Double>(
      logits: (0..<items).map { _ in (0..<classes).map { _ in random.double(in: -3...3) } },
      target: (0..<items).map { _ in random.int(in: 0...classes - 1) })
    // Softmax over the batch: what a class has of all targets goes to its column.
    let columns = Textbook<Double>(logits: (0..<classes).map { c in right.logits.map { $0[c] } }).probabilities
    let counts = (0..<classes).map { c in Double(right.target.count { $0 == c }) }
    let axis = (0..<items).map { n in
      (0..<classes).map { c in (counts[c] * columns[c][n] - (right.target[n] == c ? 1 : 0)) / Double(items) }
    }
    // No softmax at all: -a[y].
    let none = right.target.map { y in (0..<classes).map { c in c == y ? -1 / Double(items) : 0 } }
    #expect(try checked(right.request, ["gradient": json(axis)]).findings.map(\.cause) == ["axis"])
    #expect(try checked(right.request, ["gradient": json(none)]).findings.map(\.cause) == ["no_softmax"])
  }

  /// Logits whose rounding is worth more than any other number, and that cannot change a probability all the same.
  @Test(arguments: [1e300, 1e20]) func mistakesAreFoundWhereTheLargestLogitLeadsByFar(_ size: Double) throws {
    let right = Textbook<Double>(
      logits: [[1, 0.5, -0.25], [-1, 0.25, 0.75], [0.5, -0.5, 0]].map { $0.map { $0 * size } }, target: [1, 0, 2])
    let none = json((0..<3).map { row in (0..<3).map { $0 == right.target[row] ? -1.0 / 3 : 0 } })
    // Where p[target] is 0, -t is -t (1 - p) too.
    #expect(try Set(checked(right.request, ["gradient": none]).findings.map(\.cause)) == ["no_softmax", "jacobian"])
    let offset = json(right.gradient.map { [$0[1], $0[2], $0[0]] })
    #expect(try !checked(right.request, ["gradient": offset]).causes(of: "gradient").contains("precision"))
  }

  /// One item among a thousand shows the mistake: the evidence is not sought among the others alone.
  @Test(arguments: [10, 999]) func aMistakeIsFoundInOneOfManyRows(_ item: Int) throws {
    var random = SplitMix64(5)
    var right = Textbook<Double>(
      logits: (0..<1000).map { _ in (0..<10).map { _ in random.double(in: -3...3) } },
      target: (0..<1000).map { _ in random.int(in: 0...9) })
    right.reduction = "sum"
    right.ignoreIndex = 77
    right.target[item] = 77
    var gradient = right.gradient
    gradient[item] = right.probabilities[item]
    let report = try checked(right.request + ", \"ignore_index\": 77", ["gradient": json(gradient)])
    #expect(report.findings.map(\.cause) == ["ignore_index"])
  }

  /// Two classes do not tell one class lower from one higher; three items do not tell 9 items from 3 times 3.
  @Test func whatAgreesEquallyWellIsNamedTogether() throws {
    var wrong = Textbook<Double>(logits: [[0.25, 2], [1, -0.5], [0.5, 0.75]], target: [0, 0, 0])
    let right = wrong
    wrong.offset = 1
    let offsets = try checked(right.request, ["gradient": json(wrong.gradient)]).findings
    #expect(offsets.map(\.cause) == ["target_offset", "target_offset"])
    #expect(Set(offsets.map(\.detail)).count == 2)
    #expect(offsets.allSatisfy { $0.tellApart?.contains("send three classes or more") == true })
    var square = Textbook<Double>(logits: FiveRows.logits[0..<3].map { Array($0[0..<3]) }, target: [2, 1, 0])
    let request = square.request
    square.divisor = 9
    let divisors = try checked(request, ["loss": json(square.loss)]).findings
    #expect(divisors.map(\.cause) == ["divisor", "divisor"])
    #expect(divisors.allSatisfy { $0.tellApart?.contains("differs from the number of classes") == true })
  }

  /// One sum for all rows, as numpy.exp(a) / numpy.exp(a).sum() has it.
  @Test func softmaxOfTheWholeArrayIsFound() throws {
    let right = FiveRows.right(Double.self)
    let whole = Textbook<Double>(logits: [FiveRows.logits.flatMap { $0 }]).probabilities[0]
    let p = (0..<right.items).map { n in Array(whole[n * right.classes..<(n + 1) * right.classes]) }
    let gradient = p.enumerated().map { n, row in
      row.indices.map { (row[$0] - ($0 == right.target[n] ? 1 : 0)) / Double(right.items) }
    }
    let report = try checked(right.request, ["probabilities": json(p), "gradient": json(gradient)])
    #expect(report.findings.map(\.cause) == ["axis", "axis"])
    #expect(report.findings.allSatisfy { $0.detail.contains("all 20 numbers at once") })
    #expect(report.findings.allSatisfy { $0.cure.contains("axis=1, keepdims=True") })
    // What autograd makes of it: each p times the sum of all items' u.
    let differentiated = p.enumerated().map { n, row in
      row.indices.map { row[$0] - ($0 == right.target[n] ? 1 / Double(right.items) : 0) }
    }
    #expect(try checked(right.request, ["gradient": json(differentiated)]).findings.map(\.cause) == ["axis"])
  }

  @Test func aTargetThatIsNotSubtractedIsFound() throws {
    let right = FiveRows.right(Double.self)
    let p = right.probabilities.map { $0.map { $0 / Double(right.items) } }
    #expect(try checked(right.request, ["gradient": json(p)]).findings.map(\.cause) == ["no_target"])
    let sum = try checked(right.request, ["gradient": json(right.probabilities)])
    #expect(Set(sum.findings.map(\.cause)) == ["no_target", "reduction"])
  }

  @Test(arguments: [#""upstream": 3"#, #""reduction": "none", "upstream": [1, 2, -1, 0.5, 3]"#])
  func anUpstreamGradientThatIsLeftOutIsFound(_ upstream: String) throws {
    let right = FiveRows.right(Double.self)
    let request = "\"logits\": \(json(FiveRows.logits)), \"target\": \(right.target), \(upstream)"
    let scale = upstream.contains("none") ? Double(right.items) : 1
    let report = try checked(request, ["gradient": json(right.gradient.map { $0.map { $0 * scale } })])
    #expect(report.findings.map(\.cause) == ["upstream"])
  }

  /// The request's divisor instead of what a mean divides by.
  @Test(arguments: [nil, [1, 2, 3, 0.5, 4]]) func aDivisorThatIsLeftOutIsFound(_ sampleWeight: [Double]?) throws {
    var right = FiveRows.right(Double.self)
    right.sampleWeight = sampleWeight
    let report = try checked(right.request + #", "divisor": 7"#, ["gradient": json(right.gradient)])
    #expect(report.findings.map(\.cause) == ["divisor"])
    #expect(report.findings.first?.cure == "divide by the request's divisor, 7")
  }

  @Test(arguments: [("z_loss", "0.1"), ("focal_gamma", "2"), ("softcap", "3")])
  func anOptionThatIsLeftOutIsFound(_ option: String, _ value: String) throws {
    let right = FiveRows.right(Double.self)
    let request = right.request + ", \"\(option)\": \(value)"
    let report = try checked(request, ["gradient": json(right.gradient), "loss": json(right.loss)])
    #expect(report.findings.map(\.cause) == [option, option])
    // Another mistake beside the option is not known, and that is said.
    let other = try checked(request, ["gradient": json(right.gradient.map { $0.map { $0 * $0 } })])
    #expect(other.findings.map(\.cause) == ["unexplained"])
    #expect(other.findings.first?.cure.contains("leave out \"\(option)\"") == true)
  }

  /// What weighs the classes is no part of the divisor where the target is a distribution.
  @Test func weightsLeftOutOfADistributionAreNamedOnce() throws {
    var right = FiveRows.right(Double.self)
    right.onehot = { _, _ in [0.1, 0.2, 0.3, 0.4] }
    let target = json([[Double]](repeating: [0.1, 0.2, 0.3, 0.4], count: right.items))
    let report = try checked(
      "\"logits\": \(json(FiveRows.logits)), \"target\": \(target), \"weight\": [1, 5, 2, 0.5]",
      ["loss": json(right.loss)])
    #expect(report.findings.map(\.cause) == ["weight"])
    #expect(report.findings.first?.cure.contains("each class's term") == true)
  }

  /// Whatever the shape and the options: no other mistake is seen in zeros.
  @Test(arguments: [
    (#""logits": [2, 1, 0.1], "target": 0"#, "[0, 0, 0]"),
    (#""logits": [[2, 1, 0.1], [1, 2, 3]], "target": [0, 1]"#, "[[0, 0, 0], [0, 0, 0]]"),
    (#""logits": [2, 1], "target": 1, "dtype": "bfloat16""#, "[0, 0]"),
    (#""logits": [2, 1, 0.1], "target": 2, "focal_gamma": 2"#, "[0, 0, 0]"),
    (
      #""logits": [[2, 1], [1, 2], [0, 3]], "target": [0, 1, 0], "temperature": 2, "label_smoothing": 0.1"#,
      "[[0, 0], [0, 0], [0, 0]]"
    ),
  ])
  func zerosAreCalledZeros(_ request: String, _ gradient: String) throws {
    let report = try checked(request, ["gradient": gradient, "loss": "0"])
    #expect(report.findings.map(\.cause) == ["zero", "zero"])
    #expect(report.findings.allSatisfy { $0.tellApart == nil })
    #expect(report.findings.contains { $0.cure.contains("zero_grad") })
  }

  /// Where mistakes explain zeros too, they are named beside them.
  @Test func zerosOfSurePredictionsAreNamedBesideOthers() throws {
    let report = try checked(#""logits": [800, 0], "target": 1"#, ["gradient": "[0, 0]"])
    #expect(report.findings.first?.cause == "zero" && report.findings.first?.tellApart != nil)
    #expect(report.findings.map(\.cause).contains("epsilon"))
    let others = "\(report.findings.count - 1) other finding"
    #expect(report.findings.dropFirst().allSatisfy { $0.tellApart?.hasPrefix(others) == true })
  }

  /// Many options, each of which rounds, are no unknown option.
  @Test func smoothingIsMissedBesideAllOtherOptions() throws {
    let report = try checked(
      #""logits": [[0.0, -8.6, -17.6]], "target": [0], "temperature": 0.7, "label_smoothing": 0.2, "#
        + #""sample_weight": [1.53], "upstream": 2.81, "weight": [1.01, 2.4, 2.15], "divisor": 2.5"#,
      ["gradient": "[[-1.1456772319808362e-05, 1.1456742446886031e-05, 2.987273279012797e-11]]"])
    #expect(report.findings.map(\.cause) == ["smoothing"])
  }

  /// One number in each place says no more than itself, however often.
  @Test(arguments: ["float64", "bfloat16"]) func aConstantIsNoSoftmaxTakenTwice(_ type: String) throws {
    let logits = "[[0.1, 0.2, 0.3, 0.4, 0.5], [1, 0.5, 0, -0.5, -1], [0.3, -0.2, 0.9, 0.4, 0]]"
    let report = try checked(
      "\"logits\": \(logits), \"dtype\": \"\(type)\"",
      ["probabilities": json([[Double]](repeating: Array(repeating: 0.2, count: 5), count: 3))])
    #expect(report.findings.map(\.cause) == ["unexplained"])
  }

  @Test(arguments: [("float64", "binary64"), ("float32", "binary32"), ("float16", "binary16")])
  func overflowIsThatOfTheRequestsFormat(_ type: String, _ name: String) throws {
    let report = try checked(
      "\"logits\": [800, 0], \"dtype\": \"\(type)\"", ["probabilities": #"["NaN", 0]"#])
    #expect(report.findings.map(\.cause) == ["overflow"])
    #expect(report.findings.first?.detail.contains("range of \(name):") == true)
  }

  /// Sigmoids in softmax's place, and the loss that goes with them, binary cross-entropy.
  @Test func sigmoidsAreFound() throws {
    let right = FiveRows.right(Double.self)
    let (p, items) = (FiveRows.logits.map { $0.map { 1 / (1 + exp(-$0)) } }, Double(right.items))
    let gradient = p.enumerated().map { n, row in
      row.indices.map { (row[$0] - ($0 == right.target[n] ? 1 : 0)) / items }
    }
    var binary = 0.0
    for (row, y) in zip(p, right.target) {
      for c in row.indices { binary -= log(c == y ? row[c] : 1 - row[c]) / items }
    }
    let report = try checked(
      right.request, ["gradient": json(gradient), "loss": json(binary), "probabilities": json(p)])
    #expect(report.findings.map(\.cause) == ["sigmoid", "sigmoid", "sigmoid"])
    // What PyTorch's BCE divides by: the items times the classes.
    let both = try checked(right.request, ["loss": json(binary / 4)]).findings
    #expect(Set(both.map(\.cause)) == ["sigmoid", "divisor"])
  }

  @Test(arguments: [2, 0.5, -3, 3.7]) func aFactorIsNamed(_ factor: Double) throws {
    let right = FiveRows.right(Float.self)
    let numbers = json(right.gradient.map { $0.map { Double($0 * Float(factor)) } })
    for request in [right.request, right.request + ", \"softcap\": 1e9"] {
      let report = try checked(request, ["gradient": numbers])
      #expect(report.findings.map(\.cause) == ["factor"], "\(request)")
      #expect(report.findings.first?.detail.contains("every number is \(text(of: factor)) times") == true)
    }
  }

  /// A number is some multiple of any other, and of two that sum to 0 both are.
  @Test(arguments: [
    (#""logits": [2, 1], "target": 0"#, "gradient", "[-0.312345678, 0.312345678]"),
    (#""logits": [2, 1], "target": 0"#, "loss", "0.47"),
  ])
  func aFactorThatAnyNumbersHaveIsNotNamed(_ request: String, _ output: String, _ numbers: String) throws {
    #expect(try checked(request, [output: numbers]).findings.map(\.cause) == ["unexplained"])
  }

  @Test func nonsenseIsUnexplained() throws {
    let numbers = json(FiveRows.logits.map { $0.map { $0 * 0.3 } })
    let report = try checked(FiveRows.right(Double.self).request, ["gradient": numbers])
    #expect(report.findings.map(\.cause) == ["unexplained"])
  }
}
