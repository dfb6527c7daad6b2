import Testing

@testable import SoftmaxService

struct NameSuggestionTests {
  @Test(arguments: [
    ("", "", 0), ("axis", "axis", 0), ("", "axis", 4), ("axsi", "axis", 1), ("temprature", "temperature", 1),
    ("Label-Smoothing", "label_smoothing", 0), ("target", "weight", 4),
  ])
  func distances(_ a: String, _ b: String, _ expected: Int) {
    #expect(NameSuggestion.distance(a, b) == expected)
    #expect(NameSuggestion.distance(b, a) == expected)
  }

  @Test(arguments: [
    ("logit", "logits"), ("input", "logits"), ("labels", "target"), ("dim", "axis"), ("sampleWeight", "sample_weight"),
    ("ignoreindex", "ignore_index"), ("output", "outputs"), ("reduce", "reduction"), ("type", "dtype"),
    ("epsilon", "label_smoothing"), ("temp", "temperature"), ("precision", "dtype"), ("class", "target"),
    ("size_average", "reduction"), ("class_weights", "weight"), ("return", "outputs"),
  ])
  func whatWasProbablyMeant(_ name: String, _ field: String) {
    #expect(sentence(nearestTo: name, in: .gradient) == "the nearest is \"\(field)\"")
  }

  private func sentence(nearestTo name: String, in operation: Operation) -> String? {
    NameSuggestion.sentence(nearestTo: name, among: operation.fields, name: \.name, aliases: \.aliases)
  }

  @Test func everyKnownNameIsNearestToItself() {
    for operation in Operation.allCases {
      for field in operation.fields {
        #expect(sentence(nearestTo: field.name, in: operation) == "the nearest is \"\(field.name)\"")
      }
      for output in operation.outputs {
        #expect(NameSuggestion.nearest(to: output.name, among: operation.outputs, name: \.name) == output)
      }
    }
  }

  @Test(arguments: ["k0", "all", "", "pos_weighting", String(repeating: "a", count: 65)])
  func farAndLongNamesHaveNoNearest(_ name: String) {
    #expect(sentence(nearestTo: name, in: .softmax) == nil)
    #expect(NameSuggestion.nearest(to: name, among: Operation.softmax.outputs, name: \.name) == nil)
  }
}
