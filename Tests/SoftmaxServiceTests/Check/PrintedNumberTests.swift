import Foundation
import TestSupport
import Testing

@testable import SoftmaxService

/// Numbers that were printed with fewer digits than they have, and the tolerances that let them pass.
struct PrintedNumberTests {
  /// Logits and targets, and a gradient of them that is not passed by what has few digits.
  private static func right<Number>(_: Number.Type, _ random: inout SplitMix64) -> Textbook<Number> {
    Textbook<Number>(
      logits: (0..<3).map { _ in (0..<4).map { _ in Double(Number(random.double(in: -3...3))) } },
      target: (0..<3).map { _ in random.int(in: 0...3) })
  }

  private static func printed<Number: BinaryFloatingPoint>(_ rows: [[Number]], _ format: String) -> String {
    json(rows.map { $0.map { Double(String(format: format, Double($0))) ?? .nan } })
  }

  /// The request without its "dtype": numbers of binary32 that were read as binary64.
  private static func request<Number>(_ right: Textbook<Number>) -> String {
    "\"logits\": \(json(right.logits)), \"target\": \(right.target)"
  }

  @Test(arguments: 2...17, ["f", "e"]) func mistakesAreFoundInAnyNumberOfDigits(_ digits: Int, _ way: String) throws {
    var random = SplitMix64(11)
    for _ in 0..<10 {
      let right = Self.right(Double.self, &random)
      var offset = right
      offset.offset = 1
      let mistakes = [
        ("sign", right.gradient.map { $0.map { -$0 } }), ("target_offset", offset.gradient),
        ("reduction", right.gradient.map { $0.map { $0 * 3 } }),
      ]
      for (cause, numbers) in mistakes {
        let report = try checked(right.request, ["gradient": Self.printed(numbers, "%.\(digits)\(way)")])
        #expect(report.findings.map(\.cause) == [cause], "\(right.request)")
      }
    }
  }

  /// Arithmetic in binary32, printed with more digits than it has, and sent without its "dtype".
  @Test(arguments: 5...15) func mistakesAreFoundInShortArithmeticThatIsPrinted(_ digits: Int) throws {
    var random = SplitMix64(12)
    for _ in 0..<10 {
      let right = Self.right(Float.self, &random)
      let turned = Self.printed(right.gradient.map { $0.map { -$0 } }, "%.\(digits)f")
      #expect(try checked(Self.request(right), ["gradient": turned]).findings.map(\.cause) == ["sign"])
      let report = try checked(
        Self.request(right) + ", \"rtol\": 0",
        [
          "gradient": Self.printed(right.gradient, "%.\(digits)f")
        ])
      #expect(report.findings.map(\.cause) == ["precision"])
      if digits >= 9 { #expect(report.findings.first?.detail.contains("binary32") == true) }
    }
  }

  /// Nothing else is said of right numbers. Those of 15 digits and more are as exact as arithmetic makes them.
  @Test(arguments: 2...13, ["f", "e"]) func rightNumbersWereCutShort(_ digits: Int, _ way: String) throws {
    var random = SplitMix64(13)
    for _ in 0..<10 {
      let right = Self.right(Double.self, &random)
      let numbers = ["gradient": Self.printed(right.gradient, "%.\(digits)\(way)")]
      let finding = try #require(checked(right.request + ", \"rtol\": 0", numbers).findings.first)
      #expect(finding.cause == "precision" && finding.detail.contains("in every digit that they have"))
      #expect(finding.cure.hasPrefix("send all digits"))
    }
  }

  /// What a cure lets pass, passes, and not by far.
  @Test(arguments: [
    (#""logits": [0, 0.3, -16.5], "dtype": "float16""#, "probabilities", "[0.4255, 0.576171875, 0.0]"),
    (#""logits": [0, 0.3, -16.5], "dtype": "float16""#, "probabilities", "[0.4255, 0.574, 6e-8]"),
    (#""logits": [0, 0.3, -16.5], "dtype": "float16", "rtol": 0"#, "log_probabilities", "[-0.853, -0.553, -17.3]"),
    (#""logits": [2, 1, 0.1], "target": 0, "rtol": 0"#, "loss", "0.4170300162778336"),
    (#""logits": [2, 1, 0.1], "target": 0, "rtol": 0, "atol": 1e-13"#, "loss", "0.4170300163"),
    (#""logits": [2, 1, 0.1], "target": 0, "rtol": 1e-3"#, "gradient", "[-0.34, 0.24, 0.1]"),
    (#""logits": [0, -708, -709.5], "rtol": 1e-16"#, "probabilities", "[1, 3.307553003638408e-308, 0]"),
  ])
  func theToleranceOfACurePasses(_ request: String, _ output: String, _ numbers: String) throws {
    let cure = try #require(checked(request, [output: numbers]).findings.first?.cure)
    let (_, name, value) = try #require(cure.wholeMatch(of: /.*"(rtol|atol)" ([0-9.e-]+)/)?.output)
    let others = request.replacing(try Regex(", \"\(name)\": [0-9.e-]+"), with: "")
    func passes(_ tolerance: Double) throws -> Bool {
      try checked("\(others), \"\(name)\": \(tolerance)", [output: numbers]).passes
    }
    let tolerance = try #require(Double(value))
    // Half a unit of the last decimal place may be more than it takes.
    #expect(try passes(tolerance) && !passes(tolerance / (name == "atol" ? 10 : 2)), "\(cure)")
    #expect(name == "atol" || tolerance <= 0.125)
  }

  /// Numbers with so many digits after the point are each off by half a unit of the last one: a relative tolerance
  /// would be that of the smallest.
  @Test func fixedDecimalsNeedAnAbsoluteTolerance() throws {
    let report = try checked(#""logits": [3, 0, -9.4]"#, ["probabilities": "[0.952570, 0.047426, 0.000004]"])
    #expect(report.findings.first?.cure.hasSuffix(#"or allow "atol" 5e-07"#) == true)
    var random = SplitMix64(61)
    for (format, most) in [("%.3f", 5e-4), ("%.4f", 5e-5), ("%.6f", 5e-7), ("%.8f", 5e-9)] {
      for _ in 0..<20 {
        let right = Textbook<Double>(logits: [(0..<4).map { _ in random.double(in: -8...2) }])
        let cure = try checked(right.request, ["probabilities": Self.printed(right.probabilities, format)]).findings
          .first?.cure
        guard let cure else { continue }
        #expect(cure.hasSuffix("or allow \"atol\" \(most)"), "\(cure)")
      }
    }
    // Digits from the first that is not zero.
    let digits = try checked(#""logits": [3, 0, -9.4]"#, ["probabilities": "[9.5257e-01, 4.7426e-02, 3.9232e-06]"])
    #expect(digits.findings.first?.cure.contains("\"rtol\"") == true)
  }

  /// p - 1 cancels in right numbers of binary32: the cure says what lets them pass.
  @Test func whatCancelsIsAllowedByATolerance() throws {
    let request = #""logits": [[6, 1, -2]], "target": [0], "dtype": "float32""#
    let gradient = "[[-0.0070236921310424805, 0.00669062091037631, 0.00033310643630102277]]"
    let finding = try #require(checked(request, ["gradient": gradient]).findings.first)
    let (_, tolerance) = try #require(finding.cure.wholeMatch(of: /.*; or allow "atol" ([0-9.e-]+)/)?.output)
    #expect(finding.cause == "cancellation")
    #expect(try checked(request + ", \"atol\": \(tolerance)", ["gradient": gradient]).passes)
  }

  /// NumPy's and JAX's eight digits of binary32, without the dtype that lets them pass.
  @Test func theFormatOfPrintedNumbersIsNamed() throws {
    let request = #""logits": [[2, 1, 0.1], [0.5, 2.5, -1]], "target": [0, 2]"#
    let gradient = "[[-0.17049944, 0.12121648, 0.04928295], [0.05805726, 0.4289884, -0.48704568]]"
    let finding = try #require(checked(request, ["gradient": gradient]).findings.first)
    #expect(finding.cure == #"compute in binary64 from the logits on, or send "dtype" "float32""#)
    #expect(try checked(request + #", "dtype": "float32""#, ["gradient": gradient]).passes)
  }

  /// Beside options that recomputations do not know, too.
  @Test(arguments: [
    (#""focal_gamma": 2"#, "gradient", "[-0.103564, 0.073629, 0.029935]"),
    (#""softcap": 30"#, "gradient", "[-0.3401, 0.2426, 0.0988]"),
    (#""z_loss": 1e-4"#, "gradient", "[-0.3407, 0.2426, 0.0986]"), (#""z_loss": 1e-4"#, "loss", "0.4176"),
  ])
  func printedNumbersBesideAnOptionAreRight(_ option: String, _ output: String, _ numbers: String) throws {
    let request = #""logits": [2, 1, 0.1], "target": 0, "# + option
    let finding = try #require(checked(request, [output: numbers]).findings.first)
    #expect(finding.cause == "precision" && finding.detail.contains("in every digit that they have"))
    let (_, name, value) = try #require(finding.cure.wholeMatch(of: /.*"([ar]tol)" ([0-9.e-]+)/)?.output)
    #expect(try checked(request + ", \"\(name)\": \(value)", [output: numbers]).passes)
  }

  @Test func whatIsComputedInBinary32BesideAnOptionIsRight() throws {
    let request = #""logits": [2, 1, 0.1], "target": 0, "focal_gamma": 2"#
    let finding = try #require(checked(request, ["gradient": "[-0.10356449, 0.07362905, 0.02993537]"]).findings.first)
    #expect(finding.cause == "precision", "\(finding.detail)")
  }

  @Test(arguments: ["", #", "dtype": "float32""#]) func anOptionLeftOutIsFoundInPrintedNumbers(_ type: String) throws {
    let request = #""logits": [2, 1, 0.1], "target": 0, "z_loss": 0.01"# + type
    let report = try checked(request, ["gradient": "[-0.3409989, 0.242433, 0.0985659]"])
    #expect(report.findings.map(\.cause) == ["z_loss"])
  }

  @Test(arguments: [
    ("loss", "-0.417"), ("loss", "-0.42"), ("loss", "-0.4170"), ("entropy", "-0.8467"), ("entropy", "-0.85"),
  ])
  func aForgottenMinusIsFoundInShortNumbers(_ output: String, _ number: String) throws {
    let report = try checked(#""logits": [2, 1, 0.1], "target": 0"#, [output: number])
    #expect(report.findings.map(\.cause) == ["sign"])
  }

  /// Logits that are not of the format are rounded before anything is computed of them.
  @Test(arguments: [
    (#", "dtype": "float32""#, "[0.5249731, 0.4750269, 0]", #""input_dtype" "float32", or"#),
    ("", "[0.5249730944633484, 0.4750269055366516, 0]", #""input_dtype" "float32" and "dtype" "float32", or"#),
  ])
  func logitsThatWereRoundedAreNamed(_ options: String, _ numbers: String, _ cure: String) throws {
    let request = "\"logits\": [1000.1, 1000, 890]" + options
    let finding = try #require(checked(request, ["probabilities": numbers]).findings.first)
    #expect(finding.cause == "precision" && finding.cure.contains(cure))
    let again = #""logits": [1000.1, 1000, 890], "dtype": "float32", "input_dtype": "float32""#
    #expect(try checked(again, ["probabilities": numbers]).passes)
  }

  /// Where the exponentials of a format end, in the digits that exact logarithms have.
  @Test(arguments: [
    ("float64", "709.782712893384 and 0 below -745.1332191019412"),
    ("float32", "88.72283905206835 and 0 below -103.97207708399179"),
    ("float16", "11.089866488461016 and 0 below -17.328679513998633"),
  ])
  func theRangeOfExponentialsIsExact(_ type: String, _ range: String) throws {
    let report = try checked("\"logits\": [800, 0], \"dtype\": \"\(type)\"", ["probabilities": #"["NaN", 0]"#])
    #expect(report.findings.first?.detail.contains("beyond x = \(range),") == true)
  }
}
