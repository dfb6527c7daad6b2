import Glibc
import TestSupport
import Testing

extension IntegrationTests {
  @Suite struct Conversation {
    @Test func theThreeEndpointsAnswer() throws {
      let run = try Daemon.run { daemon in
        let client = Client(daemon)
        let softmax = try client.send(.post("/softmax", #"{"logits": [0, 0]}"#))
        #expect(softmax.status == 200)
        #expect(softmax["content-type"] == "application/json")
        #expect(softmax.text.contains(#""probabilities":[0.5,0.5]"#))
        let loss = try client.send(.post("/loss", #"{"logits": [40, 0], "target": 0}"#))
        #expect(loss.text.contains(confidentLoss))
        let gradient = try client.send(confident)
        #expect(gradient.text.contains(confidentLoss))
        #expect(gradient.text.contains(#""gradient":[-4.248354255291589e-18,4.248354255291589e-18]"#))
      }
      #expect(run.status == 0)
    }

    @Test func oneConnectionServesManyRequests() throws {
      let run = try Daemon.run { daemon in
        let client = Client(daemon)
        let opened = try (0..<200).map { _ in try client.send(confident).opened }
        #expect(opened.first == 1)
        #expect(opened.dropFirst().allSatisfy { $0 == 0 })
      }
      #expect(run.status == 0)
    }

    @Test func aHundredClientsAtOnceEachGetTheirOwnAnswer() throws {
      let run = try Daemon.run { daemon in
        let crowd = Crowd(100, of: daemon)
        for _ in 0..<5 {
          // Client k masks all classes but one, so that its answer is its own.
          let calls = (0..<100).map { own in
            let logits = (0..<100).map { $0 == own ? "1" : #""-Infinity""# }.joined(separator: ",")
            return Call.post("/softmax", "{\"logits\":[\(logits)]}")
          }
          for (own, result) in crowd.send(calls).enumerated() {
            let answer = try result.get()
            let expected = (0..<100).map { $0 == own ? "1.0" : "0.0" }.joined(separator: ",")
            #expect(answer.status == 200)
            #expect(answer.text.contains("[\(expected)]"))
          }
        }
      }
      #expect(run.status == 0)
    }

    @Test func headAnswersAsGetWithoutTheBody() throws {
      let run = try Daemon.run { daemon in
        let client = Client(daemon)
        for path in [
          "/", "/livez", "/readyz", "/healthz", "/health", "/openapi.yaml", "/openapi.json", "/problems", "/metrics",
        ] {
          let get = try client.send(.get(path))
          let head = try client.send(Call(method: "HEAD", path: path))
          #expect(get.status == 200, "\(path)")
          #expect(head.status == 200, "\(path)")
          #expect(head.body.isEmpty)
          #expect(head.opened == 0)
          #expect(head["content-type"] == get["content-type"])
          if path != "/metrics" { #expect(head["content-length"] == get["content-length"]) }
        }
      }
      #expect(run.status == 0)
    }

    @Test(arguments: [
      (Call.get("/softmax"), 405), (Call.get("/nowhere"), 404), (Call.post("/softmax", "{"), 400),
      (Call.post("/softmax", #"{"logits": []}"#), 422), (Call.post("/softmax", #"{"logitss": [1]}"#), 422),
      (Call(method: "POST", path: "/softmax", fields: ["Content-Type: text/plain"], body: Array("1".utf8)), 422),
      (Call(method: "POST", path: "/softmax", fields: ["Content-Type: text/html"], body: Array("1".utf8)), 415),
    ])
    func everyErrorIsAProblemAndKeepsTheConnection(call: Call, status: Int) throws {
      let run = try Daemon.run { daemon in
        let client = Client(daemon)
        _ = try client.send(.get("/livez"))
        let answer = try client.send(call)
        #expect(answer.status == status)
        #expect(answer["content-type"] == "application/problem+json")
        #expect(answer.text.contains(#""type":"/problems/"#))
        #expect(try client.send(confident).opened == 0)
      }
      #expect(run.status == 0)
    }

    @Test func aQueryInPlaceOfABodyIsNamed() throws {
      let run = try Daemon.run { daemon in
        let answer = try Client(daemon).send(
          Call(method: "POST", path: "/softmax?logits=1,2", fields: ["Content-Type: application/json"], body: []))
        #expect(answer.status == 400 || answer.status == 411)
        #expect(answer.text.contains(#"What is asked for goes into a JSON body, not after \"?\""#))
      }
      #expect(run.status == 0)
    }

    /// A loop that forgot to go back to sleep would burn a core; counted in the process's own time, in hundredths of a
    /// second.
    @Test func afterItsRequestsTheServerUsesNoProcessor() throws {
      let run = try Daemon.run { daemon in
        for _ in 0..<4 { #expect(try Client(daemon).send(.get("/livez")).status == 200) }
        usleep(300_000)
        let before = try daemon.processorTicks()
        usleep(1_000_000)
        #expect(try daemon.processorTicks() - before < 10)
      }
      #expect(run.status == 0)
    }
  }
}

extension IntegrationTests {
  @Suite struct Pipelining {
    /// RFC 9112 §9.3.2: answers come in the order of the requests, also when a later one is quicker to make.
    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
      let run = try Daemon.run { daemon in
        let client = try TestClient(daemon)
        let large = String(decoding: Bodies.logits(50_000), as: UTF8.self)
        client.send(
          request("/softmax", large) + request("/loss", #"{"logits": [40, 0], "target": 0}"#)
            + request("/nowhere", "{}")
            + request("/softmax", #"{"logits": [0, 0]}"#, "Connection: close\r\n"))
        let answers = try #require(client.everything())
        let status = answers.matches(of: #/HTTP/1\.1 (\d+) /#).map { String($0.1) }
        #expect(status == ["200", "200", "404", "200"])
        let loss = answers.firstRange(of: confidentLoss)
        let halves = answers.firstRange(of: "[0.5,0.5]")
        #expect(loss != nil && halves != nil)
        if let loss, let halves { #expect(loss.lowerBound < halves.lowerBound) }
      }
      #expect(run.status == 0)
    }

    @Test func aThousandPipelinedRequestsAreAllAnswered() throws {
      let run = try Daemon.run { daemon in
        let client = try TestClient(daemon)
        let one = "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
        client.send(String(repeating: one, count: 999))
        client.send("GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        let answers = try #require(client.everything())
        #expect(answers.matches(of: #/HTTP/1\.1 200 /#).count == 1_000)
      }
      #expect(run.status == 0)
    }

    /// A FIN after a complete request is a half-close: the client still listens.
    @Test func aHalfClosedConnectionStillGetsItsAnswer() throws {
      let run = try Daemon.run { daemon in
        let client = try TestClient(daemon)
        client.send(request("/softmax", String(decoding: Bodies.logits(50_000), as: UTF8.self)))
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
