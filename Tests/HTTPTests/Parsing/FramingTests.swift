import Testing

@testable import HTTP

/// How a body's end is decided (RFC 9112 §6), rules 1 to 5 of docs/http.md.
struct FramingTests {
  static func post(_ fields: String, _ body: String = "") -> String {
    "POST /softmax HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
  }

  @Test(
    "Rule 1: Transfer-Encoding together with Content-Length is refused",
    arguments: [
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 0\r\ntransfer-encoding: CHUNKED\r\n",
      "Content-Length: 5\r\nX: y\r\nTransfer-Encoding:chunked\r\n",
    ])
  func transferEncodingWithContentLength(fields: String) {
    expectRejected(Self.post(fields, "0\r\n\r\n"), 400, .invalidFraming)
  }

  @Test(
    "Rule 2: a Transfer-Encoding that is not chunked alone is refused",
    arguments: [
      ("chunked, chunked", 400), ("chunked,", 400), (",chunked", 400), ("chunked, gzip", 400),
      ("chunked, identity", 400),
      ("chunked;q=1", 400), ("chunked ;a", 400), ("\"chunked\"", 400), ("", 400), (" ", 400), ("chunked\u{80}", 400),
      ("chun ked", 400), ("chunked chunked", 400), (",", 400), ("gzip,,chunked", 400), ("ch\u{FC}nked", 400),
      ("gzip, chunked", 501), ("identity", 501), ("identity, chunked", 501), ("xchunked", 501), ("chunkedx", 501),
      ("gzip", 501), ("chunke", 501), ("'chunked'", 501), ("cow", 501), ("x-chunked", 501), ("chunked-", 501),
    ])
  func transferEncodingUnknown(value: String, status: Int) {
    expectRejected(
      Self.post("Transfer-Encoding: \(value)\r\n", "0\r\n\r\n"), status,
      status == 400 ? .invalidFraming : .transferCodingNotImplemented)
  }

  @Test(
    "Rule 2: a repeated Transfer-Encoding is refused",
    arguments: [
      ("chunked", "chunked", 400), ("chunked", "identity", 400), ("identity", "chunked", 501), ("", "chunked", 400),
      ("chunked", "", 400),
    ])
  func transferEncodingRepeated(first: String, second: String, status: Int) {
    expectRejected(
      Self.post("Transfer-Encoding: \(first)\r\nTransfer-Encoding: \(second)\r\n", "0\r\n\r\n"), status,
      status == 400 ? .invalidFraming : .transferCodingNotImplemented)
  }

  @Test(
    "Rule 2: a control character in Transfer-Encoding is refused",
    arguments: (0...0x1F).filter { $0 != 9 && $0 != 10 && $0 != 13 } + [0x7F])
  func transferEncodingControl(byte: Int) {
    let control = String(UnicodeScalar(UInt8(byte)))
    for value in [control + "chunked", "chunked" + control, "chun" + control + "ked"] {
      expectRejected(Self.post("Transfer-Encoding: \(value)\r\n", "0\r\n\r\n"), 400, .malformedField)
    }
  }

  @Test("Rule 2: chunked is known in any case and with white space around it")
  func chunked() {
    for value in ["chunked", "Chunked", "CHUNKED", "  chunked", "\tchunked \t"] {
      expectAccepted(Self.post("Transfer-Encoding:\(value)\r\n", "3\r\nabc\r\n0\r\n\r\n")) {
        #expect($0.body == Array("abc") && $0.head.framing == .chunked)
      }
    }
  }

  @Test("Rule 3: Transfer-Encoding in HTTP/1.0 is refused")
  func transferEncodingInHTTP10() {
    expectRejected("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, .invalidFraming)
    expectRejected(
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, .invalidFraming)
  }

  @Test(
    "Rule 4: Content-Length is digits only",
    arguments: [
      "+5", "-5", "-0", "0x5", "5_0", "5 0", "5,", ",5", "5;", "5.0", "5e0", "1e1", "", " ", "five", "\"5\"", "5\u{B5}",
      "\u{0665}", "5\u{A0}", "\u{A0}5", "9223372036854775808x", "99999999999999999999999999,", "0b101", "0o5", "5h",
      "#5",
      "٥", "005", "00", "010", "00000000000000000000000000000005", "09223372036854775808",
    ])
  func contentLengthInvalid(value: String) {
    expectRejected(Self.post("Content-Length: \(value)\r\n", "abcde"), 400, .invalidFraming)
  }

  @Test(
    "Rules 4 and 19: a Content-Length that no integer holds is a body too large",
    arguments: [
      "9223372036854775808", "9223372036854775810", "18446744073709551616", "18446744073709551621",
      "99999999999999999999999999", String(repeating: "9", count: 1000),
    ])
  func contentLengthTooLarge(value: String) {
    expectRejected(Self.post("Content-Length: \(value)\r\n", "abcde"), 413, .bodyTooLarge)
  }

  @Test("Rule 4: digits are accepted, with white space around them")
  func contentLength() {
    for value in ["3", "  3", "3 ", "\t3\t"] {
      expectAccepted(Self.post("Content-Length:\(value)\r\n", "abc")) {
        #expect($0.body == Array("abc") && $0.head.framing == .length(3))
      }
    }
    expectAccepted(Self.post("Content-Length: 0\r\n")) { #expect($0.body.isEmpty) }
    expectAccepted(Self.post("")) { #expect($0.body.isEmpty && $0.head.framing == .none) }
    expectAccepted("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") { #expect($0.body == Array("abc")) }
    expectAccepted("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", keeps: false) { #expect($0.body == Array("abc")) }
  }

  @Test(
    "Rule 5: several Content-Lengths, equal or not, or a list, are refused",
    arguments: [
      "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Content-Length: 5\r\ncontent-length: 0\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 5,6\r\n",
      "Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 5\r\n", "Content-Length: 5 5\r\n",
      "Content-Length:\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length:\r\n",
    ])
  func contentLengthRepeated(fields: String) {
    expectRejected(Self.post(fields, "abcde"), 400, .invalidFraming)
  }

  @Test(
    "Names that a gateway may take for the framing fields are refused",
    arguments: [
      "Content_Length", "content.length", "ContentLength", "Content--Length", "Content-Length-", "'Content-Length",
      "Content-Length1",
      "Transfer_Encoding", "TransferEncoding", "Transfer-Encoding!", "-transfer-encoding", "TRANSFER~ENCODING",
      "9Transfer-Encoding",
    ])
  func disguised(name: String) {
    expectRejected(Self.post("\(name): 5\r\n", "abcde"), 400, .invalidFraming)
    expectRejected(Self.post("Content-Length: 5\r\n\(name): chunked\r\n", "abcde"), 400, .invalidFraming)
  }

  @Test("Names that only begin or end like the framing fields are fields like any other")
  func notDisguised() {
    for name in [
      "X-Content-Length", "Content-Lengths", "Content-Lengt", "Accept-Encoding", "Transfer-Encodin", "Content-Language",
      "X_Y",
    ] {
      expectAccepted(Self.post("\(name): 5\r\n")) { #expect($0.head.framing == .none) }
    }
  }
}
