import HTTP
import VectorKernels
import Testing

@testable import SoftmaxService

/// How far numbers are from the exact ones.
struct OutputReportTests {
  @Test func exactNumbersAreExact() throws {
    let report = try checked(
      #""logits": [40, 0], "target": 0"#,
      ["loss": "4.248354255291589e-18", "gradient": "[-4.248354255291589e-18, 4.248354255291589e-18]"])
    #expect(report.passes)
    #expect(report.findings.isEmpty)
    let gradient = try #require(report.outputs["gradient"])
    #expect(gradient == ParsedReport.Output(passes: true, count: 2, shareExact: 1))
  }

  @Test func theFormatsStepsAreCounted() throws {
    let report = try checked(
      #""logits": [40, 0], "target": 0"#,
      ["gradient": json([(-4.248354255291589e-18).nextDown, 4.248354255291589e-18.nextUp.nextUp])])
    let gradient = try #require(report.outputs["gradient"])
    #expect(gradient.maximumULPs == 2)
    #expect(gradient.shareExact == 0)
    #expect(gradient.pointers == ["#/candidate/gradient/1", "#/candidate/gradient/0"])
  }

  @Test func binary32IsCountedInItsOwnSteps() throws {
    let exact = Float(0.26894143)
    let report = try checked(
      #""logits": [0, 1], "dtype": "float32""#, ["probabilities": "[\(exact.nextUp.nextUp), 0.7310586]"])
    let probabilities = try #require(report.outputs["probabilities"])
    #expect(probabilities.maximumULPs == 2)
    #expect(probabilities.shareExact == 0.5)
    #expect(report.passes, "1.3e-6 is the tolerance of binary32")
  }

  @Test(arguments: [
    (0.0, -0.0, 0.0), (1.0, 1.0.nextUp, 1.0), (-Double.leastNonzeroMagnitude, .leastNonzeroMagnitude, 2.0),
    (Double.greatestFiniteMagnitude, .infinity, 1.0),
    (-.infinity, .infinity, 2.0 * Double(0x7FF0_0000_0000_0000 as UInt64)),
    (.nan, 1.0, .infinity), (1.0, .nan, .infinity),
  ])
  func stepsAreCountedAcrossZeroAndToInfinity(_ a: Double, _ b: Double, _ steps: Double) {
    #expect(BinaryFormat.binary64.ulps(from: a, to: b) == steps)
    #expect(BinaryFormat.binary64.ulps(from: b, to: a) == steps)
  }

  private static let patterns: [UInt32] = [
    0, 1, 2, 0x7F_FFFF, 0x80_0000, 0x80_0001, 0x3F80_0000, 0x4049_0FDB, 0x7F7F_FFFF, 0x7F80_0000,
  ]

  @Test(arguments: patterns, patterns)
  func stepsOfBinary32AreThoseOfItsBitPatterns(_ a: UInt32, _ b: UInt32) {
    let (one, other) = (Double(Float(bitPattern: a)), Double(Float(bitPattern: b)))
    #expect(BinaryFormat.binary32.ulps(from: one, to: other) == Double(max(a, b) - min(a, b)))
    #expect(BinaryFormat.binary32.ulps(from: one, to: -other) == Double(a) + Double(b))
  }

  @Test(arguments: [(0x1p-24, 1), (0x1.ff8p-15, 1023), (0x1p-14, 1024), (1.0, 0x3C00), (65504, 0x7BFF)])
  func stepsOfBinary16AreThoseOfItsBitPatterns(_ value: Double, _ pattern: Int) {
    #expect(BinaryFormat.binary16.ulps(from: 0, to: value) == Double(pattern))
  }

  @Test func toleranceIsNumPys() throws {
    let request = #""logits": [0, 0], "rtol": 0.5, "atol": 0.25"#
    #expect(try checked(request, ["probabilities": "[1, 0]"]).passes)
    #expect(try !checked(request, ["probabilities": "[1.0000001, 0]"]).passes)
    #expect(try checked(#""logits": ["-Infinity", 0]"#, ["log_probabilities": #"["-Infinity", 0]"#]).passes)
    #expect(try !checked(#""logits": ["-Infinity", 0]"#, ["log_probabilities": #"["Infinity", 0]"#]).passes)
    #expect(try !checked(#""logits": [1, 0], "atol": 1e308, "rtol": 1e308"#, ["probabilities": #"["NaN", 0]"#]).passes)
    // A bound beyond the range allows no infinity where the exact number is none.
    let beyond = #""logits": [1000, 0], "target": 1, "rtol": 1e306"#
    #expect(try !checked(beyond, ["loss": #""Infinity""#]).passes)
  }

  @Test func outOfToleranceIsCountedAndToldFirst() throws {
    let report = try checked(#""logits": [0, 0, 0, 0]"#, ["probabilities": "[0.25, 0.3, 0.25000000001, 0.2]"])
    let probabilities = try #require(report.outputs["probabilities"])
    #expect(probabilities.outOfTolerance == 2)
    #expect(probabilities.shareExact == 0.25)
    #expect(probabilities.pointers.last == "#/candidate/probabilities/2")
  }
}
