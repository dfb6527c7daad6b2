import Testing

extension IntegrationTests {
  @Suite struct Pipelining {
    /// RFC 9112 §9.3.2: answers come in the order of the requests, also when a later one is quicker to make.
    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
      let run = try Daemon.run { daemon in
        let socket = try RawSocket(daemon)
        let large = String(decoding: Bodies.logits(50_000), as: UTF8.self)
        try socket.send(
          request("/softmax", large) + request("/loss", #"{"logits": [40, 0], "target": 0}"#)
            + request("/nowhere", "{}")
            + request("/softmax", #"{"logits": [0, 0]}"#, "Connection: close\r\n"))
        let answers = try socket.read()
        let status = answers.matches(of: #/HTTP/1\.1 (\d+) /#).map { String($0.1) }
        #expect(status == ["200", "200", "404", "200"])
        let loss = answers.range(of: confidentLoss)
        let halves = answers.range(of: "[0.5,0.5]")
        #expect(loss != nil && halves != nil)
        if let loss, let halves { #expect(loss.lowerBound < halves.lowerBound) }
      }
      #expect(run.status == 0)
    }

    @Test func aThousandPipelinedRequestsAreAllAnswered() throws {
      let run = try Daemon.run { daemon in
        let socket = try RawSocket(daemon)
        let one = "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
        try socket.send(String(repeating: one, count: 999))
        try socket.send("GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        let answers = try socket.read()
        #expect(answers.matches(of: #/HTTP/1\.1 200 /#).count == 1_000)
      }
      #expect(run.status == 0)
    }

    /// A FIN after a complete request is a half-close: the client still listens.
    @Test func aHalfClosedConnectionStillGetsItsAnswer() throws {
      let run = try Daemon.run { daemon in
        let socket = try RawSocket(daemon)
        try socket.send(request("/softmax", String(decoding: Bodies.logits(50_000), as: UTF8.self)))
        socket.finishSending()
        #expect(try socket.read().contains("HTTP/1.1 200 "))
      }
      #expect(run.status == 0)
    }

    private func request(_ path: String, _ body: String, _ fields: String = "") -> String {
      "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\(fields)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
  }
}

extension String {
  fileprivate func range(of needle: String) -> Range<String.Index>? { firstRange(of: needle) }
}
