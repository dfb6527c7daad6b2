import HTTP
import Testing

@testable import SoftmaxService

struct InferTests {
  @Test func aRequestInJSON() throws {
    let answer = infer(
      "softmax",
      request(
        tensor("logits", "FP64", [2, 2], "[1,2,3,\"-Infinity\"]"),
        rest: #","id":"7","outputs":[{"name":"argmax"},{"name":"probabilities"}]"#))
    #expect(
      text(answer)
        == #"{"model_name":"softmax","model_version":"1","id":"7","outputs":[{"name":"argmax","datatype":"INT64","shape":[2],"data":[1,0]},{"name":"probabilities","datatype":"FP64","shape":[2,2],"data":[0.2689414213699951,0.7310585786300049,1.0,0.0]}]}"#
    )
    #expect(answer.fields[.inferenceHeaderContentLength] == nil)
  }

  @Test func masksTopsAndMatrices() throws {
    let logits = tensor("logits", "FP64", [2, 2], "[1,2,3,4]")
    let masked = try Inferred(
      infer("softmax", request(logits, tensor("where", "BOOL", [2, 2], "[true,true,false,true]"))))
    #expect(masked["probabilities"]?.numbers == [0.2689414213699951, 0.7310585786300049, 0, 1])
    let top = try Inferred(infer("softmax", request(logits, rest: #","parameters":{"top_k":1}"#)))
    #expect(top["top_indices"]?.shape == [2, 1] && top["top_probabilities"]?.shape == [2, 1])
    #expect(top["top_probabilities"]?.numbers == [0.7310585786300049, 0.7310585786300049])
    let matrices = try Inferred(infer("softmax", request(logits, rest: #","outputs":[{"name":"jacobian"}]"#)))
    #expect(matrices["jacobian"]?.shape == [2, 2, 2])
  }

  @Test func withoutOutputsTheDefaultOnesAreAnswered() throws {
    for rest in ["", #","outputs":[]"#, #","outputs":null"#] {
      let answer = try Inferred(
        infer(
          "gradient",
          request(tensor("logits", "FP64", [2], "[40,0]"), tensor("target", "INT32", [], "[0]"), rest: rest)))
      #expect(answer.outputs.map(\.name) == ["loss", "gradient"])
      #expect(answer["loss"]?.shape == [])
      #expect(answer["loss"]?.numbers == [4.248354255291589e-18])
      #expect(answer["gradient"]?.numbers == [-4.248354255291589e-18, 4.248354255291589e-18])
      #expect(answer.id == nil)
    }
  }

  @Test("data may be flat or nested, and its members in any order")
  func flatAndNested() throws {
    let expected = try Inferred(infer("softmax", request(tensor("logits", "FP64", [1, 2, 2], "[1,2,3,4]"))))
    #expect(expected.outputs[0].shape == [1, 2, 2])
    for json in [
      request(tensor("logits", "FP64", [1, 2, 2], "[[[1,2],[3,4]]]")),
      #"{"inputs":[{"data":[1,2,3,4],"datatype":"FP64","shape":[1,2,2],"name":"logits","parameters":null}]}"#,
    ] {
      let answer = try Inferred(infer("softmax", json))
      #expect(answer.outputs[0].numbers == expected.outputs[0].numbers)
    }
  }

  @Test("Results have the logits' type, unless dtype says otherwise")
  func resultTypes() throws {
    func answer(_ datatype: String, _ rest: String = "") throws -> Inferred.Tensor {
      try Inferred(infer("softmax", request(tensor("logits", datatype, [2], "[1,2]"), rest: rest))).outputs[0]
    }
    #expect(try answer("FP32").datatype == "FP32")
    #expect(try answer("FP32").numbers == [0.26894143, 0.7310586])
    #expect(try answer("INT8").datatype == "FP64")
    #expect(try answer("FP32", #","parameters":{"dtype":"float64"}"#).datatype == "FP64")
    #expect(try answer("FP64", #","parameters":{"dtype":"float32"}"#).datatype == "FP32")
    let target = tensor("target", "INT64", [], "[0]")
    for (datatype, loss) in [("FP64", 1.3862943611198906), ("FP32", 1.3862944), ("BF16", 1.38)] {
      let probabilities = tensor("probabilities", datatype, [2], "[0.25,0.75]")
      let answer = try Inferred(infer("loss", request(probabilities, target))).outputs[0]
      #expect(answer.datatype == datatype && answer.numbers == [loss])
    }
  }

  @Test("The type that results have by default is no fault of a request", arguments: ["FP64", "FP32"])
  func noFaultOfTheDefaultType(_ datatype: String) {
    let tensors = [tensor("logits", datatype, [2], "[1,2]"), tensor("target", "INT64", [], "[0]")]
    let answer = infer("gradient", request(tensors[0], tensors[1], rest: #","outputs":[{"name":"derivation"}]"#))
    let complaint = #"outputs[0] is \"derivation\", which is no tensor; POST to /gradient for it"#
    #expect(text(answer) == "{\"error\":\"\(complaint)\"}")
  }

  @Test("A number may come as its text: some clients have no parameters with a point")
  func parameters() throws {
    let logits = tensor("logits", "FP64", [2], "[1,2]")
    for temperature in ["2", "2.0", "\"2\"", "\"2e0\""] {
      let answer = try Inferred(
        infer("softmax", request(logits, rest: #","parameters":{"temperature":\#(temperature),"axis":0}"#)))
      #expect(answer.outputs[0].numbers == [0.37754066879814546, 0.6224593312018546])
    }
    let ignored =
      #""sequence_id":7,"sequence_start":true,"sequence_end":false,"priority":1,"timeout":1000,"headers":{},"content_type":"np","label_smoothing":null"#
    #expect(infer("softmax", request(logits, rest: #","parameters":{\#(ignored)}"#)).status == .ok)
  }

  /// Bytes of UTF-8, not characters; openapi.yaml says both.
  @Test(arguments: ["a", "é", "\u{1F600}"]) func anIdHasABound(scalar: String) throws {
    func ask(_ id: String) -> Response { infer("softmax", oneLogit(#","id":"\#(id)""#)) }
    let longest = String(repeating: scalar, count: 4096 / scalar.utf8.count)
    #expect(try Inferred(ask(longest)).id == longest)
    let answer = ask(longest + "a")
    #expect(answer.status == .badRequest)
    #expect(text(answer) == #"{"error":"id has more than 4096 bytes; send a shorter one"}"#)
  }

  @Test("Of more faults than are kept, it is said that there are more", arguments: [2, 32, 33])
  func manyFaults(count: Int) throws {
    let bad = Array(repeating: #""a""#, count: count).joined(separator: ",")
    let complaint = text(infer("softmax", request(tensor("logits", "FP64", [count], "[\(bad)]"))))
    let others = count > 32 ? "more than 31 other faults" : "\(count - 1) more fault\(count == 2 ? "" : "s")"
    #expect(complaint.hasSuffix(#", or -Infinity to mask the class; and \#(others)"}"#))
  }

  @Test(
    "What is wrong is named by its place, with the cure",
    arguments: [
      (#"{"inputs":1}"#, #"inputs is a number; it must be an array of tensors; and 1 more fault"#),
      (#"{"inputs":[1]}"#, "inputs[0] is a number; it must be an object"),
      (#"{"inputs":[]}"#, "\"logits\" is missing: send a tensor of numbers"),
      ("[]", "the body is an array; send an object, such as {\"inputs\""),
      (#"{"inputs":[{"name":"logits"}]}"#, "inputs[0] has no numbers; send \"data\""),
      (#"{"inputs":[{"name":"logits","data":[1]}]}"#, "inputs[0] has no \"shape\"; send it; and 1 more fault"),
      (request(tensor("logits", "FP63", [1], "[1]")), "inputs[0].datatype is \"FP63\"; it must be one of BOOL, "),
      (
        request(tensor("logits", "BYTES", [1], "[1]")),
        "inputs[0].datatype is BYTES; send logits as numbers, such as FP64"
      ),
      (request(tensor("logits", "FP64", [-1, 16], "[1]")), "inputs[0].shape[0] is -1; send the tensor's real size"),
      (
        request(tensor("logits", "FP64", [0], "[]")), "inputs[0].shape[0] is 0; it must be a whole number of at least 1"
      ),
      (
        request(tensor("logits", "FP64", [1, 1, 1, 1, 1, 1, 1, 1, 1], "[1]")),
        "inputs[0].shape has more than 8 dimensions"
      ),
      (
        request(tensor("logits", "FP64", [1], "[1,2,3]")),
        "inputs[0] has the shape [1] of FP64, which means 1 number, or 8 bytes; \"data\" has 3"
      ),
      (request(tensor("logits", "FP64", [2, 2], "[[1,2,3,4]]")), "\"data\" is nested as [1, 4]"),
      (
        request(tensor("logits", "FP64", [], "[1]")),
        "inputs[0].shape: logits is a tensor of shape []; send a tensor of numbers, of 1 to 8 dimensions"
      ),
      (
        request(tensor("logits", "FP64", [Int.max], "[1]")),
        "inputs[0].shape[0] is more than any body holds; send the tensor's real size"
      ),
      (
        #"{"inputs":[{"name":"logits","shape":[1e999],"datatype":"FP64","data":[1]}]}"#,
        "inputs[0].shape[0] is more than any body holds"
      ),
      (
        #"{"inputs":[{"name":"logits","shape":[-1e999],"datatype":"FP64","data":[1]}]}"#,
        "inputs[0].shape[0] is negative; it must be a whole number of at least 1"
      ),
      (
        oneLogit(#","parameters":{"axis":1e999}"#),
        "parameters.axis is beyond the range of binary64; it must be an integer"
      ),
      (
        oneLogit(#","parameters":{"temperature":1e999}"#),
        "parameters.temperature is beyond the range of binary64; send a number of at most 1.797"
      ),
      (oneLogit(#","parameters":{"dtype":1e999}"#), "parameters.dtype is a number; it must be \"float64\""),
      (
        request(tensor("logits", "FP64", [2, 2], "[[1,2],[3]]")),
        "inputs[0].data[1] has 1 element, but its siblings have 2"
      ),
      (request(tensor("logits", "FP64", [2], "[1,null]")), "inputs[0].data[1] is null; send a finite number"),
      (
        request(tensor("logits", "FP64", [2, 2], "[1,2,3,NaN]")),
        "inputs[0].data[3]: logits[1][1] is NaN; a logit must be"
      ),
      (request(tensor("logits", "FP64", [2], "[1,1e999]")), "inputs[0].data[1] is beyond the range of binary64"),
      (
        request(tensor("logits", "INT8", [2], "[1,128]")),
        "inputs[0].data[1] is 128; send whole numbers from -128 to 127 as INT8"
      ),
      (
        request(tensor("logits", "INT8", [2], "[1,-1e999]")),
        "inputs[0].data[1] is beyond the range of INT8; send whole numbers from -128 to 127"
      ),
      (
        request(tensor("logits", "INT64", [2], "[1,0.5]")),
        "inputs[0].data[1] is 0.5; send whole numbers from -9007199254740991 to 9007199254740991 as INT64"
      ),
      (
        request(tensor("logit", "FP64", [1], "[1]")),
        "inputs[0].name is \"logit\", which this model does not take; the nearest is \"logits\""
      ),
      (
        request(tensor("axis", "FP64", [1], "[1]")),
        "inputs[0].name is \"axis\", which is a parameter; send it in \"parameters\""
      ),
      (
        request(tensor("logits", "FP64", [1], "[1]"), tensor("logits", "FP64", [1], "[1]")),
        "inputs[1] is \"logits\" again; send each input once"
      ),
      (
        oneLogit(#","temperature":2"#),
        "temperature is a parameter of the model; send it in \"parameters\""
      ),
      (oneLogit(#","inputs":[]"#), "inputs is given more than once"),
      (oneLogit(#","id":7"#), "id is a number; it must be a string"),
      (
        oneLogit(#","parameter":{}"#),
        "parameter is not known here; the nearest is \"parameters\""
      ),
      (
        oneLogit(#","parameters":{"temprature":2}"#),
        "parameters.temprature is no parameter of this model; the nearest is \"temperature\""
      ),
      (
        oneLogit(#","parameters":{"temprature":true}"#),
        "parameters.temprature is no parameter of this model; the nearest is \"temperature\""
      ),
      (
        oneLogit(#","parameters":{"temprature":1e999}"#),
        "parameters.temprature is no parameter of this model; the nearest is \"temperature\""
      ),
      (
        oneLogit(#","parameters":{"where":[true]}"#),
        "parameters.where is an input of this model; send it as a tensor in \"inputs\""
      ),
      (
        oneLogit(#","parameters":{"temperature":0}"#),
        "parameters.temperature: temperature is 0"
      ),
      (
        oneLogit(#","parameters":{"temperature":"hot"}"#),
        "parameters.temperature: temperature is the string \"hot\""
      ),
      (
        oneLogit(#","parameters":{"temperature":"1e400"}"#),
        "parameters.temperature: temperature is the string \"1e400\""
      ),
      (
        oneLogit(#","parameters":{"temperature":1,"temperature":1}"#),
        "parameters.temperature is given more than once"
      ),
      (
        oneLogit(#","parameters":{"temperature":null,"temperature":1}"#),
        "parameters.temperature is given more than once"
      ),
      (
        oneLogit(#","parameters":{"binary_data_output":true,"binary_data_output":false}"#),
        "parameters.binary_data_output is given more than once"
      ),
      (
        oneLogit(#","outputs":[{"name":"argmax","parameters":{"binary_data":true,"binary_data":false}}]"#),
        "outputs[0].parameters.binary_data is given more than once"
      ),
      (
        oneLogit(#","outputs":[{"name":"probabilities","parameters":{"classification":0,"classification":1}}]"#),
        "outputs[0].parameters.classification is given more than once"
      ),
      (
        #"{"inputs":[{"name":"logits","shape":[1],"datatype":"FP64","#
          + #""parameters":{"binary_data_size":8,"binary_data_size":8}}]}"#,
        "inputs[0].parameters.binary_data_size is given more than once"
      ),
      (
        oneLogit(#","parameters":{"temperature":[2]}"#),
        "parameters.temperature is an array"
      ),
      (
        oneLogit(#","parameters":{"triton_x":2}"#),
        "parameters.triton_x begins with \"triton_\""
      ),
      (
        oneLogit(#","parameters":{"binary_data_output":1}"#),
        "parameters.binary_data_output is a number; it must be true or false"
      ),
      (
        oneLogit(#","outputs":[{"name":"probs"}]"#),
        "outputs[0] is \"probs\", which the model \"softmax\" does not know"
      ),
      (
        oneLogit(#","outputs":[{"name":"loss"}]"#),
        "an output of the model \"loss\" and the model \"gradient\"; the model \"softmax\" answers"
      ),
      (
        oneLogit(#","outputs":[{"name":"argmax"},{"name":"argmax"}]"#),
        "outputs[1] is \"argmax\" again; name each output once"
      ),
      (oneLogit(#","outputs":[{}]"#), "outputs[0] has no \"name\"; send it"),
      (
        oneLogit(#","outputs":[{"name":"argmax","parameters":{"shared_memory_region":"x"}}]"#),
        "outputs[0].parameters.shared_memory_region is not supported here"
      ),
      (
        oneLogit(#","outputs":[{"name":"argmax","parameters":{"classification":2}}]"#),
        "outputs[0].parameters.classification is for outputs with a number for each class"
      ),
    ])
  func faults(_ json: String, _ sentence: String) throws {
    let answer = infer("softmax", json)
    #expect(answer.status == .badRequest)
    let found = try #require(errorText(answer), "\(text(answer))")
    #expect(found.contains(sentence))
    #expect(!found.contains("\n") && !found.contains("/softmax"))
  }

  /// An optional input whose tensor cannot be read must not be taken for one that is left out.
  @Test(
    "No member that a tensor needs may be null",
    arguments: ["name", "shape", "datatype"], ["logits", "weight", "sample_weight", "upstream", "target"])
  func nullMembers(_ member: String, of input: String) throws {
    let inputs = [
      ("logits", "FP64", "[1,2]", "[1,2]"), ("target", "INT64", "[1]", "[0]"), ("weight", "FP64", "[2]", "[1,2]"),
      ("sample_weight", "FP64", "[1]", "[2]"), ("upstream", "FP64", "[]", "[2]"),
    ]
    let tensors = inputs.map { (name, datatype, shape, data) in
      let members = [("name", "\"\(name)\""), ("datatype", "\"\(datatype)\""), ("shape", shape), ("data", data)]
      return members.map { "\"\($0)\":\(name == input && $0 == member ? "null" : $1)" }.joined(separator: ",")
    }
    let answer = infer("gradient", "{\"inputs\":[\(tensors.map { "{\($0)}" }.joined(separator: ","))]}")
    let index = try #require(inputs.firstIndex { $0.0 == input })
    #expect(answer.status == .badRequest)
    #expect(errorText(answer)?.contains("inputs[\(index)].\(member) is null; a tensor needs it") == true)
  }

  @Test func anOutputsNameMayNotBeNull() {
    for (model, inputs) in [
      ("softmax", tensor("logits", "FP64", [1], "[1]")),
      ("check", tensor("logits", "FP64", [1], "[1]") + "," + tensor("candidate.entropy", "FP64", [], "[0]")),
    ] {
      let answer = infer(model, #"{"inputs":[\#(inputs)],"outputs":[{"name":null}]}"#)
      #expect(answer.status == .badRequest)
      #expect(errorText(answer)?.contains("outputs[0].name is null; a tensor needs it") == true)
    }
  }

  @Test(
    "Shapes whose product overflows",
    arguments: [
      [16, (1 << 60) + 2], [4, (1 << 60) + 2], [1 << 62, 4], [1 << 31, 1 << 31, 4], [1 << 53],
    ])
  func shapesThatOverflow(_ shape: [Int]) throws {
    for json in [tensor("logits", "FP64", shape, "[1,2]"), tensor("logits", "FP32", shape, bytes: 8)] {
      let answer = infer("softmax", request(json), [0, 0, 0, 0, 0, 0, 0, 0])
      #expect(answer.status == .badRequest)
      #expect(try #require(errorText(answer)).contains("inputs[0] has the shape"))
    }
  }

  @Test func theDerivationIsNoTensor() throws {
    let json = request(
      tensor("logits", "FP64", [2], "[1,2]"), tensor("target", "INT64", [], "0"),
      rest: #","outputs":[{"name":"derivation"}]"#)
    #expect(try #require(errorText(infer("gradient", json))).contains("POST to /gradient"))
  }

  @Test func tooManyLogits() throws {
    let small = Service(limits: Limits(logits: 4))
    for (json, bytes) in [
      (tensor("logits", "FP64", [5], "[1,2,3,4,5]"), []),
      (tensor("logits", "FP32", [5], bytes: 20), [UInt8](repeating: 0, count: 20)),
    ] {
      let answer = infer("softmax", request(json), bytes, of: small)
      #expect(answer.status == .contentTooLarge)
      #expect(try #require(errorText(answer)).contains("4 numbers"))
    }
  }

  /// Nothing that a client repeats may make the server keep much.
  @Test func manyTensorsAndParametersAreNotKept() throws {
    let tensors = [String](repeating: "{}", count: 10_000).joined(separator: ",")
    #expect(errorText(infer("softmax", #"{"inputs":[\#(tensors)]}"#)) != nil)
    let parameters = (0..<10_000).map { "\"x\($0)\":1" }.joined(separator: ",")
    #expect(errorText(infer("softmax", #"{"inputs":[],"parameters":{\#(parameters)}}"#)) != nil)
  }

  @Test func modelsHaveTheNamesThatTheyWereGiven() throws {
    var models = ModelNames()
    let added = ["my-softmax", "my.loss=loss"].map { models.add($0) }
    #expect(added == [true, true])
    for text in ["softmax", "my-softmax=loss", "a=b", "=loss", "", "a/b", "a=loss=loss", "stats", "é", ".", ".."] {
      let isAdded = models.add(text)
      #expect(!isAdded, "\(text)")
    }
    #expect(models.added == ["my-softmax=softmax", "my.loss=loss"])
    let service = Service(models: models)
    let answer = try Inferred(
      infer("my-softmax", request(tensor("logits", "FP64", [2], "[0,0]")), of: service))
    #expect(answer.model == "my-softmax")
    #expect(answer.outputs[0].numbers == [0.5, 0.5])
    #expect(ask(RequestHead(.get, "/v2/models/my.loss"), of: service).status == .ok)
  }
}

/// A request of one logit, and what else its object has.
private func oneLogit(_ rest: String) -> String { request(tensor("logits", "FP64", [1], "[1]"), rest: rest) }
