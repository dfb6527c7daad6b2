import Allocation
import Testing

@testable import HTTP

/// A connection without a socket: bytes in, what the server would do out, the time moved by hand.
final class Harness {
  /// The shortest request.
  static let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

  var state: ConnectionState
  var now = Moment(instant: Instant(nanoseconds: 1_000_000_000), date: HTTPDate(unixSeconds: 784_111_777))
  /// Everything written, in order.
  var written: [UInt8] = []
  var requests: [Request] = []
  /// The statuses of what was refused on its head.
  var refusals: [Int] = []
  var rejections: [ProblemDetails] = []
  /// How often part of a request was to be acknowledged at once.
  var acknowledgements = 0
  /// The paths of the heads that `rejections` belong to, as far as they were read.
  var rejectedHeads: [String?] = []
  /// The same, of heads that are at fault themselves too.
  var rejectedPaths: [String?] = []
  var shutsDown = false
  var closed: ConnectionState.CloseReason?
  /// Answers requests at once; nil leaves them open for `answer`.
  var respond: ((Request) -> Response?)? = { request in
    Response(.ok, .plainText, body: Array("\(request.head.method.name) \(request.head.path)".utf8))
  }
  /// After how many requests the connection is paused.
  var pausesAfter: Int?
  /// A final answer to a head, or nil to have its body read.
  var decide: (RequestHead) -> Response? = { _ in nil }
  /// Bytes that the peer takes; nil takes all.
  var room: Int?
  /// Of what was written, what the system still holds.
  var held = 0
  var openID: ConnectionState.RequestID?

  init(_ limits: HTTPLimits = HTTPLimits()) {
    state = ConnectionState(limits: SharedLimits(limits), at: now)
  }

  /// Feeds bytes as far as the connection wants to read them, in pieces of `step`. Returns how many it read.
  @discardableResult
  func feed(_ bytes: [UInt8], by step: Int = .max) -> Int {
    var index = 0
    while index < bytes.count {
      switch state.readInterest {
      case .none: return index
      case .bytes:
        let end = step < bytes.count - index ? index + step : bytes.count
        state.process(bytes.span.extracting(index..<end), at: now) { self.perform($0, &$1) }
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
      goOn()
    }
    return index
  }

  @discardableResult
  func feed(_ text: String, by step: Int = .max) -> Int { feed(Array(text.utf8), by: step) }

  func finish() {
    state.systemHolds(held, at: now)
    state.peerFinished()
    goOn()
  }

  func answer(_ response: Response) {
    guard let id = openID else { return }
    openID = nil
    state.respond(to: id, with: response, at: now)
    goOn()
  }

  /// Moves time on, firing the deadlines on the way, as a transport's timer would.
  func pass(_ seconds: Double) {
    let end = now.instant.nanoseconds + UInt64(seconds * 1e9)
    while let deadline = state.nextDeadline, deadline.nanoseconds <= end, closed == nil {
      now.instant = max(now.instant, deadline)
      state.systemHolds(held, at: now)
      state.tick(at: now)
      goOn()
    }
    now.instant = Instant(nanoseconds: end)
  }

  /// What the owner of a connection does after each event.
  func goOn() {
    state.process(at: now) { self.perform($0, &$1) }
    state.flush(at: now) {
      self.perform($0, &$1)
    } write: { first, second in
      let count = min(self.room ?? .max, first.count + second.count)
      if let room = self.room { self.room = room - count }
      self.written.append(first.extracting(first: min(count, first.count)))
      self.written.append(second.extracting(first: max(0, count - first.count)))
      return count
    }
    if hasOutput { state.systemHolds(held, at: now) }
  }

  private func perform(_ action: consuming ConnectionState.Action, _ state: inout ConnectionState) {
    switch action {
    case .head(let head):
      if let response = decide(head) {
        state.refuse(Refusal(head, .unmatched, response), at: now)
      } else {
        state.proceed(to: .unmatched, at: now)
      }
    case .request(let id, let request):
      requests.append(request)
      if requests.count == pausesAfter { state.pause() }
      if let response = respond?(request) {
        state.respond(to: id, with: response, at: now)
      } else {
        openID = id
      }
    case .refused(let refusal): refusals.append(refusal.response.status.code)
    case .acknowledge: acknowledgements += 1
    case .reject(let rejection):
      rejections.append(rejection.problem)
      rejectedHeads.append(rejection.head?.path)
      rejectedPaths.append(rejection.path)
      state.reject(with: Response(rejection.problem), at: now)
    case .shutdownWrite:
      shutsDown = true
      state.systemHolds(held, at: now)
    case .close(let reason): closed = reason
    }
  }

  var isIdle: Bool { state.isIdle }
  var hasOutput: Bool { state.hasOutput }
  var readInterest: ConnectionState.ReadInterest { state.readInterest }
  var nextDeadline: Instant? { state.nextDeadline }
  var bodyCapacity: Int { state.body.bytes.capacity }

  var text: String { String(decoding: written, as: UTF8.self) }

  /// What was written, read back by a client that knows only Content-Length. `headAnswers` tells which answers, by
  /// position, belong to HEAD requests. Bytes left over come as an answer with status 0.
  func answers(toHEAD headAnswers: Set<Int> = []) -> [Answer] {
    var answers: [Answer] = []
    var rest = written[...]
    while !rest.isEmpty {
      guard let end = rest.firstRange(of: "\r\n\r\n".utf8) else {
        return answers + [Answer(status: 0, fields: [], body: String(decoding: rest, as: UTF8.self))]
      }
      let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n").map(String.init)
      let status = Int(lines[0].split(separator: " ")[1]) ?? 0
      var answer = Answer(status: status, fields: Array(lines.dropFirst()), body: "")
      let length = answer["content-length"].flatMap { Int($0) } ?? 0
      let count = headAnswers.contains(answers.count) ? 0 : length
      answer.body = String(decoding: rest[end.upperBound...].prefix(count), as: UTF8.self)
      rest = rest[end.upperBound...].dropFirst(count)
      answers.append(answer)
    }
    return answers
  }

  var statuses: [Int] { answers().map(\.status) }
}

/// An answer as a client sees it.
struct Answer: Equatable {
  var status: Int
  var fields: [String]
  var body: String

  /// The value of the only field under `name`, which is in lower case.
  subscript(name: String) -> String? {
    let values = fields.compactMap { line -> String? in
      let parts = line.split(separator: ":", maxSplits: 1)
      return parts[0].lowercased() == name ? String(parts.count > 1 ? parts[1].drop { $0 == " " } : "") : nil
    }
    return values.count == 1 ? values[0] : nil
  }
}

extension [UInt8] {
  init(_ text: String) { self.init(text.utf8) }
}

/// How each case is fed: whole, byte by byte, and in pieces between.
let steps = [Int.max, 1, 2, 7]

/// Expects that `raw` is refused with one answer of `status` and problem `kind` after `requests` good ones, and the
/// connection ended, however it is cut; and that nothing sent after it is read as a request.
func expectRejected(
  _ raw: [UInt8], _ status: Int, _ kind: ProblemType, after requests: Int = 0,
  limits: HTTPLimits = HTTPLimits(), sourceLocation: SourceLocation = #_sourceLocation
) {
  var seen: [UInt8]?
  for step in steps {
    let harness = Harness(limits)
    harness.feed(raw, by: step)
    harness.feed("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    let answers = harness.answers()
    #expect(answers.count == requests + 1, "by \(step): \(harness.text)", sourceLocation: sourceLocation)
    #expect(answers.last?.status == status, "by \(step): \(harness.text)", sourceLocation: sourceLocation)
    #expect(answers.last?["connection"] == "close", sourceLocation: sourceLocation)
    #expect(answers.last?["content-type"] == "application/problem+json", sourceLocation: sourceLocation)
    #expect(harness.rejections.map(\.type.name) == [kind.name], sourceLocation: sourceLocation)
    #expect(harness.requests.count == requests, sourceLocation: sourceLocation)
    #expect(harness.shutsDown && harness.closed == nil, sourceLocation: sourceLocation)
    #expect(seen == nil || seen == harness.written, "by \(step)", sourceLocation: sourceLocation)
    seen = harness.written
  }
}

func expectRejected(
  _ raw: String, _ status: Int, _ kind: ProblemType, after requests: Int = 0,
  limits: HTTPLimits = HTTPLimits(), sourceLocation: SourceLocation = #_sourceLocation
) {
  expectRejected(Array(raw.utf8), status, kind, after: requests, limits: limits, sourceLocation: sourceLocation)
}

/// Expects that `raw` is one whole request, answered and the connection kept or not, however it is cut.
func expectAccepted(
  _ raw: [UInt8], keeps: Bool = true, limits: HTTPLimits = HTTPLimits(),
  sourceLocation: SourceLocation = #_sourceLocation, _ check: (Request) -> Void = { _ in }
) {
  for step in steps {
    let harness = Harness(limits)
    harness.feed(raw, by: step)
    #expect(harness.requests.count == 1, "by \(step): \(harness.text)", sourceLocation: sourceLocation)
    #expect(harness.rejections.isEmpty, "by \(step): \(harness.text)", sourceLocation: sourceLocation)
    #expect(harness.shutsDown == !keeps, sourceLocation: sourceLocation)
    #expect(!keeps || harness.isIdle, sourceLocation: sourceLocation)
    if let request = harness.requests.first { check(request) }
  }
}

func expectAccepted(
  _ raw: String, keeps: Bool = true, limits: HTTPLimits = HTTPLimits(),
  sourceLocation: SourceLocation = #_sourceLocation, _ check: (Request) -> Void = { _ in }
) {
  expectAccepted(Array(raw.utf8), keeps: keeps, limits: limits, sourceLocation: sourceLocation, check)
}
