import Testing

@testable import HTTP

/// Rule 23, by moving the time that is handed in.
struct ConnectionDeadlinesTests {
  @Test("Rule 23: a connection without a request is closed after the keep-alive time, in silence")
  func keepAlive() {
    let fresh = Harness()
    fresh.pass(74.9)
    #expect(fresh.closed == nil)
    fresh.pass(0.2)
    #expect(fresh.closed == .idle && fresh.written.isEmpty)
    let used = Harness()
    used.pass(70)
    used.feed(Harness.get)
    used.pass(74.9)
    #expect(used.closed == nil)
    used.feed(Harness.get)
    used.pass(75.1)
    #expect(used.closed == .idle && used.statuses == [200, 200])
  }

  @Test("Rule 23: a whole head must come within its time, however its bytes trickle in")
  func slowHead() {
    let harness = Harness()
    harness.pass(60)
    for byte in "GET /a HTTP/1.1\r\nX: ".utf8 {
      harness.feed([byte])
      harness.pass(0.99)
    }
    #expect(harness.written.isEmpty)
    harness.pass(0.3)
    #expect(
      harness.statuses == [408] && harness.shutsDown && harness.rejections.map(\.type.name) == ["request-timeout"])
    // The empty line that may follow a body begins no head.
    let empty = Harness()
    empty.feed("\r\n")
    empty.pass(30)
    #expect(empty.written.isEmpty && empty.closed == nil)
  }

  @Test("Rule 23: the next head's time starts when the one before is answered")
  func pipelinedHead() {
    let harness = Harness()
    harness.respond = { _ in nil }
    harness.feed(Harness.get + "GET /b")
    #expect(harness.nextDeadline == nil)
    harness.pass(1000)
    harness.answer(Response(.ok))
    harness.pass(19)
    #expect(harness.statuses == [200])
    harness.pass(2)
    #expect(harness.statuses == [200, 408])
  }

  @Test(
    "Rule 23: a body may not fall silent, nor fall below its rate",
    arguments: ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
  func slowBody(framing: String) {
    let head = "POST /a HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n" + (framing.hasPrefix("T") ? "F4240\r\n" : "")
    let silent = Harness()
    silent.feed(head + String(repeating: "x", count: 100_000))
    silent.pass(19.9)
    #expect(silent.written.isEmpty)
    silent.pass(0.2)
    #expect(silent.statuses == [408] && silent.shutsDown)
    let slow = Harness()
    slow.feed(head)
    var seconds = 0
    while slow.written.isEmpty, seconds < 1000 {
      slow.feed([UInt8](repeating: 0x78, count: 512))
      slow.pass(1)
      seconds += 1
    }
    // 20 s of grace, and then half of the 1,024 bytes a second that are asked for.
    #expect(slow.statuses == [408] && (38...42).contains(seconds))
    // What was fast at first has earned no more than 20 s.
    let tired = Harness()
    tired.feed(head + String(repeating: "x", count: 900_000))
    seconds = 0
    while tired.written.isEmpty, seconds < 1000 {
      tired.feed("x")
      tired.pass(1)
      seconds += 1
    }
    #expect(tired.statuses == [408] && (19...21).contains(seconds))
    let steady = Harness()
    steady.feed(head)
    for _ in 0..<900 {
      steady.feed([UInt8](repeating: 0x78, count: 1100))
      steady.pass(1)
    }
    #expect(steady.written.isEmpty)
  }

  @Test("Rule 23: the time for which the peer has kept the connection waiting")
  func timeWaited() {
    let head = Harness()
    head.pass(3)
    #expect(head.secondsWaited == 3)
    head.feed("POST /a HTTP/1.1\r\nHost: a\r\n")
    #expect(head.secondsWaited == 0)
    head.pass(2)
    #expect(head.secondsWaited == 2)
    // A body's bytes win back the time that they may take, and no more.
    head.feed("Content-Length: 1000000\r\n\r\n")
    head.pass(10)
    #expect(head.secondsWaited == 10)
    head.feed([UInt8](repeating: 0x78, count: 5120))
    #expect(head.secondsWaited.map { ($0 * 10).rounded() } == 50)
    head.feed([UInt8](repeating: 0x78, count: 100_000))
    #expect(head.secondsWaited == 0)
    let answer = Harness()
    answer.respond = nil
    answer.feed(Harness.get)
    answer.pass(100)
    #expect(answer.secondsWaited == nil)
    answer.room = 0
    answer.answer(Response(.ok, .json, body: [UInt8](repeating: 0x30, count: 200_000)))
    answer.pass(4)
    #expect(answer.secondsWaited == 4)
    answer.room = nil
    answer.goOn()
    #expect(answer.secondsWaited == 0)
  }

  @Test("Rule 23: a reader that takes nothing, or too little, is dropped")
  func slowReader() {
    func harness() -> Harness {
      let harness = Harness()
      harness.respond = { _ in Response(.ok, .json, body: [UInt8](repeating: 0x30, count: 200_000)) }
      harness.room = 1000
      harness.feed(Harness.get)
      return harness
    }
    let silent = harness()
    silent.pass(29.9)
    #expect(silent.closed == nil)
    silent.pass(0.2)
    #expect(silent.closed == .slowReader)
    let slow = harness()
    var seconds = 0
    while slow.closed == nil, seconds < 1000 {
      slow.room = 512
      slow.goOn()
      slow.pass(1)
      seconds += 1
    }
    #expect(slow.closed == .slowReader && (58...64).contains(seconds))
    let steady = harness()
    for _ in 0..<2000 where steady.hasOutput {
      steady.room = 1100
      steady.goOn()
      steady.pass(1)
    }
    #expect(steady.closed == nil && steady.statuses == [200])
    steady.pass(73)
    #expect(steady.isIdle)
  }

  @Test("Rule 23: where a byte may take less than a nanosecond, a rate is asked for all the same")
  func shortestTotal() {
    let start = Instant(nanoseconds: 0)
    var deadline = RateDeadline(from: start, grace: 1_000_000_000, perByte: 1000)
    deadline.require(2_000_000, within: 1_000_000)
    deadline.moved(1, at: start.advanced(by: 500_000_000))
    #expect(deadline.instant.nanoseconds == 1_000_000_001)
  }

  @Test("Rule 23: a slow reader is dropped while its next request is at work")
  func slowReaderWhileAnswering() {
    let harness = Harness()
    harness.room = 0
    harness.feed(Harness.get)
    harness.respond = { _ in nil }
    harness.feed(Harness.get)
    #expect(harness.openID != nil)
    harness.pass(31)
    #expect(harness.closed == .slowReader)
    harness.answer(Response(.ok))
    #expect(harness.written.isEmpty)
  }

  @Test("Rules 19 and 20: after the last answer, 5 s of silence or 30 s in all")
  func linger() {
    let silent = Harness()
    silent.feed("BAD\r\n")
    silent.pass(4.9)
    #expect(silent.closed == nil)
    silent.pass(0.2)
    #expect(silent.closed == .finished)
    let busy = Harness()
    busy.feed("BAD\r\n")
    var seconds = 0
    while busy.closed == nil, seconds < 100 {
      busy.feed("x")
      busy.pass(1)
      seconds += 1
    }
    #expect(busy.closed == .finished && seconds == 30)
  }

  @Test("Rule 23: no deadline runs while a request is at work, and each is the server's to set")
  func configured() {
    let working = Harness()
    working.respond = { _ in nil }
    working.feed(Harness.get)
    #expect(working.nextDeadline == nil)
    var limits = HTTPLimits()
    limits.idleTimeout = .milliseconds(500)
    limits.headTimeout = .milliseconds(200)
    let idle = Harness(limits)
    idle.pass(0.6)
    #expect(idle.closed == .idle)
    let slow = Harness(limits)
    slow.feed("G")
    slow.pass(0.3)
    #expect(slow.statuses == [408])
    limits.bodyBytesPerSecond = 0
    let rateless = Harness(limits)
    rateless.feed("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
    for _ in 0..<900 {
      rateless.feed("x")
      rateless.pass(19)
    }
    #expect(rateless.written.isEmpty)
  }
}

extension Harness {
  fileprivate var secondsWaited: Double? { state.timeWaited(at: now.instant).map { Double($0) / 1e9 } }
}
