import Glibc
import Testing

extension IntegrationTests {
  @Suite struct Stopping {
    /// Twenty clients have sent their requests when the signal comes: each gets its answer, then the server ends well.
    @Test(arguments: [SIGTERM, SIGINT])
    func everyAcceptedRequestIsAnsweredBeforeTheEnd(signal: Int32) throws {
      let daemon = try Daemon(Daemon.quickStop)
      let crowd = Crowd(20, of: daemon)
      _ = crowd.send(Array(repeating: .get("/livez"), count: 20))
      let body = Bodies.logits(100_000, digits: 12)
      let call = Call(
        method: "POST", path: "/softmax", fields: ["Content-Type: application/json", "Expect:"], body: body)
      var isAsked = false
      let results = crowd.send(Array(repeating: call, count: 20)) { clients in
        if !isAsked, clients.allSatisfy(\.hasSentBody) {
          isAsked = true
          daemon.signal(signal)
        }
      }
      for result in results {
        let answer = try result.get()
        #expect(answer.status == 200)
        #expect(Bodies.count(in: answer) == 100_000)
      }
      if !isAsked { daemon.signal(signal) }
      #expect(daemon.wait() == 0)
    }

    @Test func anIdleConnectionDoesNotHoldTheServer() throws {
      let daemon = try Daemon(Daemon.quickStop)
      let socket = try RawSocket(daemon)
      try socket.send("GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
      _ = try socket.read { $0.contains("200 ") }
      let clock = ContinuousClock()
      let time = clock.measure {
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
      }
      #expect(time < .seconds(15))
    }

    /// With a delay the server says that it will go, and serves on until the balancer has noticed.
    @Test func readinessGoesFirstAndServiceLast() throws {
      let daemon = try Daemon(["--drain-delay", "3"])
      let client = Client(daemon)
      #expect(try client.send(.get("/readyz")).status == 200)
      daemon.signal(SIGTERM)
      try wait(until: client, sees: 503)
      #expect(try client.send(.get("/livez")).status == 200)
      #expect(try client.send(confident).status == 200)
      #expect(daemon.wait() == 0)
    }

    @Test func aSecondSignalEndsItAtOnce() throws {
      let daemon = try Daemon(["--drain-delay", "30"])
      let client = Client(daemon)
      daemon.signal(SIGTERM)
      try wait(until: client, sees: 503)
      #expect(daemon.isRunning)
      let clock = ContinuousClock()
      let time = clock.measure {
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 1)
      }
      #expect(time < .seconds(15))
    }

    @Test func aLogThatNobodyReadsKeepsItFromNothing() throws {
      let daemon = try Daemon(Daemon.quickStop + ["--log", "requests"])
      let client = Client(daemon)
      // More than a pipe holds.
      for _ in 0..<800 { _ = try client.send(.get("/livez")) }
      daemon.signal(SIGTERM)
      for _ in 0..<1000 where daemon.isRunning { usleep(10_000) }
      #expect(!daemon.isRunning)
      if daemon.isRunning { daemon.signal(SIGKILL) }
      #expect(daemon.wait() == 0)
    }

    /// Asks /readyz until it answers so: a signal takes a moment to arrive.
    private func wait(until client: Client, sees status: Int) throws {
      for _ in 0..<500 {
        if try client.send(.get("/readyz")).status == status { return }
        usleep(10_000)
      }
      Issue.record("/readyz never answered \(status)")
    }
  }
}
