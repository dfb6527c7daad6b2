import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// A server on the loopback, asked by real sockets. One after the other, since several hold threads on purpose.
@Suite(.serialized) struct ServerTests {
  @Test func answersAndKeepsTheConnection() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      for _ in 0..<3 { #expect(client.get("/hello") == "200 /hello 0") }
    }
  }

  @Test func answersPipelinedRequestsInOrder() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      client.send((0..<50).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
      for number in 0..<50 { #expect(client.answer() == "200 /\(number) 0") }
    }
  }

  @Test(
    "Requests that are there at once are told apart, also beyond what is read at once", arguments: [0, 100, 20_000])
  func answersManyConnectionsAtOnce(bodyBytes: Int) throws {
    try withServer {
      $0.loops = 1
    } _: { address, server, handler in
      let holder = try TestClient(address)
      let clients = try (0..<40).map { _ in try TestClient(address) }
      for (number, client) in clients.enumerated() { #expect(client.get("/\(number)") == "200 /\(number) 0") }
      // While the only loop is held, all of them ask; then it finds all of them ready.
      holder.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
      handler.began.wait()
      for (number, client) in clients.enumerated() {
        switch number % 8 {
        case 5: client.send("NONSENSE\r\n\r\n")
        case 6: client.reset()
        case 7:
          client.send("POST /begun HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        default:
          client.post("/\(number)/a", [UInt8](repeating: 0x61, count: bodyBytes + number))
          client.post("/\(number)/b", [UInt8](repeating: 0x62, count: number))
        }
        if number % 8 == 4 { client.finish() }
      }
      handler.hold.signal()
      #expect(holder.answer() == "200 held")
      for (number, client) in clients.enumerated() {
        switch number % 8 {
        case 5: #expect(client.answer()?.hasPrefix("400 ") == true)
        case 6: break
        case 7:
          client.send("cd")
          #expect(client.answer() == "200 /begun 4")
        default:
          #expect(client.answer() == "200 /\(number)/a \(bodyBytes + number)")
          #expect(client.answer() == "200 /\(number)/b \(number)")
        }
        if number % 8 == 4 { #expect(client.hasEnded()) }
      }
    }
  }

  @Test func aStopAnswersWhatIsThereAtOnce() throws {
    try withServer {
      $0.loops = 1
    } _: { address, server, handler in
      let holder = try TestClient(address)
      let clients = try (0..<20).map { _ in try TestClient(address) }
      for client in clients { #expect(client.get("/") == "200 / 0") }
      holder.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
      handler.began.wait()
      for (number, client) in clients.enumerated() {
        client.post("/\(number)", [UInt8](repeating: 0x61, count: number))
      }
      let done = DispatchSemaphore(value: 0)
      server.stop { done.signal() }
      usleep(50_000)
      handler.hold.signal()
      #expect(holder.answer() == "200 held")
      for (number, client) in clients.enumerated() { #expect(client.answer() == "200 /\(number) \(number)") }
      #expect(done.wait(timeout: .now() + .seconds(10)) == .success)
    }
  }

  @Test func readsABodyByteByByte() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      for byte in Array("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".utf8) { client.send([byte]) }
      #expect(client.answer() == "200 /x 5")
    }
  }

  @Test func writesAnAnswerLargerThanTheSocketTakes() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      #expect(client.get("/big")?.utf8.count == 4 + (8 << 20))
      #expect(client.get("/after") == "200 /after 0")
    }
  }

  @Test("Rule 30: a half-close is answered") func answersAfterAHalfClose() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      client.post("/x", large)
      client.finish()
      #expect(client.answer() == "200 /x 100000")
      #expect(client.hasEnded())
    }
  }

  @Test("Rules 20, 22 and 30: what a client sends behind its last request cuts no answer off")
  func anAnswerArrivesWhateverFollowsItsRequest() throws {
    try withServer {
      $0.loops = 1
    } _: { address, _, _ in
      let (client, other) = try (TestClient(address), TestClient(address))
      client.receiveLittle()
      client.send("GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      // The loop has written the first answer, then found the end of the stream.
      #expect(other.get("/x") == "200 /x 0")
      client.send("GET /ignored HTTP/1.1\r\nHost: x\r\n\r\n")
      client.finish()
      #expect(other.get("/x") == "200 /x 0")
      #expect(client.answer()?.utf8.count == 1_000_004)
      #expect(client.everything()?.count == 0)
    }
  }

  @Test("Rule 23: a client that sends no more and reads nothing is dropped as any other slow reader")
  func aHalfClosedClientThatReadsNothingIsDropped() throws {
    let observer = DropCounter()
    try withServer(observer: observer) {
      $0.limits.writeTimeout = .milliseconds(50)
      $0.limits.writeTotalTimeout = .milliseconds(50)
    } _: { address, _, _ in
      for fields in ["", "Connection: close\r\n"] {
        let client = try TestClient(address)
        client.receiveLittle()
        client.send("GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
        client.finish()
        let before = observer.dropped.load(ordering: .relaxed)
        for _ in 0..<5000 where observer.dropped.load(ordering: .relaxed) == before { usleep(1000) }
        #expect(observer.dropped.load(ordering: .relaxed) == before + 1)
        #expect(client.answer()?.prefix(3) == nil)
      }
    }
  }

  @Test("Rule 23: what has arrived in time is read, however late the loop comes to it")
  func aLateLoopReadsBeforeItJudges() throws {
    try withServer {
      $0.loops = 1
      $0.limits.headTimeout = .milliseconds(1)
    } _: { address, _, handler in
      let clients = try (0..<3).map { _ in try TestClient(address) }
      for client in clients { #expect(client.get("/x") == "200 /x 0") }
      let held = "GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
      clients[0].send(held)
      handler.began.wait()
      // While the only loop is held, half a head and another such request arrive; so it reads them in one pass.
      clients[1].send("GET /late HTTP/1.1\r\n")
      clients[2].send(held)
      handler.hold.signal()
      handler.began.wait()
      clients[1].send("Host: x\r\n\r\n")
      // Longer than a step of the timers.
      usleep(150_000)
      handler.hold.signal()
      #expect(clients[1].answer() == "200 /late 0")
      for client in [clients[0], clients[2]] { #expect(client.answer() == "200 held") }
    }
  }

  @Test func aBrokenRequestIsAnsweredOnceAndTheConnectionEnds() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      client.send("NONSENSE\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(client.answer()?.hasPrefix("400 ") == true)
      client.finish()
      #expect(client.hasEnded())
      #expect(client.answer() == nil)
    }
  }

  @Test("A body that means nothing is not taken", arguments: ["GET", "OPTIONS", "DELETE"])
  func aLargeBodyThatMeansNothingIsRefused(method: String) throws {
    try withServer { address, _, handler in
      let client = try TestClient(address)
      client.send("\(method) /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n")
      #expect(client.answer()?.hasPrefix("413 ") == true)
      #expect(client.hasEnded())
      #expect(handler.calls.load(ordering: .relaxed) == 0)
    }
  }

  /// A browser hides an answer without CORS fields from its page, and an operator looks for a 503 by its request's id.
  @Test func answersInTheHandlersSteadCarryWhatItsOwnCarry() throws {
    try withHeldMemory { address in
      for (fields, body, status) in [
        ("Content-Length: 150001", "", "413 "), ("Content-Length: 100000", "", "503 "),
        ("Transfer-Encoding: chunked", "186A0\r\n" + String(repeating: "a", count: 100_000), "503 "),
      ] {
        let client = try TestClient(address)
        client.send("POST /x HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n\(body)")
        let answer = client.answer()
        #expect(answer?.hasPrefix(status) == true)
        #expect(client.lastHead.contains("X-Request-Id: marked"), "\(fields)")
        #expect(client.lastHead.contains("Retry-After: 1") == (status == "503 "))
        let reason =
          status == "413 " ? "larger than the 150000 bytes that this server reads" : "no memory for this request now"
        #expect(answer?.contains(reason) == true, "\(fields)")
      }
    }
  }

  @Test func localhostListensOnBothLoopbacksWithOnePort() throws {
    let configuration = ServerConfiguration(addresses: SocketAddress.all(host: "localhost", port: 0) ?? [])
    let server = Server(ServerStatus(configuration), handler: TestHandler(), observer: DropCounter())
    let addresses = try server.start()
    defer { stop(server) }
    #expect(Set(addresses.map(\.port)).count == 1)
    for address in addresses {
      let client = try TestClient(address)
      #expect(client.get("/x") == "200 /x 0")
    }
  }
}
