import HTTP
import Testing

@testable import SoftmaxService

/// What other libraries and services call what is here, and the answer that leads from there.
struct OtherNameTests {
  @Test(arguments: [
    BadBody(
      "/gradient", #"{"softmax": [0, 1], "target": 0}"#, ("#/softmax", ["nearest is \"probabilities\""]), noLogits),
    BadBody("/loss", #"{"y_hat": [0, 1], "target": 0}"#, ("#/y_hat", ["nearest is \"probabilities\""]), noLogits),
    BadBody("/loss", #"{"yhat": [0, 1], "target": 0}"#, ("#/yhat", ["nearest is \"probabilities\""]), noLogits),
    BadBody("/loss", #"{"prob": [0, 1], "target": 0}"#, ("#/prob", ["nearest is \"probabilities\""]), noLogits),
    BadBody(
      "/loss", #"{"y_pred": [0, 1], "target": 0}"#,
      ("#/y_pred", ["send \"logits\", the numbers before softmax; at /loss and /gradient \"probabilities\" may"]),
      noLogits),
    BadBody("/softmax", #"{"predictions": [0, 1]}"#, ("#/predictions", ["send \"logits\""]), noLogits),
    BadBody("/softmax", #"{"logits": [1], "softmax": true}"#, ("#/softmax", [#""outputs": ["probabilities"]"#])),
    BadBody("/softmax", #"{"logits": [1], "top_logprobs": 1}"#, ("#/top_logprobs", ["the nearest is \"top_k\""])),
    BadBody("/gradient", #"{"logits": [1], "target": 0, "grads": 1}"#, ("#/grads", [#""outputs": ["gradient"]"#])),
    BadBody(
      "/check", #"{"logits": [1], "target": 0, "dlogits": [0], "candidate": {"loss": 0}}"#,
      ("#/dlogits", [#"send "candidate": {"gradient": …}"#])),
    BadBody("/softmax", #"{"logits": [1], "beta": 2}"#, ("#/beta", ["send 1 divided by it as \"temperature\""])),
    BadBody("/loss", #"{"logits": [1], "target": 0, "scale": 2}"#, ("#/scale", ["send 1 divided by it"])),
    BadBody("/softmax", #"{"logits": [1], "dtype": "binary32"}"#, ("#/dtype", ["here it is called \"float32\""])),
    BadBody("/softmax", #"{"logits": [1], "dtype": "binary64"}"#, ("#/dtype", ["here it is called \"float64\""])),
    BadBody(
      "/loss", #"{"logits": [1], "target": 0, "reduction": "average"}"#, ("#/reduction", ["it is called \"mean\""])),
    BadBody("/loss", #"{"logits": [1], "target": 0, "": 1}"#, ("#/", ["\"\" is not a member"])),
  ])
  func ofMembers(_ bad: BadBody) throws { try bad.expectRefusal() }

  private static let noLogits = ("#", ["\"logits\" is missing"])

  @Test(arguments: [
    ("dout", "upstream"), ("cotangent", "upstream"), ("grad_loss", "upstream"), ("upstream_gradient", "upstream"),
    ("upstream_grad", "upstream"), ("alpha", "weight"), ("pos_weight", "weight"), ("soft_targets", "target"),
    ("onehot", "target"),
  ])
  func ofInputs(_ name: String, _ input: String) throws {
    let problem = try ProblemBody(post("/gradient", #"{"logits": [1, 2], "target": 0, "\#(name)": 1}"#))
    #expect(problem.errors.map(\.detail) == ["\"\(name)\" is not a member of /gradient; the nearest is \"\(input)\""])
  }

  @Test(arguments: [
    ("grads", "gradient"), ("dlogits", "gradient"), ("logprobs", "log_probabilities"), ("nll", "loss"),
    ("prob", "probabilities"), ("softmax", "probabilities"),
  ])
  func ofCandidates(_ name: String, _ output: String) throws {
    let problem = try ProblemBody(post("/check", #"{"logits": [1, 2], "target": 0, "candidate": {"\#(name)": 1}}"#))
    #expect(problem.errors.first?.detail.hasSuffix("; the nearest is \"\(output)\"") == true, "\(problem.errors)")
  }

  @Test func anEmptyNameIsQuoted() throws {
    let problem = try ProblemBody(post("/check", #"{"logits": [1, 2], "candidate": {"": 1}}"#))
    #expect(problem.errors.first?.detail.hasPrefix("candidate.\"\" is no output") == true, "\(problem.errors)")
    #expect(errorText(infer("softmax", #"{"": 1}"#))?.hasPrefix("\"\" is not known here") == true)
  }

  @Test(arguments: [
    ("/log_softmax", "POST to /softmax with \"outputs\": [\"log_probabilities\"]"),
    ("/log-softmax", "POST to /softmax with \"outputs\": [\"log_probabilities\"]"),
    ("/jacobian", "POST to /softmax with \"outputs\": [\"jacobian\"]"),
    ("/entropy", "POST to /softmax with \"outputs\": [\"entropy\"]"),
    ("/kl_divergence", "POST to /loss with \"outputs\": [\"kl_divergence\"]"),
    ("/hvp", "POST to /gradient with \"outputs\": [\"hessian_vector_product\"]"),
    ("/cross_entropy", "POST to /loss"), ("/probabilities", "POST to /softmax"), ("/grad", "POST to /gradient"),
    ("/v1/models/softmax:predict", "POST to /v2/models/softmax/infer"),
  ])
  func ofPaths(_ path: String, _ cure: String) throws {
    for method in [Method.get, .post] {
      let problem = try ProblemBody(#require(answer(toHead: RequestHead(method, path, framing: .length(2)))))
      #expect(problem.detail == "Nothing is at \"\(path)\"; \(cure); GET / lists what there is")
    }
  }

  private static let logit = #""name":"logits","shape":[1],"data":[1]"#

  @Test(arguments: [
    (#"{"inputs":[{\#(logit),"datatype":"fp32"}]}"#, "BF16 and BYTES; here it is called \"FP32\""),
    (#"{"inputs":[{\#(logit),"datatype":"float32"}]}"#, "; here it is called \"FP32\""),
    (#"{"inputs":[{\#(logit),"datatype":"double"}]}"#, "; here it is called \"FP64\""),
    (#"{"inputs":[{\#(logit),"datatype":"int64"}]}"#, "; here it is called \"INT64\""),
    (
      #"{"inputs":[{\#(logit),"datatype":"FP64","parameters":{"temperature":2}}]}"#,
      "inputs[0].parameters.temperature is a parameter of the model; send it in the request's \"parameters\""
    ),
    (#"{"instances":[[1,2]]}"#, #"instances is not known here; send a body such as {"inputs": [{"name": "logits", "#),
    (
      #"{"inputs":[{\#(logit),"datatype":"FP64"}],"parameters":{"temperature":true}}"#,
      "parameters.temperature is a boolean; it must be a finite number greater than 0"
    ),
    (
      #"{"inputs":[{\#(logit),"datatype":"FP64"}],"parameters":{"dtype":true}}"#,
      "parameters.dtype is a boolean; it must be \"float64\", "
    ),
    (
      #"{"inputs":[{"name":"mask","shape":[1],"data":[true],"datatype":"BOOL"}]}"#,
      "inputs[0].name is \"mask\", which this model does not take; send \"where\""
    ),
  ])
  func ofTheOpenInferenceProtocol(_ json: String, _ part: String) throws {
    let answer = infer("softmax", json)
    #expect(answer.status == .badRequest)
    #expect(try #require(errorText(answer)).contains(part), "\(text(answer))")
  }
}
