import TestSupport
import Testing

extension IntegrationTests {
  @Suite struct Pipelining {
    /// RFC 9112 §9.3.2: answers come in the order of the requests, also when a later one is quicker to make.
    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
      let run = try Daemon.run { daemon in
        let client = try TestClient(daemon)
        let large = String(decoding: Bodies.logits(50_000), as: UTF8.self)
        client.say(
          request("/softmax", large) + request("/loss", #"{"logits": [40, 0], "target": 0}"#)
            + request("/nowhere", "{}")
            + request("/softmax", #"{"logits": [0, 0]}"#, "Connection: close\r\n"))
        let answers = try #require(client.everything())
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
        let client = try TestClient(daemon)
        let one = "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
        client.say(String(repeating: one, count: 999))
        client.say("GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        let answers = try #require(client.everything())
        #expect(answers.matches(of: #/HTTP/1\.1 200 /#).count == 1_000)
      }
      #expect(run.status == 0)
    }

    /// A FIN after a complete request is a half-close: the client still listens.
    @Test func aHalfClosedConnectionStillGetsItsAnswer() throws {
      let run = try Daemon.run { daemon in
        let client = try TestClient(daemon)
        client.say(request("/softmax", String(decoding: Bodies.logits(50_000), as: UTF8.self)))
        client.finish()
        #expect(client.everything()?.contains("HTTP/1.1 200 ") == true)
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
