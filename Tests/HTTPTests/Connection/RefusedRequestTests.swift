import Testing

@testable import HTTP

/// Requests refused on their heads, and what becomes of their bodies (RFC 9112 §6.3, §9.3): rules 19, 20 and 22.
struct RefusedRequestTests {
  @Test("Rule 20: a refused short body is read and dropped; before any other the connection closes")
  func refusedBody() {
    for step in steps {
      for (fields, body) in [
        ("", ""), ("Content-Length: 5\r\n", "GET /"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nGET /\r\n0\r\nA: b\r\n\r\n"),
      ] {
        let kept = refuse(.notFound, fields, body, by: step)
        #expect(kept.statuses == [404, 200] && kept.isIdle && kept.requests.count == 1 && kept.refusals == [404])
      }
      for (fields, body) in [
        ("Content-Length: 65537\r\n", "x"), ("Content-Length: 5\r\nExpect: 100-continue\r\n", "01234"),
        ("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "20000\r\n" + String(repeating: "x", count: 65536)),
        ("Content-Length: 5\r\nConnection: close\r\n", "01234"),
      ] {
        let closed = refuse(.notFound, fields, body, by: step)
        #expect(closed.statuses == [404] && closed.shutsDown && closed.requests.isEmpty && closed.refusals == [404])
        #expect(closed.answers()[0]["connection"] == "close")
      }
    }
  }

  @Test("Rule 20: what is wrong with a body's framing wins over the client's other errors (RFC 9112 §6.3)")
  func refusedBodyWithBrokenFraming() {
    let chunked = "Transfer-Encoding: chunked\r\n"
    for step in steps {
      for body in ["0x5\r\n", "5;\n", "5\r\nhello!", "5\r\nhello\n", "0\r\nHost: b\r\n\r\n", "+0\r\n\r\nX"] {
        let harness = refuse(.methodNotAllowed, chunked, body, by: step)
        #expect(harness.statuses == [400] && harness.shutsDown && harness.refusals.isEmpty)
        #expect(harness.rejections.map(\.type.name) == ["malformed-chunk"] && harness.requests.isEmpty)
      }
    }
    // A body that does not come to its end is incomplete, or late, before it is unwanted.
    for fields in ["Content-Length: 70\r\n", chunked] {
      let incomplete = refuse(.notFound, fields, "")
      #expect(incomplete.statuses.isEmpty)
      incomplete.finish()
      #expect(incomplete.statuses == [400] && incomplete.refusals.isEmpty && incomplete.closed == .finished)
      let late = refuse(.notFound, fields, "")
      late.pass(60)
      #expect(late.statuses == [408] && late.shutsDown && late.refusals.isEmpty)
    }
  }

  @Test("Rule 20: the server's own errors wait for no body")
  func refusedBodyAtOnce() {
    let kept = refuse(.serviceUnavailable, "Content-Length: 70\r\n", "")
    #expect(kept.statuses == [503] && !kept.shutsDown)
    kept.feed(String(repeating: "x", count: 70) + Harness.get)
    #expect(kept.statuses == [503, 200] && kept.isIdle && kept.refusals == [503])
    let closed = refuse(.serviceUnavailable, "Transfer-Encoding: chunked\r\n", "")
    #expect(closed.statuses == [503] && closed.shutsDown)
  }

  @Test("Rule 19: a body beyond the limit is too large whatever the path")
  func refusedLargeBody() {
    let harness = refuse(.notFound, "Content-Length: 999999999\r\n", "")
    #expect(harness.statuses == [413] && harness.shutsDown && harness.refusals.isEmpty)
    let unwanted = Harness()
    unwanted.decide = { _ in Response(.notFound) }
    unwanted.feed("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n")
    #expect(unwanted.statuses == [404])
    var limits = HTTPLimits()
    limits.bodyBytes = 10
    let large = Harness(limits)
    large.decide = { _ in Response(.contentTooLarge, .plainText, body: Array("in other words")) }
    large.feed("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
    #expect(large.statuses == [413] && large.shutsDown && large.refusals == [413])
    #expect(large.text.hasSuffix("in other words"))
  }

  @Test("Rule 22: refused requests in a pipeline are answered in order, also before a half-close")
  func refusedPipeline() {
    for step in steps {
      let harness = Harness()
      harness.decide = { $0.path == "/a" ? nil : Response(.notFound) }
      harness.feed(
        Harness.get.replacing("/a", with: "/x") + Harness.get + Harness.get,
        by: step)
      harness.finish()
      #expect(harness.statuses == [404, 200, 200] && harness.refusals == [404] && harness.closed == .finished)
      let all = Harness()
      all.decide = { _ in Response(.notFound) }
      all.feed(String(repeating: Harness.get, count: 20), by: step)
      all.finish()
      #expect(all.statuses == [Int](repeating: 404, count: 20) && all.refusals.count == 20 && all.closed == .finished)
    }
  }

  /// A POST whose head is refused with `status`, its body, and a good request behind it.
  private func refuse(_ status: Status, _ fields: String, _ body: String, by step: Int = .max) -> Harness {
    let harness = Harness()
    harness.decide = { $0.path == "/a" ? nil : Response(status, .plainText, body: Array("no")) }
    harness.feed("POST /x HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)", by: step)
    if !body.isEmpty || fields.isEmpty { harness.feed(Harness.get, by: step) }
    return harness
  }

  @Test("A broken rule is reported with the head whose request broke it, if that was whole")
  func rejectionsNameTheirHead() {
    for (raw, path) in [
      ("GET /a HTTP/3.0\r\n\r\n", nil), ("GET /a HTTP/1.1\r\nHost : a\r\n", nil), ("GET /a HTTP/1.1\r\n\r\n", nil),
      ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", "/a"),
      ("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", "/x"),
      ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "/a"),
    ] as [(String, String?)] {
      for step in steps {
        let harness = Harness()
        harness.decide = { $0.path == "/a" ? nil : Response(.notFound) }
        harness.feed(raw, by: step)
        #expect(harness.rejectedHeads == [path], "\(raw) by \(step)")
      }
    }
  }

  @Test(
    "Of a body that nobody wants only its framing counts",
    arguments: ["Content-Length: 60000", "Transfer-Encoding: chunked"])
  func aRefusedBodyIsNotHeld(framing: String) {
    let harness = Harness()
    harness.decide = { _ in Response(.notFound) }
    harness.feed("POST /nowhere HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
    if framing.hasPrefix("T") { harness.feed("EA60\r\n") }
    harness.feed([UInt8](repeating: 0x61, count: 59_999))
    #expect(harness.state.body.bytes.isEmpty && harness.refusals.isEmpty)
    harness.feed(framing.hasPrefix("T") ? "a\r\n0\r\n\r\n" : "a")
    #expect(harness.statuses == [404] && harness.isIdle)
  }
}

/// A client whose head broke a rule is answered in the form that its path has.
struct RejectedPathTests {
  @Test(
    "The path is told even where the head is at fault",
    arguments: [
      ("GET /v2/models/softmax HTTP/1.1\r\nBad Line\r\n\r\n", "/v2/models/softmax"),
      ("\r\n\r\nGET /v2 HTTP/1.1\r\n folded: x\r\n\r\n", "/v2"),
      ("POST http://a.example/v2/health HTTP/1.1\r\nX\r\n\r\n", "/v2/health"),
      ("GET /v2?x=1 HTTP/1.1\r\nX\r\n\r\n", "/v2"),
      ("FROB /v2/x HTTP/1.1\r\nHost: a\r\n\r\n", "/v2/x"),
      ("GET /v2/x HTTP/2.0\r\nHost: a\r\n\r\n", "/v2/x"),
      ("GET /v2/x HTTP/1.1\r\n\r\n", "/v2/x"), ("GET /%762/%20x HTTP/1.1\r\n\r\n", "/v2/%20x"),
      ("GET  /v2/x HTTP/1.1\r\n\r\n", nil), ("\u{1}\r\n", nil), ("GET\r\n\r\n", nil), ("GET *\r\n\r\n", nil),
    ] as [(String, String?)])
  func pathOfABrokenHead(_ raw: String, _ path: String?) {
    for step in steps {
      let harness = Harness()
      harness.feed(raw, by: step)
      #expect(harness.rejections.count == 1, "by \(step)")
      #expect(harness.rejectedPaths == [path], "by \(step)")
    }
  }

  @Test func pathOfAHeadThatIsTooLarge() {
    var limits = HTTPLimits()
    (limits.headBytes, limits.targetBytes) = (512, 128)
    let large = Harness(limits)
    large.feed("POST /v2/models HTTP/1.1\r\nX: " + String(repeating: "x", count: 600))
    #expect(large.rejectedPaths == ["/v2/models"])
    let long = Harness(limits)
    long.feed("GET /v2/" + String(repeating: "x", count: 600))
    #expect(long.rejections.map(\.type) == [.targetTooLong])
    #expect(long.rejectedPaths.first??.hasPrefix("/v2/xx") == true)
  }

  @Test func pathOfARequestThatIsTooSlow() {
    let head = Harness()
    head.feed("GET /v2/models HTTP/1.1\r\nHo")
    head.pass(1000)
    #expect(head.rejections.map(\.type) == [.requestTimeout])
    #expect(head.rejectedPaths == ["/v2/models"])
    let body = Harness()
    body.feed("POST /v2/models/softmax/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
    body.pass(1000)
    #expect(body.rejectedPaths == ["/v2/models/softmax/infer"])
  }
}
