import Testing

@testable import HTTP

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
      ("GET /v2/x HTTP/1.1\r\n\r\n", "/v2/x"),
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
