import Testing

@testable import SoftmaxAPI

struct NearestNameTests {
  @Test(arguments: [
    ("", "", 0), ("axis", "axis", 0), ("", "axis", 4), ("axsi", "axis", 1), ("temprature", "temperature", 1),
    ("Label-Smoothing", "label_smoothing", 0), ("target", "weight", 4),
  ])
  func distances(_ a: String, _ b: String, _ expected: Int) {
    #expect(NearestName.distance(a, b) == expected)
    #expect(NearestName.distance(b, a) == expected)
  }

  @Test(arguments: [
    ("logit", Member.logits), ("input", .logits), ("labels", .target), ("dim", .axis), ("sampleWeight", .sampleWeight),
    ("ignoreindex", .ignoreIndex), ("output", .outputs), ("reduce", .reduction), ("type", .dtype),
    ("epsilon", .labelSmoothing), ("temp", .temperature), ("precision", .dtype), ("class", .target),
    ("size_average", .reduction), ("y_pred", .logits), ("class_weights", .weight),
  ])
  func whatWasProbablyMeant(_ name: String, _ member: Member) {
    #expect(NearestName.member(nearestTo: name, in: .gradient) == member)
  }

  @Test func everyKnownNameIsNearestToItself() {
    for endpoint in Endpoint.allCases {
      for member in endpoint.members {
        #expect(NearestName.member(nearestTo: member.name, in: endpoint) == member)
      }
      for output in endpoint.outputs {
        #expect(NearestName.output(nearestTo: output.name, in: endpoint) == output)
      }
    }
  }

  @Test(arguments: ["k0", "all", "from_logits", "", "pos_weighting", String(repeating: "a", count: 65)])
  func farAndLongNamesHaveNoNearest(_ name: String) {
    #expect(NearestName.member(nearestTo: name, in: .softmax) == nil)
    #expect(NearestName.output(nearestTo: name, in: .softmax) == nil)
  }
}
