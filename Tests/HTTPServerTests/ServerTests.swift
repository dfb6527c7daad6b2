import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// A server on the loopback, asked by real sockets. One after the other, since several hold threads on purpose.
@Suite(.serialized) struct ServerTests {
  private let large = [UInt8](repeating: 0x61, count: 100_000)

  @Test func answersAndKeepsTheConnection() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      for _ in 0..<3 { #expect(client.get("/hello") == "200 /hello 0") }
    }
  }

  @Test func answersPipelinedRequestsInOrder() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      client.say((0..<50).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
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
      holder.say("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
      handler.began.wait()
      for (number, client) in clients.enumerated() {
        switch number % 8 {
        case 5: client.say("NONSENSE\r\n\r\n")
        case 6: client.reset()
        case 7:
          client.say("POST /begun HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
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
          client.say("cd")
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
      holder.say("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
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
      for byte in Array("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".utf8) { client.say([byte]) }
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

  @Test func aBrokenRequestIsAnsweredOnceAndTheConnectionEnds() throws {
    try withServer { address, _, _ in
      let client = try TestClient(address)
      client.say("NONSENSE\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(client.answer()?.hasPrefix("400 ") == true)
      client.finish()
      #expect(client.hasEnded())
      #expect(client.answer() == nil)
    }
  }

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
        client.say("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        client.say(large)
        refusal = client.answer()
      }
      #expect(refusal?.contains("/problems/overloaded") == true)
      handler.hold.signal()
      handler.hold.signal()
      #expect(clients[0].answer() == "200 held")
      #expect(clients[1].answer() == "200 held")
    }
  }

  @Test func bodiesBeyondTheBudgetAreRefusedBeforeTheyAreRead() throws {
    try withServer { configuration in
      configuration.limits.bodyBytes = 150_000
      configuration.memoryBytes = 200_000
    } _: { address, _, handler in
      let first = try TestClient(address)
      first.post("/held", large)
      handler.began.wait()
      let second = try TestClient(address)
      second.say("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
      #expect(second.answer()?.hasPrefix("503 ") == true)
      handler.hold.signal()
      #expect(first.answer() == "200 held")
      // What the first held is free again.
      first.post("/x", large)
      #expect(first.answer() == "200 /x 100000")
    }
  }

  /// Also when a worker, or a handler, holds what belonged to the request for longer.
  @Test func whatARequestHeldIsFreeOnceItIsAnswered() throws {
    try withServer { configuration in
      configuration.limits.bodyBytes = 150_000
      configuration.memoryBytes = 200_000
    } _: { address, _, _ in
      let client = try TestClient(address)
      for _ in 0..<3 {
        client.post("/kept", large)
        #expect(client.answer() == "200 kept")
      }
    }
  }

  @Test func aClaimedLengthTakesNothingFromOthers() throws {
    try withServer { configuration in
      configuration.limits.bodyBytes = 1 << 20
      configuration.memoryBytes = 4 << 20
    } _: { address, _, _ in
      let claims = try (0..<4).map { _ in
        let client = try TestClient(address)
        // The claim comes behind a request whose answer shows that it has been looked at.
        client.say(
          "GET /y HTTP/1.1\r\nHost: x\r\n\r\n" + "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n")
        #expect(client.answer() == "200 /y 0")
        return client
      }
      let client = try TestClient(address)
      client.post("/x", [UInt8](repeating: 0x61, count: 900_000))
      #expect(client.answer() == "200 /x 900000")
      // They were there all the while, and are served when they go on.
      for claim in claims {
        claim.say([UInt8](repeating: 0x61, count: 1_048_576))
        #expect(claim.answer() == "200 /x 1048576")
      }
    }
  }

  @Test("A body that means nothing is not taken", arguments: ["GET", "OPTIONS", "DELETE"])
  func aLargeBodyThatMeansNothingIsRefused(method: String) throws {
    try withServer { address, _, handler in
      let client = try TestClient(address)
      client.say("\(method) /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n")
      #expect(client.answer()?.hasPrefix("413 ") == true)
      #expect(client.hasEnded())
      #expect(handler.calls.load(ordering: .relaxed) == 0)
    }
  }

  @Test("Answers that nobody takes are dropped beyond the limit, and small requests find room", arguments: [1, 2])
  func unreadAnswersGoWhenMemoryIsFull(loops: Int) throws {
    let observer = DropCounter()
    try withServer(observer: observer) { configuration in
      configuration.loops = loops
      configuration.memoryBytes = 16 << 20
    } _: { address, server, _ in
      // 8 MiB each, for a body of one byte.
      let clients = try (0..<12).map { _ in
        let client = try TestClient(address)
        client.post("/big", [0x61])
        return client
      }
      for _ in 0..<500 where observer.dropped.load(ordering: .relaxed) < 8 { usleep(10_000) }
      // One that has just been made counts until its connection is dropped.
      let most = (16 << 20) + loops * 64 * 1024
      for _ in 0..<500 where server.status.heldBytes > most { usleep(10_000) }
      #expect(server.status.heldBytes <= most)
      let next = try TestClient(address)
      for _ in 0..<10 { #expect(next.ask("/x", [0x61]) == "200 /x 1") }
      // What is left of the memory goes to those that came first; they get all of their answers.
      let answers = clients.map { $0.answer()?.prefix(3) }
      #expect(answers.contains("200") && answers.contains(nil))
      #expect(observer.dropped.load(ordering: .relaxed) == answers.count { $0 == nil })
    }
  }

  @Test("A slow reader goes, and a large request finds room, when memory is short") func slowReadersMakeRoom() throws {
    let observer = DropCounter()
    try withServer(observer: observer) { configuration in
      // The kernel holds up to 4 MiB of the answer beside the 8 that it takes here (net.ipv4.tcp_wmem).
      configuration.memoryBytes = 15 << 20
      // At this pace whatever is held beyond a half for a second is too slow.
      configuration.limits.writeTotal = .seconds(1)
    } _: { address, server, _ in
      let reader = try TestClient(address)
      reader.post("/big", [0x61])
      for _ in 0..<500 where server.status.heldBytes < 8 << 20 { usleep(1000) }
      #expect(server.status.heldBytes >= 8 << 20)
      for _ in 0..<500 where observer.dropped.load(ordering: .relaxed) == 0 { usleep(10_000) }
      #expect(observer.dropped.load(ordering: .relaxed) == 1)
      let client = try TestClient(address)
      client.post("/x", [UInt8](repeating: 0x61, count: 6 << 20))
      #expect(client.answer() == "200 /x \(6 << 20)")
      #expect(reader.answer() == nil && reader.hasEnded())
    }
  }

  @Test("What the kernel holds of answers counts too, and goes back when their readers are dropped")
  func whatTheKernelHoldsCounts() throws {
    let observer = DropCounter()
    try withServer(observer: observer) { configuration in
      configuration.memoryBytes = 1 << 20
      configuration.limits.writeTotal = .seconds(1)
    } _: { address, server, _ in
      // The kernel of the reader takes a part of each, that of the server the rest.
      let readers = try (0..<10).map { _ in
        let reader = try TestClient(address)
        reader.post("/bytes/500000", [0x61])
        return reader
      }
      for _ in 0..<1000 where observer.dropped.load(ordering: .relaxed) == 0 { usleep(10_000) }
      for _ in 0..<1000 where server.status.heldBytes > 1 << 20 { usleep(10_000) }
      #expect(server.status.heldBytes <= 1 << 20)
      let answers = readers.map { $0.answer() }
      #expect(observer.dropped.load(ordering: .relaxed) > 0)
      #expect(answers.count { $0 == nil } == observer.dropped.load(ordering: .relaxed))
    }
  }

  @Test("A handler asks for memory before it works, on the loop and on the pool", arguments: [1, 100_000])
  func workIsReserved(bodyBytes: Int) throws {
    try withServer { configuration in
      configuration.memoryBytes = 1 << 20
    } _: { address, server, _ in
      let client = try TestClient(address)
      let body = [UInt8](repeating: 0x61, count: bodyBytes)
      #expect(client.ask("/reserve/600000", body) == "200 granted")
      #expect(client.ask("/reserve/2000000", body) == "200 never")
      #expect(client.ask("/reserve/600000", body) == "200 granted")
      // The last reservation ends when its answer is out, and a loop tells what it holds in steps of 64 KiB.
      for _ in 0..<1000 where server.status.heldBytes > 64 * 1024 { usleep(1000) }
      #expect(server.status.heldBytes <= 64 * 1024 && !server.status.isShortOfMemory)
    }
  }

  @Test("What a connection held is free when its answer is out, though the peer leaves it open")
  func aLingeringConnectionHoldsNothing() throws {
    try withServer { configuration in
      configuration.limits.bodyBytes = 150_000
      configuration.memoryBytes = 250_000
    } _: { address, _, _ in
      let first = try TestClient(address)
      first.say("POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n")
      first.say(large)
      #expect(first.answer() == "200 /x 100000")
      let second = try TestClient(address)
      second.post("/x", large)
      #expect(second.answer() == "200 /x 100000")
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

  @Test func aChunkedBodyIsChargedAsItComes() throws {
    try withServer { configuration in
      configuration.limits.bodyBytes = 1 << 20
      configuration.memoryBytes = 1_300_000
    } _: { address, server, handler in
      let first = try TestClient(address)
      first.post("/held", [UInt8](repeating: 0x61, count: 900_000))
      handler.began.wait()
      let second = try TestClient(address)
      second.say("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
      second.say("7A120\r\n")
      second.say([UInt8](repeating: 0x61, count: 500_000))
      #expect(second.hasEnded())
      handler.hold.signal()
      #expect(first.answer() == "200 held")
      // An answer may be read before the worker has given its memory back.
      for _ in 0..<500 where server.status.heldBytes > 700_000 { usleep(1000) }
      let third = try TestClient(address)
      third.say("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7A120\r\n")
      third.say([UInt8](repeating: 0x61, count: 500_000))
      third.say("\r\n0\r\n\r\n")
      #expect(third.answer() == "200 /x 500000")
    }
  }

  /// A browser hides an answer without CORS fields from its page, and an operator looks for a 503 by its request's id.
  @Test func answersInTheHandlersSteadCarryWhatItsOwnCarry() throws {
    try withServer { configuration in
      configuration.limits.bodyBytes = 150_000
      configuration.memoryBytes = 200_000
    } _: { address, _, handler in
      let first = try TestClient(address)
      first.post("/held", large)
      handler.began.wait()
      for (fields, body, status) in [
        ("Content-Length: 150001", "", "413 "), ("Content-Length: 100000", "", "503 "),
        ("Transfer-Encoding: chunked", "186A0\r\n" + String(repeating: "a", count: 100_000), "503 "),
      ] {
        let client = try TestClient(address)
        client.say("POST /x HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n\(body)")
        let answer = client.answer()
        #expect(answer?.hasPrefix(status) == true)
        #expect(client.lastHead.contains("X-Request-Id: marked"), "\(fields)")
        #expect(client.lastHead.contains("Retry-After: 1") == (status == "503 "))
        if status == "413 " { #expect(answer?.contains("has 150001 bytes; this server reads at most 150000") == true) }
      }
      handler.hold.signal()
      #expect(first.answer() == "200 held")
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

  @Test("Rule 23: beyond the cap only liveness is answered") func beyondTheCapOnlyLivenessIsAnswered() throws {
    try withServer { configuration in
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
      bodied.say("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
      #expect(bodied.answer()?.hasPrefix("503 ") == true)
      bodied.finish()
      #expect(bodied.hasEnded())
      #expect(try TestClient(address).get("/c")?.hasPrefix("503 ") == true)
      #expect(first.get("/d") == "200 /d 0")
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

  @Test func aPortInUseIsATypedError() throws {
    try withServer { address, _, _ in
      let second = Server(configuration: ServerConfiguration(addresses: [address]), handler: TestHandler())
      #expect(throws: StartError.self) { try second.start() }
    }
  }

  @Test func localhostListensOnBothLoopbacksWithOnePort() throws {
    let server = Server(
      configuration: ServerConfiguration(addresses: SocketAddress.all(host: "localhost", port: 0) ?? []),
      handler: TestHandler())
    let addresses = try server.start()
    defer { stop(server) }
    #expect(Set(addresses.map(\.port)).count == 1)
    for address in addresses {
      let client = try TestClient(address)
      #expect(client.get("/x") == "200 /x 0")
    }
  }
}
