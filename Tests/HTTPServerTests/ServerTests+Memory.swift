import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

extension ServerTests {
  /// What a server holds of requests and answers, and who goes when that is too much.
  @Suite struct Memory {
    @Test func bodiesBeyondTheBudgetAreRefusedBeforeTheyAreRead() throws {
      try withHeldMemory { address in
        let client = try TestClient(address)
        client.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        #expect(client.answer()?.hasPrefix("503 ") == true)
      }
    }

    /// Also when a worker, or a handler, holds what belonged to the request for longer.
    @Test func whatARequestHeldIsFreeOnceItIsAnswered() throws {
      try withServer {
        $0.holdOneLargeBody()
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
          client.send(
            "GET /y HTTP/1.1\r\nHost: x\r\n\r\n" + "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n")
          #expect(client.answer() == "200 /y 0")
          return client
        }
        let client = try TestClient(address)
        client.post("/x", [UInt8](repeating: 0x61, count: 900_000))
        #expect(client.answer() == "200 /x 900000")
        // They were there all the while, and are served when they go on.
        for claim in claims {
          claim.send([UInt8](repeating: 0x61, count: 1_048_576))
          #expect(claim.answer() == "200 /x 1048576")
        }
      }
    }

    @Test("Heads and trailers that do not end count, and are dropped beyond the limit", arguments: [true, false])
    func unfinishedHeads(isTrailer: Bool) throws {
      let observer = DropCounter()
      try withServer(observer: observer) { configuration in
        configuration.limits.headBytes = 1 << 20
        configuration.memoryBytes = 1 << 20
        configuration.loops = 1
      } _: { address, server, _ in
        let start =
          isTrailer ? "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" : "GET / HTTP/1.1\r\n"
        let clients = try (0..<20).map { _ in
          let client = try TestClient(address)
          client.send("\(start)A: ")
          client.send([UInt8](repeating: 0x61, count: 500_000))
          return client
        }
        for _ in 0..<500 where !isTrailer && observer.dropped.load(ordering: .relaxed) == 0 { usleep(10_000) }
        for _ in 0..<500 where server.status.heldBytes > 1 << 20 { usleep(10_000) }
        #expect(server.status.heldBytes <= 1 << 20)
        #expect(isTrailer || observer.dropped.load(ordering: .relaxed) > 0)
        #expect(try TestClient(address).ask("/x", [0x61]) == "200 /x 1")
        withExtendedLifetime(clients) {}
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

    @Test("A slow reader goes, and a large request finds room, when memory is short") func slowReadersMakeRoom() throws
    {
      let observer = DropCounter()
      try withServer(observer: observer) { configuration in
        // The kernel holds up to 4 MiB of the answer beside the 8 that it takes here (net.ipv4.tcp_wmem).
        configuration.memoryBytes = 15 << 20
        // At this pace whatever is held beyond a half for a second is too slow.
        configuration.limits.writeTotalTimeout = .seconds(1)
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

    @Test("A chunked body that waits for a worker counts with the room that its buffer has besides")
    func theRoomOfAWaitingBodyCounts() throws {
      try withServer { configuration in
        configuration.memoryBytes = 8 << 20
        configuration.setLoops(1)
      } _: { address, server, handler in
        var spare = 0
        for chunks in [20, 33, 50] {
          let client = try TestClient(address)
          client.send("POST /capacity HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
          for _ in 0..<chunks {
            client.send("3E80\r\n")
            client.send([UInt8](repeating: 0x61, count: 16_000))
            client.send("\r\n")
          }
          client.send("0\r\n\r\n")
          handler.began.wait()
          let held = server.status.heldBytes
          handler.hold.signal()
          let answer = try #require(client.answer())
          let capacity = try #require(Int(answer.dropFirst(4)))
          // A loop tells what it holds in steps of 64 KiB, and the worker's part at once.
          #expect(held >= capacity - 64 * 1024)
          spare += capacity - 16_000 * chunks
        }
        #expect(spare > 400_000)
      }
    }

    @Test("Senders that lack their last byte give way to a request that finds no room", arguments: [1, 2])
    func silentSendersMakeRoom(loops: Int) throws {
      try withServer { configuration in
        configuration.loops = loops
        configuration.memoryBytes = 4 << 20
        // As far as these go, they might stay for days.
        configuration.limits.bodyTimeout = .seconds(1_000_000)
        configuration.limits.writeTotalTimeout = .seconds(1_000_000)
      } _: { address, server, _ in
        let senders = try (0..<3).map { _ in
          let sender = try TestClient(address)
          sender.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
          sender.send([UInt8](repeating: 0x61, count: 899_999))
          return sender
        }
        for _ in 0..<500 where server.status.heldBytes < 2_700_000 { usleep(10_000) }
        var answers: [String?] = []
        for _ in 0..<500 where answers.last??.hasPrefix("200") != true {
          let client = try TestClient(address)
          client.post("/x", [UInt8](repeating: 0x61, count: 900_000))
          answers.append(client.answer())
          usleep(20_000)
        }
        #expect(answers.last == "200 /x 900000")
        // No more of them than must: the others are answered when their last byte has come.
        let ends = senders.map { sender in
          sender.send([0x61])
          return sender.answer()
        }
        #expect(ends.count { $0 == "200 /x 900000" } == 2)
        #expect(ends.count { $0?.hasPrefix("503") == true } == 1)
      }
    }

    @Test("What the kernel holds of answers counts too, and goes back when their readers are dropped")
    func whatTheKernelHoldsCounts() throws {
      let observer = DropCounter()
      try withServer(observer: observer) { configuration in
        configuration.memoryBytes = 1 << 20
        configuration.limits.writeTotalTimeout = .seconds(1)
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

    @Test("An answer that its client has taken is held no longer", arguments: [1, 100_000], [false, true])
    func answersTakenAreFree(bodyBytes: Int, isOnAnotherConnection: Bool) throws {
      try withServer { configuration in
        configuration.memoryBytes = 8 << 20
      } _: { address, _, _ in
        let client = try TestClient(address)
        let next = isOnAnotherConnection ? try TestClient(address) : client
        let body = [UInt8](repeating: 0x61, count: bodyBytes)
        for _ in 0..<20 {
          #expect(client.ask("/bytes/3000000", body)?.hasPrefix("200 ") == true)
          #expect(next.ask("/reserve/6500000", body) == "200 granted")
        }
      }
    }

    @Test("What a connection held is free when its answer is out, though the peer leaves it open")
    func aLingeringConnectionHoldsNothing() throws {
      try withServer { configuration in
        configuration.limits.bodyBytes = 150_000
        configuration.memoryBytes = 250_000
      } _: { address, _, _ in
        let first = try TestClient(address)
        first.send("POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n")
        first.send(large)
        #expect(first.answer() == "200 /x 100000")
        let second = try TestClient(address)
        second.post("/x", large)
        #expect(second.answer() == "200 /x 100000")
      }
    }

    @Test("To end a slow transfer leads to no second look for such, within the first")
    func slowTransfersAreLookedForOnceAtATime() throws {
      let observer = DropCounter()
      try withServer(observer: observer) { configuration in
        configuration.setLoops(1)
        configuration.memoryBytes = 4 << 20
      } _: { address, _, handler in
        handler.areRefusalsSlow.store(true, ordering: .relaxed)
        let slow = try TestClient(address)
        slow.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n.")
        usleep(300_000)
        // Its buffer grows from less than half of the budget to more than all of it at once, if its bytes come
        // together; else it may be refused, and the slow one left alone.
        for _ in 0..<20 where observer.dropped.load(ordering: .relaxed) == 0 {
          let large = try TestClient(address)
          large.send("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n600000\r\n")
          large.send([UInt8](repeating: 0x61, count: 600_000))
          for _ in 0..<50 where observer.dropped.load(ordering: .relaxed) == 0 { usleep(10_000) }
        }
        #expect(observer.dropped.load(ordering: .relaxed) > 0)
        let next = try TestClient(address)
        #expect(next.ask("/x", [0x61]) == "200 /x 1")
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
        second.send("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        second.send("7A120\r\n")
        second.send([UInt8](repeating: 0x61, count: 500_000))
        #expect(second.hasEnded())
        handler.hold.signal()
        #expect(first.answer() == "200 held")
        // An answer may be read before the worker has given its memory back.
        for _ in 0..<500 where server.status.heldBytes > 700_000 { usleep(1000) }
        let third = try TestClient(address)
        third.send("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7A120\r\n")
        third.send([UInt8](repeating: 0x61, count: 500_000))
        third.send("\r\n0\r\n\r\n")
        #expect(third.answer() == "200 /x 500000")
      }
    }
  }
}
