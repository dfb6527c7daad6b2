import HTTPCore

/// What a byte stream makes a connection do, fed in pieces: what the fuzz targets compare.
struct Outcome: Equatable {
  var requests: [String] = []
  var written: [UInt8] = []
  var rejections: [String] = []
  var isShutDown = false

  /// Feeds `bytes` as far as the connection reads, each piece as long as `step` says, then the end of the stream.
  init(_ bytes: [UInt8], limits: HTTPLimits, step: (_ piece: Int) -> Int) {
    let now = Moment(instant: Instant(nanoseconds: 0), date: HTTPDate(unixSeconds: 0))
    var state = ConnectionState(limits: limits, at: now)
    var index = 0
    var piece = 0
    while index < bytes.count {
      let end = min(bytes.count, index + max(1, step(piece)))
      piece += 1
      switch state.readInterest {
      case .none:
        index = bytes.count
      case .bytes:
        state.receive(bytes.span.extracting(index..<end), at: now) { _ in .accept(.unmatched) }
        index = end
      case .body:
        state.readBody(at: now) { (out: inout OutputSpan<UInt8>) in
          while index < end, out.freeCapacity > 0 {
            out.append(bytes[index])
            index += 1
          }
        }
      }
      turn(&state, now)
    }
    state.peerFinished(at: now)
    turn(&state, now)
    precondition(state.readInterest == .none && state.nextDeadline == nil && !state.hasOutput)
  }

  private mutating func turn(_ state: inout ConnectionState, _ now: Moment) {
    while true {
      while let action = state.nextAction(at: now, judge: { _ in .accept(.unmatched) }) {
        switch action {
        case .answer(let id, let request):
          requests.append("\(request.head.method) \(request.head.path) \(request.head.framing) \(request.body)")
          if let length = request.head.fields[.contentLength], case .length(let count) = request.head.framing {
            precondition(Int(length) == count && request.body.count == count)
          }
          precondition(request.body.count <= 1 << 20)
          state.respond(to: id, with: Response(.ok, .plainText, body: request.body), at: now)
        case .told(let notice):
          if case .rejected(let problem) = notice { rejections.append(problem.name) }
        case .acknowledge: precondition(!isShutDown)
        case .shutdownWrite: isShutDown = true
        case .close: isShutDown = true
        }
      }
      let count = state.withOutput { first, second in
        for index in first.indices { written.append(first[index]) }
        for index in second.indices { written.append(second[index]) }
        return first.count + second.count
      }
      guard count > 0 else { return }
      state.wrote(count, at: now)
    }
  }
}

/// The bytes do the same whole, one by one and in uneven pieces, and at most one request is refused, as the last.
func checkCuts(_ bytes: [UInt8]) {
  var limits = HTTPLimits()
  // Small enough that inputs of a few kilobytes reach each bound.
  (limits.targetBytes, limits.headBytes, limits.fieldCount, limits.bodyBytes) = (200, 800, 12, 2000)
  (limits.chunkExtensionBytes, limits.chunkExtensionAllowance) = (40, 100)
  let whole = Outcome(bytes, limits: limits) { _ in .max / 2 }
  precondition(whole.rejections.count <= 1)
  precondition(whole == Outcome(bytes, limits: limits) { _ in 1 })
  precondition(whole == Outcome(bytes, limits: limits) { $0 % 2 == 0 ? 3 : 31 })
  precondition(whole == Outcome(bytes, limits: limits) { 1 << ($0 % 8) })
}
