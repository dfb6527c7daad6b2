import HTTP
import Testing

@testable import SoftmaxService

/// A body and the faults that the answer must list: for each a pointer and parts of its sentence.
struct BadBody: Sendable, CustomTestStringConvertible {
  let path: String
  let body: String
  let faults: [(pointer: String, parts: [String])]

  init(_ path: String, _ body: String, _ faults: (String, [String])...) {
    self.path = path
    self.body = body
    self.faults = faults
  }

  var testDescription: String { "\(path) \(body.prefix(80))" }

  func expectRefusal() throws {
    let answer = post(path, body)
    #expect(answer.status == .unprocessableContent)
    #expect(answer.contentType == .problem)
    let problem = try ProblemBody(answer)
    #expect(problem.type == "/problems/invalid-input")
    #expect(problem.errors.map(\.pointer) == faults.map(\.pointer), "\(problem.errors)")
    for (error, fault) in zip(problem.errors, faults) {
      for part in fault.parts { #expect(error.detail.contains(part), "\(error.detail) lacks \(part)") }
    }
  }
}

struct InputFaultTests {
  @Test(arguments: shapesAndNames + tensors + scalars + targets + outputs + masks + derivations)
  func eachFaultIsNamedWithItsPlaceAndCure(_ bad: BadBody) throws {
    try bad.expectRefusal()
  }

  @Test func aRequiredInputIsNotLeftOutByNull() throws {
    for operation in Operation.allCases {
      for input in operation.requiredInputs {
        let problem = try ProblemBody(post(operation.path, #"{"\#(input.name)": null}"#))
        let fault = problem.errors.first { $0.pointer == "#/\(input.name)" }
        #expect(fault?.detail.contains("is null; send") == true, "\(operation.path): \(problem.errors)")
      }
    }
  }

  @Test(
    "No cure leads to the next mistake",
    arguments: ["-Infinity ", "nan", "NaN", "Infinity", "cat", "1,2", "0x1"])
  func onlyNumbersAreToBeWrittenWithoutQuotationMarks(_ text: String) throws {
    let problem = try ProblemBody(post("/softmax", #"{"logits": [1, "\#(text)"]}"#))
    #expect(problem.errors.map(\.pointer) == ["#/logits/1"])
    #expect(problem.errors.first?.detail.contains("quotation marks") == false)
    #expect(problem.errors.first?.detail.contains(#""-Infinity" to mask the class"#) == true)
  }

  static let shapesAndNames = [
    BadBody("/softmax", "[1, 2]", ("#", ["an array", "send an object"])),
    BadBody("/softmax", #""{\"logits\": [1]}""#, ("#", ["a JSON string that itself holds JSON: it was encoded twice"])),
    BadBody("/softmax", #""hello""#, ("#", ["the body is a string; send an object"])),
    BadBody("/softmax", "null", ("#", ["null", "send an object"])),
    BadBody("/softmax", "12", ("#", ["a number"])),
    BadBody("/softmax", "{}", ("#", ["\"logits\" is missing", "nested arrays"])),
    BadBody("/loss", "{}", ("#", ["\"logits\" is missing"]), ("#", ["\"target\" is missing", "class index"])),
    BadBody("/softmax", #"{"logits": [1], "logits": [2]}"#, ("#/logits", ["more than once"])),
    BadBody("/softmax", #"{"logits": [1], "logi\u0074s": [2]}"#, ("#/logits", ["more than once"])),
    BadBody("/softmax", #"{"logits": [1], "temprature": 2}"#, ("#/temprature", ["nearest is \"temperature\""])),
    BadBody("/softmax", #"{"logits": [1], "dim": 0}"#, ("#/dim", ["nearest is \"axis\""])),
    BadBody("/loss", #"{"logits": [1], "labels": 0}"#, ("#/labels", ["nearest is \"target\""]), ("#", ["target"])),
    BadBody("/loss", #"{"logits": [1], "target": 0, "Ignore-Index": 0}"#, ("#/Ignore-Index", ["\"ignore_index\""])),
    BadBody("/softmax", #"{"logits": [1], "target": 0}"#, ("#/target", ["belongs to /loss, /gradient and /check"])),
    BadBody("/loss", #"{"logits": [1], "target": 0, "upstream": 1}"#, ("#/upstream", ["belongs to /gradient"])),
    BadBody("/softmax", #"{"logits": [1], "argmax": true}"#, ("#/argmax", ["output", "\"outputs\": [\"argmax\"]"])),
    BadBody("/loss", #"{"logits": [1], "target": 0, "gradient": 1}"#, ("#/gradient", ["an output of /gradient"])),
    BadBody("/softmax", #"{"logits": [1], "temp": 2}"#, ("#/temp", ["nearest is \"temperature\""])),
    BadBody("/softmax", #"{"logits": [1], "a/b~c d\"é": 1}"#, ("#/a~1b~0c%20d%22%C3%A9", ["not a member"])),
    BadBody("/softmax", #"{"logits": [1], "top_p": 0.9}"#, ("#/top_p", ["ask for the \"top_k\" largest"])),
    BadBody(
      "/gradient", #"{"inputs": [{"name": "logits"}]}"#,
      ("#/inputs", ["POST them to /v2/models/gradient/infer"]), ("#", ["logits"]), ("#", ["target"])),
    BadBody("/softmax", #"{"inputs": [1]}"#, ("#/inputs", ["the nearest is \"logits\""]), ("#", ["logits"])),
    BadBody("/softmax", #"{"logits": [1], "": 1}"#, ("#/", ["\"\" is not a member"])),
  ]

  static let tensors = [
    BadBody("/softmax", #"{"logits": 1}"#, ("#/logits", ["a bare number", "send nested arrays"])),
    BadBody("/softmax", #"{"logits": "-inf"}"#, ("#/logits", ["is a single value; send nested arrays"])),
    BadBody("/softmax", #"{"logits": [1, 2], "where": ["1"]}"#, ("#/where/0", [#"is the string "1"; send true or"#])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "where": [true, [false]]}"#,
      ("#/where/1", ["is not at the depth of the elements before it; all must be nested equally deep"])),
    // Of the right count, but of another shape: nothing is said of rows that have finite logits.
    BadBody(
      "/softmax", #"{"logits": [[1, 2], [3, 4]], "where": [false, false, true, true]}"#,
      ("#/where", ["has shape [4]; send an array of shape [2]"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2], [3, 4]], "target_logits": ["-inf", "-inf", 1, 2]}"#,
      ("#/target_logits", ["has shape [4]; send an array of shape [2, 2]"])),
    BadBody("/softmax", #"{"logits": [1, 2], "outputs": "prob"}"#, ("#/outputs", [#"outputs is "prob""#])),
    BadBody(
      "/softmax", #"{"logits": [[1, 2]], "outputs": "top_indices"}"#, ("#/outputs", [#"which needs "top_k""#])),
    BadBody(
      "/softmax", #"{"logits": "1"}"#,
      ("#/logits", ["the string \"1\"", "nested arrays of numbers", "without quotation"])),
    BadBody("/softmax", #"{"logits": [1, "2.5"]}"#, ("#/logits/1", ["\"2.5\"", "without quotation"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": [null, 1]}"#, ("#/target/0", ["null; send", "JavaScript"])),
    BadBody("/softmax", #"{"logits": null}"#, ("#/logits", ["null; send nested arrays of numbers, such as [1.5"])),
    BadBody(
      "/softmax", #"{"logits": {"0": 1.5}}"#,
      ("#/logits", ["an object", "send nested arrays of numbers, such as [1.5", "typed array", "Array.from"])),
    BadBody("/loss", #"{"logits": [[1], [2]], "target": [1, 0]}"#, ("#/target/0", ["from 0 to 0", "logits [0, z]"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "where": [true, true], "outputs": "derivation"}"#,
      ("#/where", ["only option is \"temperature\"", "mask a class by \"-Infinity\" as its logit"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "weight": true}"#,
      ("#/weight", ["a boolean", "send a list of finite numbers of at least 0, one for each class"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": true, "sample_weight": {}, "upstream": {}}"#,
      ("#/target", ["a class index for each slice", "a probability for each of its classes"]),
      ("#/sample_weight", ["a finite number of at least 0 for each slice"]),
      ("#/upstream", ["a finite number for each loss"])),
    BadBody("/softmax", #"{"logits": []}"#, ("#/logits", ["an empty array"])),
    BadBody("/softmax", #"{"logits": [[]]}"#, ("#/logits/0", ["an empty array"])),
    BadBody("/softmax", #"{"logits": [1, null, true]}"#, ("#/logits/1", ["null"]), ("#/logits/2", ["a boolean"])),
    BadBody("/softmax", #"{"logits": [1, 1e999]}"#, ("#/logits/1", ["beyond the range of binary64"])),
    BadBody("/softmax", #"{"logits": [1, "NaN"]}"#, ("#/logits/1", ["logits[1] is NaN", "\"-Infinity\" to mask"])),
    BadBody("/softmax", #"{"logits": [1, "Infinity"]}"#, ("#/logits/1", ["logits[1] is Infinity"])),
    BadBody("/softmax", #"{"logits": [[1, 2], [3]]}"#, ("#/logits/1", ["1 element, but its siblings have 2"])),
    BadBody("/softmax", #"{"logits": [1, [2]]}"#, ("#/logits/1", ["not at the depth"])),
    BadBody("/softmax", #"{"logits": [[[[[[[[[1]]]]]]]]]}"#, ("#/logits/0/0/0/0/0/0/0/0", ["deeper than 8"])),
    BadBody("/softmax", #"{"logits": ["-Infinity"]}"#, ("#/logits", [#"logit, or send "empty": "zero""#])),
    BadBody("/softmax", #"{"logits": [[1, 2], ["-Infinity", "-Infinity"]]}"#, ("#/logits/1", ["masks every class"])),
    BadBody(
      "/softmax", #"{"logits": [[1, "-Infinity"], [3, "-Infinity"]], "axis": 0}"#,
      ("#/logits/0/1", ["logits[0][1] is in a slice that masks every class"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2]], "target": [0], "weight": 1}"#,
      ("#/weight", ["a bare number", "shape [2]", "each class"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2]], "target": [0], "weight": [1, -1]}"#,
      ("#/weight/1", ["weight[1] is -1", "at least 0"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2]], "target": [0], "sample_weight": 1}"#, ("#/sample_weight", ["shape [1]"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "sample_weight": [1]}"#,
      ("#/sample_weight", ["a bare number, for the only"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2]], "target": [0], "sample_weight": ["Infinity"]}"#,
      ("#/sample_weight/0", ["is Infinity", "finite"])),
    BadBody(
      "/gradient", #"{"logits": [[1, 2]], "target": [0], "upstream": [1]}"#,
      ("#/upstream", ["shape [1]", "a bare number", "\"mean\""])),
    BadBody(
      "/gradient", #"{"logits": [[1, 2]], "target": [0], "reduction": "none", "upstream": 1}"#,
      ("#/upstream", ["a bare number", "shape [1]"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "upstream": "-Infinity"}"#,
      ("#/upstream", ["-Infinity", "finite"])),
  ]

  static let scalars = [
    BadBody("/softmax", #"{"logits": [1, 2], "axis": 1}"#, ("#/axis", ["axis is 1", "from -1 to 0"])),
    BadBody("/softmax", #"{"logits": [1, 2], "axis": -2}"#, ("#/axis", ["axis is -2"])),
    BadBody("/softmax", #"{"logits": [1, 2], "axis": 0.5}"#, ("#/axis", ["axis is 0.5", "integer"])),
    BadBody("/softmax", #"{"logits": [1, 2], "axis": "0"}"#, ("#/axis", ["a string", "without quotation marks"])),
    BadBody("/softmax", #"{"logits": [1, 2], "axis": true}"#, ("#/axis", ["a boolean", "must be an integer"])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "axis": 1e999}"#, ("#/axis", ["the range of binary64; it must be an integer"])),
    BadBody("/softmax", #"{"logits": [1, 2], "temperature": 0}"#, ("#/temperature", ["greater than 0", "argmax"])),
    BadBody("/softmax", #"{"logits": [1, 2], "temperature": 1e-400}"#, ("#/temperature", ["is 0"])),
    BadBody("/softmax", #"{"logits": [1, 2], "temperature": -1}"#, ("#/temperature", ["is -1"])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "temperature": [1]}"#, ("#/temperature", ["an array", "a finite number"])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "dtype": "half"}"#,
      ("#/dtype", ["\"half\"", "\"float32\", \"float16\" or \"bfloat16\"; here it is called \"float16\""])),
    BadBody("/softmax", #"{"logits": [1], "dtype": "torch.float32"}"#, ("#/dtype", ["here it is called \"float32\""])),
    BadBody("/softmax", #"{"logits": [1], "dtype": "torch.half"}"#, ("#/dtype", ["here it is called \"float16\""])),
    BadBody("/softmax", #"{"logits": [1], "dtype": "FP32"}"#, ("#/dtype", ["here it is called \"float32\""])),
    BadBody(
      "/loss", #"{"logits": [1], "target": 0, "reduction": "Sum"}"#, ("#/reduction", ["here it is called \"sum\""])),
    BadBody("/softmax", #"{"logits": [1, 2], "dtype": 32}"#, ("#/dtype", ["a number", "\"float16\" or \"bfloat16\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "reduction": "batchmean"}"#,
      ("#/reduction", ["\"batchmean\"", "the number of slices as \"divisor\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "reduction": "sum_over_batch_size"}"#,
      ("#/reduction", ["\"none\", \"sum\" or \"mean\"", "the number of slices as \"divisor\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "divisor": 0}"#, ("#/divisor", ["is 0", "greater than 0"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "divisor": 1e-400}"#, ("#/divisor", ["is 0"])),
    BadBody("/gradient", #"{"logits": [1, 2], "target": 0, "divisor": -2}"#, ("#/divisor", ["is -2"])),
    BadBody("/gradient", #"{"logits": [1, 2], "target": 0, "divisor": [2]}"#, ("#/divisor", ["an array"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "divisor": 2, "reduction": "sum"}"#,
      ("#/divisor", ["only with the reduction \"mean\"", "this one is \"sum\""])),
    BadBody(
      "/loss", #"{"logits": [1], "target": 0, "num_items_in_batch": 2}"#, ("#/num_items_in_batch", ["\"divisor\""])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "divisor": 2}"#, ("#/divisor", ["belongs to /loss, /gradient and /check"])),
    BadBody("/softmax", #"{"logits": [1, 2], "mask": [true, false]}"#, ("#/mask", ["send \"where\""])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "attention_mask": 1}"#, ("#/attention_mask", ["\"where\""])),
    BadBody("/softmax", #"{"logits": [1, 2], "empty": "nan"}"#, ("#/empty", ["\"refuse\" or \"zero\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "empty": "zero"}"#, ("#/empty", ["belongs to /softmax"])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "input_dtype": "fp16"}"#,
      ("#/input_dtype", ["here it is called \"float16\""])),
    BadBody(
      "/softmax", #"{"logits": [1, 65520, -7e4, -65519.9], "input_dtype": "float16"}"#,
      ("#/logits/1", ["beyond the range of binary16", "at most 65504"]), ("#/logits/2", ["at least -65504"])),
    BadBody(
      "/softmax", #"{"input_dtype": "bfloat16", "logits": [1, 1e999]}"#,
      ("#/logits/1", ["beyond the range of bfloat16", "at most 3.3895313892515355e38"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "weight": [1, 1e39], "input_dtype": "float32"}"#,
      ("#/weight/1", ["beyond the range of binary32", "at most 3.4028234663852886e38"])),
    BadBody("/softmax", #"{"logits": [1, -1e999]}"#, ("#/logits/1", ["-1.797", "\"-Infinity\" to mask the class"])),
    BadBody("/softmax", #"{"logits": [1], "axis": -1e999}"#, ("#/axis", ["it must be an integer"])),
    BadBody("/softmax", #"{"logits": [1], "top_k": 1e999}"#, ("#/top_k", ["it must be an integer"])),
    BadBody("/softmax", #"{"logits": [1], "temperature": 1e999}"#, ("#/temperature", ["at most 1.797"])),
    BadBody(
      "/softmax", #"{"logits": [1], "temperature": -1e999}"#, ("#/temperature", ["it must be a finite number gr"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "label_smoothing": 1e999}"#, ("#/label_smoothing", ["from 0 to 1"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "reduction": "avg"}"#,
      ("#/reduction", ["\"avg\"", "\"none\", \"sum\" or \"mean\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "label_smoothing": 1.5}"#, ("#/label_smoothing", ["from 0 to 1"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "label_smoothing": -1e-300}"#, ("#/label_smoothing", ["-1e-300"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "ignore_index": 0.5}"#, ("#/ignore_index", ["an integer"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": [0, 1], "ignore_index": 3}"#,
      ("#/ignore_index", ["probabilities", "leave it out"])),
  ]

  static let targets = [
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 1e999}"#,
      ("#/target", ["is beyond the range; send the class's index, a number from 0 to 1"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2], [1, 2]], "target": [-1e999, 0]}"#, ("#/target/0", ["the class's index", "0 to 1"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": [1e999, 0]}"#, ("#/target/0", ["a number of at most 1.797"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": [-1e999, 0]}"#, ("#/target/0", ["send a probability, a finite"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": [0.5, "x"]}"#, ("#/target/1", [#""x"; send a probability, a fin"#])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "weight": [-1e999, 0]}"#, ("#/weight/0", ["of at least 0"])),
    BadBody("/loss", #"{"probabilities": [1e999, 0], "target": 0}"#, ("#/probabilities/0", ["a number from 0 to 1"])),
    // Who sends probabilities is not told of logits.
    BadBody(
      "/loss", #"{"probabilities": [0.5, 0.5]}"#,
      ("#", ["send a class index for each slice, or a probability for each of its classes"])),
    BadBody(
      "/loss", #"{"probabilities": [0.5, 0.5], "target": 0, "axis": 1}"#, ("#/axis", ["for probabilities of rank 1"])),
    BadBody(
      "/loss", #"{"probabilities": [0.5, 0.5], "target": [0]}"#,
      ("#/target", ["a bare number, a class index, or an array of shape [2], a probability for each class"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 2}"#, ("#/target", ["target is 2", "from 0 to 1", "-100"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": -1}"#, ("#/target", ["target is -1"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0.5}"#, ("#/target", ["target is 0.5", "integer"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": "0"}"#, ("#/target", ["the string \"0\""])),
    BadBody("/loss", #"{"logits": [1, 2], "target": [0]}"#, ("#/target", ["shape [1]", "a bare number", "shape [2]"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2], [3, 4]], "target": [[0], [1]]}"#,
      ("#/target", ["[2, 1]; drop its last axis: one class index for each slice"])),
    BadBody(
      "/loss", #"{"logits": [[[1, 2], [3, 4], [5, 6]]], "target": [[0, 2]]}"#,
      ("#/target", ["shape [1, 2]", "shape [1, 3]", "\"axis\": 1"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": [[0, 1]]}"#, ("#/target", ["[1, 2]", "a bare number", "shape [2]"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2]], "target": 0}"#, ("#/target", ["bare number", "shape [1]", "shape [1, 2]"])),
    BadBody("/loss", #"{"logits": [[1, 2]], "target": [0, 1]}"#, ("#/target", ["shape [2]", "shape [1]"])),
    BadBody("/loss", #"{"logits": [[1, 2]], "target": [[0, 1, 2]]}"#, ("#/target", ["shape [1, 3]", "shape [1, 2]"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2], [3, 4]], "target": [[0, -0.5], ["NaN", 1]]}"#,
      ("#/target/0/1", ["-0.5", "at least 0"]), ("#/target/1/0", ["NaN"])),
    BadBody(
      "/loss", #"{"logits": [[1, 2], [3, 4]], "axis": 0, "target": [0, 5]}"#, ("#/target/1", ["target[1] is 5"])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": "cat"}"#,
      ("#/target", [#"is the string "cat"; send the class's index, a number from 0 to 1"#])),
    BadBody(
      "/loss", #"{"target": ["cat", 0], "axis": 0, "logits": [[1, 2], [3, 4], [5, 6]]}"#,
      ("#/target/0", ["a number from 0 to 2"])),
    BadBody("/loss", #"{"target": "cat"}"#, ("#/target", ["a number from 0 on"]), ("#", ["logits"])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 1e300}"#, ("#/target", ["1e+300"])),
    BadBody("/loss", #"{"logits": [1, "-Infinity"], "target": null}"#, ("#/target", ["null; send a class"])),
  ]

  static let outputs = [
    BadBody("/softmax", #"{"logits": [1], "outputs": 1}"#, ("#/outputs", ["a number", "[\"probabilities\"]"])),
    BadBody("/softmax", #"{"logits": [1], "outputs": "loss"}"#, ("#/outputs", ["an output of /loss and /gradient"])),
    BadBody("/loss", #"{"logits": [1], "target": 0, "outputs": {}}"#, ("#/outputs", ["an object", "[\"loss\"]"])),
    BadBody("/softmax", #"{"logits": [1], "outputs": ["argmax", "argmax"]}"#, ("#/outputs/1", ["again"])),
    BadBody("/softmax", #"{"logits": [1], "outputs": ["softmax"]}"#, ("#/outputs/0", ["does not know", "nearest"])),
    BadBody("/softmax", #"{"logits": [1], "outputs": ["log_probs"]}"#, ("#/outputs/0", ["nearest is \"log_prob"])),
    BadBody(
      "/softmax", #"{"logits": [1], "outputs": ["loss"]}"#, ("#/outputs/0", ["an output of /loss and /gradient"])),
    BadBody(
      "/loss", #"{"logits": [1], "target": 0, "outputs": ["gradient"]}"#, ("#/outputs/0", ["an output of /gradient"])),
    BadBody("/softmax", #"{"logits": [1], "outputs": ["argmax", 1]}"#, ("#/outputs/1", ["a number", "a string"])),
    BadBody(
      "/softmax", #"{"logits": [1], "outputs": [null]}"#, ("#/outputs/0", ["null", "a string, an output's name"])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "outputs": ["argmax", "top_indices"]}"#,
      ("#/outputs/1", ["needs \"top_k\"; send it, such as \"top_k\": 1"])),
    BadBody(
      "/softmax", #"{"logits": [[1, 2], [3, 4]], "top_k": 3}"#, ("#/top_k", ["top_k is 3", "from 1 to 2"])),
    BadBody("/softmax", #"{"logits": [1, 2], "top_k": 0}"#, ("#/top_k", ["top_k is 0", "from 1 to 2"])),
    BadBody("/softmax", #"{"logits": [1, 2], "top_k": 1.5}"#, ("#/top_k", ["top_k is 1.5", "an integer"])),
    BadBody("/softmax", #"{"logits": [1, 2], "top_k": "1"}"#, ("#/top_k", ["a string", "an integer"])),
    BadBody("/softmax", #"{"logits": [1, 2], "k": 1}"#, ("#/k", ["the nearest is \"top_k\""])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "top_k": 1, "outputs": ["argmax"]}"#,
      ("#/top_k", ["for the outputs \"top_indices\", \"top_probabilities\" and \"top_log_probabilities\""])),
    BadBody(
      "/loss", #"{"logits": [1, 2], "target": 0, "reduction": "sum", "outputs": ["perplexity"]}"#,
      ("#/outputs/0", ["\"perplexity\"", "only with the reduction \"mean\"", "this one is \"sum\""])),
    BadBody("/loss", #"{"logits": [1, 2], "target": 0, "outputs": ["ppl"]}"#, ("#/outputs/0", ["\"perplexity\""])),
  ]

  static let masks = [
    BadBody("/softmax", #"{"logits": [1, 2], "where": [true, 1]}"#, ("#/where/1", ["a number; send true or false"])),
    BadBody(
      "/softmax", #"{"logits": [1, 2], "where": ["true", false]}"#, ("#/where/0", ["the string \"true\"; send true or"])
    ),
    BadBody("/softmax", #"{"logits": [1, 2], "where": [true, null]}"#, ("#/where/1", ["null"])),
    BadBody("/softmax", #"{"logits": [1, 2], "where": []}"#, ("#/where", ["at least one boolean"])),
    BadBody("/softmax", #"{"logits": [1, 2], "where": true}"#, ("#/where", ["a single boolean", "shape [2]"])),
    BadBody(
      "/softmax", #"{"logits": [[1, 2]], "where": [true]}"#,
      ("#/where", ["shape [1]", "shape [2], one boolean for each class", "shape [1, 2], one for each logit"])),
    BadBody(
      "/softmax", #"{"logits": [[1, 2], [3, 4]], "where": [false, false]}"#,
      ("#/logits/0", ["masks every class with \"where\" or"]), ("#/logits/1", ["masks every class"])),
    BadBody(
      "/loss", #"{"logits": [[1, "-Infinity"], [3, 4]], "target": [0, 1], "where": [[false, true], [true, true]]}"#,
      ("#/logits/0", ["masks every class"])),
    BadBody("/loss", #"{"logits": ["-Infinity"], "target": 0}"#, ("#/logits", ["leave at least one finite logit"])),
    BadBody(
      "/loss", #"{"logits": [["-Infinity", "-Infinity"], ["-Infinity", "-Infinity"]], "target": [-100, 1]}"#,
      ("#/logits/1", ["leave at least one finite logit, or give the item a \"sample_weight\" of 0"])),
    BadBody(
      "/gradient", #"{"logits": [1, 2], "target": 0, "where": [false, true], "outputs": ["derivation"]}"#,
      ("#/where", ["\"derivation\""]), ("#/target", ["masks"])),
  ]

  static let derivations =
    [
      ("\"weight\": [1, 1]", "weight"), ("\"sample_weight\": 1", "sample_weight"), ("\"upstream\": 1", "upstream"),
      ("\"dtype\": \"float32\"", "dtype"), ("\"ignore_index\": 5", "ignore_index"),
      ("\"label_smoothing\": 0.1", "label_smoothing"), ("\"reduction\": \"sum\"", "reduction"),
      ("\"divisor\": 2", "divisor"),
    ].map { option, name in
      BadBody(
        "/gradient", #"{"logits": [1, 2], "target": 0, \#(option), "outputs": ["derivation"]}"#,
        ("#/\(name)", ["\"derivation\"", "\"temperature\""]))
    } + [
      BadBody(
        "/gradient", #"{"logits": [1, 2], "target": [0, 1], "outputs": ["derivation"]}"#,
        ("#/target", ["probabilities", "class index"])),
      BadBody(
        "/gradient", #"{"logits": [1, "-Infinity"], "target": 1, "outputs": ["derivation"]}"#,
        ("#/target", ["masks", "finite logit"])),
      BadBody(
        "/gradient", #"{"logits": [1, 2], "target": -100, "outputs": ["derivation"]}"#,
        ("#/target", ["\"ignore_index\"", "needs a class"])),
      BadBody(
        "/gradient", #"{"logits": [[1, 2]], "target": [0], "outputs": ["derivation"]}"#, ("#/outputs/0", ["rank 1"])),
    ]
}
