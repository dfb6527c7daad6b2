import Testing

@testable import SoftmaxService

/// Right numbers are never accused of a mistake, whatever the logits and the options.
struct RightCandidateTests {
  static let families = ["usual", "sure", "wide", "shifted", "level"]

  private static func logits(_ family: String, _ random: inout SplitMix, _ items: Int, _ classes: Int) -> [[Double]] {
    (0..<items).map { row in
      (0..<classes).map { c in
        let x = random.unit() * 6 - 3
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
    _: Number.Type, _ family: String, _ random: inout SplitMix
  ) -> Textbook<Number> {
    let (items, classes) = (2 + random.below(4), 2 + random.below(5))
    var right = Textbook<Number>(
      // The format's own logits: others would be wrong from the beginning.
      logits: logits(family, &random, items, classes).map { $0.map { Double(Number($0)) } },
      target: (0..<items).map { _ in random.below(classes) })
    if random.below(3) == 0 { right.temperature = 1.75 }
    if random.below(3) == 0 { right.weight = (0..<classes).map { _ in 0.5 + Double(random.below(4)) } }
    if random.below(3) == 0 { right.sampleWeight = (0..<items).map { _ in 0.5 + Double(random.below(4)) } }
    if random.below(3) == 0 { right.smoothing = 0.25 }
    if random.below(3) == 0 { right.reduction = "sum" }
    return right
  }

  @Test(arguments: families) func arePassedOrCalledRight(_ family: String) throws {
    var random = SplitMix(seed: 20)
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

/// A generator of random numbers that is the same everywhere (Steele, Lea and Flood, OOPSLA 2014).
struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
