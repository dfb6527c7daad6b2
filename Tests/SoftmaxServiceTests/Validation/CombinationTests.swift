import HTTP
import TestSupport
import Testing

@testable import SoftmaxService

/// Fields that are each good by themselves: either they go together, or the answer says which do not.
struct CombinationTests {
  private static let values: [(name: String, value: String)] = [
    ("axis", "-1"), ("temperature", "2"), ("softcap", "30"), ("dtype", #""float32""#), ("input_dtype", #""float16""#),
    ("ignore_index", "-1"), ("ignore_index", "0"), ("label_smoothing", "0.1"), ("reduction", #""none""#),
    ("reduction", #""sum""#), ("divisor", "3"), ("z_loss", "0.1"), ("focal_gamma", "2"), ("weight", "[1, 2, 0.5]"),
    ("sample_weight", "[2]"), ("where", "[true, false, true]"), ("target", "[[0.5, 0.25, 0.25]]"), ("target", "[1]"),
    ("target_logits", "[[1, 0, 2]]"), ("logits", "[[1, 2, 3]]"), ("probabilities", "[[0.25, 0.5, 0.25]]"),
    ("vector", "[[1, 0, -1]]"), ("upstream", "3"), ("upstream", "[3]"), ("empty", #""zero""#), ("top_k", "2"),
    ("outputs", #"["loss"]"#), ("outputs", #"["gradient"]"#), ("outputs", #"["kl_divergence"]"#),
    ("outputs", #"["hessian_vector_product"]"#), ("outputs", #"["perplexity"]"#), ("outputs", #"["derivation"]"#),
    ("outputs", #"["probabilities", "entropy"]"#), ("outputs", #"["top_indices"]"#),
  ]

  /// No combination is accepted by the validation and then refused by the mathematics, which would be the answer 500.
  @Test(arguments: ["/softmax", "/loss", "/gradient"]) func anyFieldsGetAnAnswerOrAFault(_ path: String) throws {
    var random = SplitMix64(11)
    var answered = 0
    for round in 0..<3000 {
      var fields: [String: String] = [:]
      for _ in 0..<random.int(in: 1...4) {
        let field = Self.values[random.int(in: 0...Self.values.count - 1)]
        fields[field.name] = field.value
      }
      if fields["probabilities"] == nil { fields["logits"] = "[[1, 2, 3]]" }
      if path != "/softmax", fields["target_logits"] == nil, fields["target"] == nil { fields["target"] = "[2]" }
      let body = "{" + fields.map { "\"\($0.key)\": \($0.value)" }.sorted().joined(separator: ", ") + "}"
      let answer = post(path, body)
      if answer.status == .ok { answered += 1 }
      #expect(answer.status == .ok || answer.status == .unprocessableContent, "\(round): \(body) \(text(answer))")
    }
    #expect(answered > 300)
  }

  @Test func aFocalLossOfATeacherIsRefused() throws {
    let problem = try ProblemBody(
      post("/loss", #"{"logits": [1, 2, 3], "target_logits": [0, 1, 0], "focal_gamma": 2}"#))
    #expect(problem.errors.map(\.pointer) == ["#/focal_gamma"])
    #expect(problem.detail.contains(#""target_logits" gives each class a share; leave out one or the other"#))
  }

  /// The target of given probabilities is rounded like that of logits.
  @Test func aTargetOfProbabilitiesIsReadInTheInputsFormat() throws {
    let answer = post(
      "/gradient",
      #"{"probabilities": [0.5, 0.5], "target": [0.1, 0.9], "input_dtype": "float16", "outputs": ["gradient"]}"#)
    #expect(text(answer) == #"{"gradient":[-0.199951171875,-1.7998046875]}"#)
    let beyond = try ProblemBody(
      post("/loss", #"{"probabilities": [0.5, 0.5], "target": [1e-6, 70000], "input_dtype": "float16"}"#))
    #expect(beyond.errors.map(\.pointer) == ["#/target/1"])
    let word = try ProblemBody(post("/loss", #"{"probabilities": [0.5, 0.5], "target": "cat"}"#))
    #expect(word.detail.contains("a number from 0 to 1"))
  }

  /// Typed clients write every member: what the other one replaces may be null or empty.
  @Test(arguments: ["null", "[]"]) func whatIsReplacedMayBeLeftOut(_ nothing: String) {
    #expect(post("/loss", #"{"logits": [1, 2], "target": \#(nothing), "target_logits": [1, 0]}"#).status == .ok)
    #expect(post("/loss", #"{"logits": \#(nothing), "probabilities": [0.5, 0.5], "target": 0}"#).status == .ok)
    #expect(post("/loss", #"{"target_logits": [1, 0], "target": \#(nothing), "logits": [1, 2]}"#).status == .ok)
  }

  @Test(arguments: [
    ("/gradient", #""target": 0, "upstream": 3, "outputs": ["loss"]"#, "#/upstream"),
    ("/gradient", #""target": 0, "vector": [1, 0], "outputs": ["gradient"]"#, "#/vector"),
    ("/softmax", #""top_k": 1, "outputs": ["entropy"]"#, "#/top_k"),
  ])
  func whatHasNoEffectIsRefused(_ path: String, _ fields: String, _ pointer: String) throws {
    let problem = try ProblemBody(post(path, "{\"logits\": [1, 2], \(fields)}"))
    #expect(problem.errors.map(\.pointer) == [pointer])
    #expect(problem.detail.contains("ask for"))
  }

  @Test(
    "What is refused in any case gets no cure that makes it fit",
    arguments: [
      (#""probabilities": [0.5, 0.5], "target": 0, "outputs": ["hessian_vector_product"]"#, "probabilities"),
      (#""logits": [1, 2], "target": 0, "z_loss": 1, "outputs": ["hessian_vector_product"]"#, "z_loss"),
      (#""logits": [1, 2], "target": 0, "vector": [1, 0], "outputs": ["derivation"]"#, "vector"),
    ])
  func noCureContradictsAnother(_ fields: String, _ name: String) throws {
    let problem = try ProblemBody(post("/gradient", "{\(fields)}"))
    #expect(problem.errors.map(\.pointer) == ["#/\(name)"])
    #expect(problem.detail.contains("cannot go with the output"))
  }

  /// The cure's own example is taken.
  @Test func theExampleForProbabilitiesIsOne() throws {
    let problem = try ProblemBody(post("/loss", #"{"probabilities": "x", "target": 0}"#))
    let example = try #require(problem.detail.split(separator: "such as ").last)
    #expect(post("/loss", "{\"probabilities\": \(example), \"target\": 0}").status == .ok, "\(example)")
  }
}
