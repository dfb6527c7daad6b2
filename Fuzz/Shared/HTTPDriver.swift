import HTTP

extension ConnectionState {
  /// Feeds `bytes` from `index` to `end` as a read would, and moves `index` on; false when the connection reads
  /// nothing.
  mutating func read(
    _ bytes: [UInt8], _ index: inout Int, to end: Int, at now: Moment, perform: Perform
  ) -> Bool {
    switch readInterest {
    case .none: return false
    case .bytes:
      process(bytes.span.extracting(index..<end), at: now, perform: perform)
      index = end
    case .body:
      var position = index
      readBody(at: now) { (out: inout OutputSpan<UInt8>) in
        while position < end, out.freeCapacity > 0 {
          out.append(bytes[position])
          position += 1
        }
      }
      index = position
    }
    return true
  }
}

/// What a byte stream makes a connection do, fed in pieces: what the fuzz targets compare.
struct Outcome: Equatable {
  var requests: [String] = []
  var written: [UInt8] = []
  var rejections: [String] = []
  var isShutDown = false
  /// Whether the connection is paused after each request, until it has nothing more to do; false at the end.
  private var pauses: Bool
  private var isPaused = false

  /// Feeds `bytes` as far as the connection reads, each piece as long as `step` says, then the end of the stream.
  init(_ bytes: [UInt8], limits: HTTPLimits, pauses: Bool = false, step: (_ piece: Int) -> Int) {
    self.pauses = pauses
    let now = Moment(instant: Instant(nanoseconds: 0), date: HTTPDate(unixSeconds: 0))
    var state = ConnectionState(limits: SharedLimits(limits), at: now)
    var index = 0
    var piece = 0
    while index < bytes.count {
      let end = min(bytes.count, index + max(1, step(piece)))
      piece += 1
      if !state.read(bytes, &index, to: end, at: now, perform: { perform($0, &$1, now) }) { break }
      goOn(&state, now)
    }
    state.peerFinished()
    goOn(&state, now)
    precondition(state.readInterest == .none && state.nextDeadline == nil && !state.hasOutput)
    self.pauses = false
  }

  private mutating func goOn(_ state: inout ConnectionState, _ now: Moment) {
    var out: [UInt8] = []
    repeat {
      isPaused = false
      state.resume()
      state.process(at: now) { perform($0, &$1, now) }
      state.flush(at: now) {
        perform($0, &$1, now)
      } write: { first, second in
        for index in first.indices { out.append(first[index]) }
        for index in second.indices { out.append(second[index]) }
        return first.count + second.count
      }
    } while isPaused
    written += out
  }

  private mutating func perform(
    _ action: consuming ConnectionState.Action, _ state: inout ConnectionState, _ now: Moment
  ) {
    switch action {
    case .head: state.proceed(to: .unmatched, at: now)
    case .request(let id, let request):
      requests.append("\(request.head.method) \(request.head.path) \(request.head.framing) \(request.body)")
      if let length = request.head.fields[.contentLength], case .length(let count) = request.head.framing {
        precondition(Int(length) == count && request.body.count == count)
      }
      precondition(request.body.count <= 1 << 20)
      state.respond(to: id, with: Response(.ok, .plainText, body: request.body), at: now)
      isPaused = pauses
      if pauses { state.pause() }
    case .reject(let rejection):
      rejections.append(rejection.problem.type.name)
      state.reject(with: Response(rejection.problem), at: now)
    case .refused: break
    case .acknowledge: precondition(!isShutDown)
    case .shutdownWrite: isShutDown = true
    case .close: isShutDown = true
    }
  }
}

/// The bytes do the same whole, one by one, in uneven pieces and with pauses, and at most one request is refused, as
/// the last.
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
  precondition(whole == Outcome(bytes, limits: limits, pauses: true) { _ in .max / 2 })
  precondition(whole == Outcome(bytes, limits: limits, pauses: true) { 1 << ($0 % 8) })
}
