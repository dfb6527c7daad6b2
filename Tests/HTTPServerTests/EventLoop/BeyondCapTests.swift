import Dispatch
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// Rule 23: beyond the cap the server still answers `/livez`, whatever others do with it.
@Suite struct BeyondCapTests {
  /// What a client may say that keeps its place, or nothing.
  private static let greetings = [
    "", "\r\n", "GET /livez HTTP/1.1\r\n", "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", "no HTTP\r\n\r\n",
  ]

  /// Runs `body` beside a server whose one connection a client has taken, and which nobody leaves by himself.
  private func withFullServer(
    loops: Int, _ body: (_ address: SocketAddress, _ served: TestClient) throws -> Void
  ) throws {
    try withServer { configuration in
      configuration.setLoops(loops)
      configuration.connections = 1
      configuration.placeGrace = .seconds(60)
      configuration.timeoutBeyondCap = .seconds(60)
    } _: { address, _, _ in
      let served = try TestClient(address)
      #expect(served.get("/a") == "200 /a 0")
      try body(address, served)
    }
  }

  @Test("Rule 23: no crowd beyond the cap keeps a probe from its answer", arguments: greetings, [1, 2, 40])
  func aProbeIsAnswered(greeting: String, loops: Int) throws {
    try withFullServer(loops: loops) { address, served in
      var crowd: [TestClient] = []
      for _ in 0..<4 {
        for _ in 0..<50 {
          let client = try TestClient(address)
          client.send(greeting)
          crowd.append(client)
        }
        let probe = try TestClient(address)
        #expect(probe.get("/livez") == "200 /livez 0")
      }
      #expect(served.get("/b") == "200 /b 0")
      #expect(crowd.count == 200)
    }
  }

  /// Those of the crowd that speak before they give their place up are answered too.
  @Test("Rule 23: probes that come all at once are all answered", arguments: [1, 2, 40])
  func allProbesAreAnswered(loops: Int) throws {
    try withFullServer(loops: loops) { address, _ in
      let probes = try (0..<200).map { _ in
        let probe = try TestClient(address)
        probe.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        return probe
      }
      #expect(probes.map { $0.answer() }.filter { $0 != "200 /livez 0" }.isEmpty)
    }
  }

  @Test(arguments: [(1, 32, 16), (2, 32, 8), (16, 32, 1), (40, 80, 1)])
  func theLoopsShareHalfOfThem(loops: Int, all: Int, each: Int) {
    var configuration = ServerConfiguration(addresses: [])
    configuration.setLoops(loops)
    #expect(configuration.connectionsBeyondCap == all && configuration.connectionsBeyondCapOfLoop == each)
  }

  @Test("Rule 23: beyond the cap only liveness is answered") func beyondTheCapOnlyLivenessIsAnswered() throws {
    let counter = DropCounter()
    try withServer(observer: counter) { configuration in
      configuration.connections = 2
      configuration.placeGrace = .seconds(60)
    } _: { address, _, _ in
      let first = try TestClient(address)
      let second = try TestClient(address)
      #expect(first.get("/a") == "200 /a 0")
      #expect(second.get("/b") == "200 /b 0")
      let third = try TestClient(address)
      #expect(third.get("/livez") == "200 /livez 0")
      #expect(third.hasEnded())
      let bodied = try TestClient(address)
      bodied.send("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
      #expect(bodied.answer()?.contains("as many connections as it takes (--max-connections)") == true)
      bodied.finish()
      #expect(bodied.hasEnded())
      #expect(try TestClient(address).get("/c")?.hasPrefix("503 ") == true)
      #expect(first.get("/d") == "200 /d 0")
      // Each that was not answered is counted, so that an operator is told.
      #expect(counter.rejected.load(ordering: .relaxed) == 2)
    }
  }

  @Test("Rule 23: at the cap the connection that has kept the server waiting longest gives its place to a new one")
  func placesAreMade() throws {
    let drops = DropCounter()
    try withServer(observer: drops) { configuration in
      configuration.setLoops(1)
      configuration.connections = 3
      configuration.placeGrace = .zero
    } _: { address, _, handler in
      let busy = try TestClient(address)
      busy.post("/held", [UInt8](repeating: 0x20, count: 64 * 1024))
      handler.began.wait()
      let idle = try TestClient(address)
      #expect(idle.get("/a") == "200 /a 0")
      let later = try TestClient(address)
      #expect(later.get("/b") == "200 /b 0")
      let new = try TestClient(address)
      #expect(new.get("/c") == "200 /c 0")
      #expect(idle.hasEnded())
      #expect(later.get("/d") == "200 /d 0")
      // Whoever waits for the server keeps its place.
      handler.hold.signal()
      #expect(busy.answer() == "200 held")
      #expect(drops.dropped.load(ordering: .relaxed) == 1)
    }
  }
}

@Suite struct ConnectionLimiterTests {
  @Test func countsAndTakesSomeBeyondTheCap() {
    let limiter = ConnectionLimiter(cap: 2, beyondCap: 1)
    #expect(limiter.admit() == .normal)
    #expect(limiter.admit() == .normal)
    #expect(limiter.admit() == .beyondCap)
    #expect(limiter.admit() == .refused)
    #expect(limiter.count == 3)
    limiter.release()
    limiter.release()
    #expect(limiter.admit() == .normal)
  }

  @Test("It is beyond the cap from one connection more on, and full when those beyond it are there too")
  func saysWhenItIsFull() {
    let limiter = ConnectionLimiter(cap: 2, beyondCap: 2)
    for (open, isBeyond, isFull) in [(1, false, false), (2, false, false), (3, true, false), (4, true, true)] {
      _ = limiter.admit()
      #expect(limiter.count == open && limiter.isBeyondCap == isBeyond && limiter.isFull == isFull)
    }
    #expect(limiter.admit() == .refused)
    #expect(limiter.count == 4 && limiter.isFull)
    limiter.release()
    #expect(limiter.isBeyondCap && !limiter.isFull)
  }
}
