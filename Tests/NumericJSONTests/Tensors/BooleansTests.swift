import NumericJSON
import TestSupport
import Testing

/// Nested arrays of true and false.
@Suite struct BooleansTests {
  private func read(_ text: String, values: Int = 1 << 20) throws -> ParsedTensor {
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    let found = try reader.readTensor(limits: TensorLimits(values: values, faults: 8, elements: .booleans))
    try reader.finish()
    return found
  }

  private func expect(_ text: String, _ extents: [Int], _ values: [Bool]) throws {
    let found = try read(text)
    #expect(found.extents == extents && found.values == values.map { $0 ? 1 : 0 }, "\(text)")
    #expect(found.faults.isEmpty && found.booleans.isEmpty && !found.isTooLarge, "\(text)")
  }

  @Test func nestedArraysGiveTheirShapeAndValues() throws {
    try expect("true", [], [true])
    try expect("[true]", [1], [true])
    try expect("[[true, false,true] ,[false , false,\ntrue]]", [2, 3], [true, false, true, false, false, true])
    #expect(try read("[[[false]],[[true]]]").extents == [2, 1, 1])
  }

  @Test("Booleans are read whatever white space is between them, and wherever the fast path stops")
  func anySpacing() throws {
    var random = SplitMix64(5)
    for count in 1...70 {
      let values = (0..<count).map { _ in random.next() & 1 == 0 }
      for separator in [",", ", ", " ,", ",  ", ",\n\t"] {
        let text = "[\(values.map(\.description).joined(separator: separator))]"
        try expect(text, [count], values)
      }
    }
  }

  @Test(arguments: [
    ("[true, 1]", [1], TensorFault.Reason.number), ("[0, true]", [0], .number), ("[true, null]", [1], .null),
    ("[true, \"false\"]", [1], .string("false")), ("[{}]", [0], .object), ("1", [], .number), ("[]", [], .empty),
    ("[[true], [true, false]]", [1], .ragged(expected: 1, found: 2)), ("[true, [false]]", [1], .mixedDepth),
    ("[[true], false]", [1], .mixedDepth), ("[[[[[[[[[true]]]]]]]]]", [0, 0, 0, 0, 0, 0, 0, 0], .tooDeep),
  ])
  func whatIsNoBooleanIsAFaultAtItsPath(_ text: String, _ path: [Int], _ reason: TensorFault.Reason) throws {
    #expect(try read(text).faults.first == TensorFault(path: path, reason: reason))
  }

  @Test(arguments: [
    "[true", "[true,]", "[tru]", "[true false]", "[true,,false]", "[,true]", "[falsetrue]", "[true,fals",
  ])
  func whatIsNoJSONIsAnError(_ text: String) {
    #expect(throws: JSONSyntaxError.self) { try read(text) }
  }

  @Test func valuesBeyondTheLimitAreNotKept() throws {
    #expect(try read("[true,true,true]", values: 3).isTooLarge == false)
    let many = try read("[\(Array(repeating: "true", count: 50).joined(separator: ","))]", values: 3)
    #expect(many.isTooLarge && many.values.count == 3)
  }
}
