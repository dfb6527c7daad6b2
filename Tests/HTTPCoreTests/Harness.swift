import Testing

@testable import HTTPCore

/// A connection without a socket: bytes in, what the server would do out, the time moved by hand.
struct Harness: ~Copyable {
  var state: ConnectionState
  var now = Moment(instant: Instant(nanoseconds: 1_000_000_000), date: HTTPDate(unixSeconds: 784_111_777))
  /// Everything written, in order.
  var written: [UInt8] = []
  var requests: [Request] = []
  var rejections: [Problem] = []
  var shutsDown = false
  var closed: ConnectionState.CloseReason?
  /// Answers requests at once; nil leaves them open for `answer`.
  var respond: ((Request) -> Response?)? = { request in
    Response(.ok, .plainText, body: Array("\(request.head.method.rawValue) \(request.head.path)".utf8))
  }
  var judge: (RequestHead) -> Response? = { _ in nil }
  /// Bytes that the peer takes; nil takes all.
  var room: Int?
  var openID: ConnectionState.RequestID?

  init(_ limits: HTTPLimits = HTTPLimits()) {
    state = ConnectionState(limits: limits, at: now)
  }

  /// Feeds bytes as far as the connection wants to read them, in pieces of `step`. Returns how many it read.
  @discardableResult
  mutating func feed(_ bytes: [UInt8], by step: Int = .max) -> Int {
    var index = 0
    while index < bytes.count {
      switch state.readInterest {
      case .none: return index
      case .bytes:
        let end = step < bytes.count - index ? index + step : bytes.count
        state.receive(bytes.span.extracting(index..<end), at: now, judge: judge)
        index = end
      case .body:
        let limit = step
        state.readBody(at: now) { (out: inout OutputSpan<UInt8>) in
          var count = 0
          while count < limit, index < bytes.count, out.freeCapacity > 0 {
            out.append(bytes[index])
            index += 1
            count += 1
          }
        }
      }
      turn()
    }
    return index
  }

  @discardableResult
  mutating func feed(_ text: String, by step: Int = .max) -> Int { feed(Array(text.utf8), by: step) }

  mutating func finish() {
    state.peerFinished(at: now)
    turn()
  }

  mutating func answer(_ response: Response) {
    guard let id = openID else { return }
    openID = nil
    state.respond(to: id, with: response, at: now)
    turn()
  }

  /// Moves time on, firing the deadlines on the way, as a transport's timer would.
  mutating func pass(_ seconds: Double) {
    let end = now.instant.nanoseconds + UInt64(seconds * 1e9)
    while let deadline = state.nextDeadline, deadline.nanoseconds <= end, closed == nil {
      now.instant = max(now.instant, deadline)
      state.tick(at: now)
      turn()
    }
    now.instant = Instant(nanoseconds: end)
  }

  /// The transport's turn, as ConnectionState's documentation tells it.
  mutating func turn() {
    while true {
      while let action = state.nextAction(at: now, judge: judge) {
        switch action {
        case .answer(let id, let request):
          requests.append(request)
          if let response = respond?(request) {
            state.respond(to: id, with: response, at: now)
          } else {
            openID = id
          }
        case .rejected(let problem): rejections.append(problem)
        case .shutdownWrite: shutsDown = true
        case .close(let reason): closed = reason
        }
      }
      let limit = room ?? .max
      let count = state.withOutput { first, second in
        var count = 0
        for index in first.indices where count < limit {
          written.append(first[index])
          count += 1
        }
        for index in second.indices where count < limit {
          written.append(second[index])
          count += 1
        }
        return count
      }
      if let room { self.room = room - count }
      guard count > 0 else { return }
      state.wrote(count, at: now)
    }
  }

  var text: String { String(decoding: written, as: UTF8.self) }

  /// The status codes of the answers written, interim ones included.
  var statuses: [Int] {
    var codes: [Int] = []
    var rest = written[...]
    while let range = rest.firstRange(of: "HTTP/1.1 ".utf8) {
      codes.append(Int(String(decoding: rest[range.upperBound...].prefix(3), as: UTF8.self)) ?? 0)
      rest = rest[range.upperBound...]
    }
    return codes
  }
}

extension [UInt8] {
  init(_ text: String) { self.init(text.utf8) }
}
