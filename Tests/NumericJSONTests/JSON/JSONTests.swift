import Testing

@testable import NumericJSON

@Suite struct JSONReaderTests {
  /// A copy of a text of megabytes would take twice a body's memory.
  @Test(arguments: ["a", "é", "€", "😀", #"\n"#, #"\u20ac"#, #"\ud83d\ude00"#], ["", "b", "bb"])
  func aLongTextIsCutAtTheEndOfAScalar(scalar: String, start: String) throws {
    let written = Array("\"\(start)\(String(repeating: scalar, count: 10_000))\"".utf8)
    var reader = JSONReader(written.span)
    let text = try reader.readString()
    try reader.finish()
    #expect((JSONString.longestText + 1...JSONString.longestText + 4).contains(text.utf8.count))
    let repeated = Set(text.unicodeScalars.dropFirst(start.unicodeScalars.count))
    #expect(repeated.count == 1 && !repeated.contains("\u{FFFD}"))
    // One that is as long as that is whole.
    let short = Array("\"\(String(repeating: "a", count: JSONString.longestText))\"".utf8)
    var next = JSONReader(short.span)
    #expect(try next.readString().utf8.count == JSONString.longestText)
  }

  @Test func readsARequest() throws {
    let text = Array(
      #"""
       {"logits": [[1, 2.5], [-3e2, "-Infinity"]],
        "a\u0062\ud83d\ude00": {"x": [null]}, "t": true}
      """#.utf8)
    var reader = JSONReader(text.span)
    try reader.beginObject()
    #expect(try reader.nextMember()?.text == "logits")
    let tensor = try reader.readTensor(limits: TensorLimits(values: 100, faults: 1))
    #expect(tensor.extents == [2, 2])
    #expect(tensor.values == [1, 2.5, -300, -.infinity])
    #expect(tensor.faults.isEmpty && !tensor.isTooLarge)
    #expect(try reader.nextMember()?.text == "ab😀")
    try reader.skipValue()
    #expect(try reader.nextMember()?.text == "t")
    #expect(try reader.readBoolean())
    #expect(try reader.nextMember()?.text == nil)
    try reader.finish()
  }

  /// A name is itself however it is escaped, and nothing else.
  @Test(arguments: ["logits", #"l\u006fgits"#, #"\u006Cogits"#])
  func namesAreComparedWithoutTheirEscapes(_ written: String) throws {
    let text = Array(#"{"\#(written)": 1}"#.utf8)
    var reader = JSONReader(text.span)
    try reader.beginObject()
    let name = try #require(try reader.nextMember()?.text)
    #expect(name == "logits")
    for (other, isEqual) in [("logits", true), ("logit", false), ("logitz", false), ("logits2", false), ("", false)] {
      var reader = JSONReader(text.span)
      try reader.beginObject()
      guard let name = try reader.nextMember() else { throw JSONSyntaxError(offset: 0, reason: .expectedName) }
      #expect(name.equals(other) == isEqual, "\(other)")
    }
  }
}

struct JSONWriterTests {
  @Test(arguments: [0, 1, -1, 9, 10, -10, 99, 100, 101, 1_000_000_007, .max, .min])
  func integersHaveAllTheirDigits(_ value: Int) {
    var writer = JSONWriter(capacity: 0)
    writer.beginArray()
    writer.integer(value)
    writer.integer(value)
    writer.endArray()
    #expect(String(decoding: writer.finish(), as: UTF8.self) == "[\(value),\(value)]")
  }
}

struct SWARTests {
  /// Every byte at every place of a word, behind bytes that a string holds as they are and before one that it does not.
  @Test func whatAStringHoldsAsItIsIsCounted() {
    for place in 0..<8 {
      for byte in UInt8.min...UInt8.max {
        var text = [UInt8](repeating: UInt8(ascii: "!"), count: place) + [byte]
        text += [UInt8](repeating: UInt8(ascii: "\\"), count: 7 - place)
        let first = text.firstIndex { $0 < 0x20 || $0 >= 0x80 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        #expect(
          SWAR.countOfPlain(text.reversed().reduce(0) { $0 << 8 | UInt64($1) }) == first ?? 8, "\(byte) at \(place)")
      }
    }
  }
}
