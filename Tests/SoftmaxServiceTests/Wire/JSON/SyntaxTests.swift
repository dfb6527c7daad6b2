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
    let wider: [[UInt8]] = [[0x7B, 0, 0, 0, 0x7D, 0, 0, 0], [0, 0, 0, 0x7B, 0, 0, 0, 0x7D]]
    for bytes in [little, big, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big] + wider {
      let answer = ask(RequestHead(.post, "/softmax"), bytes)
      #expect(answer.status == .badRequest)
      #expect(try ProblemBody(answer).detail == "The body is UTF-16 or UTF-32; send it in UTF-8")
    }
  }

  private static let forms = [
    "logits=1&logits=2", "logits=1%2C2&target=0", "logits[]=1&logits[]=2", "%7B%22logits%22%3A%5B1%5D%7D=",
    "%7B%22logits%22%3A%5B1%5D%7D",
  ]

  /// As HTTP libraries send an object that nobody asked them to send as JSON, whatever type they name.
  @Test(arguments: forms + ["null=1", "1=2"]) func aFormIsCalledOne(_ body: String) throws {
    for type in ["application/x-www-form-urlencoded", "application/json"] {
      let answer = ask(RequestHead(.post, "/softmax", fields: [.contentType: type]), Array(body.utf8))
      #expect(answer.status == .badRequest)
      #expect(
        try ProblemBody(answer).detail == #"The body is a form; send JSON, such as {"logits": [1.5, -0.25, 3]}"#)
    }
  }

  /// Not what begins with a JSON value, since bytes may follow one there.
  @Test(arguments: forms) func aFormForAModelIsCalledOne(_ body: String) {
    #expect(errorText(infer("softmax", body))?.hasPrefix("The body is a form; send JSON, such as {\"inputs\"") == true)
  }

  /// curl names the type of forms by itself: what only begins like JSON is told where it ends to be.
  @Test(arguments: [#"{"a"=1}"#, "{'logits': [1]}", "[1,]", "tru", "logits: 1", "logits = 1", "<a b=1>", "\"=\"x"])
  func whatIsNoFormKeepsItsPlace(_ body: String) throws {
    let fields: Fields = [.contentType: "application/x-www-form-urlencoded"]
    let answer = ask(RequestHead(.post, "/softmax", fields: fields), Array(body.utf8))
    #expect(try ProblemBody(answer).detail.hasPrefix("At byte "))
  }

  @Test(arguments: ["[object Object]", "[object FormData]"]) func anObjectOfJavaScriptIsNamed(_ body: String) throws {
    #expect(try ProblemBody(post("/loss", body)).detail.contains("send what JSON.stringify makes of it, such as {"))
  }

  @Test(arguments: [
    [UInt8](repeating: 0, count: 16), fp64(1, 2), fp64(0.1, 0.2), fp64(-1e300), fp32(1, 2), [0x1F, 0x8B, 0x08, 0x00],
    [0x7B, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], [0x41, 0, 0, 0, 0x42, 0, 0, 0x80],
    [0x28, 0xB5, 0x2F, 0xFD], [UInt8](repeating: 0x80, count: 100),
  ])
  func bytesAreCalledBinaryAndSentWhereTheyAreRead(_ bytes: [UInt8]) throws {
    let answer = ask(RequestHead(.post, "/softmax"), bytes)
    #expect(answer.status == .badRequest)
    let detail = try ProblemBody(answer).detail
    #expect(detail.hasPrefix("The body is binary; send JSON text, not compressed, such as {"), "\(detail)")
    #expect(detail.hasSuffix("; numbers as bytes go to POST /v2/models/softmax/infer"))
    let there = try #require(errorText(ask(RequestHead(.post, "/v2/models/softmax/infer"), bytes)))
    #expect(there.hasSuffix("send the field Inference-Header-Content-Length: 0"), "\(there)")
  }

  /// In another encoding, and cut amid a character of which the beginning is looked at.
  @Test(arguments: [
    Array("{\"a".utf8) + [0xE9], Array(String(repeating: "é", count: 40).utf8),
    [0x61] + Array(String(repeating: "é", count: 40).utf8),
  ])
  func textIsNotCalledBinary(_ bytes: [UInt8]) throws {
    #expect(try ProblemBody(ask(RequestHead(.post, "/softmax"), bytes)).detail.hasPrefix("At byte "))
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
