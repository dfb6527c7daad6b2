import Testing

@testable import HTTP

/// Rules 23 and 20: an answer that has been written is not an answer that has been taken. The system holds megabytes.
struct UnacknowledgedAnswersTests {
  /// A connection that has written an answer of this many bytes, of which the peer has taken none.
  private func harness(holding bytes: Int, closes: Bool = false) -> Harness {
    let harness = Harness()
    harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: bytes), closes: closes) }
    harness.held = bytes
    harness.feed(Harness.get)
    #expect(!harness.hasOutput)
    return harness
  }

  /// Lets time pass, in which the peer takes this many bytes a second.
  private func read(_ harness: Harness, _ rate: Int, seconds: Int) {
    for _ in 0..<seconds where harness.closed == nil {
      harness.pass(1)
      harness.held = max(0, harness.held - rate)
    }
  }

  @Test("Rule 23: a connection whose peer still reads is not idle, and one whose peer does not read is a slow reader's")
  func idle() {
    let steady = harness(holding: 1_000_000)
    read(steady, 5000, seconds: 200)
    #expect(steady.closed == nil && steady.held == 0)
    steady.pass(76)
    #expect(steady.closed == .idle)
    let silent = harness(holding: 1_000_000)
    silent.pass(76)
    #expect(silent.closed == .slowReader)
    let slow = harness(holding: 1_000_000)
    read(slow, 1000, seconds: 200)
    #expect(slow.closed == .slowReader)
  }

  @Test("Rule 23: who reads does not keep the connection waiting")
  func places() {
    let steady = harness(holding: 1_000_000)
    read(steady, 5000, seconds: 20)
    steady.state.systemHolds(steady.held, at: steady.now)
    #expect(steady.state.timeWaited(at: steady.now.instant) == 0)
    let silent = harness(holding: 1_000_000)
    silent.pass(20)
    silent.state.systemHolds(silent.held, at: silent.now)
    // But for what its head's bytes have earned.
    let waited = silent.state.timeWaited(at: silent.now.instant) ?? 0
    #expect(waited > 19_900_000_000)
  }

  @Test("Rule 20: a server that stops ends what it sends, and waits until the peer has taken it")
  func stopping() {
    let steady = harness(holding: 500_000)
    steady.state.drain(at: steady.now)
    read(steady, 20_000, seconds: 25)
    #expect(steady.closed == nil && steady.shutsDown)
    steady.finish()
    #expect(steady.closed == .finished)
    let silent = harness(holding: 500_000)
    silent.state.drain(at: silent.now)
    silent.pass(31)
    #expect(silent.shutsDown && silent.closed == .slowReader)
    let done = harness(holding: 0)
    done.state.drain(at: done.now)
    done.pass(1)
    #expect(done.closed == .idle)
  }

  @Test("Rules 19 and 20: after the last answer, the times to close begin when the peer has taken it")
  func lingering() {
    let steady = harness(holding: 1_000_000, closes: true)
    read(steady, 20_000, seconds: 50)
    #expect(steady.closed == nil && steady.held == 0)
    steady.pass(10)
    #expect(steady.closed == .finished)
    // The end of the stream counts as a byte until the peer's system has acknowledged it.
    let gone = harness(holding: 1, closes: true)
    gone.pass(5)
    #expect(gone.closed == .finished)
  }

  @Test(
    "Rules 20, 23 and 30: a peer that sends no more is a reader like any other",
    arguments: [(false, false), (false, true), (true, false), (true, true)])
  func halfClosed(finishesFirst: Bool, closes: Bool) {
    func halfClosed() -> Harness {
      let harness = Harness()
      harness.respond = nil
      harness.feed(Harness.get)
      if finishesFirst { harness.finish() }
      harness.held = 1_000_000
      let body = [UInt8](repeating: 0x2E, count: 1_000_000)
      harness.answer(Response(.ok, .plainText, body: body, closes: closes))
      if !finishesFirst { harness.finish() }
      return harness
    }
    let steady = halfClosed()
    read(steady, 20_000, seconds: 49)
    #expect(steady.closed == nil && steady.shutsDown)
    // The last bytes are taken, of which the system tells.
    steady.held = 0
    steady.finish()
    #expect(steady.closed == .finished)
    let silent = halfClosed()
    silent.pass(29)
    #expect(silent.closed == nil)
    silent.pass(2)
    #expect(silent.closed == .slowReader)
  }

  @Test("Rule 23: a reader is judged by what it takes, although the system asks for more only in large steps")
  func steps() {
    for (rate, ends) in [(22_000, nil), (12_000, ConnectionState.CloseReason.slowReader)] {
      let harness = Harness()
      let room = 2_600_000
      harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: 5_300_000)) }
      (harness.room, harness.held) = (room, room)
      harness.feed(Harness.get)
      for _ in 0..<400 where harness.closed == nil && harness.hasOutput {
        harness.pass(1)
        harness.held -= rate
        guard harness.held <= room / 3 * 2 else { continue }
        harness.room = room - harness.held
        harness.held = room
        harness.goOn()
      }
      #expect(harness.closed == ends, "\(rate) bytes a second")
    }
  }
}

/// How a connection ends at a stop, with what stands behind a request.
struct StoppingConnectionTests {
  @Test("Rule 22: requests that wait until answers have been read are answered at a stop")
  func requestsThatWaitForAnswers() {
    let harness = Harness()
    harness.respond = { _ in Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: 100_000)) }
    harness.room = 0
    harness.feed(String(repeating: Harness.get, count: 6))
    #expect(harness.requests.count == 3)
    harness.state.drain(at: harness.now)
    harness.pass(2)
    #expect(harness.closed == nil && !harness.shutsDown)
    harness.room = nil
    harness.goOn()
    #expect(harness.answers().map { $0["connection"] } == [nil, nil, nil, nil, nil, "close"] && harness.shutsDown)
  }

  @Test("Rule 29: an empty line after a body is no request that waits", arguments: ["\r\n", "\r\n\r\n"])
  func emptyLines(lines: String) {
    for path in ["/a", "/refused"] {
      let harness = Harness()
      harness.decide = { $0.path == "/refused" ? Response(.notFound) : nil }
      harness.state.stopKeepingAlive()
      harness.feed("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\(lines)")
      #expect(harness.answers().map { $0["connection"] } == ["close"] && harness.shutsDown)
    }
    let more = Harness()
    more.state.stopKeepingAlive()
    more.feed("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\(lines)\(Harness.get)")
    #expect(more.answers().map { $0["connection"] } == [nil, "close"])
  }

  @Test("Rule 20: the body of a request that is refused at once is no request that waits")
  func bodyOfARefusal() {
    let request = "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"
    for more in ["", Harness.get] {
      let harness = Harness()
      harness.decide = { _ in Response(.serviceUnavailable) }
      harness.state.stopKeepingAlive()
      harness.feed(request + more)
      let isMore = more == Harness.get
      #expect(harness.answers().map { $0["connection"] } == (isMore ? [nil, "close"] : ["close"]), "\(more)")
    }
  }
}
