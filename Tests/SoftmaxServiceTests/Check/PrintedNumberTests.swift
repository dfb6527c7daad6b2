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

  /// Logits in one format and arithmetic in another, or in one that the numbers are right in too.
  @Test(arguments: [
    ("[2.3, -1.7, 0.4]", "[0.8563586908838098, 0.015669446873037715, 0.12797186224315252]", #""float16""#),
    ("[[1000.1, 1000.0, 999.3]]", "[[0.4247738367192182, 0.38436064535651643, 0.19086551792426545]]", #""float32""#),
    ("[2.3, -1.7, 0.4]", "[0.8558632135391235, 0.015675682574510574, 0.1284611076116562]", #""bfloat16""#),
  ])
  func logitsOfAnotherFormatThanTheNumbersAreNamed(_ logits: String, _ numbers: String, _ type: String) throws {
    let finding = try #require(checked("\"logits\": \(logits)", ["probabilities": numbers]).findings.first)
    #expect(finding.cause == "precision" && finding.cure.contains(#""input_dtype" "# + type), "\(finding)")
    let again = try checked(
      "\"logits\": \(logits), \"input_dtype\": \(type), \"rtol\": 1e-6", ["probabilities": numbers])
    #expect(again.passes)
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

/// Right numbers of a few digits, and numbers so short that they say little.
struct FewDigitsTests {
  /// A mistake that agrees in binary32 by chance is not named where the exact number agrees in every digit.
  @Test(arguments: [("%.3f", 32, 100), ("%.4f", 8, 50), ("%.4f", 2, 10)])
  func noMistakeIsNamedByChance(_ format: String, _ items: Int, _ classes: Int) throws {
    var random = SplitMix64(31)
    for _ in 0..<40 {
      var right = Textbook<Double>(
        logits: (0..<items).map { _ in
          (0..<classes).map { _ in (100 * random.double(in: -5...5)).rounded() / 100 }
        }, target: (0..<items).map { _ in random.int(in: 0...classes - 1) })
      right.smoothing = 0.01
      let report = try checked(
        right.request + #", "dtype": "float32""#, ["loss": String(format: format, right.loss)])
      #expect(report.findings.allSatisfy { $0.cause == "precision" }, "\(right.request)")
    }
  }

  /// Such a loss, and one that a formula gives in fewer digits: a row that is ignored does not show that its sum is
  /// left out.
  @Test(arguments: [
    (
      #""logits": [[-1.15, 0.18, -4.22, -2.79, -1.51, -0.44, 1.48, 0.22, -0.85, -0.63], "#
        + "[-0.44, -0.62, -1.59, -1.46, -0.13, -0.56, -1.97, 0.33, 0.56, -1.24]], "
        + #""target": [0, 5], "label_smoothing": 0.01, "dtype": "float32""#, "2.903"
    ),
    (
      #""logits": [[1.5, 0.9], [3.5, -1.5]], "temperature": 0.5, "target": [-100, 1], "dtype": "float64""#, "10.0"
    ),
  ])
  func aPrintedLossIsRight(_ request: String, _ loss: String) throws {
    #expect(try checked(request, ["loss": loss]).findings.map(\.cause) == ["precision"])
  }

  /// 1.0, 0.75 and 0.0 as a format with two decimals or more prints right numbers.
  @Test(arguments: [
    (#""logits": [10, 0]"#, "probabilities", "[1.0, 0.0]", 2),
    (#""logits": [20, 0]"#, "probabilities", "[1.0, 0.0]", 2),
    (#""logits": [20, 0], "dtype": "float32""#, "probabilities", "[1.0, 0.0]", 2),
    (#""logits": [11.2, 3.3, 10.1]"#, "probabilities", "[0.75, 0.0, 0.25]", 2),
    (#""logits": [0, 9, 1], "target": 0"#, "gradient", "[-1.0, 1.0, 0.0]", 2),
    (#""logits": [0, 9, 1], "target": 0, "dtype": "float64""#, "loss", "9.0", 2),
    (#""logits": [2.08, 0.13]"#, "probabilities", "[0.875, 0.125]", 3),
    (#""logits": [9, 0], "target": 1, "softcap": 1000"#, "gradient", "[1.0, -1.0]", 2),
  ])
  func shortNumbersAreRoundedOnes(
    _ request: String, _ output: String, _ numbers: String, _ decimals: Int
  ) throws {
    let report = try checked(request, [output: numbers])
    let finding = try #require(report.findings.first)
    #expect(report.findings.count == 1 && finding.cause == "precision", "\(report.findings)")
    #expect(finding.detail.contains("the exact one, rounded to \(decimals) decimals"), "\(finding.detail)")
    #expect(finding.cure.hasSuffix(#"or allow "atol" \#(decimals == 2 ? "0.005" : "0.0005")"#), "\(finding.cure)")
    let tolerance = decimals == 2 ? "0.005" : "0.0005"
    #expect(try checked(request + ", \"atol\": \(tolerance)", [output: numbers]).passes)
  }

  /// And what such numbers tell of a mistake is still said.
  @Test func mistakesInShortNumbersKeepTheirNames() throws {
    let zeros = try checked(#""logits": [2, 1, 0.1], "target": 0"#, ["gradient": "[0.0, 0.0, 0.0]"])
    #expect(zeros.findings.map(\.cause) == ["zero"] && zeros.findings.first?.cure.contains("digits") == false)
    let short = try checked(
      #""logits": [[8, 11, 30], [36, 0, -36]], "target": [-100, 2]"#, ["loss": "-72.0"])
    #expect(short.findings.map(\.cause) == ["sign"])
    let smoothing = try checked(
      #""logits": [[0, 0], [0, 0]], "target": [0, 1], "label_smoothing": 0.2, "reduction": "sum""#
        + #", "upstream": 0.2, "dtype": "float64""#, ["gradient": "[[-0.1, 0.1], [0.1, -0.1]]"])
    #expect(smoothing.findings.map(\.cause) == ["smoothing", "precision"], "\(smoothing.findings)")
    let logits = try checked(#""logits": [0.5, 0.25, 0.75]"#, ["probabilities": "[0.5, 0.25, 0.75]"])
    #expect(logits.findings.map(\.cause) == ["no_softmax"])
  }

  /// A gradient that is 0 in two decimals need not be missing.
  @Test func zerosMayBeSmallNumbers() throws {
    let report = try checked(
      #""logits": [10, 0], "target": 0"#, ["gradient": "[0.0, 0.0]", "loss": "0.0"])
    #expect(report.causes(of: "gradient") == ["zero"] && !report.causes(of: "loss").contains("zero"))
    let cure = try #require(report.findings.first { $0.cause == "zero" }?.cure)
    #expect(cure.hasSuffix(", or print more digits: the largest exact number is 4.5e-05"), "\(cure)")
  }

  /// Few digits are few in 16 bits too.
  @Test(arguments: [
    ("float16", "[0.66, 0.24, 0.1]"), ("bfloat16", "[0.7, 0.2, 0.1]"),
  ])
  func fewDigitsAreSeenInShortFormats(_ type: String, _ numbers: String) throws {
    let request = #""logits": [2, 1, 0.1], "dtype": "\#(type)""#
    let report = try checked(request, ["probabilities": numbers])
    #expect(report.findings.map(\.cause) == ["precision"])
    #expect(report.findings.first?.cure.hasPrefix("send all digits") == true, "\(report.findings)")
  }

  /// What NumPy and JAX print of arithmetic in 16 bits, without its "dtype".
  @Test(arguments: [
    (
      "probabilities", "[0.0156, 0.005478, 0.0472, 0.1798, 0.752]",
      #"compute in binary64 from the logits on, or send "dtype" "float16""#
    ),
    (
      "probabilities", "[0.0155029, 0.00546265, 0.0471191, 0.179688, 0.75]",
      #"compute in binary64 from the logits on, or send "dtype" "float16" or "bfloat16""#
    ),
  ])
  func shortFormatsAreNamedInPrintedNumbers(_ output: String, _ numbers: String, _ cure: String) throws {
    let request = #""logits": [-1.603515625, -2.6484375, -0.496826171875, 0.8408203125, 2.271484375]"#
    let report = try checked(request, [output: numbers])
    #expect(report.findings.map(\.cause) == ["precision"])
    #expect(report.findings.first?.cure.hasPrefix(cure) == true, "\(report.findings)")
  }

  /// One request is told one format: that of all its outputs, and both where they fit both.
  @Test func theFormatIsThatOfAllOutputs() throws {
    let request = #""logits": [[2, 1, 0.125], [0.5, 2.5, -1]], "target": [0, 2]"#
    let loss = try checked(request, ["loss": "2.03125"])
    #expect(loss.findings.first?.cure.hasSuffix(#"send "dtype" "float16" or "bfloat16""#) == true, "\(loss.findings)")
    let gradient = "[[-0.1708984375, 0.12109375, 0.049560546875], [0.05810546875, 0.427734375, -0.486328125]]"
    let both = try checked(request, ["loss": "2.03125", "gradient": gradient])
    #expect(both.findings.count == 2)
    for finding in both.findings {
      #expect(finding.cure.hasSuffix(#"send "dtype" "bfloat16""#), "\(finding.output) \(finding.cure)")
    }
  }
}
