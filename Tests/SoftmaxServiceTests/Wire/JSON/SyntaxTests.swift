import HTTP
import Testing

@testable import SoftmaxService

struct SyntaxTests {
  @Test(arguments: [
    ("", 0), (" ", 1), ("{", 1), (#"{"logits":[1,2]"#, 15), (#"{"logits":[1,2]} x"#, 17), (#"{"logits":[1,2,]}"#, 15),
    (#"{"logits":[1,NaN]}"#, 13), (#"{"logits":[-Infinity]}"#, 11), (#"{"logits":[01]}"#, 12), ("{'logits':[1]}", 1),
    (#"{"logits":[1]"a":2}"#, 13), ("\u{FEFF}{}", 0),
  ])
  func whatIsNoJSONGets400WithItsOffset(_ body: String, _ offset: Int) throws {
    for path in ["/softmax", "/loss", "/gradient"] {
      let answer = post(path, body)
      #expect(answer.status == .badRequest)
      let problem = try ProblemBody(answer)
      #expect(problem.type == "/problems/invalid-json")
      #expect(problem.offset == offset, "\(problem)")
      #expect(problem.errors.isEmpty)
    }
  }

  @Test func aSyntaxErrorBehindFaultsIsStill400() throws {
    let answer = post("/softmax", #"{"logits": [null, "x"], "logits": 3, "foo": {}, "axis": "a", "outputs": [1, tru]}"#)
    #expect(answer.status == .badRequest)
    #expect(try ProblemBody(answer).offset == 79)
  }

  @Test func anEmptyBodyIsCalledEmpty() throws {
    #expect(
      try ProblemBody(post("/loss", "")).detail
        == #"The body is empty; send a JSON object, such as {"logits": [1.5, -0.25, 3], "target": 2}"#)
  }

  @Test(arguments: ["// a\n{}", "{} // a", "{/* a */}", "{} # a"]) func commentsAreNamed(_ body: String) throws {
    #expect(
      try ProblemBody(post("/softmax", body)).detail.contains("JSON has no comments; remove the text from \"//\""))
  }

  @Test(arguments: ["NaN", "nan", "-inf", "Infinity", "inf"]) func barewordsGetTheCure(_ word: String) throws {
    let problem = try ProblemBody(post("/softmax", #"{"logits": [1, \#(word)]}"#))
    #expect(problem.type == "/problems/invalid-json" && problem.offset == 15)
    #expect(problem.detail.hasSuffix(#"or, to mask a class, the JSON string "-Infinity""#))
  }

  /// The caller's own numbers at /check need not be finite, and the logits beside them must be.
  @Test(arguments: [
    (#"{"candidate": {"loss": NaN}, "logits": [1]}"#, #"send the JSON string "NaN", "Infinity" or "-Infinity""#),
    (#"{"candidate": {"loss": 1}, "logits": [NaN]}"#, #"or, to mask a class, the JSON string "-Infinity""#),
  ])
  func barewordsAmongTheCallersNumbersGetTheirOwnCure(_ body: String, _ cure: String) throws {
    #expect(try ProblemBody(post("/check", body)).detail.hasSuffix(cure))
  }

  @Test func utf16IsNamed() throws {
    let units = Array(#"{"logits": [1]}"#.utf16)
    let little: [UInt8] = units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let big: [UInt8] = units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    for bytes in [little, big, [0xFF, 0xFE] + little] {
      let answer = ask(RequestHead(.post, "/softmax"), bytes)
      #expect(answer.status == .badRequest)
      #expect(try ProblemBody(answer).detail == "The body is UTF-16 or UTF-32; send it in UTF-8")
    }
  }

  @Test func invalidUTF8IsNoJSON() throws {
    let head = RequestHead(.post, "/softmax")
    let answer = ask(head, Array(#"{"a"#.utf8) + [0xFF] + Array(#"": 1}"#.utf8))
    #expect(answer.status == .badRequest)
    #expect(try ProblemBody(answer).offset == 3)
  }

  @Test func depth64IsReadAndDepth65IsNot() throws {
    func body(_ depth: Int) -> String {
      #"{"logits": "# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
    }
    #expect(post("/softmax", body(64)).status == .unprocessableContent)
    #expect(post("/softmax", body(65)).status == .badRequest)
    #expect(post("/softmax", String(repeating: "[", count: 1_000_000)).status == .badRequest)
  }

  @Test func everyPrefixOfARequestIsNoJSON() throws {
    let body = Array(#"{"logits": [[1.5, "-Infinity"]], "target": [0], "outputs": ["loss"], "dtype": "float32"}"#.utf8)
    #expect(ask(RequestHead(.post, "/gradient"), body).status == .ok)
    for length in 0..<body.count {
      let answer = ask(RequestHead(.post, "/gradient"), Array(body[..<length]))
      #expect(answer.status == .badRequest)
      #expect(try ProblemBody(answer).offset == length)
    }
  }

  @Test func everyByteReplacedIsAnsweredWithoutAFault500() {
    let body = Array(#"{"logits": [1, 2e0], "axis": -1, "temperature": 0.5, "outputs": ["argmax"]}"#.utf8)
    for position in body.indices {
      for byte in [0, 0x22, 0x2D, 0x30, 0x39, 0x2C, 0x5B, 0x5D, 0x5C, 0x65, 0x7B, 0x7D, 0x80, 0xFF] as [UInt8] {
        var changed = body
        changed[position] = byte
        let status = ask(RequestHead(.post, "/softmax"), changed).status
        #expect([.ok, .badRequest, .unprocessableContent].contains(status), "\(position) \(byte)")
      }
    }
  }
}
