import Glibc
import TestSupport
import Testing

@testable import SoftmaxService

/// What stands in an output's place: a step too many or too few, another class axis, what a format's range leaves.
struct OtherFormTests {
  private static func text<Number: BinaryFloatingPoint>(_ values: [Number]) -> String {
    json(values.map { Double($0) })
  }

  /// Probabilities for their logarithms and the reverse, and the last step left out.
  @Test func aStepTooManyOrTooFewIsFound() throws {
    try expectForms(Double.self, #""dtype": "float64""#)
    try expectForms(Float.self, #""dtype": "float32""#)
  }

  private func expectForms<Number: BinaryFloatingPoint>(_: Number.Type, _ options: String) throws {
    for logits in [[2, 1, 0.1], [-3, 0.5, 1.25, 4], [30, 2, 29]] as [[Double]] {
      let a = logits.map { Number($0) }
      let most = a.max() ?? 0
      let e = a.map { Number(exp(Double($0 - most))) }
      let sum = e.reduce(0, +)
      let p = e.map { $0 / sum }
      let logP = a.map { $0 - most - Number(log(Double(sum))) }
      let forms: [(output: String, numbers: String, cause: String)] = [
        ("probabilities", Self.text(logP), "no_exp"), ("log_probabilities", Self.text(p), "no_log"),
        ("probabilities", Self.text(e), "no_sum"), ("log_probabilities", Self.text(a.map { $0 - most }), "no_sum"),
        ("log_sum_exp", json(Double(Number(log(Double(sum))))), "no_max"),
        ("log_sum_exp", json(Double(Number(logits.map { exp($0) }.reduce(0, +)))), "no_log"),
      ]
      for (output, numbers, cause) in forms {
        let report = try checked("\"logits\": \(json(logits)), \(options)", [output: numbers])
        #expect(report.findings.map(\.cause) == [cause], "\(output) \(numbers)")
      }
    }
  }

  /// Where one class has all of the sum, right numbers are a - m to a digit.
  @Test(arguments: [
    (#""logits": [[0, -30.1]]"#, "log_probabilities", "[[-0.0, -30.1]]"),
    (
      #""logits": [[1.1997250318527222, 60.63134765625], [-3.597482681274414, 15.783093452453613]], "target": [0, 1]"#,
      "gradient", "[[-0.5, 0.5], [1.9147e-09, 0.0]]"
    ), (#""logits": [2, 1, 0.1], "target": 0"#, "loss", "0"),
  ])
  func sumsOfOneAreNotCalledLeftOut(_ request: String, _ output: String, _ numbers: String) throws {
    #expect(try !checked(request, [output: numbers]).causes(of: output).contains("no_sum"))
  }

  @Test(arguments: ["1.517448", "1.5174", "1.5174480603940774"]) func aPerplexityIsNotTheLoss(_ number: String) throws {
    let report = try checked(#""logits": [2, 1, 0.1], "target": 0"#, ["loss": number])
    #expect(report.findings.map(\.cause) == ["no_log"])
    #expect(report.findings.first?.detail.contains("perplexity") == true)
  }

  /// Where extents are equal a target fits more than one axis: PyTorch's class axis is the second one.
  @Test(arguments: [
    (
      "[[[2, 1, 0.1], [0.5, 2.5, -1], [0, 1, 2]]]", "[[0, 0, 2]]", "loss", "0.7857071110731918", 1
    ),
    ("[[2, 1, 0.1], [0.5, 2.5, -1], [0, 1, 2]]", "[1, 2, 0]", "loss", "1.9190404444065252", 0),
    ("[[2, 1, 0.1], [0.5, 2.5, -1], [0, 1, 2]]", "[1, 2, 0]", "loss", "1.91904", 0),
  ])
  func anotherClassAxisIsFound(_ logits: String, _ target: String, _ output: String, _ numbers: String, _ axis: Int)
    throws
  {
    let request = "\"logits\": \(logits), \"target\": \(target)"
    let report = try checked(request, [output: numbers])
    #expect(report.findings.map(\.cause) == ["axis"], "\(report.findings.map(\.detail))")
    #expect(report.findings.first?.cure.hasPrefix("send \"axis\": \(axis)") == true)
    #expect(try checked(request + ", \"axis\": \(axis), \"rtol\": 1e-5", [output: numbers]).passes)
  }

  @Test func theGradientOfAnotherClassAxisIsFound() throws {
    var random = SplitMix64(6)
    let columns = Textbook<Double>(
      logits: (0..<4).map { _ in (0..<4).map { _ in random.double(in: -3...3) } }, target: [2, 0, 3, 3])
    let request = "\"logits\": \(json(transposed(columns.logits))), \"target\": \(columns.target)"
    let report = try checked(request, ["gradient": json(transposed(columns.gradient))])
    #expect(report.findings.map(\.cause) == ["axis"])
    #expect(report.findings.first?.cure.hasPrefix(#"send "axis": 0"#) == true)
  }

  /// Below the normal range a probability loses its digits one by one, and its logarithm with them.
  @Test(arguments: [
    (#""logits": [0, -740.3], "target": 1"#, "loss", "740.2969371949897"),
    (#""logits": [0, -740.3]"#, "log_probabilities", "[0, -740.2969371949897]"),
    (#""logits": [0, -101.3], "target": 1, "dtype": "float32""#, "loss", "101.33302"),
  ])
  func logarithmsOfSubnormalProbabilitiesAreFound(_ request: String, _ output: String, _ numbers: String) throws {
    let report = try checked(request, [output: numbers])
    #expect(report.findings.map(\.cause) == ["underflow"])
    #expect(report.findings.first?.detail.contains("lose digits below 2^-") == true)
  }

  @Test func theyAreFoundInSumsAndWhereOthersAreAsProbable() throws {
    var random = SplitMix64(9)
    for _ in 0..<20 {
      let logits = (0..<3).map { _ in [0, random.double(in: -1...0), -99 - random.double(in: 0...3)] }
      let wrong = Textbook<Float>(logits: logits.map { $0.map { Double(Float($0)) } }, target: [2, 2, 0])
      let report = try checked(wrong.request, ["loss": json(Double(wrong.loss))])
      #expect(report.passes || report.findings.map(\.cause) == ["underflow"], "\(wrong.request) \(wrong.loss)")
    }
  }

  /// What is flushed to 0 is 0.
  @Test func aNumberThatIsNotZeroIsNotFlushed() throws {
    let report = try checked(
      #""logits": [0, -96.5, -3.3], "dtype": "float32""#, ["probabilities": "[0.96443, 2.617e-38, 0.035571]"])
    #expect(!report.findings.contains { $0.detail.contains("formula is right") }, "\(report.findings.map(\.detail))")
  }
}

/// Other powers, items that are counted though they are ignored, and factors that outputs share.
struct OtherPowerTests {
  private static let logits = [[1.5, -0.25, 3, 0.5], [0.125, 2, -1, 0.75], [-2, 0, 1.25, 4]]

  private static let powers: [(cause: String, detail: String, power: @Sendable ([Double]) -> [Double])] = [
    ("sign", "softmax is taken of -a", { a in Self.quotients(a.map { exp(-$0) }) }),
    ("log_base", "2^a stands where e^a should", { a in Self.quotients(a.map { exp2($0) }) }),
    (
      "no_max", "in the numerator alone",
      { a in a.map { exp($0 - (a.max() ?? 0)) / a.map { exp($0) }.reduce(0, +) } }
    ),
    (
      "no_max", "in the denominator alone",
      { a in a.map { exp($0) / a.map { exp($0 - (a.max() ?? 0)) }.reduce(0, +) } }
    ),
  ]

  private static func quotients(_ powers: [Double]) -> [Double] {
    powers.map { $0 / powers.reduce(0, +) }
  }

  @Test(arguments: 0..<4) func otherPowersAreFound(_ place: Int) throws {
    let (cause, detail, power) = Self.powers[place]
    let (p, target) = (Self.logits.map(power), [2, 0, 3])
    let request = "\"logits\": \(json(Self.logits)), \"target\": \(target)"
    let gradient = p.enumerated().map { row, p in
      p.enumerated().map { c, p in (p - (c == target[row] ? 1 : 0)) / 3 }
    }
    let loss = -(0..<3).map { log(p[$0][target[$0]]) }.reduce(0, +) / 3
    let report = try checked(
      request,
      [
        "probabilities": json(p), "log_probabilities": json(p.map { $0.map { log($0) } }), "gradient": json(gradient),
        "loss": json(loss),
      ])
    #expect(report.findings.count == 4)
    for finding in report.findings {
      #expect(finding.cause == cause && finding.detail.contains(detail), "\(finding.output) \(finding.detail)")
    }
  }

  /// Divided by all items, a loss is the same whether ignored ones are counted as items without a class.
  @Test func aLossThatIsDividedByAllItemsIsToldOnce() throws {
    let report = try checked(
      """
      "logits": [[1, 2, 3], [0, 1, 0], [2, 0, 1], [0, 0, 3], [1, 1, 0]], "target": [2, -100, 0, -100, 1]
      """, ["loss": "0.3354413465894024"])
    #expect(report.findings.map(\.cause) == ["divisor"])
    #expect(report.findings.first?.tellApart == nil)
  }

  /// target.clamp(min=0), and where(keep, target, 0).
  @Test(arguments: [
    (-100, 0, "class 0: a clamped target"), (-100, 3, "class 3: a clamped target"),
    (-1, 0, "class 0: a clamped target"), (-1, 3, "class 3"),
    (255, 3, "class 3: a clamped target"), (255, 0, "class 0: a clamped target"), (0, 0, "class 0"),
  ])
  func ignoredItemsAreCountedAsAClass(_ ignored: Int, _ counted: Int, _ detail: String) throws {
    for divisor in [3.0, 2] {
      var right = Textbook<Double>(logits: Self.logits, target: [2, ignored, 3])
      let request = right.request + ", \"ignore_index\": \(ignored)"
      right.target[1] = counted
      right.divisor = divisor
      let report = try checked(
        request, ["gradient": Textbook.json(right.gradient), "loss": json(right.loss)])
      #expect(report.findings.count == 2)
      for finding in report.findings {
        let sentence = "\(finding.output): ignored items are counted, as \(detail)"
        #expect(finding.cause == "ignore_index", "\(ignored) \(finding.output)")
        #expect(finding.detail == sentence + (divisor == 2 ? ", though the divisor leaves them out" : ""))
      }
    }
  }

  /// A loss has no gradient of p; with weights its divisor is not the number of items.
  @Test func itemsWithoutAClassAreSaidOfEachOutput() throws {
    var right = Textbook<Double>(logits: Self.logits, target: [2, -100, 3])
    right.weight = [0.5, 1.5, 2, 3]
    let request = right.request
    right.divisor = 6
    let loss = try checked(request, ["loss": json(right.loss)])
    #expect(loss.findings.contains { $0.cause == "ignore_index" })
    #expect(!loss.findings.contains { $0.detail.contains("gradient") }, "\(loss.findings)")
  }

  /// The weights divided by their sum, in a sum over the items.
  @Test func aFactorOfOneOutputExplainsTheOthers() throws {
    var right = FiveRows.right(Double.self)
    right.reduction = "sum"
    let gradient = right.gradient.map { $0.map { $0 / 6.3 } }
    let report = try checked(
      right.request, ["gradient": Textbook<Double>.json(gradient), "loss": json(right.loss / 6.3)])
    #expect(report.findings.map(\.cause) == ["factor", "factor"])
    // By itself one number has any factor.
    #expect(try checked(right.request, ["loss": json(right.loss / 6.3)]).findings.map(\.cause) == ["unexplained"])
  }

  /// What a range spoils is told apart by logits that do.
  @Test func rangesAreToldApart() throws {
    let loss = try checked(#""logits": [800, 0], "target": 1"#, ["loss": #""Infinity""#])
    #expect(loss.findings.map(\.cause).sorted() == ["overflow", "underflow"])
    for finding in loss.findings {
      #expect(finding.tellApart?.contains("the logits [[800, 0], [0, -800]], with the targets [0, 0]") == true)
    }
    let half = try checked(#""logits": [0, -93.5], "target": 1, "dtype": "bfloat16""#, ["loss": #""Infinity""#])
    #expect(half.findings.map(\.cause) == ["underflow"])
    #expect(half.findings.first?.detail.contains("in bfloat16 they lose digits below 2^-126") == true)
  }
}
