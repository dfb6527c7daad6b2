import HTTP
import Testing

@testable import SoftmaxService

/// What clients send or expect beside the protocol, and has broken other servers.
struct ClientQuirkTests {
  private let logits = tensor("logits", "FP64", [2], "[0,0]")

  @Test("Two Content-Type lines, as KServe's own transformer sends them")
  func twoContentTypes() {
    let json = request(tensor("logits", "FP32", [2], bytes: 8))
    let fields: Fields = [.contentType: "application/json", .contentType: "application/octet-stream"]
    #expect(infer("softmax", json, fp32(0, 0), fields: fields).status == .ok)
  }

  @Test(
    "Content-Type says nothing",
    arguments: [
      nil, "application/octet-stream", "application/x-www-form-urlencoded", "text/plain", "application/json",
      "application/json; charset=utf-16", "", "nonsense",
    ] as [String?])
  func contentTypes(_ type: String?) {
    let fields: Fields = type.map { [.contentType: $0] } ?? [:]
    #expect(infer("softmax", request(logits), fields: fields).status == .ok)
  }

  @Test("The member model_name in the body, an empty id, null members")
  func membersThatClientsSend() throws {
    let json = request(
      logits, rest: #","model_name":"softmax","model_version":null,"id":"","parameters":null,"outputs":null"#)
    #expect(try Inferred(infer("softmax", json)).id == "")
  }

  @Test(
    "An error is an object whose only member is the text error", arguments: ["", "*/*", "application/json"])
  func errors(_ accept: String) {
    let answer = infer("softmax", "{", fields: [.accept: accept])
    #expect(answer.contentType == .json)
    #expect(errorText(answer)?.isEmpty == false)
    #expect(errorText(infer("softmax", #"{"\u0007\n":1}"#))?.contains("\u{7}\n") == true)
  }

  @Test("Problem details are for those who ask for them, with the protocol's status")
  func problemDetails() throws {
    let answer = infer("softmax", request(), fields: [.accept: "text/html, application/problem+json;q=0.5"])
    #expect(answer.contentType == .problem)
    #expect(answer.status == .badRequest)
    #expect(try ProblemBody(answer).status == 400)
    #expect(answer.fields[.vary] == "Accept")
    for accept in ["application/problem+json;q=0, */*", "application/json, application/problem+json;q=0.5"] {
      #expect(infer("softmax", request(), fields: [.accept: accept]).contentType == .json, "\(accept)")
    }
    let places = infer(
      "softmax", request(tensor("logits", "FP64", [2], "[1,NaN]")), fields: [.accept: "application/problem+json"])
    #expect(try ProblemBody(places).errors.map(\.pointer) == ["#/inputs/0/data/1"])
  }

  @Test("Bare words for what is not finite, on this protocol alone")
  func bareWords() throws {
    let masked = tensor("logits", "FP64", [3], "[-Infinity,0,0]")
    let answer = infer("softmax", request(masked, rest: #","outputs":[{"name":"log_probabilities"}]"#))
    #expect(text(answer).contains(#""data":["-Infinity",-0.6931471805599453,-0.6931471805599453]"#))
    #expect(infer("softmax", request(tensor("logits", "FP64", [2], "[Infinity,0]"))).status == .badRequest)
    #expect(post("/softmax", #"{"logits":[-Infinity,0,0]}"#).status == .badRequest)
    for word in ["-NaN", "inf", "-Inf", "nan", "Infinit", "+Infinity"] {
      #expect(infer("softmax", request(tensor("logits", "FP64", [2], "[\(word),0]"))).status == .badRequest)
    }
  }

  @Test("Null, which KServe's client writes for it, is refused and not guessed")
  func null() throws {
    let answer = infer("softmax", request(tensor("logits", "FP64", [2], "[null,0]")))
    #expect(try #require(errorText(answer)).hasPrefix("inputs[0].data[0] is null"))
  }

  @Test("Outputs in JSON are flat and have no parameters; nothing else is in an answer")
  func answersHaveNothingElse() throws {
    let json = request(tensor("logits", "FP64", [2, 1, 2], "[[[1,2]],[[3,4]]]"))
    let answer = infer("softmax", json)
    #expect(!text(answer).contains("parameters"))
    #expect(!text(answer).contains("[["))
    #expect(try Inferred(answer).outputs[0].shape == [2, 1, 2])
  }

  @Test("A C++ client says the header's length for JSON alone too, and an empty id")
  func cppClient() throws {
    let json =
      #"{"id":"","inputs":[{"name":"logits","datatype":"FP64","shape":[2],"data":[0,0]}],"outputs":[{"name":"probabilities","parameters":{"binary_data":true}}]}"#
    let fields: Fields = [.inferenceHeaderContentLength: "\(json.utf8.count)"]
    #expect(try Inferred(infer("softmax", json, fields: fields)).outputs[0].bytes == fp64(0.5, 0.5))
  }

  @Test("tritonclient's bytes, as it sends them")
  func tritonclient() throws {
    let json =
      #"{"inputs":[{"name":"logits","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"parameters":{"binary_data_output":true}}"#
    #expect(json.utf8.count == 137)
    #expect(try Inferred(infer("softmax", json, fp32(0, 0))).outputs[0].bytes == fp32(0.5, 0.5))
  }

  @Test("A compressed body gets 415 that names what is read")
  func compression() {
    let answer = infer("softmax", request(logits), fields: [.contentEncoding: "gzip"])
    #expect(answer.status == .unsupportedMediaType)
    #expect(answer.fields[.acceptEncoding] == "identity")
    #expect(errorText(answer) != nil)
  }

  @Test("A client's mistake is 400, never 422 or 500")
  func statuses() {
    for json in ["", "{", "[]", "{}", request(), request(tensor("logits", "FP64", [-1], "[]")), #"{"id":1e999}"#] {
      #expect(infer("softmax", json).status == .badRequest, "\(json)")
    }
  }

  @Test func aBodyWithoutALengthIs411() throws {
    let refusal = answer(toHead: RequestHead(.post, "/v2/models/softmax/infer"))
    #expect(try #require(refusal).status == .lengthRequired)
    #expect(errorText(try #require(refusal)) != nil)
  }
}
