import HTTP
import Testing

@testable import SoftmaxService

struct ExactnessTests {
  /// The logit that a decimal becomes: of one class that is not masked, log-sum-exp is the logit.
  private func logit(_ datatype: String, _ data: String, count: Int) throws -> Double {
    let rest = #","parameters":{"dtype":"float64"},"outputs":[{"name":"log_sum_exp"}]"#
    return try Inferred(infer("softmax", request(tensor("logits", datatype, [count], data), rest: rest))).outputs[0]
      .numbers[0]
  }

  static let cases: [(datatype: String, decimal: String, value: Double)] = [
    ("FP32", "1.000000059604644775390625000001", 0x1.000002p0), ("FP32", "1.000000059604644775390625", 1.0),
    ("FP32", "1.000000059604644775390624999999", 1.0), ("FP32", "-1.000000059604644775390625000001", -0x1.000002p0),
    ("FP16", "1.00048828125000000000001", 0x1.004p0), ("FP16", "1.00048828125", 1.0),
    ("BF16", "1.00390625000000000000001", 0x1.02p0), ("BF16", "1.00390625", 1.0),
    ("FP64", "1.00390625000000000000001", 1.00390625),
  ]

  @Test(
    "A number in JSON is rounded once, from its decimal text to the tensor's type",
    arguments: cases)
  func decimals(datatype: String, decimal: String, value: Double) throws {
    #expect(try logit(datatype, "[\(decimal)]", count: 1) == value)
    // Whatever stands before it, and in whatever order its members come.
    #expect(try logit(datatype, "[-Infinity,\"-Infinity\",\(decimal)]", count: 3) == value)
    let json =
      #"{"inputs":[{"data":[\#(decimal)],"shape":[1],"datatype":"\#(datatype)","name":"logits"}],"parameters":{"dtype":"float64"},"outputs":[{"name":"log_sum_exp"}]}"#
    #expect(try Inferred(infer("softmax", json)).outputs[0].numbers == [value])
  }

  @Test(
    "A number beyond its type is named with the type",
    arguments: [("FP32", "1e39"), ("FP16", "65520"), ("BF16", "1e39"), ("FP64", "1e309"), ("FP16", "1e999")])
  func beyondTheType(_ datatype: String, _ decimal: String) throws {
    let answer = infer("softmax", request(tensor("logits", datatype, [2], "[0,\(decimal)]")))
    #expect(try #require(errorText(answer)).hasPrefix("inputs[0].data[1] is beyond the range of"))
  }

  @Test("input_dtype is for texts without a type")
  func inputType() throws {
    let json = request(tensor("logits", "FP64", [1], "[1]"), rest: #","parameters":{"input_dtype":"float32"}"#)
    #expect(try #require(errorText(infer("softmax", json))).contains("\"datatype\" says"))
    #expect(infer("softmax", json.replacing("float32", with: "float64")).status == .ok)
    #expect(!text(get("/v2/models/softmax/config")).contains("input_dtype"))
  }

  @Test("Booleans in JSON, as numbers of JSON and in binary")
  func booleans() throws {
    let logits = tensor("logits", "FP64", [3], "[1,1,5]")
    for data in ["[true,true,false]", "[1,1,0]", "[[true,true,false]]"] {
      let shape = data.hasPrefix("[[") ? [1, 3] : [3]
      let rows = shape.count == 1 ? logits : tensor("logits", "FP64", [1, 3], "[1,1,5]")
      let answer = try Inferred(infer("softmax", request(rows, tensor("where", "BOOL", shape, data))))
      #expect(answer.outputs[0].numbers == [0.5, 0.5, 0])
    }
    let binary = request(logits, tensor("where", "BOOL", [3], bytes: 3))
    #expect(try Inferred(infer("softmax", binary, [1, 1, 0])).outputs[0].numbers == [0.5, 0.5, 0])
    let sentences =
      [
        (tensor("where", "BOOL", [3], "[true,true]"), [], "inputs[1] has the shape [3] of BOOL"),
        (tensor("where", "BOOL", [3], "[true,2,false]"), [], "inputs[1].data[1] is 2; send whole"),
        (tensor("where", "INT8", [3], bytes: 3), [1, 1, 0], "inputs[1].datatype is INT8; send where as BOOL"),
        (
          tensor("where", "BOOL", [3], bytes: 3), [1, 2, 0],
          "inputs[1].data[1] is 2; send whole numbers from 0 to 1 as BOOL"
        ),
      ] as [(String, [UInt8], String)]
    for (tensor, bytes, sentence) in sentences {
      let answer = infer("softmax", request(logits, tensor), bytes)
      #expect(try #require(errorText(answer)).hasPrefix(sentence), "\(text(answer))")
    }
    let number = request(tensor("logits", "FP64", [2], "[true,1]"))
    #expect(try #require(errorText(infer("softmax", number))).hasPrefix("inputs[0].data[0] is a boolean"))
  }
}
