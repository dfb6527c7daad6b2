import NumericJSON
import Testing

@Suite struct JSONReaderTests {
  @Test func readsARequest() throws {
    let text = Array(
      #"""
       {"logits": [[1, 2.5], [-3e2, "-Infinity"]],
        "a\u0062\ud83d\ude00": {"x": [null]}, "t": true}
      """#.utf8)
    var reader = JSONReader(text.span)
    try reader.beginObject()
    #expect(try reader.nextMember() == "logits")
    let tensor = try reader.readTensor(maximumCount: 100)
    #expect(tensor.shape == [2, 2])
    #expect(tensor.values == [1, 2.5, -300, -.infinity])
    #expect(tensor.faults.isEmpty && !tensor.isTooLarge)
    #expect(try reader.nextMember() == "ab😀")
    try reader.skipValue()
    #expect(try reader.nextMember() == "t")
    #expect(try reader.readBoolean())
    #expect(try reader.nextMember() == nil)
    try reader.finish()
  }
}
