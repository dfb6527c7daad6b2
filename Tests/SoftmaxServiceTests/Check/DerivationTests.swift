import Glibc
import HTTP
import TestSupport
import Testing

@testable import SoftmaxService

/// What goes wrong where p - t is derived: dL/dp, softmax's Jacobian and the chain rule between them.
struct DerivationTests {
  /// A way to go on from dL/dp, which is -u/p.
  enum Way: CaseIterable {
    case right, diagonal, withoutJacobian, addedTarget

    var cause: String? {
      switch self {
      case .right: nil
      case .diagonal, .withoutJacobian: "jacobian"
      case .addedTarget: "sign"
      }
    }

    var detail: String {
      switch self {
      case .right: ""
      case .diagonal: "only the diagonal"
      case .withoutJacobian: "with respect to p"
      case .addedTarget: "p + t"
      }
    }
  }

  /// The gradient, every step rounded.
  private static func gradient<Number>(_ textbook: Textbook<Number>, _ way: Way) -> [[Number]] {
    let temperature = Number(textbook.temperature)
    return textbook.probabilities.enumerated().map { row, p in
      let u = textbook.shares(row)
      let factor = Number(textbook.sampleWeight?[row] ?? 1) / textbook.normaliser
      let derivative = p.indices.map { -u[$0] / p[$0] * factor }
      return p.indices.map { i in
        switch way {
        case .right:
          return p.indices.map { derivative[$0] * p[$0] * (($0 == i ? 1 : 0) - p[i]) }.reduce(0, +) / temperature
        case .diagonal: return derivative[i] * p[i] * (1 - p[i]) / temperature
        case .withoutJacobian: return derivative[i]
        case .addedTarget: return (u.reduce(0, +) * p[i] + u[i]) * factor / temperature
        }
      }
    }
  }

  private func expect<Number>(
    _ right: Textbook<Number>, _ way: Way, times factor: Number = 1, and other: String? = nil
  ) throws {
    let gradient = Self.gradient(right, way).map { $0.map { $0 * factor } }
    let report = try checked(right.request, ["gradient": Textbook.json(gradient)])
    #expect(Set(report.findings.map(\.cause)) == Set([way.cause, other].compactMap { $0 }), "\(way), \(right)")
    #expect(way == .right || report.findings.contains { $0.detail.contains(way.detail) })
  }

  @Test(arguments: Way.allCases) func aStepThatGoesWrongIsFound(_ way: Way) throws {
    try expect(FiveRows.right(Double.self), way)
    try expect(FiveRows.right(Float.self), way)
    var options = FiveRows.right(Double.self)
    options.temperature = 1.7
    options.smoothing = 0.1
    options.weight = [1, 2, 3, 0.5]
    options.sampleWeight = [1, 2, 3, 0.5, 4]
    try expect(options, way)
    // One row of three logits.
    try expect(Textbook<Double>(logits: [[2, 1, 0.1]], target: [0]), way)
    try expect(Textbook<Float>(logits: [[2, 1, 0.1]], target: [1]), way)
    try expect(Textbook<Double>(logits: [[0.25, -1]], target: [1]), way)
  }

  @Test(arguments: Way.allCases.dropFirst()) func itIsFoundBesideAFactor(_ way: Way) throws {
    let right = FiveRows.right(Double.self)
    try expect(right, way, times: 5, and: "reduction")
    var sum = right
    sum.reduction = "sum"
    try expect(sum, way, times: 0.2, and: "reduction")
    try expect(right, way, times: -1, and: "sign")
  }

  /// With a target that is a distribution each class has its share.
  @Test(arguments: Way.allCases) func aStepWithADistributionIsFound(_ way: Way) throws {
    var right = FiveRows.right(Double.self)
    right.onehot = { row, _ in row % 2 == 0 ? [0.1, 0.2, 0.3, 0.4] : [0.7, 0, 0.05, 0.25] }
    right.divisor = Double(right.items)
    let target = json((0..<right.items).map { right.onehot?($0, right.classes) ?? [] })
    let report = try checked(
      "\"logits\": \(json(FiveRows.logits)), \"target\": \(target)",
      ["gradient": json(Self.gradient(right, way))])
    #expect(report.findings.map(\.cause) == [way.cause].compactMap { $0 })
  }

  @Test(arguments: [
    ("[0, -0.7576, 0]", "jacobian"), ("[0, -4.1249, 0]", "jacobian"), ("[0.659, 1.2424, 0.0986]", "sign"),
  ])
  func itIsFoundInRoundedNumbers(_ gradient: String, _ cause: String) throws {
    let report = try checked(#""logits": [2, 1, 0.1], "target": 1"#, ["gradient": gradient])
    #expect(report.findings.map(\.cause) == [cause])
  }

  /// 1/p of a class whose p is 0, and 0/0 of those that are masked.
  @Test func divisionByNoProbabilityIsFound() throws {
    let report = try checked(
      #""logits": [0, -800, "-Infinity"], "target": 1"#, ["gradient": #"[0, "-Infinity", "NaN"]"#])
    #expect(report.findings.map(\.cause).contains("jacobian"))
  }

  /// What is finite is not a quotient by next to nothing: here softmax is missing.
  @Test func aFiniteNumberIsNoQuotientByNothing() throws {
    let report = try checked(
      #""logits": [0, 500, -500], "target": 2, "dtype": "float32""#, ["gradient": "[0, 0, -1]"])
    #expect(!report.findings.contains { $0.detail.contains("with respect to p") })
  }

  /// Sure predictions in right arithmetic, which is left with zeros.
  @Test(arguments: ["float64", "float32"]) func zerosAreNoDiagonal(_ type: String) throws {
    let report = try checked(
      "\"logits\": [-30, 29.5], \"target\": 1, \"dtype\": \"\(type)\", \"rtol\": 0", ["gradient": "[0, 0]"])
    #expect(!report.findings.contains { $0.cause == "jacobian" })
  }

  /// -p[target], as PyTorch's NLLLoss makes of probabilities, and what autograd makes of that.
  @Test func aLossWithoutItsLogarithmIsFound() throws {
    func expect<Number>(_ right: Textbook<Number>, times factor: Number, _ causes: Set<String>) throws {
      let (p, items) = (right.probabilities, Number(right.items))
      let own = right.target.enumerated().map { p[$0][$1] }
      let gradient = p.enumerated().map { row, p in
        p.indices.map { factor * p[$0] * (own[row] - ($0 == right.target[row] ? 1 : 0)) / items }
      }
      let report = try checked(
        right.request,
        ["loss": json(Double(-factor * own.reduce(0, +) / items)), "gradient": Textbook.json(gradient)])
      #expect(Set(report.causes(of: "loss")) == causes)
      #expect(Set(report.causes(of: "gradient")) == causes)
    }
    try expect(FiveRows.right(Double.self), times: 1, ["no_log"])
    try expect(FiveRows.right(Float.self), times: 1, ["no_log"])
    try expect(FiveRows.right(Double.self), times: 5, ["no_log", "reduction"])
  }

  /// Softmax of the classes too that `where` excludes.
  @Test(arguments: ["[true, true, true, false]", "[[true, true, true, false], [true, true, false, true]]"])
  func aMaskThatIsForgottenIsFound(_ mask: String) throws {
    let right = Textbook<Double>(logits: Array(FiveRows.logits[1...2]), target: [1, 0])
    let request = right.request + ", \"where\": \(mask)"
    let report = try checked(
      request,
      [
        "gradient": json(right.gradient), "loss": json(right.loss), "probabilities": json(right.probabilities),
      ])
    #expect(report.findings.map(\.cause) == ["mask", "mask", "mask"])
    let sum = try checked(request, ["gradient": json(right.gradient.map { $0.map { $0 * 2 } })])
    #expect(Set(sum.findings.map(\.cause)) == ["mask", "reduction"])
  }

  /// Numbers that are right are no mistake's, be the rows sure, level or of two classes.
  @Test(arguments: [1, 2, 3, 10]) func rightGradientsAreNotBlamed(_ classes: Int) throws {
    var random = SplitMix64(UInt64(classes))
    for scale in [0, 0.01, 1, 5, 30, 300] {
      for items in [1, 2, 5] {
        let logits = (0..<items).map { _ in (0..<classes).map { _ in scale * random.double(in: -3...3) } }
        let target = logits.map { row in
          random.int(in: 0...1) == 0 ? row.indices.max { row[$0] < row[$1] } ?? 0 : random.int(in: 0...classes - 1)
        }
        let (double, float) = (
          Textbook<Double>(logits: logits, target: target), Textbook<Float>(logits: logits, target: target)
        )
        let plain = "\"logits\": \(json(logits)), \"target\": \(target)"
        let reports = [
          try checked(double.request, ["gradient": json(double.gradient), "loss": json(double.loss)]),
          try checked(float.request, ["gradient": Textbook.json(float.gradient), "loss": json(Double(float.loss))]),
          try checked(plain, ["gradient": Textbook.json(float.gradient), "loss": json(Double(float.loss))]),
        ]
        for report in reports {
          let blamed = Set(report.findings.map(\.cause)).intersection(["jacobian", "no_log", "sign", "mask"])
          #expect(blamed.isEmpty, "\(double)")
        }
      }
    }
  }
}
