import HTTP
import Testing

@testable import SoftmaxService

struct ClassificationTests {
  private func classify(
    _ logits: String, _ shape: [Int], _ count: Int, datatype: String = "FP64", parameters: String = "",
    binary: Bool = false
  ) throws -> Inferred.Tensor {
    let output = #"{"name":"probabilities","parameters":{"classification":\#(count),"binary_data":\#(binary)}}"#
    return try Inferred(
      infer(
        "softmax",
        request(
          tensor("logits", datatype, shape, logits), rest: #","parameters":{\#(parameters)},"outputs":[\#(output)]"#))
    ).outputs[0]
  }

  @Test("BYTES, clipped to the classes, digits that read back, ties by lowest index")
  func texts() throws {
    let two = try classify("[1,3,2]", [3], 2)
    #expect(two.datatype == "BYTES")
    #expect(two.shape == [2])
    #expect(two.texts == ["0.6652409557748219:1", "0.24472847105479764:2"])
    #expect(try classify("[1,3,2]", [3], 9).shape == [3])
    #expect(try classify("[40,0]", [2], 2).texts == ["1.0:0", "4.248354255291589e-18:1"])
    #expect(try classify("[0,1,1,0]", [4], 4).texts.map { $0.suffix(1) } == ["1", "2", "0", "3"])
    #expect(try classify("[1,2]", [2], 1, datatype: "FP32").texts == ["0.7310586:1"])
  }

  @Test("Along the class axis, for each slice")
  func alongTheClassAxis() throws {
    let last = try classify("[1,2,4,3]", [2, 2], 1)
    #expect(last.shape == [2, 1])
    #expect(last.texts.map { $0.suffix(1) } == ["1", "0"])
    let first = try classify("[1,2,4,1]", [2, 2], 2, parameters: #""axis":0"#)
    #expect(first.shape == [2, 2])
    #expect(first.texts.map { $0.suffix(1) } == ["1", "0", "0", "1"])
  }

  @Test func inBinary() throws {
    let tensor = try classify("[0,0]", [2], 2, binary: true)
    #expect(tensor.bytes == [5, 0, 0, 0] + Array("0.5:0".utf8) + [5, 0, 0, 0] + Array("0.5:1".utf8))
  }

  @Test func manyClassesAreSortedAsFewAre() throws {
    let logits = (0..<100).map { "\(($0 * 37) % 10)" }.joined(separator: ",")
    let all = try classify("[\(logits)]", [100], 100).texts
    for count in [1, 16, 64, 65] {
      #expect(try classify("[\(logits)]", [100], count).texts == Array(all.prefix(count)))
    }
  }

  @Test("Texts, JSON and bytes in one answer, each in its place")
  func allForms() throws {
    let outputs = #"""
      {"name":"argmax","parameters":{"binary_data":true}},{"name":"entropy"},
      {"name":"log_probabilities","parameters":{"classification":1,"binary_data":true}},
      {"name":"probabilities","parameters":{"binary_data":true}},{"name":"log_sum_exp"}
      """#
    let answer = try Inferred(
      infer("softmax", request(tensor("logits", "FP64", [2], "[0,0]"), rest: #","outputs":[\#(outputs)]"#)))
    #expect(answer.outputs.map(\.name) == ["argmax", "entropy", "log_probabilities", "probabilities", "log_sum_exp"])
    #expect(answer["argmax"]?.bytes == littleEndian([Int64(0)]))
    #expect(answer["entropy"]?.numbers == [0.6931471805599453])
    #expect(answer["log_probabilities"]?.bytes.suffix(21) == Array("-0.6931471805599453:0".utf8)[...])
    #expect(answer["probabilities"]?.bytes == fp64(0.5, 0.5))
    #expect(answer["log_sum_exp"]?.numbers == [0.6931471805599453])
  }

  @Test func zeroTurnsItOff() throws {
    #expect(try classify("[0,0]", [2], 0).numbers == [0.5, 0.5])
  }
}
