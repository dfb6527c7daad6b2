import HTTP
import Testing

@testable import SoftmaxService

/// KServe's InferenceGraph hands one model's answer on as the next one's request.
struct InferenceGraphTests {
  @Test("An answer of another model is taken as a request, whatever its one tensor is called")
  func aChain() throws {
    let scores =
      #"{"model_name":"resnet","model_version":"3","id":"a","parameters":{"q":2},"outputs":[{"name":"scores","shape":[1,2],"datatype":"FP32","parameters":{"content_type":"np","scale":1},"data":[40,0]}]}"#
    let answer = try Inferred(infer("softmax", scores))
    #expect(answer.id == "a")
    #expect(answer.outputs.map(\.name) == ["probabilities"])
    #expect(answer.outputs[0].shape == [1, 2])
    #expect(answer.outputs[0].numbers == [1, 4.248354e-18])
  }

  @Test func softmaxsOwnAnswerIsSuchARequest() throws {
    let first = infer("softmax", request(tensor("logits", "FP64", [2, 2], "[1,2,3,4]"), rest: #","id":"x""#))
    let second = try Inferred(infer("softmax", text(first)))
    #expect(second.id == "x")
    #expect(second.outputs[0].shape == [2, 2])
  }

  @Test("A model that needs several tensors finds them by their names")
  func byName() throws {
    func outputs(_ target: String) -> String {
      #"{"outputs":[\#(tensor(target, "INT64", [1], "[0]")),\#(tensor("logits", "FP64", [1, 2], "[40,0]"))]}"#
    }
    #expect(try Inferred(infer("loss", outputs("target"))).outputs[0].numbers == [4.248354255291589e-18])
    #expect(try #require(errorText(infer("loss", outputs("label")))).contains("the nearest is \"target\""))
    let one = #"{"outputs":[\#(tensor("scores", "FP64", [2], "[1,2]"))]}"#
    #expect(errorText(infer("loss", one)) != nil)
  }

  @Test func numbersInBothListsAreRefused() throws {
    let both = request(
      tensor("logits", "FP64", [1], "[1]"), rest: #","outputs":[\#(tensor("logits", "FP64", [1], "[1]"))]"#)
    #expect(try #require(errorText(infer("softmax", both))).contains("send numbers in \"inputs\" alone"))
  }
}
