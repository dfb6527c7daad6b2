import Foundation
import TestSupport
import Testing

@testable import SoftmaxService

/// Right numbers are never accused of a mistake, whatever the logits and the options.
struct RightCandidateTests {
  static let families = ["usual", "sure", "wide", "shifted", "level"]

  private static func logits(_ family: String, _ random: inout SplitMix64, _ items: Int, _ classes: Int) -> [[Double]] {
    (0..<items).map { row in
      (0..<classes).map { c in
        let x = random.double(in: -3...3)
        return switch family {
        case "usual": x
        case "sure": c == row % classes ? x + 60 : x
        case "wide": x * 2000
        case "shifted": x + 1e6
        default: 0.75
        }
      }
    }
  }

  private static func implementation<Number>(
    _: Number.Type, _ family: String, _ random: inout SplitMix64
  ) -> Textbook<Number> {
    let (items, classes) = (random.int(in: 2...5), random.int(in: 2...6))
    var right = Textbook<Number>(
      // The format's own logits: others would be wrong from the beginning.
      logits: logits(family, &random, items, classes).map { $0.map { Double(Number($0)) } },
      target: (0..<items).map { _ in random.int(in: 0...classes - 1) })
    if random.int(in: 0...2) == 0 { right.temperature = 1.75 }
    if random.int(in: 0...2) == 0 { right.weight = (0..<classes).map { _ in 0.5 + Double(random.int(in: 0...3)) } }
    if random.int(in: 0...2) == 0 { right.sampleWeight = (0..<items).map { _ in 0.5 + Double(random.int(in: 0...3)) } }
    if random.int(in: 0...2) == 0 { right.smoothing = 0.25 }
    if random.int(in: 0...2) == 0 { right.reduction = "sum" }
    return right
  }

  @Test(arguments: families) func arePassedOrCalledRight(_ family: String) throws {
    var random = SplitMix64(20)
    for _ in 0..<60 {
      try expectNoBlame(Self.implementation(Double.self, family, &random))
      try expectNoBlame(Self.implementation(Float.self, family, &random))
    }
  }

  /// The loss by the logarithm of p is infinite where p underflows: that is a mistake, and left out here.
  private func expectNoBlame<Number>(_ right: Textbook<Number>) throws {
    let report = try checked(
      right.request,
      ["gradient": Textbook.json(right.gradient), "probabilities": Textbook.json(right.probabilities)])
    let causes = Set(report.findings.map(\.cause))
    #expect(causes.isSubset(of: ["precision", "cancellation"]), "\(right.request)")
    for finding in report.findings { #expect(!finding.cure.isEmpty && finding.detail.hasPrefix(finding.output)) }
  }

  /// a - logsumexp(a) loses what a rounding of the largest logit is worth: scikit-learn's losses are computed so.
  @Test(arguments: [1.0, 3.0, 0.5], [1e4, 1e8, 3e8])
  func aLogSumExpThatIsAddedAndTakenAwayIsRight(_ temperature: Double, _ offset: Double) throws {
    var random = SplitMix64(8)
    for _ in 0..<40 {
      var right = Textbook<Float>(
        logits: Self.logits("usual", &random, 3, 4).map { $0.map { Double(Float(8 * $0 + offset)) } },
        target: (0..<3).map { _ in random.int(in: 0...3) })
      right.temperature = temperature
      right.takesLogSumExp = true
      let report = try checked(right.request, ["loss": json(Double(right.loss))])
      #expect(Set(report.findings.map(\.cause)).isSubset(of: ["precision", "cancellation"]), "\(right.request)")
    }
  }

  /// JAX and TensorFlow compute with 0 instead of numbers below the normal range, whatever multiplies them later.
  @Test(arguments: [1.0, 100.0]) func numbersThatAreFlushedAreRight(_ weight: Double) throws {
    var right = Textbook<Double>(
      logits: [[0, -708, -709, -1], [-712, 0, -709.5, -3], [0, -720, -2, -2.5]], target: [0, 3, 2])
    right.reduction = "sum"
    right.sampleWeight = [weight, 2 * weight, weight]
    right.flushes = true
    let report = try checked(
      right.request,
      ["gradient": Textbook.json(right.gradient), "probabilities": Textbook.json(right.probabilities)])
    #expect(!report.passes)
    #expect(Set(report.findings.map(\.cause)) == ["underflow"], "\(report.findings)")
    #expect(report.findings.allSatisfy { $0.detail.contains("formula is right") })
  }

  /// What rounding excuses may be wrong all the same: no more is claimed than can be told, and nothing for a sign that
  /// no loss has.
  @Test(arguments: [2, 3.7, 1000, 0.3, -2, -1000]) func whatRoundingExcusesIsRightAsFarAsCanBeTold(_ times: Double)
    throws
  {
    let report = try checked(
      #""logits": [40, 0], "target": 0"#, ["loss": json(times * 4.248354255291589e-18)])
    let finding = try #require(report.findings.first)
    #expect(report.findings.count == 1 && ["cancellation", "precision"].contains(finding.cause))
    #expect(finding.detail.contains("right as far as can be told") == (times > 0), "\(finding.detail)")
    #expect(finding.detail.contains("formula is right") == (times > 0))
  }

  /// Zeros that rounding, a format's range or an option makes of right numbers.
  @Test(arguments: [
    (#""logits": [40, 0], "target": 0"#, "loss"), (#""logits": [18, 0], "target": 0"#, "loss"),
    (#""logits": [120, 0], "target": 0"#, "gradient"),
    (#""logits": [100, 0], "target": 0, "focal_gamma": 2, "dtype": "float32""#, "gradient"),
  ])
  func zerosThatAreRoundedAreNotCalledMissing(_ request: String, _ output: String) throws {
    let report = try checked(request, [output: output == "loss" ? "0" : "[0, 0]"])
    #expect(!report.findings.map(\.cause).contains("zero"), "\(report.findings.map(\.detail))")
  }

  /// Zeros and numbers as short as 0.5 are of every format: what a shorter one makes of the formula comes before any
  /// mistake.
  @Test(arguments: [
    (#""logits": [40, 1], "temperature": 2, "target": 0"#, "loss", "0"),
    (#""logits": [20, 0], "temperature": 2, "target": 1"#, "gradient", "[0.5, -0.5]"),
    (#""logits": [24, 0], "target": 0"#, "loss", "0"),
    (#""logits": [24, 0], "target": 0"#, "gradient", "[0, 0]"),
    (
      #""logits": [[59.25590133666992, -0.5503743290901184]], "sample_weight": [1.5502824783325195], "reduction": "sum","#
        + #""target": [[1, 1.062833067976247e-26]]"#, "gradient", "[[0, 0]]"
    ),
    (#""logits": [[28.5625, -2.337890625, -38.84375, 10.5859375]]"#, "probabilities", "[[1, 0, 0, 0]]"),
    (#""logits": [917, 919.5, 919, 919, 922.5]"#, "log_sum_exp", "922.5"),
  ])
  func shortNumbersOfAShorterFormatAreRight(_ request: String, _ output: String, _ numbers: String) throws {
    let report = try checked(request, [output: numbers])
    #expect(!report.findings.isEmpty)
    let causes = Set(report.findings.map(\.cause))
    #expect(causes.isSubset(of: ["precision", "cancellation", "underflow"]), "\(report.findings.map(\.detail))")
  }

  /// What is past a format's range is infinite in it, and says nothing against the numbers beside it.
  @Test(arguments: [
    #""dtype": "float16", "rtol": 0"#, #""dtype": "float64""#, #""rtol": 1e-7"#,
  ])
  func infinitiesOfAShortFormatAreRight(_ options: String) throws {
    let logits = "[[-19120, -18256, 5556, 12968, 19648], [10280, 14872, -12552, -50976, 47712]]"
    let numbers = "[[-38752, -37888, -14096, -6680, 0], [-37440, -32832, -60256, \"-Infinity\", 0]]"
    let report = try checked("\"logits\": \(logits), \(options)", ["log_probabilities": numbers])
    #expect(report.findings.map(\.cause) == ["precision"], "\(report.findings.map(\.detail))")
  }

  /// The same numbers in a format that is named, also if it is the default, are those of a mistake.
  @Test func shortNumbersOfTheFormatThatIsNamedAreNot() throws {
    let request = #""logits": [20, 0], "temperature": 2, "target": 1"#
    let report = try checked(request + #", "dtype": "float64""#, ["gradient": "[0.5, -0.5]"])
    #expect(report.findings.first?.cause == "temperature")
  }

  /// Sums of one term after the other round in one direction where all terms are equal.
  @Test func aLongSumInBinary32IsRight() throws {
    let right = Textbook<Float>(logits: [(0..<4000).map { $0 == 7 ? 2.7 : 0.3 }], target: [7])
    let report = try checked(
      right.request,
      [
        "gradient": Textbook.json(right.gradient), "loss": json(Double(right.loss)),
        "probabilities": Textbook.json(right.probabilities),
      ])
    #expect(Set(report.findings.map(\.cause)).isSubset(of: ["precision", "cancellation"]))
  }

  @Test(arguments: [
    ("[0.67, 0.24, 0.09]", 2), ("[0.659, 0.2424, 0.09857]", 4), ("[6.59e-1, 2.42e-1, 9.86e-2]", 3),
    ("[0.7, 0.2, 0.1]", 1),
  ])
  func roundedNumbersAreComparedInTheirDigits(_ candidate: String, _ digits: Int) throws {
    let logits = candidate == "[0.67, 0.24, 0.09]" ? "[2, 0.98, 0]" : "[2, 1, 0.1]"
    let report = try checked("\"logits\": \(logits)", ["probabilities": candidate])
    #expect(report.findings.map(\.cause) == ["precision"])
    #expect(report.findings.first?.detail.contains("(\(digits) at most)") == true)
  }

  /// Powers of ten and zeros among them, as decimals have it where numbers are small.
  @Test(arguments: [2.0, 3, 4, 5, 6, 8]) func numbersRoundedToSomeDecimalsAreCalledRight(_ decimals: Double) throws {
    var random = SplitMix64(31)
    for classes in [3, 10, 40] {
      let right = Textbook<Double>(
        logits: (0..<4).map { _ in (0..<classes).map { _ in random.double(in: -8...8) } },
        target: (0..<4).map { _ in random.int(in: 0...classes - 1) })
      let scale = pow(10, decimals)
      let report = try checked(
        right.request, ["gradient": json(right.gradient.map { $0.map { ($0 * scale).rounded() / scale } })])
      #expect(report.findings.map(\.cause) == ["precision"], "\(classes)")
    }
  }

  /// What C prints by "%g" and "%f", six digits, and fewer; and the cure works.
  @Test(arguments: ["%g", "%f", "%.2g", "%.3e"]) func printedNumbersAreCalledRight(_ format: String) throws {
    try expectRight(Double.self, printedBy: format)
    try expectRight(Float.self, printedBy: format)
  }

  private func expectRight<Number: BinaryFloatingPoint>(_: Number.Type, printedBy format: String) throws {
    var random = SplitMix64(47)
    var cures = 0
    for _ in 0..<40 {
      let right = Textbook<Number>(logits: [(0...random.int(in: 2...5)).map { _ in random.double(in: -4...4) }])
      let printed = right.probabilities.map { $0.map { Double(String(format: format, Double($0))) ?? .nan } }
      let report = try checked(right.request, ["probabilities": json(printed)])
      guard let finding = report.findings.first else { continue }
      #expect(finding.cause == "precision", "\(right.request) \(printed)")
      let tolerance = try #require(finding.cure.firstMatch(of: /"([ar]tol)" ([\d.e+-]+)/), "\(finding.cure)")
      let again = try checked(
        right.request + ", \"\(tolerance.1)\": \(tolerance.2)", ["probabilities": json(printed)])
      #expect(again.passes, "\(right.request) \(printed)")
      cures += 1
    }
    #expect(cures > 0)
  }

  /// NumPy's print shows 8 digits after the point.
  @Test(arguments: [
    ("[0.5, -5.0, 1.4, 1.0]", "[0.19560243, 0.00079938, 0.4811043, 0.32249388]"),
    ("[-1.9, 5.1, -0.4, -1.2]", "[0.0009057, 0.9932114, 0.004059, 0.0018238]"),
    ("[-6, 8, 0]", "[1e-06, 0.999664, 0.000335]"),
  ])
  func printedNumbersOfBinary32AreRight(_ logits: String, _ printed: String) throws {
    let report = try checked("\"logits\": \(logits), \"dtype\": \"float32\"", ["probabilities": printed])
    #expect(report.findings.map(\.cause) == ["precision"])
  }

  /// A number that is repeated is one coincidence, however often.
  @Test func rightNumbersThatRepeatAreNotBlamed() throws {
    let report = try checked(
      #""logits": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], "dtype": "float32""#,
      ["log_probabilities": json([[Double]](repeating: Array(repeating: -1.38629, count: 4), count: 3))])
    #expect(report.findings.map(\.cause) == ["precision"])
  }

  /// A cure names the parameter's own word, and not the format's: "float32" for binary32.
  @Test func aCuresDtypeIsTaken() throws {
    try expectTaken("float32", by: Float.self)
    try expectTaken("float16", by: Float16.self)
  }

  private func expectTaken<Number: BinaryFloatingPoint>(_ type: String, by _: Number.Type) throws {
    let logits: [[Double]] = [[0, 0.75, 1.5, 2.25, 0.25], [1.75, 2.5, 0.5, 1.25, 2], [0.75, 1.5, 2.25, 0.25, 1]]
    let right = Textbook<Number>(logits: logits)
    let request = "\"logits\": \(json(logits)), \"rtol\": 1e-9"
    let candidate = ["probabilities": Textbook<Number>.json(right.probabilities)]
    let cure = try #require(checked(request, candidate).findings.first { $0.cause == "precision" }?.cure)
    #expect(cure == #"compute in a longer format, or send "dtype" "\#(type)""#)
    #expect(try checked("\(request), \"dtype\": \"\(type)\"", candidate).outputs.count == 1)
  }

  /// What the service itself answers passes with no tolerance at all.
  @Test(arguments: ["float64", "float32", "float16", "bfloat16"]) func theServicesOwnNumbersPass(_ type: String) throws
  {
    let request = #""logits": [[1.5, -0.25, 3], [40, 0, 2]], "target": [0, 1], "dtype": "\#(type)""#
    let answer = text(post("/gradient", "{\(request)}"))
    let report = try ParsedReport(post("/check", #"{\#(request), "rtol": 0, "candidate": \#(answer)}"#))
    #expect(report.passes && report.findings.isEmpty)
    #expect(report.outputs.values.allSatisfy { $0.maximumULPs == 0 && $0.shareExact == 1 })
  }
}
