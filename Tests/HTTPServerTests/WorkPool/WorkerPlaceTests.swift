import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// What is said to a request whose work takes longer than its size tells.
@Suite struct WorkerPlaceTests {
  private let body = [UInt8](repeating: 0x61, count: 100_000)

  @Test("One too many is told that the server is overloaded, not that its time is up", arguments: [1, 2])
  func oneTooManyIsOverload(workers: Int) throws {
    try withServer { configuration in
      configuration.workers = workers
    } _: { address, _, handler in
      // One runs, and four wait for it.
      let clients = try (0..<7).map { _ in
        let client = try TestClient(address)
        client.post("/expensive", body)
        return client
      }
      handler.began.wait()
      for _ in 0..<1000 where handler.cancelled.load(ordering: .relaxed) < 2 { usleep(5000) }
      for _ in 0..<5 { handler.hold.signal() }
      var held = 0
      for client in clients {
        let answer = client.answer() ?? "none"
        if answer == "200 held" {
          held += 1
          continue
        }
        #expect(answer.hasPrefix("503 ") && answer.contains("/problems/overloaded"))
        #expect(answer.contains("as many such requests as it takes on"))
        #expect(client.lastHead.contains("Retry-After: 1"))
        #expect(client.lastHead.contains("X-Request-Id: marked"))
      }
      #expect(held == 5)
    }
  }

  @Test func oneWhoseTimeIsUpWhileItWaitsIsAnsweredByTheHandler() throws {
    try withServer { configuration in
      configuration.requestTimeout = .milliseconds(50)
    } _: { address, _, handler in
      let first = try TestClient(address)
      first.post("/expensive", body)
      handler.began.wait()
      let second = try TestClient(address)
      second.post("/expensive", body)
      #expect(second.answer() == "503 cancelled")
      handler.hold.signal()
      #expect(first.answer() == "200 held")
    }
  }
}
