import Testing

@testable import HTTP

/// What a head asks of its answer: an interim one first, no body, an older version: rules 24, 26 and 27.
struct AnswerFormTests {
  @Test("Rule 24: 100 Continue comes before the body is read, once the head is decided on")
  func expectContinue() {
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"
    for step in steps {
      let harness = Harness()
      harness.feed(head, by: step)
      #expect(harness.text == "HTTP/1.1 100 Continue\r\n\r\n")
      harness.feed("abc", by: step)
      #expect(harness.statuses == [100, 200] && harness.requests[0].body == Array("abc"))
    }
    let refused = Harness()
    refused.decide = { _ in Response(.unsupportedMediaType) }
    refused.feed(head)
    #expect(refused.statuses == [415] && refused.shutsDown)
    var limits = HTTPLimits()
    limits.bodyBytes = 2
    expectRejected(head, 413, .bodyTooLarge, limits: limits)
    // Nothing to wait for.
    expectAccepted("GET /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n") { #expect(!$0.head.expectsContinue) }
    expectAccepted("GET /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
    // HTTP/1.0 ignores Expect.
    let old = Harness()
    old.feed(head.replacing("HTTP/1.1", with: "HTTP/1.0") + "abc")
    #expect(old.statuses == [200])
    expectAccepted("GET /a HTTP/1.0\r\nExpect: magic\r\n\r\n", keeps: false)
  }

  @Test("Rule 24: an expectation other than 100-continue gets 417")
  func unknownExpectation() {
    for value in ["magic", "200-ok", "100-continue, magic", "magic, 100-continue", "100-continue;a", "100-continue=1"] {
      expectRejected(
        "POST /a HTTP/1.1\r\nHost: a\r\nExpect: \(value)\r\nContent-Length: 3\r\n\r\nabc", 417, .expectationFailed)
    }
  }

  @Test("Rule 24: Expect is a list, which may be empty or name 100-continue twice (RFC 9110 §10.1.1)")
  func listsOfExpectations() {
    for value in ["", ",", " , "] {
      expectAccepted("POST /a HTTP/1.1\r\nHost: a\r\nExpect: \(value)\r\nContent-Length: 3\r\n\r\nabc") {
        #expect(!$0.head.expectsContinue)
      }
    }
    for value in ["100-continue, 100-Continue", ",100-continue,", "100-continue\r\nExpect: 100-continue"] {
      let harness = Harness()
      harness.feed("POST /a HTTP/1.1\r\nHost: a\r\nExpect: \(value)\r\nContent-Length: 3\r\n\r\n")
      #expect(harness.text == "HTTP/1.1 100 Continue\r\n\r\n")
    }
  }

  @Test(
    "Rule 24: an error's answer to HEAD has no body, whatever part of the head is at fault (RFC 9110 §9.3.2)",
    arguments: [
      ("HEAD /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("HEAD / HTTP/2.0\r\n\r\n", 505), ("HEAD  / HTTP/1.1\r\n", 400),
      ("HEAD /a\u{1}", 400), ("HEAD / HTTP/1.1\n", 400), ("\r\nHEAD / HTTP/1.1\r\nHost : a\r\n", 400),
      ("HEAD /" + String(repeating: "a", count: 9000), 414), ("HEAD / HTTP/1.1\r\n\r\n", 400),
      ("HEAD / HTTP/1.1\r\nX: " + String(repeating: "a", count: 17_000), 431),
    ])
  func noBodyForHeadErrors(raw: String, status: Int) {
    for step in steps {
      let harness = Harness()
      harness.feed(raw, by: step)
      let answers = harness.answers(toHEAD: [0])
      #expect(answers.map(\.status) == [status] && answers[0].body.isEmpty && harness.written.count < 400)
      #expect(answers[0]["content-length"].flatMap { Int($0) } ?? 0 > 100 && harness.text.hasSuffix("\r\n\r\n"))
    }
    let late = Harness()
    late.feed("HEAD /a")
    late.pass(60)
    #expect(late.text.hasPrefix("HTTP/1.1 408 ") && late.text.hasSuffix("\r\n\r\n"))
  }

  @Test("Rule 24: no body on HEAD, though framed as GET would be; none on 204 and 304")
  func noBody() {
    let harness = Harness()
    harness.respond = { request in
      switch request.head.path {
      case "/204": Response(.noContent, body: Array("never"))
      case "/304": Response(.notModified, body: Array("never"))
      default: Response(.ok, .plainText, body: [UInt8](repeating: 0x61, count: 10_000))
      }
    }
    for path in ["HEAD /", "GET /204", "GET /304", "HEAD /204"] { harness.feed("\(path) HTTP/1.1\r\nHost: a\r\n\r\n") }
    let answers = harness.answers(toHEAD: [0])
    #expect(answers.map(\.status) == [200, 204, 304, 204])
    #expect(answers.map { $0["content-length"] } == ["10000", nil, nil, nil])
    #expect(harness.written.count < 400)
  }

  @Test("Rules 20 and 24: an error's answer to HEAD has no body either; one after a HEAD has")
  func errorOnHEAD() {
    let head = Harness()
    head.feed("HEAD / HTTP/1.1\r\n\r\n")
    #expect(head.text.hasSuffix("\r\n\r\n") && head.answers(toHEAD: [0])[0].status == 400)
    let after = Harness()
    after.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nBAD\r\n")
    #expect(after.answers(toHEAD: [0]).map { $0.body.isEmpty } == [true, false])
  }

  @Test("Rule 26: Upgrade is ignored and the request answered in HTTP/1.1")
  func upgrade() {
    expectAccepted(
      """
      POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
      HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Length: 3\r\n\r\nabc
      """
    ) { #expect($0.body == Array("abc")) }
    expectAccepted("GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
  }

  @Test("Rule 27: HTTP/1.0 is closed unless it asks for keep-alive, which is echoed")
  func http10() {
    for step in steps {
      let closed = Harness()
      closed.feed("GET /a HTTP/1.0\r\n\r\n", by: step)
      #expect(closed.answers()[0]["connection"] == "close" && closed.shutsDown)
      let kept = Harness()
      kept.feed("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n", by: step)
      #expect(kept.answers().map { $0["connection"] } == ["keep-alive", "close"])
      #expect(kept.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    }
    expectAccepted("GET /a HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", keeps: false)
    expectAccepted("GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE ,y\r\n\r\n", keeps: false)
    expectAccepted("GET /a HTTP/1.1\r\nHost: a\r\nConnection: closed\r\nConnection: keep-alive\r\n\r\n")
    expectAccepted("GET /a HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", keeps: false)
  }
}
