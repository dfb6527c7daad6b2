import TestSupport
import Testing

@testable import SoftmaxService

struct NameSuggestionTests {
  @Test(arguments: [
    ("", "", 0), ("axis", "axis", 0), ("", "axis", 4), ("axsi", "axis", 1), ("temprature", "temperature", 1),
    ("Label-Smoothing", "label_smoothing", 0), ("target", "weight", 4),
  ])
  func distances(_ a: String, _ b: String, _ expected: Int) {
    let (a, b) = (a.utf8.map(NameSuggestion.folded), b.utf8.map(NameSuggestion.folded))
    for most in [expected, expected + 1, .max] {
      #expect(NameSuggestion.distance(a, b, atMost: most) == expected)
      #expect(NameSuggestion.distance(b, a, atMost: most) == expected)
    }
    #expect(NameSuggestion.distance(a, b, atMost: expected - 1) == nil)
  }

  /// Against the plain recurrence, which knows no bound.
  @Test func distancesOfRandomNames() {
    var random = SplitMix64(8)
    func name() -> [UInt8] { (0..<random.int(in: 0...12)).map { _ in UInt8(97 + random.int(in: 0...2)) } }
    for _ in 0..<2000 {
      let (a, b) = (name(), name())
      var d = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
      for i in 0...a.count {
        for j in 0...b.count {
          guard i > 0, j > 0 else {
            d[i][j] = i + j
            continue
          }
          d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
          if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1) }
        }
      }
      let (expected, most) = (d[a.count][b.count], random.int(in: 0...12))
      #expect(NameSuggestion.distance(a, b, atMost: most) == (expected <= most ? expected : nil), "\(a) \(b) \(most)")
    }
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
