import TestSupport
import Testing

@testable import HTTP

/// The request's head (RFC 9112 §2, §3, §5), rules 11 to 19.
struct HeadParserTests {
  static func get(_ fields: String) -> String { "GET /softmax HTTP/1.1\r\nHost: a\r\n\(fields)\r\n" }

  @Test("A head's parts are read")
  func parts() {
    expectAccepted("POST /a/b?c=d HTTP/1.1\r\nHost: example.org:80\r\nx-Y:  z \t\r\nX-y:\r\nEmpty: \r\n\r\n") {
      request in
      let head = request.head
      #expect(head.method == .post && head.path == "/a/b" && head.version == .http11)
      #expect(head.authority == "example.org:80" && head.keepsAlive && !head.expectsContinue)
      #expect(head.fields.index.count == 4)
      #expect(head.fields.values(of: FieldName("X-Y")) == ["z", ""])
      #expect(head.fields[.host] == "example.org:80")
    }
  }

  @Test("Every field is found, however many there are and wherever they begin", arguments: [0, 1, 5, 70_000])
  func manyFields(length: Int) {
    let names: [StaticString] = [
      "Host", "A", "Bb", "C-c", "Dd-d", "Ee-Ee", "F-fffff", "Gggggggg", "H-hhhhhhh", "Iiiiiiiiii", "J", "Kk", "A",
    ]
    var text = "GET /\(String(repeating: "a", count: length)) HTTP/1.1\r\n"
    for (place, name) in names.enumerated() { text += "\(name): v\(place) \r\n" }
    var limits = HTTPLimits()
    limits.headBytes = 1 << 20
    limits.targetBytes = 1 << 20
    expectAccepted(text + "\r\n", limits: limits) { request in
      let fields = request.head.fields
      #expect(fields.index.count == names.count)
      for (place, name) in names.enumerated().dropLast() { #expect(fields[FieldName(name)] == "v\(place)") }
      #expect(fields.values(of: FieldName("a")) == ["v1", "v12"] && fields.count(of: FieldName("A")) == 2)
      #expect(fields[FieldName("kK")] == "v11")
      for absent in [FieldName("L"), FieldName("B"), FieldName("Hos"), FieldName("Hosts"), FieldName("Aa")] {
        #expect(fields[absent] == nil && fields.count(of: absent) == 0)
      }
    }
  }

  @Test(
    "A head after another one means what it means alone",
    arguments: [
      "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc",
      "POST http://b/a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length:  12 \t\r\n\r\nabcdefghijkl",
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /a HTTP/1.0\r\nConnection: keep-alive\r\ncontent-length: 9\r\n\r\n123456789",
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ])
  func headsAfterOthers(first: String) {
    var random = SplitMix64(1)
    let lengths = [
      "", "0", "00", "3", "03", "+3", "-3", " 3", "4", "12", "1000", "999999999999", "9999999999999999999999",
    ]
    for round in 0..<2000 {
      var next = Array(first.utf8)
      if round % 3 > 0, let field = first.lowercased().utf8.firstRange(of: "content-length:".utf8) {
        let start = first.utf8.distance(from: first.utf8.startIndex, to: field.upperBound)
        let end = next[start...].firstIndex(of: 0x0D) ?? start
        next.replaceSubrange(start..<end, with: " \(lengths[round / 3 % lengths.count])".utf8)
      }
      if round % 3 != 1 {
        let place = Int(random.next() % UInt64(next.count))
        switch random.next() % 4 {
        case 0: next[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: next[place] ^= 0x20
        case 2: next.remove(at: place)
        default: next.insert(next[Int(random.next() % UInt64(next.count))], at: place)
        }
      }
      let (alone, after, cut) = (Harness(), Harness(), Harness())
      alone.feed(next)
      after.feed(first)
      after.feed(next)
      cut.feed(first)
      cut.feed(next, by: 1)
      let expected = alone.requests.map(Self.meaning) + alone.rejections.map(\.detail)
      for harness in [after, cut] {
        let found = harness.requests.dropFirst().map(Self.meaning) + harness.rejections.map(\.detail)
        #expect(found == expected, "\(String(decoding: next, as: UTF8.self))")
      }
    }
  }

  /// All that a request says.
  private static func meaning(_ request: Request) -> String {
    let head = request.head
    return [
      head.method.name, head.path, "\(head.hasQuery)", "\(head.version)", "\(head.framing)", "\(head.keepsAlive)",
      "\(head.expectsContinue)", head.contentType ?? "", head.authority ?? "", "\(head.repeatsContentType)",
      String(decoding: head.fields.bytes, as: UTF8.self), "\(request.body)",
    ].joined(separator: "|")
  }

  @Test("A head is compared with the last one, unless that is long or holds an expectation")
  func repeatedHeads() throws {
    func head(_ text: String) throws -> RequestHead {
      let harness = Harness()
      harness.feed(text)
      return try #require(harness.requests.first).head
    }
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Type: text/plain\r\n\r\n"
    let longer = Array(post.replacing("Length: 0", with: "Length: 123").utf8)
    let (again, count) = try #require(try head(post).repeated(in: longer.span, limit: 1000))
    #expect(again.framing == .length(123) && again.contentType == "text/plain" && count == longer.count)
    #expect(again.fields[.contentLength] == "123" && again.fields[.contentType] == "text/plain")
    let same = try head(post)
    #expect(same.repeated(in: Array(post.utf8).span, limit: 1000)?.head === same)
    #expect(same.repeated(in: longer.span, limit: longer.count - 1) == nil)
    #expect(same.repeated(in: longer.span.extracting(droppingLast: 1), limit: 1000) == nil)
    for field in ["Expect: 100-continue", "X: " + String(repeating: "x", count: 1024)] {
      let text = post.replacing("Host: a", with: "Host: a\r\n\(field)")
      #expect(try head(text).repeated(in: Array(text.utf8).span, limit: 10_000) == nil)
    }
  }

  @Test(
    "Rule 11: a bare CR or LF anywhere is refused",
    arguments: [
      "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
      "GET / HTTP/1.1\rHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
      "GET /\n HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
      "G\rET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n", "GET / HTTP/1.1\r\nHost:\ra\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n",
      "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\n\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n", "GET / HTTP/1.1\r\nHost: a\n\n", "GET / HTTP/1.1\n\n",
    ])
  func bareLineEnds(raw: String) {
    expectRejected(raw, 400, .malformedField)
  }

  @Test(
    "Rule 12: a folded line is refused",
    arguments: ["X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X:\r\n a\r\n", "X: a\r\n \r\n", "X-Y:\r\n chunked\r\n", " "])
  func foldedLine(fields: String) {
    expectRejected(Self.get(fields), 400, .malformedField)
    expectRejected(Self.get("Transfer-Encoding:\r\n chunked\r\n"), 400, .invalidFraming)
  }

  @Test(
    "Rule 13: white space before the colon is refused",
    arguments: ["X : a\r\n", "X\t: a\r\n", "Content-Length : 5\r\n", "Transfer-Encoding : chunked\r\n", "X  :a\r\n"])
  func spaceBeforeColon(fields: String) {
    expectRejected(Self.get(fields), 400, .malformedField)
  }

  @Test("Rule 14: a line without a colon, or white space after the start line, is refused")
  func noColon() {
    for fields in ["X\r\n", "X a\r\n", "GET / HTTP/1.1\r\n", "X\u{FF1A} y\r\n"] {
      expectRejected(Self.get(fields), 400, .malformedField)
    }
    for space in [" ", "\t", " \t", "  "] {
      expectRejected("GET / HTTP/1.1\r\n\(space)Host: a\r\n\r\n", 400, .malformedField)
      expectRejected("GET / HTTP/1.1\r\n\(space)\r\nHost: a\r\n\r\n", 400, .malformedField)
    }
  }

  @Test("A repeated Content-Type is told to whoever reads the body by it (RFC 9110 §8.3)")
  func repeatedContentType() {
    for fields in ["Content-Type: a/b\r\nContent-Type: a/b\r\n", "content-type: a/b\r\nX: y\r\nCONTENT-TYPE: c/d\r\n"] {
      expectAccepted(Self.get(fields)) { #expect($0.head.repeatsContentType) }
    }
    expectAccepted(Self.get("Content-Type: a/b\r\nContent-Typo: a/b\r\n")) { #expect(!$0.head.repeatsContentType) }
  }

  @Test("Rule 15: a field's name is a token that is not empty", arguments: 0...255)
  func fieldName(byte: Int) {
    let token = Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    for (before, after) in [("", "X"), ("X", ""), ("X", "X"), ("", "")] {
      let raw = Array("GET / HTTP/1.1\r\nHost: a\r\n\(before)") + [UInt8(byte)] + Array("\(after): y\r\n\r\n")
      if token.contains(UInt8(byte)) {
        expectAccepted(raw)
      } else if byte != 0x3A || before.isEmpty {
        expectRejected(raw, 400, .malformedField)
      }
    }
  }

  @Test("Rule 15: a field's value holds no control but HTAB; rule 29: it may hold 0x80 to 0xFF", arguments: 0...255)
  func fieldValue(byte: Int) {
    for (before, after) in [("", "y"), ("y", ""), ("y", "y"), ("", "")] {
      let raw = Array("GET / HTTP/1.1\r\nHost: a\r\nX: \(before)") + [UInt8(byte)] + Array("\(after)\r\n\r\n")
      if byte == 9 || (byte >= 0x20 && byte != 0x7F) {
        expectAccepted(raw)
      } else {
        expectRejected(raw, 400, .malformedField)
      }
    }
  }

  @Test("Rule 15: only SP and HTAB are trimmed from a value")
  func trimming() {
    for (sent, read) in [("  a b\t", "a b"), ("\t\t", ""), (" \u{A0}a\u{A0} ", "\u{A0}a\u{A0}"), ("a:b", "a:b")] {
      expectAccepted(Self.get("X-Request-Id:\(sent)\r\n")) { #expect($0.head.fields[.xRequestID] == read) }
    }
  }

  @Test("Rule 19: a head beyond 16 KiB or 100 fields is refused")
  func headLimits() {
    func head(_ bytes: Int) -> String {
      let frame = Self.get("X: \r\n")
      return Self.get("X: \(String(repeating: "y", count: bytes - frame.utf8.count))\r\n")
    }
    expectAccepted(head(16 * 1024))
    expectRejected(head(16 * 1024 + 1), 431, .headTooLarge)
    // Said before the line ends, and before the head does.
    expectRejected("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "y", count: 17_000))", 431, .headTooLarge)
    expectAccepted(Self.get(String(repeating: "X: y\r\n", count: 99)))
    expectRejected(Self.get(String(repeating: "X: y\r\n", count: 100)), 431, .headTooLarge)
  }

  @Test("Rule 19: the limits are the server's to set")
  func configuredLimits() {
    var limits = HTTPLimits()
    (limits.headBytes, limits.targetBytes, limits.fieldCount) = (200, 20, 3)
    expectAccepted(
      "GET /\(String(repeating: "a", count: 19)) HTTP/1.1\r\nHost: a\r\nX: y\r\nX: y\r\n\r\n", limits: limits)
    expectRejected(
      "GET /\(String(repeating: "a", count: 20)) HTTP/1.1\r\nHost: a\r\n\r\n", 414, .targetTooLong, limits: limits)
    expectRejected(Self.get("X: y\r\nX: y\r\nX: y\r\n"), 431, .headTooLarge, limits: limits)
    expectRejected(Self.get("X: \(String(repeating: "y", count: 200))\r\n"), 431, .headTooLarge, limits: limits)
  }

  @Test("Rule 29: two empty lines before a request line are skipped, and no more")
  func emptyLine() {
    expectAccepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    expectAccepted("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    expectRejected("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, .malformedRequestLine)
    expectRejected(" \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, .malformedRequestLine)
    let harness = Harness()
    // Old clients end a POST's body with a line that Content-Length does not count (RFC 9112 §2.2).
    harness.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    for part in ["\r", "\n", "\r", "\n"] {
      harness.feed(part)
      #expect(harness.isIdle)
    }
    harness.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(harness.statuses == [200, 200])
    harness.feed("\r\n\r\n\r")
    #expect(!harness.isIdle)
  }

  @Test("An error's offset is the first byte at fault")
  func offsets() {
    let cases: [(String, Int)] = [
      ("GET  / HTTP/1.1\r\n", 4), ("GET / HTTP/1.2x\r\n", 6), ("GET /#a HTTP/1.1\r\n", 5), ("G(T / HTTP/1.1\r\n", 1),
      ("GET / HTTP/1.1\r\nHost: a\u{0}", 23), ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n", 26),
      ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n", 41), ("GET / HTTP/1.1\r\n\r\n", 18),
    ]
    for (raw, offset) in cases {
      for step in steps {
        let harness = Harness()
        harness.feed(raw, by: step)
        #expect(harness.rejections.first?.offset == offset, "\(raw) by \(step)")
      }
    }
  }
}
