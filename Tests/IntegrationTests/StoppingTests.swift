import Glibc
import TestSupport
import Testing

extension IntegrationTests {
  @Suite struct Stopping {
    @Test(arguments: [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGHUP, "SIGHUP")])
    func eachSignalStopsTheServerWithExitCodeZero(number: Int32, name: String) throws {
      let daemon = try Daemon(["--drain-delay", "0.2"])
      #expect(daemon.firstLine.hasPrefix("softmaxd listening on http://127.0.0.1:"))
      daemon.signal(number)
      #expect(daemon.wait() == 0)
      #expect(daemon.lastLines() == "softmaxd stopping on \(name)\n")
      #expect(daemon.log().isEmpty)
    }

    /// A signal that comes before anything waits for it.
    @Test func aSignalBesideTheFirstLineIsNotLost() throws {
      for _ in 0..<20 {
        let daemon = try Daemon()
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
      }
    }

    /// The end of a terminal may send it twice.
    @Test func aSecondHangupDoesNotEndTheProgramAtOnce() throws {
      let daemon = try Daemon(["--drain-delay", "0.5"])
      daemon.signal(SIGHUP)
      usleep(200_000)
      daemon.signal(SIGHUP)
      #expect(daemon.wait() == 0)
    }

    /// Twenty requests are under way when the signal comes, their heads read and their bodies not: each gets its
    /// answer, says that its connection ends, and then the server ends well.
    @Test(arguments: [SIGTERM, SIGINT])
    func everyRequestUnderWayIsAnsweredBeforeTheEnd(signal: Int32) throws {
      let daemon = try Daemon()
      let body = Bodies.logits(100_000, digits: 12)
      let clients = try (0..<20).map { _ in try TestClient(daemon) }
      for client in clients {
        client.send(
          "POST /softmax HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            + "Content-Length: \(body.count)\r\n\r\n")
        #expect(client.answer() == "100 ")
      }
      daemon.signal(signal)
      #expect(daemon.isRunning)
      for client in clients {
        client.send(body)
        let answer = try #require(client.answer())
        #expect(answer.hasPrefix("200 "))
        #expect(answer.utf8.count { $0 == UInt8(ascii: ",") } == 99_999)
        #expect(client.hasEnded())
      }
      #expect(daemon.wait() == 0)
    }

    /// A large request is computed and three small ones have come with it, in one write, when the signal comes.
    @Test(arguments: ["0", "1"]) func pipelinedRequestsBehindALargeOneAreAnswered(delay: String) throws {
      let daemon = try Daemon(["--drain-delay", delay])
      let client = try TestClient(daemon)
      func post(_ body: [UInt8]) -> [UInt8] {
        let fields = "Host: x\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        return Array("POST /softmax HTTP/1.1\r\n\(fields)\r\n".utf8) + body
      }
      let small = post(Array(#"{"logits":[1,2]}"#.utf8))
      client.send(post(Bodies.logits(600_000)) + small + small + small)
      daemon.signal(SIGTERM)
      #expect(client.answer()?.hasPrefix("200 ") == true)
      for _ in 0..<3 {
        #expect(client.answer() == #"200 {"probabilities":[0.2689414213699951,0.7310585786300049]}"#)
      }
      #expect(client.hasEnded())
      #expect(daemon.wait() == 0)
    }

    @Test func anIdleConnectionDoesNotDelayTheEnd() throws {
      let daemon = try Daemon()
      let idle = try TestClient(daemon)
      #expect(idle.get("/livez")?.hasPrefix("200 ") == true)
      let clock = ContinuousClock()
      let time = clock.measure {
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == 0)
      }
      #expect(time < .seconds(15))
    }

    /// With a delay the server says that it will go, and serves on until the balancer has noticed.
    @Test func readyzAnswers503WhileRequestsAreStillServed() throws {
      let daemon = try Daemon(["--drain-delay", "3"])
      let client = Client(daemon)
      #expect(try client.send(.get("/readyz")).status == 200)
      daemon.signal(SIGTERM)
      try wait(until: client, sees: 503)
      #expect(try client.send(.get("/livez")).status == 200)
      #expect(try client.send(confident).status == 200)
      #expect(daemon.wait() == 0)
    }

    @Test func aSecondSignalEndsTheProgramAtOnceWithExitCodeOne() throws {
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

    @Test func aFullLogPipeDoesNotDelayTheEnd() throws {
      let daemon = try Daemon(["--log", "requests"])
      let client = Client(daemon)
      // More than a pipe holds.
      for _ in 0..<800 { _ = try client.send(.get("/livez")) }
      daemon.signal(SIGTERM)
      for _ in 0..<1000 where daemon.isRunning { usleep(10_000) }
      #expect(!daemon.isRunning)
      if daemon.isRunning { daemon.signal(SIGKILL) }
      #expect(daemon.wait() == 0)
    }

    /// A port that is free.
    private func freePort() throws -> UInt16 { try Daemon.run { $0.port }.result }

    /// Neither the line at the start nor the one at the stop can be written.
    @Test(arguments: [SIGTERM, SIGINT]) func anOutputThatNobodyReadsHidesNoSignal(number: Int32) throws {
      let daemon = try Daemon(withFullOutputAt: freePort())
      daemon.signal(number)
      #expect(daemon.wait() == 0)
    }

    @Test func anOutputThatNobodyReadsHidesNoSecondSignal() throws {
      let daemon = try Daemon(withFullOutputAt: freePort(), ["--drain-delay", "60"])
      daemon.signal(SIGTERM)
      try wait(until: Client(daemon), sees: 503)
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 1)
    }

    @Test func linesWaitForWhoReadsLate() throws {
      let daemon = try Daemon(withFullOutputAt: freePort())
      usleep(300_000)
      #expect(daemon.nextLine().hasSuffix(".softmaxd listening on http://127.0.0.1:\(daemon.port)"))
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 0)
      #expect(daemon.lastLines() == "softmaxd stopping on SIGTERM\n")
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
