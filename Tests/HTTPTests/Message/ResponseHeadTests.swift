import Testing

@testable import HTTP

/// How answers are framed, rules 24, 25 and 27.
struct ResponseHeadTests {
  private func text(_ response: Response, _ framing: ResponseFraming = ResponseFraming()) -> String {
    var bytes: [UInt8] = []
    bytes.appendHead(of: response, framing, date: HTTPDate(unixSeconds: 784_111_777))
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("An answer's head")
  func head() {
    #expect(
      text(Response(.ok, .json, body: Array("{}"), fields: [.allow: "GET, POST", .xRequestID: "7"])) == """
        HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/json\r\n\
        Content-Length: 2\r\nAllow: GET, POST\r\nX-Request-Id: 7\r\n\r\n
        """)
    #expect(
      text(Response(.noContent, forbidsStoring: true))
        == "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-store\r\n\r\n")
    #expect(text(Response(.noContent)) == "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n")
    #expect(
      text(Response(.ok), ResponseFraming(closes: true)).contains("\r\nContent-Length: 0\r\nConnection: close\r\n"))
    #expect(text(Response(.ok), ResponseFraming(isHTTP10: true)).contains("\r\nConnection: keep-alive\r\n"))
    for count in [1, 9, 10, 99, 100, 1_234_567] {
      #expect(text(Response(.ok, body: [UInt8](repeating: 0, count: count))).contains("Content-Length: \(count)\r\n"))
    }
  }

  @Test("Rule 25: no byte of a value ends its line", arguments: 0...255)
  func injection(byte: Int) {
    let value = "a" + String(UnicodeScalar(UInt8(byte))) + "Set-Cookie: b"
    let head = text(Response(.ok, fields: [.xRequestID: value]))
    #expect(head.split(separator: "\r\n", omittingEmptySubsequences: false).count == 6)
    #expect(!head.utf8.contains { $0 < 0x20 && $0 != 0x0D && $0 != 0x0A } && !head.utf8.contains(0x7F))
    #expect(head.contains("\r\nX-Request-Id: a") && head.contains("Set-Cookie: b\r\n\r\n"))
  }

  @Test("Rule 25: white space around a value is dropped, and names and types are validated when made")
  func construction() {
    #expect(Fields(dictionaryLiteral: (.allow, "\r\n a\tb \r\n"))[.allow] == "a b")
    #expect(Fields(dictionaryLiteral: (.allow, "\r\n"))[.allow] == "")
    #expect(Fields(dictionaryLiteral: (FieldName("X-Y"), "z"))[FieldName("x-y")] == "z")
    #expect(text(Response(.ok, MediaType("text/csv"))).contains("\r\nContent-Type: text/csv\r\n"))
  }

  @Test("Rule 25: a name that is no token, or a type that could end its line, is a mistake in the program")
  func names() {
    for name: StaticString in ["", "a b", "a:", "a\r\n", "\u{E9}", "a\u{0}"] { #expect(!FieldName.isValid(name)) }
    for type: StaticString in ["", "text/plain\r\nX: y", "\u{E9}", "a\u{0}"] { #expect(!MediaType.isValid(type)) }
    #expect(FieldName.isValid("x-Y_1") && MediaType.isValid("text/csv; header=present"))
  }

  @Test("Rule 25: what the connection writes itself, a handler cannot write again")
  func reserved() {
    for name: StaticString in ["date", "Content-Length", "TRANSFER-ENCODING", "connection", "content-type"] {
      let field = FieldName(name)
      #expect(text(Response(.ok, .json, fields: [field: "x"])) == text(Response(.ok, .json)))
      let among = Response(.ok, .json, fields: [.vary: "a", field: "x", .allow: "b"])
      #expect(text(among) == text(Response(.ok, .json, fields: [.vary: "a", .allow: "b"])))
    }
  }
}
