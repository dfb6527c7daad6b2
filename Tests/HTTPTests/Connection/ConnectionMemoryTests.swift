import Testing

@testable import HTTP

/// Rule 23 and "Operation": what a connection holds, and how long a peer may make it hold that.
struct ConnectionMemoryTests {
  @Test("Rule 23: the more bytes wait, the faster they must be taken", arguments: [100_000, 1_000_000, 8_000_000])
  func heavyAnswers(bytes: Int) {
    for isSlow in [false, true] {
      let harness = Harness()
      harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: bytes)) }
      // All but in five minutes, or in six; where that is less than the least rate, the least rate counts.
      let rate = max(Double(bytes) / (isSlow ? 360 : 290), isSlow ? 600 : 1100)
      harness.room = 0
      harness.feed(Harness.get)
      var seconds = 0.0
      while harness.hasOutput, harness.closed == nil, seconds < 1000 {
        harness.pass(1)
        seconds += 1
        if harness.closed == nil { harness.take(Int(rate)) }
      }
      #expect(harness.closed == (isSlow ? .slowReader : nil), "\(seconds) s")
      #expect(seconds <= 331)
    }
  }

  @Test func anIdleConnectionHoldsLittle() {
    let harness = Harness()
    #expect(harness.state.memory == 0)
    harness.feed(Harness.get)
    #expect(harness.state.memory < 8192 && harness.isIdle)
  }

  @Test func unreadAnswersCountUntilTheyAreWritten() {
    let harness = Harness()
    harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: 100_000)) }
    harness.room = 0
    harness.feed(Harness.get + Harness.get)
    #expect(harness.state.memory >= 200_000)
    harness.take(99_000)
    #expect(harness.state.memory >= 200_000)
    harness.take(99_000)
    #expect((100_000..<200_000).contains(harness.state.memory))
    harness.take(99_000)
    #expect(harness.state.memory < 8192)
  }

  @Test("A body, a head that waits for it, and what is pipelined behind a request")
  func whatHasComeCounts() {
    let harness = Harness()
    let field = "X: " + String(repeating: "x", count: 8000)
    harness.feed("POST /a HTTP/1.1\r\nHost: a\r\n\(field)\r\nContent-Length: 300000\r\n\r\n")
    #expect(harness.state.memory >= 8000)
    harness.feed([UInt8](repeating: 0x61, count: 200_000))
    #expect(harness.state.memory >= 208_000)
    let busy = Harness()
    busy.respond = { _ in nil }
    busy.feed(Harness.get + String(repeating: Harness.get, count: 1000))
    #expect(busy.state.memory >= 1000 * Harness.get.utf8.count)
  }

  @Test func aTransferIsExpectedToGoOnAtItsPace() throws {
    let harness = Harness()
    #expect(harness.expectedSeconds == nil)
    harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: 10_000_000)) }
    harness.room = 0
    harness.feed(Harness.get)
    #expect(harness.expectedSeconds == 0)
    harness.pass(1)
    // Too early to tell.
    #expect(harness.expectedSeconds == 1)
    harness.pass(1)
    // Nothing but the 64 KiB of the start in two seconds.
    #expect(try abs(#require(harness.expectedSeconds) - 20_000_000 / 65_536) < 1)
    harness.take(5_000_000)
    #expect(try abs(#require(harness.expectedSeconds) - 2) < 0.1)
    harness.pass(9)
    #expect(try abs(#require(harness.expectedSeconds) - 9) < 0.2)
    harness.room = nil
    harness.take(.max)
    // What the system holds has not been taken.
    harness.state.systemHolds(1_000_000, at: harness.now)
    #expect(try abs(#require(harness.expectedSeconds) - 1) < 0.1)
    // However little is left, it takes as long as nothing has moved.
    harness.pass(9)
    harness.state.systemHolds(1_000_000, at: harness.now)
    #expect(try abs(#require(harness.expectedSeconds) - 9) < 0.1)
    harness.state.systemHolds(0, at: harness.now)
    #expect(harness.expectedSeconds == nil)
    // A body likewise.
    harness.feed("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
    harness.feed([UInt8](repeating: 0x61, count: 1_000_000))
    harness.pass(10)
    #expect(try abs(#require(harness.expectedSeconds) - 85) < 1)
    harness.feed([UInt8](repeating: 0x61, count: 8_999_999))
    harness.pass(15)
    #expect(harness.expectedSeconds == 15)
  }

  @Test("A fast beginning does not speak for a slow rest", arguments: [false, true])
  func aTransferThatSlowsDown(isAnswer: Bool) throws {
    let harness = Harness()
    if isAnswer {
      harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: 20_000_000)) }
      harness.room = 0
      harness.feed(Harness.get)
      harness.take(19_000_000)
    } else {
      harness.feed("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
      harness.feed([UInt8](repeating: 0x61, count: 19_000_000))
    }
    var expected: [Double] = []
    for _ in 0..<20 {
      harness.pass(0.5)
      if isAnswer { harness.take(10_000) } else { harness.feed([UInt8](repeating: 0x61, count: 10_000)) }
      try expected.append(#require(harness.expectedSeconds))
    }
    // At the pace as a whole the rest would come in half a second; at the present one it needs 40 s.
    #expect(expected[0] < 1)
    #expect(expected[8...].allSatisfy { abs($0 - 40) < 5 })
  }

  @Test func aHeadIsExpectedToTakeAsLongAgain() {
    let harness = Harness()
    harness.feed("GET /a HTTP/1.1\r\nA: ")
    harness.pass(7)
    #expect(harness.expectedSeconds == 7)
  }

  @Test("A chunked body's trailers count") func trailers() {
    var limits = HTTPLimits()
    limits.headBytes = 1 << 20
    let harness = Harness(limits)
    harness.feed("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ")
    harness.feed([UInt8](repeating: 0x61, count: 500_000))
    #expect(harness.state.memory >= 500_000)
  }

  @Test("A chunked body has its method's bound", arguments: ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"])
  func chunkedBodiesThatMeanNothing(method: String) {
    let head = "\(method) /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    let chunk = "8000\r\n" + String(repeating: "a", count: 32_768) + "\r\n"
    let most = Harness()
    most.feed(head + chunk + chunk + "0\r\n\r\n")
    #expect(most.requests.map(\.body.count) == [65_536] && most.rejections.isEmpty)
    let more = Harness()
    more.feed(head + chunk + chunk + "1\r\na\r\n0\r\n\r\n")
    #expect(more.requests.isEmpty && more.rejections.map(\.type.name) == ["body-too-large"] && more.shutsDown)
    #expect(more.rejections.first?.detail.contains("65536") == true)
    let post = Harness()
    post.feed(head.replacing(method, with: "POST", maxReplacements: 1) + chunk + chunk + chunk + "0\r\n\r\n")
    #expect(post.requests.map(\.body.count) == [3 * 32_768])
  }
}

extension Harness {
  /// The peer takes this many bytes more.
  func take(_ count: Int) {
    if room != nil { room = count }
    goOn()
  }

  var expectedSeconds: Double? { state.expectedTransferTime(at: now.instant).map { Double($0) / 1e9 } }
}
