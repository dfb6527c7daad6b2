import HTTP
import Testing

@testable import SoftmaxService

/// What is taken as if it were left out, or written otherwise.
struct LeniencyTests {
  private static let gradient = #""logits": [[1, 2], [3, 4]], "target": [0, 1]"#

  /// Many languages' clients write null for what is not set.
  @Test(arguments: Operation.allCases) func nullMeansLeftOut(_ operation: Operation) {
    let required =
      switch operation {
      case .softmax: #""logits": [1, 2]"#
      case .loss, .gradient: Self.gradient
      case .check: #""logits": [1, 2], "candidate": {"probabilities": [0, 1]}"#
      }
    let plain = post(operation.path, "{\(required)}")
    #expect(plain.status == .ok)
    let inputs = operation.optionalInputs.map(\.name)
    for name in inputs + operation.parameters.map(\.name) + (operation.returnsTensors ? ["outputs"] : []) {
      #expect(text(post(operation.path, #"{"\#(name)": null, \#(required)}"#)) == text(plain), "\(name)")
    }
  }

  @Test func nullDoesNotLetAFieldBeGivenTwice() throws {
    let problem = try ProblemBody(post("/softmax", #"{"axis": null, "logits": [1], "axis": 0}"#))
    #expect(problem.errors.map(\.pointer) == ["#/axis"])
    #expect(problem.detail == "axis is given more than once; send each field once")
  }

  @Test(arguments: [
    #""outputs": []"#, #""weight": []"#, #""outputs": "loss""#, #""outputs": ["loss"]"#,
    #""weight": [], "outputs": []"#, #""probabilities": []"#, #""target_logits": [], "weight": []"#,
  ])
  func anEmptyListMeansLeftOutAndANameAloneAList(_ field: String) {
    #expect(text(post("/loss", "{\(Self.gradient), \(field)}")) == text(post("/loss", "{\(Self.gradient)}")))
  }

  @Test(arguments: ["logits", "target", "sample_weight"]) func otherEmptyListsAreFaults(_ name: String) throws {
    let others = #""logits": [1], "target": 0"#.replacing(#""\#(name)""#, with: #""axis": 0, "\#(name)""#)
    let body = name == "sample_weight" ? "{\(others), \"sample_weight\": []}" : "{\"\(name)\": []}"
    #expect(try ProblemBody(post("/loss", body)).errors.contains { $0.pointer == "#/\(name)" })
  }

  @Test(arguments: ["-Infinity", "-inf", "-Inf", "-INF"]) func aMaskHasSeveralSpellings(_ mask: String) {
    #expect(text(post("/softmax", #"{"logits": [1, "\#(mask)"]}"#)) == #"{"probabilities":[1.0,0.0]}"#)
  }

  /// Clients that show only the beginning of an answer show its first fault.
  @Test func theDetailIsTheFirstFaultAndComesFirst() {
    let answer = text(post("/softmax", #"{"inputs": [1]}"#))
    #expect(
      answer.hasPrefix(
        #"{"detail":"\"inputs\" is not a member of /softmax; the nearest is \"logits\"; and 1 more fault, in errors","type":"#
      ))
  }
}
