import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// The order of a stop: readiness, delay, answers under way, the end.
@Suite(.serialized) struct StoppingTests {
  @Test func readinessIsDeniedAtOnceAndServiceGoesOnForTheDelay() throws {
    try withServer {
      $0.drainDelay = .milliseconds(300)
    } _: { address, server, _ in
      #expect(server.status.isRunning)
      let done = DispatchSemaphore(value: 0)
      server.stop { done.signal() }
      #expect(!server.status.isRunning)
      // A new connection is served, and told that it will end.
      let client = try TestClient(address)
      #expect(client.get("/a") == "200 /a 0")
      #expect(client.lastHead.contains("Connection: close"))
      #expect(done.wait(timeout: .now() + .seconds(5)) == .success)
      #expect(client.hasEnded())
      #expect(throws: TestClient.Failure.self) { try TestClient(address) }
    }
  }

  @Test func answersUnderWayArriveAndTheirConnectionsEnd() throws {
    try withServer { address, server, handler in
      let client = try TestClient(address)
      let idle = try TestClient(address)
      #expect(idle.get("/a") == "200 /a 0")
      client.post("/held", large)
      handler.began.wait()
      let done = DispatchSemaphore(value: 0)
      server.stop { done.signal() }
      #expect(idle.hasEnded())
      #expect(done.wait(timeout: .now() + .milliseconds(50)) == .timedOut)
      handler.hold.signal()
      #expect(client.answer() == "200 held")
      #expect(client.hasEnded())
      #expect(done.wait(timeout: .now() + .seconds(5)) == .success)
    }
  }

  @Test("An answer that the kernel still holds arrives whole") func unreadAnswersArrive() throws {
    try withServer { address, server, handler in
      let client = try TestClient(address)
      client.post("/bytes/1000000", [0x61])
      for _ in 0..<500 where handler.calls.load(ordering: .relaxed) == 0 { usleep(1000) }
      usleep(100_000)
      let done = DispatchSemaphore(value: 0)
      server.stop { done.signal() }
      #expect(done.wait(timeout: .now() + .milliseconds(500)) == .timedOut)
      #expect(client.answer()?.utf8.count == 1_000_004)
      #expect(client.hasEnded())
      #expect(done.wait(timeout: .now() + .milliseconds(100)) == .timedOut)
      client.finish()
      #expect(done.wait(timeout: .now() + .seconds(1)) == .success)
    }
  }

  @Test func requestsThatArrivedBeforeTheStopAreAnswered() throws {
    try withServer { address, server, _ in
      let clients = try (0..<20).map { _ in try TestClient(address) }
      for client in clients { client.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n") }
      server.stop {}
      for client in clients { #expect(client.answer() == "200 /late 0") }
    }
  }

  @Test func theDrainTimeoutEndsAnswersThatTakeLonger() throws {
    try withServer {
      $0.drainTimeout = .milliseconds(100)
    } _: { address, server, handler in
      let client = try TestClient(address)
      client.post("/until-cancelled", large)
      handler.began.wait()
      let done = DispatchSemaphore(value: 0)
      server.stop { done.signal() }
      #expect(done.wait(timeout: .now() + .seconds(5)) == .success)
      #expect(client.answer() == nil)
      #expect(client.hasEnded())
    }
  }
}
