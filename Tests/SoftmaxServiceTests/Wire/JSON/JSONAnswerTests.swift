import HTTP
import NumericJSON
import Softmax
import Testing

@testable import SoftmaxService

struct JSONAnswerTests {
  @Test(arguments: [
    ("/softmax", #"{"logits": [0, 0]}"#, #"{"probabilities":[0.5,0.5]}"#),
    ("/softmax", #"{"logits": [7], "outputs": ["log_probabilities"]}"#, #"{"log_probabilities":[0.0]}"#),
    (
      "/softmax", #"{"logits": [[5], [6]], "outputs": ["argmax", "log_sum_exp"]}"#,
      #"{"argmax":[0,0],"log_sum_exp":[5.0,6.0]}"#
    ),
    ("/softmax", #"{"logits": [1, 3, 3], "outputs": ["argmax"]}"#, #"{"argmax":1}"#),
    (
      "/softmax", #"{"logits": [2, "-Infinity"], "outputs": ["entropy", "probabilities"]}"#,
      #"{"entropy":0.0,"probabilities":[1.0,0.0]}"#
    ),
    ("/softmax", #"{"logits": [3, 3], "outputs": ["jacobian"]}"#, #"{"jacobian":[[0.25,-0.25],[-0.25,0.25]]}"#),
    ("/softmax", #"{"logits": [1e300, -1e300]}"#, #"{"probabilities":[1.0,0.0]}"#),
    (
      "/softmax", #"{"logits": [1, 3, 3, 0], "top_k": 3, "outputs": ["top_indices", "top_probabilities"]}"#,
      #"{"top_indices":[1,2,0],"top_probabilities":[0.4576402777930155,0.4576402777930155,0.06193487661559987]}"#
    ),
    (
      "/softmax", #"{"logits": [[0], [0], [1e3]], "axis": 0, "top_k": 1}"#,
      #"{"top_indices":[[2]],"top_probabilities":[[1.0]]}"#
    ),
    (
      "/softmax", #"{"logits": [0, "-Infinity"], "top_k": 2, "outputs": ["top_log_probabilities", "top_indices"]}"#,
      #"{"top_log_probabilities":[0.0,"-Infinity"],"top_indices":[0,1]}"#
    ),
    (
      "/softmax", #"{"logits": [[3, 3], [0, 1]], "outputs": ["jacobian"]}"#,
      #"{"jacobian":[[[0.25,-0.25],[-0.25,0.25]],"#
        + #"[[0.19661193324148185,-0.19661193324148185],[-0.19661193324148185,0.19661193324148185]]]}"#
    ),
    (
      "/softmax", #"{"logits": [[3, 0], [3, 1]], "axis": 0, "outputs": ["jacobian"]}"#,
      #"{"jacobian":[[[0.25,0.19661193324148185],[-0.25,-0.19661193324148185]],"#
        + #"[[-0.25,-0.19661193324148185],[0.25,0.19661193324148185]]]}"#
    ),
    (
      "/softmax", #"{"logits": [[[[[[[[1]]]]]]]], "outputs": ["jacobian"]}"#, #"{"jacobian":[[[[[[[[[0.0]]]]]]]]]}"#
    ),
    (
      "/loss", #"{"logits": [[1, 1, 1], [2, 2, 2]], "target": [0, 2], "outputs": ["perplexity", "loss"]}"#,
      #"{"perplexity":3.0,"loss":1.0986122886681098}"#
    ),
    (
      "/softmax", #"{"logits": [1, 2, 3], "where": [true, true, false]}"#,
      #"{"probabilities":[0.2689414213699951,0.7310585786300049,0.0]}"#
    ),
    (
      "/softmax",
      #"{"logits": [[1, 2], [1e300, 5]], "axis": 0, "where": [true, false], "outputs": ["log_probabilities"]}"#,
      #"{"log_probabilities":[[0.0,0.0],["-Infinity","-Infinity"]]}"#
    ),
    (
      "/gradient", #"{"logits": [[1, 2], [7, 5]], "target": [1, 0], "where": [[true, true], [true, false]]}"#,
      #"{"loss":0.1566308437591114,"gradient":[[0.13447071068499755,-0.13447071068499755],[0.0,0.0]]}"#
    ),
    ("/loss", #"{"logits": [1, 2], "target": 1, "where": [true, false]}"#, #"{"loss":"Infinity"}"#),
    (
      "/softmax",
      #"{"logits": [["-Infinity", "-Infinity"], [0, 1]], "empty": "zero", "outputs": ["probabilities", "log_sum_exp"]}"#,
      #"{"probabilities":[[0.0,0.0],[0.2689414213699951,0.7310585786300049]],"log_sum_exp":["-Infinity",1.3132616875182228]}"#
    ),
    (
      "/softmax",
      #"{"logits": [3, 4], "where": [false, false], "empty": "zero", "outputs": ["log_probabilities", "entropy", "argmax", "jacobian"]}"#,
      #"{"log_probabilities":["-Infinity","-Infinity"],"entropy":0.0,"argmax":0,"jacobian":[[0.0,0.0],[0.0,0.0]]}"#
    ),
    (
      "/loss", #"{"logits": [["-Infinity", "-Infinity"], [0, 1]], "target": [-100, 1]}"#,
      #"{"loss":0.3132616875182228}"#
    ),
    (
      "/gradient",
      #"{"logits": [["-Infinity", "-Infinity"], [0, 1]], "target": [1, 1], "sample_weight": [0, 1], "reduction": "none"}"#,
      #"{"loss":[0.0,0.3132616875182228],"gradient":[[0.0,0.0],[0.2689414213699951,-0.2689414213699951]]}"#
    ),
    (
      "/softmax", #"{"logits": [1000.1, 1000], "input_dtype": "float32", "dtype": "float32"}"#,
      #"{"probabilities":[0.5249731,0.4750269]}"#
    ),
    (
      "/softmax", #"{"logits": [1000.1, 1000], "dtype": "float32"}"#, #"{"probabilities":[0.5249792,0.47502083]}"#
    ),
    (
      "/softmax",
      #"{"dtype": "float64", "logits": [1.00048828125000000000001, 0], "input_dtype": "float16", "outputs": ["log_sum_exp"]}"#,
      text(post("/softmax", #"{"logits": [1.0009765625, 0], "outputs": ["log_sum_exp"]}"#))
    ),
    (
      "/loss", #"{"logits": [[1, 2]], "target": [2049], "ignore_index": 2049, "input_dtype": "float16", "divisor": 1}"#,
      #"{"loss":0.0}"#
    ),
    (
      "/loss", #"{"logits": [[1, 2], [2, 3]], "target": [0, 0], "sample_weight": [0, 1], "divisor": 2}"#,
      #"{"loss":0.6566308437591114}"#
    ),
    (
      "/loss", #"{"logits": [[1, 2, 3], [3, 1, 0]], "target": [1, 0], "divisor": 3}"#, #"{"loss":0.525817328000222}"#
    ),
    ("/loss", #"{"logits": [40, 0], "target": 0}"#, #"{"loss":4.248354255291589e-18}"#),
    ("/loss", #"{"logits": [4, "-Infinity"], "target": 1}"#, #"{"loss":"Infinity"}"#),
    ("/loss", #"{"logits": [4, "-Infinity"], "target": 0, "label_smoothing": 0.5}"#, #"{"loss":"Infinity"}"#),
    ("/loss", #"{"logits": [4, "-Infinity"], "target": [1, 0]}"#, #"{"loss":0.0}"#),
    ("/loss", #"{"logits": [[5, 6], [7, 7]], "target": [-100, -100], "reduction": "sum"}"#, #"{"loss":0.0}"#),
    (
      "/loss", #"{"logits": [[5, 6], [7, 8]], "target": [3, 3], "ignore_index": 3, "reduction": "none"}"#,
      #"{"loss":[0.0,0.0]}"#
    ),
    ("/loss", #"{"logits": [0, 1000], "target": 0, "temperature": 0.5}"#, #"{"loss":2000.0}"#),
    ("/loss", #"{"logits": [0, 2000.3], "target": 0, "dtype": "float32"}"#, #"{"loss":2000.3}"#),
    ("/loss", #"{"logits": [0, 1e300], "target": 0, "dtype": "float32"}"#, #"{"loss":"Infinity"}"#),
    ("/gradient", #"{"logits": [0, 0], "target": 1}"#, #"{"loss":0.6931471805599453,"gradient":[0.5,-0.5]}"#),
    (
      "/gradient", #"{"logits": [0, 0], "target": 1, "upstream": -2, "outputs": ["gradient", "loss"]}"#,
      #"{"gradient":[-1.0,1.0],"loss":0.6931471805599453}"#
    ),
    (
      "/gradient",
      #"{"logits": [[0, 0], [0, 0]], "target": [0, 1], "reduction": "none", "upstream": [1, 0], "outputs": ["gradient"]}"#,
      #"{"gradient":[[-0.5,0.5],[0.0,0.0]]}"#
    ),
    (
      "/gradient",
      #"{"logits": [[0, 0], [0, 0]], "target": [0, -100], "sample_weight": [3, 9], "outputs": ["gradient"]}"#,
      #"{"gradient":[[-0.5,0.5],[0.0,0.0]]}"#
    ),
    (
      "/gradient", #"{"logits": [0, 0], "target": 0, "outputs": ["derivation"]}"#,
      #"{"derivation":{"y_hat":[0.5,0.5],"dL_dy_hat_l":-2.0,"quotient_rule":{"first_term":[0.5,0.0],"second_term":[0.25,0.25]},"#
        + #""dy_hat_l_da":[0.25,-0.25],"chain_rule":[-0.5,0.5],"gradient":[-0.5,0.5]}}"#
    ),
  ])
  func aRequestGetsTheseBytes(_ path: String, _ body: String, _ expected: String) {
    let answer = post(path, body)
    #expect(answer.status == .ok)
    #expect(answer.contentType == .json)
    #expect(text(answer) == expected)
  }

  @Test(arguments: [
    "1", "1.0", "1e0", "10e-1", "0.1E+1", "1.0000000000000000000000001",
  ])
  func integralNumbersCountAsIntegers(_ one: String) {
    #expect(text(post("/loss", #"{"logits": [0, 1000], "target": \#(one)}"#)) == #"{"loss":0.0}"#)
    #expect(post("/softmax", #"{"logits": [[0, 1]], "axis": \#(one)}"#).status == .ok)
    #expect(post("/loss", #"{"logits": [0, 1], "target": 0, "ignore_index": \#(one)}"#).status == .ok)
  }

  @Test(arguments: ["1e300", "-1e300", "9223372036854775808", "-9223372036854775808", "-9223372036854777856"])
  func ignoreIndexMayBeAnyInteger(_ index: String) {
    let body = #"{"logits": [[1, 2], [0, 1000]], "target": [\#(index), 1], "ignore_index": \#(index)}"#
    #expect(text(post("/loss", body)) == #"{"loss":0.0}"#)
    let other = #"{"logits": [[1, 2], [0, 1000]], "target": [5e18, 1], "ignore_index": \#(index)}"#
    #expect(post("/loss", other).status == .unprocessableContent)
  }

  @Test func anOptionAtItsDefaultIsAsIfLeftOut() {
    for operation in Operation.allCases {
      let candidate = operation.returnsTensors ? "" : #", "candidate": {"loss": 1}"#
      let input = operation == .softmax ? #""logits": [1, 2]"# : #""logits": [1, 2], "target": 0"# + candidate
      let plain = text(post(operation.path, "{\(input)}"))
      for parameter in operation.parameters {
        let body = "{\(input), \"\(parameter.name)\": \(parameter.descriptor.defaultJSON ?? "null")}"
        #expect(text(post(operation.path, body)) == plain, "\(body)")
      }
      guard operation.returnsTensors else { continue }
      let names = operation.defaultOutputs.map { "\"\($0.name)\"" }.joined(separator: ",")
      #expect(text(post(operation.path, "{\(input), \"outputs\": [\(names)]}")) == plain)
    }
    let options = #""axis": -1, "dtype": "float64", "ignore_index": -100, "label_smoothing": 0, "reduction": "mean""#
    let derivation = #"{"logits": [1, 2], "target": 0, "temperature": 2, \#(options), "outputs": ["derivation"]}"#
    #expect(post("/gradient", derivation).status == .ok)
    // For one row the first axis is the last.
    let first = derivation.replacing("-1", with: "0", maxReplacements: 1)
    #expect(text(post("/gradient", first)) == text(post("/gradient", derivation)))
  }

  @Test func membersMayStandInAnyOrder() {
    let members = [
      #""logits": [[1, 2], [3, 4]]"#, #""target": [1, 0]"#, #""weight": [1, 2]"#, #""axis": 0"#, #""reduction": "sum""#,
    ]
    let answers = (0..<members.count).map { shift in
      text(post("/gradient", "{" + (members[shift...] + members[..<shift]).joined(separator: ",") + "}"))
    }
    #expect(Set(answers).count == 1)
    #expect(answers[0].hasPrefix(#"{"loss":"#))
  }

  @Test func outputsAreAnsweredInTheOrderAsked() throws {
    let names = ["probabilities", "log_probabilities", "log_sum_exp", "entropy", "argmax", "jacobian"]
    for shift in names.indices {
      let order = Array(names[shift...] + names[..<shift])
      let asked = order.map { "\"\($0)\"" }.joined(separator: ", ")
      let answer = post("/softmax", #"{"logits": [1, 2], "outputs": [\#(asked)]}"#)
      var reader = JSONReader(answer.body.span)
      var answered: [String] = []
      try reader.beginObject()
      while let name = try reader.nextMember()?.text {
        answered.append(name)
        try reader.skipValue()
      }
      #expect(answered == order)
    }
  }

  /// Each rank and axis: the outputs' shapes, and each row's bits those of the row alone.
  @Test(arguments: 1...8)
  func shapesFollowTheAxis(_ rank: Int) throws {
    let shape = try #require(TensorShape(Array([2, 3, 1, 2, 1, 2, 1, 2][..<rank])))
    let count = shape.reduce(1, *)
    let logits = (0..<count).map { Double(($0 * 7) % 5) / 4 }
    var writer = JSONWriter(capacity: 64)
    writer.tensor(logits.span, extents: shape.span)
    let tensor = String(decoding: writer.finish(), as: UTF8.self)
    for axis in 0..<rank {
      let body = #"{"logits": \#(tensor), "outputs": ["probabilities", "log_sum_exp"], "axis": "#
      let answer = post("/softmax", body + "\(axis)}")
      #expect(text(post("/softmax", body + "\(axis - rank)}")) == text(answer))
      let outputs = try tensors(answer)
      #expect(outputs["probabilities"]?.extents == shape.array)
      #expect(outputs["log_sum_exp"]?.extents == shape.removing(axis: axis).array)
      let probabilities = try #require(outputs["probabilities"]).values
      let inner = shape[(axis + 1)...].reduce(1, *)
      for start in 0..<count where start / inner % shape[axis] == 0 {
        let row = (0..<shape[axis]).map { start + $0 * inner }
        let alone = try tensors(post("/softmax", #"{"logits": \#(row.map { logits[$0] })}"#))
        #expect(alone["probabilities"]?.values == row.map { probabilities[$0] })
      }
    }
  }

  private func tensors(_ response: Response) throws -> [String: ParsedTensor] {
    #expect(response.status == .ok, "\(text(response))")
    var reader = JSONReader(response.body.span)
    var tensors: [String: ParsedTensor] = [:]
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      tensors[name] = try reader.readTensor(limits: TensorLimits(values: 1000, faults: 1))
    }
    return tensors
  }
}
