/// From bytes to requests, and from answers to bytes.
extension ConnectionState {
  /// Whether bytes that come in can still become requests.
  var takesInput: Bool {
    switch phase {
    case .head, .body, .discarding, .ready, .answering: true
    case .closing, .lingering, .closed, .gone: false
    }
  }

  /// Takes requests from `bytes` until one is whole, or more bytes are needed; returns how many bytes it took.
  mutating func consume(_ bytes: Span<UInt8>, at now: Moment, _ judge: Judge) -> Int {
    var index = 0
    while index < bytes.count {
      switch phase {
      case .head:
        guard output.count < limits.outputBytes, notices.isEmpty else { return index }
        let rest = bytes.extracting(index...)
        do throws(ParseFailure) {
          guard let count = try parser.parse(rest, limits: limits, into: &head) else {
            if !hasBegunHead, parser.hasBegun(rest) {
              hasBegunHead = true
              since = now.instant
            }
            return index
          }
          index += count
          try admit(at: now, judge)
        } catch {
          reject(error, at: now)
          return bytes.count
        }
      case .body:
        do throws(ParseFailure) {
          index += try body.take(bytes.extracting(index...), atMost: bodyLimit, limits)
        } catch {
          reject(error, at: now)
          return bytes.count
        }
        if body.isComplete { phase = .ready }
      case .discarding:
        do throws(ParseFailure) {
          index += try discard(bytes.extracting(index...), at: now)
        } catch {
          reject(error, at: now)
          return bytes.count
        }
      case .ready, .answering: return index
      case .closing, .lingering, .closed, .gone: return bytes.count
      }
    }
    return index
  }

  mutating func consumePending(at now: Moment, _ judge: Judge) {
    var held: [UInt8] = []
    swap(&held, &pending)
    let used = consume(held.span.extracting(pendingStart...), at: now, judge)
    guard takesInput else { return }
    swap(&held, &pending)
    pendingStart += used
    if pendingStart == pending.count { releasePending() }
  }

  /// Keeps bytes for later. What has been taken is dropped first, at most once per doubling, so cost stays linear.
  mutating func hold(_ bytes: Span<UInt8>) {
    if pendingStart > 0, pendingStart >= pending.count - pendingStart {
      pending.removeFirst(pendingStart)
      pendingStart = 0
    }
    pending.append(bytes)
  }

  /// Ten thousand idle connections hold no input buffers.
  private mutating func releasePending() {
    pendingStart = 0
    pending = []
  }

  /// A head is whole: asks whether its body is wanted.
  private mutating func admit(at now: Moment, _ judge: Judge) throws(ParseFailure) {
    guard let head = head.take() else { return }
    exchange = Exchange(isHead: head.method == .head, isHTTP10: head.version == .http10)
    keepsAlive = head.keepsAlive
    requestID += 1
    let routing = judge(head)
    route = routing.route
    var refusal: Response?
    if case .reject(let response, _) = routing { refusal = response }
    // Too large whatever else is wrong, though the judge may say it in its own words.
    if case .length(let length) = head.framing, length > limits.bodyBytes, refusal?.status != .contentTooLarge {
      throw ParseFailure(.bodyTooLarge, at: 0)
    }
    bodyLimit = limits.bodyBytes(for: head.method)
    if let refusal {
      refuse(head, with: refusal, at: now)
      return
    }
    switch head.framing {
    case .none, .length(0): phase = .ready
    case .length, .chunked:
      if head.expectsContinue {
        noteOutput(at: now)
        output.appendContinue()
      }
      readPace = timing.bodyPace(from: now.instant)
      since = now.instant
      body = BodyReader(head.framing)
      phase = .body
    }
    self.head = head
  }

  mutating func handOut() -> Action? {
    guard let head = head.take() else { return nil }
    phase = .answering
    let bytes = body.takeBytes()
    // A chunked body's reader may hold its trailers, and what came behind them.
    body = BodyReader(.none)
    return .answer(requestID, Request(head: head, route: route, body: bytes))
  }

  /// Queues an answer and decides whether another request may follow it.
  mutating func enqueue(_ response: Response, mayKeep: Bool, at now: Moment) {
    answered += 1
    let keeps = mayKeep && keepsAlive && !response.closes && !isStopping && answered < limits.requestsPerConnection
    noteOutput(at: now)
    output.append(response, exchange, closes: !keeps, date: now.date)
    writePace.require(output.count, within: timing.writeTotal)
    if keeps {
      awaitHead(at: now)
    } else {
      phase = .closing
      drop()
    }
  }

  mutating func awaitHead(at now: Moment) {
    phase = .head
    parser = HeadParser()
    hasBegunHead = false
    since = now.instant
  }

  /// The writing deadline runs from when there is something to write.
  private mutating func noteOutput(at now: Moment) {
    guard output.isEmpty else { return }
    writePace = timing.writePace(from: now.instant)
    outputSince = now.instant
    outputWritten = 0
  }

  /// Nothing more is read as a request.
  private mutating func drop() {
    releasePending()
    head = nil
    refusal = nil
    body = BodyReader(.none)
    parser = HeadParser()
  }

  /// The end of a connection that waits for bytes that will not come.
  mutating func endIfOver(at now: Moment) {
    guard peerHasFinished, output.count < limits.outputBytes else { return }
    switch phase {
    case .head where !hasBegunHead: endIdle()
    case .head:
      reject(ParseFailure(.incomplete, at: pending.count - pendingStart), at: now)
    case .body:
      reject(ParseFailure(.incomplete, at: body.position), at: now)
    case .discarding:
      if refusal == nil {
        phase = .closing
      } else {
        reject(ParseFailure(.incomplete, at: body.position), at: now)
      }
    default: break
    }
  }

  /// No further request is waited for: what is queued is still written.
  mutating func endIdle() {
    if output.isEmpty { finish(peerHasFinished ? .finished : .idle) } else { phase = .closing }
  }

  mutating func finish(_ reason: CloseReason) {
    closeReason = reason
    phase = .closed
    drop()
  }

  // MARK: Deadlines

  var readDeadline: Instant? {
    mutating get {
      switch phase {
      case .head where hasBegunHead: since.advanced(by: timing.head)
      // The keep-alive time starts when the last answer is out; until then the writing deadline runs.
      case .head where output.isEmpty:
        min(since.advanced(by: timing.keepAlive), drainDeadline ?? Instant(nanoseconds: .max))
      case .head: drainDeadline
      case .body, .discarding: readPace.deadline
      case .lingering:
        min(since.advanced(by: timing.lingerTotal), readPace.deadline)
      case .ready, .answering, .closing, .closed, .gone: nil
      }
    }
  }

  var writeDeadline: Instant? {
    mutating get {
      guard !output.isEmpty, phase != .closed, phase != .gone else { return nil }
      return writePace.deadline
    }
  }
}
