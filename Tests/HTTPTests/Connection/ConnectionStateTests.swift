import Testing

@testable import HTTP

/// The connection's life (RFC 9112 §9): rules 19 to 22 and 30.
struct ConnectionStateTests {
  @Test("Rule 19: 413 is said before the body is read; then what comes is dropped until the peer closes")
  func tooLargeBody() {
    var limits = HTTPLimits()
    limits.bodyBytes = 10
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
    expectRejected(head, 413, .bodyTooLarge, limits: limits)
    expectRejected(head + "01234567890", 413, .bodyTooLarge, limits: limits)
    expectAccepted(head.replacing("11", with: "10") + "0123456789", limits: limits)
    // Where the method gives a body no meaning, its limit is another, which the answer names.
    let unwanted = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"
    expectRejected(unwanted, 413, .bodyTooLarge)
    let told = Harness()
    told.feed(unwanted)
    #expect(told.text.contains("larger than the 65536 bytes") && told.text.contains("send none"))
    let harness = Harness(limits)
    harness.feed(head)
    #expect(harness.shutsDown && harness.closed == nil)
    harness.pass(4)
    harness.feed("01234567890")
    harness.pass(4)
    #expect(harness.closed == nil)
    harness.finish()
    #expect(harness.closed == .finished && harness.statuses == [413])
  }

  @Test("Rule 19: a body of 64 MiB is announced, not believed: room grows with what arrives")
  func claimedSize() {
    let harness = Harness()
    harness.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\n\r\nx")
    #expect(harness.bodyCapacity < 128 * 1024)
    harness.feed([UInt8](repeating: 0x20, count: 100_000))
    #expect(harness.bodyCapacity < 512 * 1024)
    harness.feed([UInt8](repeating: 0x20, count: 4_000_000))
    #expect(harness.bodyCapacity < 20_000_000)
    // Once a sixteenth is there, so is room for the rest: no more than that is copied again.
    harness.feed([UInt8](repeating: 0x20, count: 16_000_000))
    #expect(harness.bodyCapacity >= 67_108_864)
    #expect(harness.requests.isEmpty)
  }

  @Test(
    "A large body, read straight into its place, is whole; the next request follows it",
    arguments: [1000, 65536, 300_000])
  func directBody(step: Int) {
    let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let harness = Harness()
    harness.feed(
      Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n") + body + Array(Harness.get), by: step)
    #expect(harness.requests.count == 2 && harness.requests[0].body == body)
    let chunked = Harness()
    chunked.feed(
      Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nF4240\r\n") + body
        + Array("\r\n0\r\n\r\n" + Harness.get),
      by: step)
    #expect(chunked.requests.count == 2 && chunked.requests[0].body == body)
  }

  @Test("Rule 20: the end is gentle: shut down, drop what comes, close when the peer does")
  func gentleClose() {
    let harness = Harness()
    harness.room = 0
    harness.feed("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(!harness.shutsDown && harness.hasOutput)
    harness.room = nil
    harness.goOn()
    #expect(harness.shutsDown && harness.closed == nil && harness.readInterest == .bytes)
    harness.finish()
    #expect(harness.closed == .finished)
    #expect(harness.readInterest == .none && harness.nextDeadline == nil)
  }

  @Test("Rule 21: after an error one answer, then no more parsing; answers before it keep their place")
  func errorAfterRequests() {
    expectRejected(Harness.get + Harness.get + "BAD\r\n\r\n" + Harness.get, 400, .malformedRequestLine, after: 2)
    expectRejected(
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxy\r\n" + Harness.get, 400, .malformedRequestLine,
      after: 1)
  }

  @Test("Rule 22: pipelined requests are answered in order, however they are cut and whenever answers come")
  func pipelining() {
    let raw = (0..<50).map {
      "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: \($0 % 3)\r\n\r\n\("xyz".prefix($0 % 3))"
    }.joined()
    for step in steps {
      let harness = Harness()
      harness.feed(raw, by: step)
      #expect(harness.answers().map(\.body) == (0..<50).map { "POST /\($0)" })
    }
    let slow = Harness()
    slow.respond = { _ in nil }
    slow.feed(raw)
    for index in 0..<50 {
      #expect(slow.requests.count == index + 1)
      slow.answer(Response(.ok, .plainText, body: Array("\(index)")))
    }
    #expect(slow.answers().map(\.body) == (0..<50).map { "\($0)" } && slow.isIdle)
  }

  @Test("Rule 22: the queue behind a request is bounded: reading stops, and goes on when there is room")
  func boundedQueue() {
    var limits = HTTPLimits()
    limits.pipelineBytes = 1000
    let harness = Harness(limits)
    harness.respond = { _ in nil }
    let raw = Array(String(repeating: Harness.get, count: 200))
    var fed = harness.feed(raw, by: 100)
    #expect(fed < 1200 && harness.readInterest == .none)
    harness.respond = { _ in Response(.noContent) }
    harness.answer(Response(.noContent))
    while fed < raw.count { fed += harness.feed(Array(raw[fed...]), by: 100) }
    #expect(harness.requests.count == 200 && harness.isIdle)
  }

  @Test("Rule 22: answers to a reader that takes none are bounded: no more requests are read")
  func boundedOutput() {
    var limits = HTTPLimits()
    limits.outputBytes = 2000
    let harness = Harness(limits)
    harness.room = 0
    let raw = Array(String(repeating: Harness.get, count: 1000))
    var fed = harness.feed(raw, by: 50)
    #expect(harness.readInterest == .none && harness.requests.count < 30)
    harness.room = nil
    harness.goOn()
    while fed < raw.count { fed += harness.feed(Array(raw[fed...]), by: 50) }
    #expect(harness.requests.count == 1000 && harness.isIdle)
  }

  @Test("Rule 22: bytes after close are ignored")
  func afterClose() {
    for step in steps {
      let harness = Harness()
      harness.feed("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + Harness.get + "garbage\n", by: step)
      #expect(harness.statuses == [200] && harness.requests.count == 1 && harness.shutsDown)
      #expect(harness.answers()[0]["connection"] == "close")
    }
    let told = Harness()
    told.respond = { _ in Response(.ok, closes: true) }
    told.feed(Harness.get + Harness.get)
    #expect(told.statuses == [200] && told.shutsDown)
  }

  @Test("Rule 30: a FIN after complete requests is a half-close: all are answered")
  func halfClose() {
    let harness = Harness()
    harness.respond = { _ in nil }
    harness.feed(Harness.get + Harness.get)
    harness.finish()
    #expect(harness.closed == nil)
    harness.answer(Response(.ok))
    #expect(harness.closed == nil)
    harness.answer(Response(.ok))
    #expect(harness.closed == .finished)
    #expect(harness.answers().map { $0["connection"] } == [nil, "close"])
    let idle = Harness()
    idle.feed(Harness.get)
    idle.finish()
    #expect(idle.closed == .finished && idle.statuses == [200])
    let slow = Harness()
    slow.room = 10
    slow.feed(Harness.get)
    slow.finish()
    #expect(slow.closed == nil)
    slow.room = nil
    slow.goOn()
    #expect(slow.closed == .finished && slow.statuses == [200])
  }

  @Test(
    "Rule 30: a FIN amid a request is answered with 400",
    arguments: [
      "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\nG",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ])
  func halfCloseAmidRequest(raw: String) {
    for step in steps {
      let harness = Harness()
      harness.feed(raw, by: step)
      #expect(harness.written.isEmpty)
      harness.finish()
      #expect(harness.statuses == [400] && harness.closed == .finished)
      #expect(harness.rejections.map(\.type.name) == ["incomplete-request"])
      let cure = raw.hasPrefix("POST") ? "send as many bytes as Content-Length" : "end the head with an empty line"
      #expect(harness.rejections.first?.detail.contains(cure) == true)
    }
  }

  @Test("A FIN without a request, or after the line that may follow one, ends the connection in silence")
  func silentEnd() {
    for raw in ["", "\r", "\r\n"] {
      for step in steps {
        let harness = Harness()
        harness.feed(raw, by: step)
        harness.finish()
        #expect(harness.closed == .finished && harness.written.isEmpty && harness.rejections.isEmpty)
      }
    }
  }

  @Test("A server that stops: what has arrived is answered, then the connection ends, before the port closes and after")
  func stopping() {
    for drains in [false, true] {
      let kept = Harness()
      kept.feed(Harness.get)
      kept.state.stopKeepingAlive()
      kept.goOn()
      #expect(kept.closed == nil)
      if drains { kept.state.drain(at: kept.now) }
      kept.goOn()
      // A request that was on its way.
      kept.feed(Harness.get + Harness.get)
      #expect(kept.answers().map { $0["connection"] } == [nil, nil, "close"] && kept.shutsDown)
    }
    // As long as the port is open, an idle connection is as good as before.
    let idle = Harness()
    idle.state.stopKeepingAlive()
    idle.pass(74.9)
    #expect(idle.closed == nil)
    idle.pass(0.2)
    #expect(idle.closed == .idle)
  }

  @Test("A server that stops answers what had arrived behind a request, and no client that goes on", arguments: steps)
  func stoppingWithRequestsBehind(step: Int) {
    let harness = Harness()
    harness.respond = { _ in nil }
    harness.feed("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + Harness.get + Harness.get, by: step)
    harness.state.stopKeepingAlive()
    harness.goOn()
    // Begun when the first answer is given, and whole later.
    harness.feed("GET /b HT", by: step)
    harness.answer(Response(.noContent))
    harness.feed("TP/1.1\r\nHost: x\r\n\r\n" + Harness.get, by: step)
    for _ in 0..<4 { harness.answer(Response(.noContent)) }
    #expect(harness.requests.count == 4)
    #expect(harness.answers().map { $0["connection"] } == [nil, nil, nil, "close"])
    #expect(harness.shutsDown)
  }

  @Test("A server that stops: a refused body and the request behind it")
  func stoppingWithARequestBehindARefusal() {
    let harness = Harness()
    harness.decide = { $0.path == "/refused" ? Response(.notFound) : nil }
    harness.state.stopKeepingAlive()
    harness.feed("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + Harness.get)
    #expect(harness.statuses == [404, 200])
    #expect(harness.answers().map { $0["connection"] } == [nil, "close"] && harness.shutsDown)
    let alone = Harness()
    alone.decide = { _ in Response(.notFound) }
    alone.state.stopKeepingAlive()
    alone.feed("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
    #expect(alone.answers().map { $0["connection"] } == ["close"] && alone.shutsDown)
  }

  @Test("A server whose port has closed: idle connections end in a moment, busy ones after their answer")
  func draining() {
    func drain(_ harness: Harness) {
      harness.state.drain(at: harness.now)
      harness.goOn()
    }
    let idle = Harness()
    idle.feed(Harness.get)
    drain(idle)
    idle.pass(0.999)
    #expect(idle.closed == nil)
    idle.pass(0.001)
    #expect(idle.closed == .idle)
    let accepted = Harness()
    drain(accepted)
    #expect(accepted.closed == nil)
    accepted.feed(Harness.get)
    #expect(accepted.answers().map { $0["connection"] } == ["close"] && accepted.shutsDown)
    let silent = Harness()
    drain(silent)
    silent.pass(0.999)
    #expect(silent.closed == nil)
    silent.pass(0.001)
    #expect(silent.closed == .idle)
    let busy = Harness()
    busy.respond = { _ in nil }
    busy.feed(Harness.get + Harness.get)
    drain(busy)
    #expect(busy.closed == nil)
    busy.answer(Response(.ok))
    busy.answer(Response(.ok))
    #expect(busy.answers().map { $0["connection"] } == [nil, "close"] && busy.shutsDown)
    let reading = Harness()
    reading.feed("GET /a HT")
    drain(reading)
    #expect(reading.closed == nil)
    reading.feed("TP/1.1\r\nHost: a\r\n\r\n")
    #expect(reading.answers().map { $0["connection"] } == ["close"] && reading.shutsDown)
    let writing = Harness()
    writing.room = 5
    writing.feed(Harness.get)
    drain(writing)
    writing.pass(2)
    #expect(writing.closed == nil && !writing.shutsDown)
    writing.room = nil
    writing.goOn()
    #expect(writing.shutsDown && writing.statuses == [200])
  }

  @Test("An answer that comes too late, or twice, or to another number, is ignored")
  func staleAnswers() {
    let harness = Harness()
    harness.respond = { _ in nil }
    harness.feed(Harness.get)
    harness.state.respond(to: 7, with: Response(.ok), at: harness.now)
    #expect(!harness.hasOutput)
    harness.answer(Response(.ok))
    harness.state.respond(to: 1, with: Response(.ok), at: harness.now)
    harness.goOn()
    #expect(harness.statuses == [200])
  }

  /// A chunked body says no length, so that too much of it is only noticed on the way: one answer, then no more.
  @Test func aBodyIsRefusedWhileItComes() {
    let harness = Harness()
    harness.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
    harness.state.refuseBody(at: harness.now) { head, _ in
      Response(.serviceUnavailable, .plainText, body: Array("full \(head.path)".utf8))
    }
    harness.feed("cde\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    let text = String(decoding: harness.written, as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 503 ") && text.contains("Connection: close\r\n") && text.hasSuffix("full /"))
    #expect(harness.requests.isEmpty && harness.shutsDown && harness.refusals == [503])
  }

  @Test(
    "A paused connection reads no head until it goes on, has all time, and loses nothing", arguments: [1, 20, .max])
  func pausing(step: Int) {
    let bytes = Array(String(repeating: Harness.get, count: 5).utf8)
    let harness = Harness()
    harness.pausesAfter = 2
    let taken = harness.feed(bytes, by: step)
    #expect(harness.requests.count == 2 && harness.statuses == [200, 200])
    harness.pass(10_000)
    #expect(harness.closed == nil && harness.state.timeWaited(at: harness.now.instant) == nil)
    if step == .max { harness.finish() }
    #expect(harness.closed == nil)
    harness.state.resume()
    harness.goOn()
    harness.feed(Array(bytes[taken...]), by: step)
    #expect(harness.requests.count == 5)
    if step < .max { harness.finish() }
    #expect(harness.closed == .finished && harness.statuses == [200, 200, 200, 200, 200])
  }
}
