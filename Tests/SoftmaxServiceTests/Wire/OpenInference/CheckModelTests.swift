import HTTP
import Testing

@testable import SoftmaxService

/// /check as a model: the caller's numbers are inputs, the report is a text.
struct CheckModelTests {
  private static let logits = tensor("logits", "FP64", [2, 3], "[2,1,0.1,0.5,2.5,-1]")
  private static let target = tensor("target", "INT64", [2], "[0,2]")
  /// The gradient of the sum, where the mean is asked for.
  private static let sum = [
    -0.3409988611140321, 0.24243297070471392, 0.09856589040931818, 0.11611453467414116, 0.8579768106084571,
    -0.9740913452825984,
  ]

  @Test func aMistakeIsFoundInTensorsOfJSON() throws {
    let answer = try Inferred(
      infer(
        "check",
        request(
          Self.logits, Self.target, tensor("candidate.gradient", "FP64", [2, 3], "\(Self.sum)"), rest: #","id":"7""#)))
    #expect(answer.model == "check" && answer.id == "7")
    #expect(answer.outputs.map(\.name) == ["passes", "report"])
    #expect(answer.outputs.map(\.datatype) == ["BOOL", "BYTES"])
    #expect(answer.outputs.allSatisfy { $0.shape.isEmpty })
    let report = try #require(answer["report"]?.texts.first)
    #expect(report.hasPrefix(#"{"passes":false,"outputs":{"gradient":{"passes":false,"count":6,"#))
    #expect(report.contains(#""cause":"reduction","output":"gradient""#))
    #expect(report.contains(##""pointer":"#/inputs/2/data/"##))
  }

  @Test func theReportIsThatOfJSON() throws {
    let rows = "[[\(Self.joined(Self.sum[..<3]))],[\(Self.joined(Self.sum[3...]))]]"
    let json = text(
      post(
        "/check",
        #"{"logits": [[2, 1, 0.1], [0.5, 2.5, -1]], "target": [0, 2], "candidate": {"gradient": \#(rows)}}"#))
    let answer = try Inferred(
      infer("check", request(Self.logits, Self.target, tensor("candidate.gradient", "FP64", [2, 3], "\(Self.sum)"))))
    let report = try #require(answer["report"]?.texts.first)
    func withoutPointers(_ report: String) -> String {
      report.replacing(#/"pointer":"[^"]*"/#, with: "")
    }
    #expect(withoutPointers(report) == withoutPointers(json))
  }

  @Test func aParameterAtItsDefaultNeedsNoTarget() {
    let defaults = #","parameters":{"ignore_index":-100,"reduction":"mean","label_smoothing":0}"#
    let tensors = [tensor("logits", "FP64", [2], "[0,0]"), tensor("candidate.probabilities", "FP64", [2], "[0.5,0.5]")]
    let answer = infer("check", request(tensors.joined(separator: ","), rest: defaults))
    #expect(answer.status == .ok, "\(text(answer))")
  }

  private static func joined(_ numbers: some Sequence<Double>) -> String {
    numbers.map { "\($0)" }.joined(separator: ",")
  }

  @Test func aMistakeIsFoundInBytesAndToldInBytes() throws {
    let json = request(
      Self.logits, Self.target, tensor("candidate.gradient", "FP64", [2, 3], bytes: 48),
      rest: #","outputs":[{"name":"report"},{"name":"passes"}],"parameters":{"binary_data_output":true}"#)
    let answer = try Inferred(infer("check", json, littleEndian(Self.sum.map(\.bitPattern))))
    #expect(answer.jsonBytes % 8 == 0)
    #expect(answer.outputs.map(\.name) == ["report", "passes"])
    #expect(answer["passes"]?.bytes == [0])
    let bytes = try #require(answer["report"]?.bytes)
    #expect(bytes.prefix(4) == littleEndian([UInt32(bytes.count - 4)])[...])
    #expect(String(decoding: bytes.dropFirst(4), as: UTF8.self).contains(#""cause":"reduction""#))
  }

  @Test("Numbers of FP32 are held against those of FP32, and NaN is a number like any other")
  func otherNumbers() throws {
    let logits = tensor("logits", "FP32", [2], bytes: 8)
    let right = tensor("candidate.probabilities", "FP32", [2], bytes: 8)
    let answer = try Inferred(infer("check", request(logits, right), fp32(0, 1) + fp32(0.26894143, 0.7310586)))
    #expect(answer["passes"]?.numbers == [1])
    #expect(answer["report"]?.texts.first?.contains(#""max_ulp":0"#) == true)
    let spoiled = tensor("candidate.probabilities", "FP64", [2], "[\"NaN\",0]")
    let other = try Inferred(infer("check", request(tensor("logits", "FP64", [2], "[800,0]"), spoiled)))
    #expect(other["report"]?.texts.first?.contains(#""cause":"overflow""#) == true)
  }

  @Test(
    arguments: [
      ([], "", "such as \"candidate.gradient\""),
      ([tensor("candidate.grad", "FP64", [2], "[1,2]")], "", "inputs[1].name is \"candidate.grad\""),
      ([tensor("gradient", "FP64", [2], "[1,2]")], "", "the nearest is \"candidate.gradient\""),
      ([tensor("candidate.loss", "FP64", [], "[1]")], "", "\"target\" is missing, which \"loss\" needs"),
      ([tensor("candidate.entropy", "BYTES", [], "[1]")], "", "send candidate.entropy as numbers, such as FP64"),
      ([tensor("candidate.entropy", "FP64", [2], "[1,2]")], "", "inputs[1]: candidate.entropy has shape [2]"),
      ([tensor("candidate.entropy", "FP64", [], "[null]")], "", "inputs[1].data[0] is null"),
      (
        [tensor("candidate.entropy", "FP16", [], "[1e9]")], "",
        "inputs[1].data[0] is beyond the range of binary16; send a number of at most 65504"
      ),
      (
        [#"{"name":"candidate.entropy","shape":null,"datatype":"FP64","data":[0]}"#], "", "inputs[1].shape is null"
      ),
      (
        [#"{"name":"candidate.entropy","shape":[],"datatype":null,"data":[0]}"#], "", "inputs[1].datatype is null"
      ),
      ([#"{"name":null,"shape":[],"datatype":"FP64","data":[0]}"#], "", "inputs[1].name is null"),
      (
        [tensor("candidate.entropy", "FP64", [], "[1]"), tensor("candidate.entropy", "FP64", [], "[1]")], "",
        "inputs[2] is \"candidate.entropy\" again"
      ),
      (
        [tensor("candidate.entropy", "FP64", [], "[1]")], #","outputs":[{"name":"entropy"}]"#,
        "outputs[0].name is \"entropy\", which this model does not answer; it answers \"passes\" and \"report\""
      ),
      (
        [tensor("candidate.entropy", "FP64", [], "[1]")], #","outputs":[{"name":"passes"},{"name":"passes"}]"#,
        "outputs[1].name is \"passes\" again"
      ),
    ] as [([String], String, String)])
  func whatIsWrongIsSaid(_ tensors: [String], _ rest: String, _ part: String) {
    let all = ([tensor("logits", "FP64", [2], "[1,2]")] + tensors).joined(separator: ",")
    let answer = infer("check", #"{"inputs":[\#(all)]\#(rest)}"#)
    #expect(answer.status == .badRequest)
    #expect(errorText(answer)?.contains(part) == true, "\(errorText(answer) ?? text(answer))")
  }

  @Test func documentsAreTheCatalogue() {
    let metadata = text(get("/v2/models/check"))
    #expect(metadata.contains(#"{"name":"passes","datatype":"BOOL","shape":[]},{"name":"report","datatype":"BYTES""#))
    let configuration = text(get("/v2/models/check/config"))
    for output in CheckedOutput.allCases {
      #expect(configuration.contains(#"{"name":"candidate.\#(output.name)","data_type":"TYPE_FP64","dims":"#))
    }
    #expect(configuration.contains(#"{"name":"report","data_type":"TYPE_STRING","dims":[]}"#))
    for parameter in Operation.check.modelParameters { #expect(configuration.contains(#""\#(parameter.name)":{"#)) }
  }

  /// It computes many answers.
  @Test(arguments: ["/v2/models/check/infer", "/v2/models/check/versions/1/infer"])
  func theModelsRoutesHaveTheThresholdOfCheck(_ path: String) throws {
    let route = Service.routes.route(of: path)
    #expect(!route.body.usesWorkPool(bodyBytes: 1023))
    #expect(route.body.usesWorkPool(bodyBytes: 1024))
    let body = request(
      tensor("logits", "FP64", [2], "[0,0]"), tensor("candidate.probabilities", "FP64", [2], "[0.5,0.5]"))
    #expect(try Inferred(ask(RequestHead(.post, path), Array(body.utf8)))["passes"]?.numbers == [1])
    var names = ModelNames()
    let isAdded = names.add("mine=check")
    #expect(!isAdded, "another name would lead to the event loop's route")
  }
}
