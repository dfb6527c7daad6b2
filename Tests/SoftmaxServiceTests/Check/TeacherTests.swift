import Glibc
import HTTP
import Testing

@testable import SoftmaxService

/// Distillation, and derivatives by difference quotients.
struct TeacherTests {
  private static let target = [[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0, 0.5, 0.25, 0.25]]

  private static func right(_ temperature: Double = 1) -> (textbook: Textbook<Double>, request: String) {
    var right = Textbook<Double>(logits: Array(FiveRows.logits[0..<3]), target: [0, 0, 0])
    right.temperature = temperature
    right.onehot = { row, _ in target[row] }
    return (
      right, "\"logits\": \(json(right.logits)), \"target\": \(json(target)), \"temperature\": \(temperature)"
    )
  }

  /// F.kl_div leaves out the entropy of the target; "batchmean" divides by the items, "mean" by the classes too.
  @Test(arguments: [1.0, 4]) func aDivergenceIsNamed(_ divisor: Double) throws {
    let (right, request) = Self.right(1.5)
    let entropy = -Self.target.joined().reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) } / 3
    let findings = try checked(request, ["loss": json((right.loss - entropy) / divisor)]).findings
    #expect(Set(findings.map(\.cause)) == (divisor == 1 ? ["kl_divergence"] : ["kl_divergence", "divisor"]))
    #expect(findings.contains { $0.detail.contains("entropy") })
  }

  @Test func theSquareOfTheTemperatureIsNamed() throws {
    let (right, request) = Self.right(1.5)
    let entropy = -Self.target.joined().reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) } / 3
    let report = try checked(
      request, ["gradient": json(right.gradient.map { $0.map { $0 * 2.25 } }), "loss": json(right.loss * 2.25)])
    #expect(report.findings.map(\.cause) == ["factor", "factor"])
    #expect(report.findings.allSatisfy { $0.detail.contains("T² = 2.25 times") })
    #expect(report.findings.allSatisfy { $0.cure.contains(#""upstream" 2.25"#) })
    let both = try checked(request, ["loss": json((right.loss - entropy) * 2.25)]).findings
    #expect(Set(both.map(\.cause)) == ["kl_divergence", "factor"])
  }

  @Test func aFactorBelowOneIsNotAddedUp() throws {
    let right = FiveRows.right(Double.self)
    let report = try checked(right.request, ["gradient": json(right.gradient.map { $0.map { $0 * 0.3 } })])
    #expect(report.findings.map(\.cause) == ["factor"])
    #expect(report.findings.allSatisfy { !$0.cure.contains("adds") && $0.cure.contains("divides") })
    let percent = try checked(right.request, ["probabilities": json(right.probabilities.map { $0.map { $0 * 100 } })])
    #expect(percent.findings.map(\.cause) == ["factor"])
    #expect(percent.findings.first?.detail.contains("in per cent") == true)
  }

  /// Other targets than /check takes are told what to send; nothing else is missing then.
  @Test(arguments: [
    (
      #"{"logits": [2, 1], "target_logits": [1, 0], "candidate": {"loss": 1}}"#,
      [#"send softmax(target_logits / T) as "target""#]
    ),
    (
      #"{"logits": [2, 1], "candidate": {"jacobian": [[1, 0], [0, 1]]}}"#,
      [#"compare it with the output "jacobian" of /softmax"#]
    ),
    (
      #"{"logits": [2, 1], "target": 0, "candidate": {"y_hat": [1, 0], "dL_dy_hat_l": 2, "loss": 1}}"#,
      Array(repeating: #"compare it with the output "derivation" of /gradient"#, count: 2)
    ),
  ])
  func whatIsNotCheckedHasACure(_ body: String, _ cures: [String]) throws {
    let problem = try ProblemBody(post("/check", body))
    #expect(problem.errors.count == cures.count)
    for (error, cure) in zip(problem.errors, cures) { #expect(error.detail.hasSuffix(cure)) }
  }

  @Test(arguments: [1e-2, 1e-3, 1e-4, 1e-5], ["mean", "sum"])
  func differenceQuotientsAreNamed(_ step: Double, _ reduction: String) throws {
    var right = FiveRows.right(Double.self)
    right.reduction = reduction
    right.temperature = 1.5
    right.smoothing = 0.1
    func quotient(isCentral: Bool) -> String {
      json(
        (0..<right.items).map { row in
          (0..<right.classes).map { c in
            var (up, down) = (right, right)
            up.logits[row][c] += step
            if isCentral { down.logits[row][c] -= step }
            return (up.loss - down.loss) / (isCentral ? 2 * step : step)
          }
        })
    }
    let forward = try checked(right.request, ["gradient": quotient(isCentral: false)])
    #expect(forward.findings.map(\.cause) == ["difference"])
    #expect(forward.findings.first?.detail.contains("h = \(step)") == true)
    let central = try checked(right.request, ["gradient": quotient(isCentral: true)])
    if step >= 1e-3 { #expect(central.findings.map(\.cause) == ["difference"]) }
    #expect(Set(central.findings.map(\.cause)).isSubset(of: ["difference"]))
  }
}
