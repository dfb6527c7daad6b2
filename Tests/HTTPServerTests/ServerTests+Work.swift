import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

extension ServerTests {
  /// Which requests of a server go to the work pool, and when their work ends.
  @Suite struct Work {
    @Test func smallRequestsAreAnsweredWhileThePoolIsBusy() throws {
      try withServer { address, _, handler in
        let busy = try (0..<4).map { _ in try TestClient(address) }
        for client in busy { client.post("/held", large) }
        for _ in 0..<2 { handler.began.wait() }
        let client = try TestClient(address)
        // The pool is held until these have been answered.
        for _ in 0..<10 { #expect(client.get("/livez") == "200 /livez 0") }
        for _ in busy { handler.hold.signal() }
        for client in busy { #expect(client.answer() == "200 held") }
      }
    }

    @Test func aFullPoolRefusesAtOnce() throws {
      try withServer { configuration in
        configuration.workers = 1
        configuration.workQueueLimit = 1
      } _: { address, _, handler in
        let clients = try (0..<3).map { _ in try TestClient(address) }
        clients[0].post("/held", large)
        handler.began.wait()
        clients[1].post("/held", large)
        // It waits in the queue, unseen from here: the third is refused as soon as the second has arrived.
        var refusal: String?
        for _ in 0..<200 where refusal?.hasPrefix("503 ") != true {
          usleep(5000)
          let client = try TestClient(address)
          client.send("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
          client.send(large)
          refusal = client.answer()
        }
        #expect(refusal?.contains("/problems/overloaded") == true)
        handler.hold.signal()
        handler.hold.signal()
        #expect(clients[0].answer() == "200 held")
        #expect(clients[1].answer() == "200 held")
      }
    }

    @Test func aConnectionThatPrefersThePoolAsksForLivenessOnTheLoop() throws {
      try withServer { configuration in
        configuration.workers = 1
      } _: { address, _, handler in
        let client = try TestClient(address)
        #expect(client.get("/slow") == "200 done")
        let busy = try TestClient(address)
        busy.post("/held", large)
        handler.began.wait()
        #expect(client.get("/livez") == "200 /livez 0")
        handler.hold.signal()
        #expect(busy.answer() == "200 held")
      }
    }

    /// Behind a proxy, the requests of many clients come on one connection.
    @Test func aSmallRequestAfterALongOneDoesNotWaitBehindOthers() throws {
      try withServer { configuration in
        configuration.workers = 1
      } _: { address, _, handler in
        let client = try TestClient(address)
        #expect(client.ask("/slow", [0x61]) == "200 done")
        let busy = try TestClient(address)
        busy.post("/held", large)
        handler.began.wait()
        #expect(client.ask("/quick", [0x61]) == "200 /quick 1")
        handler.hold.signal()
        #expect(busy.answer() == "200 held")
      }
    }

    @Test func aCrowdOfLongRequestsDelaysNoShortOne() throws {
      try withCrowd(100) { crowd, letGo, address, handler in
        let probe = try TestClient(address)
        probe.send("GET /calls HTTP/1.1\r\nHost: x\r\n\r\n")
        letGo()
        // All are tried once, some twice; hardly any of them before the one that came last.
        #expect(try #require(calls(toldTo: probe)) < 40)
        for client in crowd { #expect(["200", "503"].contains(client.answer()?.prefix(3))) }
        #expect(handler.calls.load(ordering: .relaxed) >= 102)
      }
    }

    /// The loop remembers that the last request of each connection took long.
    @Test func norDoesItsNextCrowd() throws {
      try withCrowd(100) { crowd, letGo, address, handler in
        letGo()
        for client in crowd { #expect(client.answer() != nil) }
        let (gate, probe) = (try TestClient(address), try TestClient(address))
        gate.post("/held", [0x61])
        handler.began.wait()
        for client in crowd { client.post("/slow", [0x61]) }
        let before = handler.calls.load(ordering: .relaxed)
        probe.send("GET /calls HTTP/1.1\r\nHost: x\r\n\r\n")
        handler.hold.signal()
        #expect(gate.answer() == "200 held")
        #expect(try #require(calls(toldTo: probe)) < before + 40)
        for client in crowd { #expect(["200", "503"].contains(client.answer()?.prefix(3))) }
      }
    }

    /// Each is answered in time; together they take long.
    @Test func manyRequestsOnOneConnectionDelayNoOther() throws {
      try withServer {
        $0.setLoops(1)
      } _: { address, _, _ in
        let (client, probe) = (try TestClient(address), try TestClient(address))
        for _ in 0..<100 { client.post("/brief", [0x61]) }
        #expect(client.answer() == "200 done")
        probe.send("GET /calls HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try #require(calls(toldTo: probe)) < 60)
        for _ in 1..<100 { #expect(client.answer() == "200 done") }
      }
    }

    /// Nor do those without a body, or those that are refused on their heads.
    @Test(arguments: ["/brief", "/refused-late"]) func norDoThoseWithoutABody(path: String) throws {
      try withServer {
        $0.setLoops(1)
      } _: { address, _, _ in
        let (client, probe) = (try TestClient(address), try TestClient(address))
        client.send(String(repeating: "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n", count: 100))
        #expect(client.answer() != nil)
        probe.send("GET /calls HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try #require(calls(toldTo: probe)) < 60)
        for _ in 1..<100 { #expect(client.answer() != nil) }
      }
    }

    /// A crowd of those that take longer keeps the pool full.
    @Test func whatALoopCanAnswerIsNeverRefused() throws {
      try withCrowd(60) { crowd, letGo, address, _ in
        let brief = try (0..<60).map { _ in try TestClient(address) }
        for round in 0..<2 {
          for client in brief { client.post("/brief", [0x61]) }
          if round == 0 { letGo() }
          for client in brief { #expect(client.answer() == "200 done") }
        }
        for client in crowd { #expect(client.answer() != nil) }
      }
    }

    /// What a GET of /calls says: how many requests have been begun.
    private func calls(toldTo client: TestClient) -> Int? {
      client.answer()?.split(separator: " ").last.flatMap { Int($0) }
    }

    @Test func aPostponedRequestEndsWithItsConnection() throws {
      try withCrowd(40) { crowd, letGo, address, _ in
        for client in crowd.dropFirst(20) { client.reset() }
        letGo()
        for client in crowd.prefix(20) { #expect(client.answer() != nil) }
        let late = try TestClient(address)
        #expect(late.get("/livez") == "200 /livez 0")
      }
    }

    /// So many small requests that take long, whose loop, the only one, stands still until `letGo` is called.
    private func withCrowd(
      _ count: Int,
      _ body: (_ crowd: [TestClient], _ letGo: () -> Void, SocketAddress, TestHandler) throws -> Void
    ) throws {
      try withServer { configuration in
        configuration.setLoops(1)
        configuration.workQueueLimit = 0
      } _: { address, _, handler in
        let gate = try TestClient(address)
        gate.post("/held", [0x61])
        handler.began.wait()
        let crowd = try (0..<count).map { _ in try TestClient(address) }
        for client in crowd { client.post("/slow", [0x61]) }
        func letGo() {
          handler.hold.signal()
          #expect(gate.answer() == "200 held")
        }
        try body(crowd, letGo, address, handler)
      }
    }

    @Test func aSmallRequestThatTakesLongMovesToThePool() throws {
      try withServer { address, _, handler in
        let client = try TestClient(address)
        #expect(client.get("/slow") == "200 done")
        // Once on the loop, cut short, and once on the pool.
        #expect(handler.calls.load(ordering: .relaxed) == 2)
      }
    }

    @Test func aConnectionWithALongRequestGoesToThePoolFromThenOn() throws {
      try withServer { address, _, handler in
        let client = try TestClient(address)
        for _ in 0..<3 { #expect(client.ask("/slow", [0x61]) == "200 done") }
        // One try on the loop, and three on the pool.
        #expect(handler.calls.load(ordering: .relaxed) == 4)
      }
    }

    @Test func aRequestThatWaitsTooLongIsNotBegun() throws {
      try withServer { configuration in
        configuration.workers = 1
        configuration.requestTimeout = .milliseconds(500)
      } _: { address, _, handler in
        let first = try TestClient(address)
        first.post("/held", large)
        handler.began.wait()
        let second = try TestClient(address)
        second.post("/never", large)
        usleep(600_000)
        handler.hold.signal()
        #expect(first.answer() == "200 held")
        #expect(second.answer()?.contains("/problems/deadline-exceeded") == true)
        #expect(handler.calls.load(ordering: .relaxed) == 1)
      }
    }

    @Test("Rule 30: a reset drops the work") func aResetCancelsTheWork() throws {
      try withServer { address, _, handler in
        let client = try TestClient(address)
        client.post("/until-cancelled", large)
        handler.began.wait()
        client.reset()
        for _ in 0..<1000 where handler.cancelled.load(ordering: .relaxed) == 0 { usleep(2000) }
        #expect(handler.cancelled.load(ordering: .relaxed) == 1)
      }
    }

    @Test func theDeadlineCancelsTheWork() throws {
      try withServer {
        $0.requestTimeout = .milliseconds(500)
      } _: { address, _, handler in
        let client = try TestClient(address)
        client.post("/until-cancelled", large)
        #expect(client.answer() == "503 cancelled")
        #expect(handler.cancelled.load(ordering: .relaxed) == 1)
      }
    }
  }
}
