import Testing

@testable import HTTP

/// The chunked coding (RFC 9112 §7.1), rules 6 to 10.
struct ChunkedDecoderTests {
  static func chunked(_ body: String) -> String {
    "POST /softmax HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)"
  }

  @Test(
    "Chunked bodies come out as their data",
    arguments: [
      ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"), ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
      ("A\r\n0123456789\r\n00\r\n\r\n", "0123456789"), ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
      ("0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc"), ("3;a\r\nabc\r\n0;b\r\n\r\n", "abc"),
      ("3;a=b;c=\"d\\\"\t;\"; e = f\r\nabc\r\n0\r\n\r\n", "abc"),
      ("3 ;a=b\r\nabc\r\n0\t;\tb\r\n\r\n", "abc"), ("3;a=b ;c \t;d=\"e\" ;f\r\nabc\r\n0\r\n\r\n", "abc"),
      ("5\r\n\r\n\r\n\n\r\n0\r\n\r\n", "\r\n\r\n\n"),
      ("3\r\nabc\r\n0\r\nX: y\r\nZ:\r\n\r\n", "abc"), ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
    ])
  func accepted(body: String, data: String) {
    expectAccepted(Self.chunked(body)) { #expect($0.body == Array(data)) }
  }

  @Test(
    "Rule 6: a chunk's size is 1 to 16 hexadecimal digits",
    arguments: [
      "", " 3", "3 ", "3\t", "+3", "-3", "-0", "0x3", "0X3", "x3", "3h", "3_0", "3,", "g", "\"3\"", "3.0", "\u{0B}3",
      "3\u{0B}", "\u{0}3", "3\u{0}", "3 ;", "\u{0663}", "00000000000000003", "10000000000000003", "3\u{A0}", "03 h",
      "#3",
    ])
  func sizeInvalid(size: String) {
    expectRejected(Self.chunked("\(size)\r\nabc\r\n0\r\n\r\n"), 400, .malformedChunk)
  }

  @Test(
    "Rule 6: a size beyond the body's limit, up to 64 bits, is too large and never wraps",
    arguments: [
      "8000000000000000", "FFFFFFFFFFFFFFFF", "7fffffffffffffff", "4000001", "8000000000000003", "FFFFFFFFFFFFFFFE",
      "100000003",
    ])
  func sizeTooLarge(size: String) {
    expectRejected(Self.chunked("\(size)\r\nabc\r\n0\r\n\r\n"), 413, .bodyTooLarge)
  }

  @Test(
    "Rule 7: chunk data ends in exactly CRLF",
    arguments: [
      "3\r\nabcd\r\n0\r\n\r\n", "3\r\nab\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc\r0\r\n\r\n",
      "3\r\nabc0\r\n\r\n",
      "3\r\nabc \r\n0\r\n\r\n", "3\r\nabc\r\r\n0\r\n\r\n", "3\r\nabcXX0\r\n\r\n", "3\r\nabc\n\r0\r\n\r\n",
    ])
  func dataUnterminated(body: String) {
    expectRejected(Self.chunked(body), 400, .malformedChunk)
  }

  @Test(
    "Rules 7 and 11: lines of the coding end in exactly CRLF",
    arguments: [
      "3\nabc\r\n0\r\n\r\n", "3\rabc\r\n0\r\n\r\n", "3\r\rabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\n\r\n",
      "3\r\nabc\r\n0\r\r\n",
      "\r\n3\r\nabc\r\n0\r\n\r\n", "3\n\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n\r\n0\r\n\r\n",
    ])
  func lineEnds(body: String) {
    expectRejected(Self.chunked(body), 400, .malformedChunk)
  }

  @Test(
    "Rule 8: chunk extensions hold to their grammar, without bare CR or LF",
    arguments: [
      "3;\r\n", "3;;a\r\n", "3;a=\r\n", "3;=b\r\n", "3;a\n", "3;a\rb\r\n", "3;a=\"b\r\n", "3;a=\"b\"c\r\n", "3;a b\r\n",
      "3;a=b=c\r\n", "3;a\u{0}\r\n", "3;a=\"\u{7}\"\r\n", "3;a=\"b\nc\"\r\n", "3;a\u{80}\r\n", "3;\n",
      "3;a=\"\\\n\"\r\n",
      "3;a=\"b\\\r\n", "3;a=b c\r\n", "3;a \u{B}\r\n", "3; \r\n",
      "3;a=b \r\n", "3;a \r\n", "3;a=\"b\" \r\n", "3;a\t\r\n", "3 \r\n", "3 a\r\n", "3 ;;a\r\n", "3;a ;\r\n", "3 \n",
    ])
  func extensionInvalid(line: String) {
    expectRejected(Self.chunked("\(line)abc\r\n0\r\n\r\n"), 400, .malformedChunk)
  }

  @Test("Rule 8: chunk extensions are bounded in bytes and in ratio to the data")
  func extensionBounds() {
    let long = String(repeating: "a", count: 1024)
    expectAccepted(Self.chunked("3;\(long.dropLast())\r\nabc\r\n0\r\n\r\n"))
    expectAccepted(Self.chunked("3;\(long)\r\nabc\r\n0\r\n\r\n"))
    expectRejected(Self.chunked("3;\(long)a\r\nabc\r\n0\r\n\r\n"), 400, .malformedChunk)
    // 17 bytes of extension for each byte of data: refused once the allowance is used up.
    let chunk = "1;0123456789abcdef\r\nx\r\n"
    expectAccepted(Self.chunked(String(repeating: chunk, count: 200) + "0\r\n\r\n"))
    expectRejected(Self.chunked("3\(String(repeating: " ", count: 1024));a\r\nabc\r\n0\r\n\r\n"), 400, .malformedChunk)
    expectRejected(Self.chunked(String(repeating: chunk, count: 300) + "0\r\n\r\n"), 400, .malformedChunk)
    // In proportion to the data there is no end to them.
    let fair = "100;0123456789abcdef\r\n\(String(repeating: "x", count: 256))\r\n"
    expectAccepted(Self.chunked(String(repeating: fair, count: 2000) + "0\r\n\r\n"))
  }

  @Test(
    "Rule 9: trailers are held to the rules of fields",
    arguments: [
      ("X : y\r\n", 400, ProblemType.malformedField), (" X: y\r\n", 400, .malformedField),
      ("X\r\n", 400, .malformedField),
      ("X: y\r\n z\r\n", 400, .malformedField), ("X: \u{0}\r\n", 400, .malformedField),
      ("X: y\n", 400, .malformedField),
      ("X: y\rZ: z\r\n", 400, .malformedField), (": y\r\n", 400, .malformedField),
      ("X: \u{7F}\r\n", 400, .malformedField),
      ("Content-Length: 5\r\n", 400, .malformedChunk), ("Transfer-Encoding: chunked\r\n", 400, .malformedChunk),
      ("Host: b\r\n", 400, .malformedChunk), ("Connection: close\r\n", 400, .malformedChunk),
      ("Content-Type: text/html\r\n", 400, .malformedChunk),
      ("content_length: 5\r\n", 400, .invalidFraming), ("Content-Length: +5\r\n", 400, .invalidFraming),
    ])
  func trailerInvalid(trailers: String, status: Int, kind: ProblemType) {
    expectRejected(Self.chunked("3\r\nabc\r\n0\r\n\(trailers)\r\n"), status, kind)
  }

  @Test("Rule 9: trailers are bounded, and never merged into the head")
  func trailers() {
    expectAccepted(Self.chunked("0\r\nVary: a\r\nX-A: b\r\n\r\n")) {
      #expect($0.head.fields[.vary] == nil && $0.head.fields.index.count == 2)
    }
    expectAccepted(Self.chunked("0\r\n\(String(repeating: "X: y\r\n", count: 100))\r\n"))
    expectRejected(Self.chunked("0\r\n\(String(repeating: "X: y\r\n", count: 101))\r\n"), 431, .headTooLarge)
    expectRejected(Self.chunked("0\r\nX: \(String(repeating: "y", count: 17_000))\r\n\r\n"), 431, .headTooLarge)
  }

  @Test("Rule 10: many tiny chunks cost room for their data alone, and time in proportion")
  func tinyChunks() {
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    let chunk = Array("1\r\nx\r\n")
    for _ in 0..<200_000 {
      #expect(throws: Never.self) {
        try decoder.decode(chunk.span, into: &body, atMost: HTTPLimits().bodyBytes, HTTPLimits())
      }
    }
    #expect(body.count == 200_000 && body.capacity < 1 << 20 && !decoder.isFinished)
  }

  @Test("Rule 19: a chunked body is refused once it would pass the limit, whatever its chunks")
  func tooLarge() {
    var limits = HTTPLimits()
    limits.bodyBytes = 10
    expectAccepted(Self.chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), limits: limits)
    expectRejected(Self.chunked("5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n"), 413, .bodyTooLarge, limits: limits)
    expectRejected(Self.chunked("b\r\n"), 413, .bodyTooLarge, limits: limits)
  }

  @Test("An error's offset counts from the body's first byte")
  func offsets() {
    for (body, offset) in [("3\r\nabcX", 6), ("z", 0), ("3\r\nabc\r\n0\r\nX: y\r\nZ\r\n", 18), ("3;a=\r\n", 4)] {
      for step in steps {
        let harness = Harness()
        harness.feed(Self.chunked(body), by: step)
        #expect(harness.rejections.first?.offset == offset, "\(body) by \(step)")
      }
    }
  }
}
