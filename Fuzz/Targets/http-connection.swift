// with: Fuzz/Shared/HTTPDriver.swift
import HTTP

/// A connection under any order of events: bytes, answers, writes, time, the peer's end, the server's. The input's
/// first bytes are the events, the rest is the stream.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  let events = input.prefix(min(64, count / 2))
  let world = World(stream: Array(input.dropFirst(events.count)))
  for event in events { world.happen(event) }
  world.end()
  return 0
}

final class World {
  var stream: [UInt8]
  var index = 0
  var now = Moment(instant: Instant(nanoseconds: 0), date: HTTPDate(unixSeconds: 0))
  var state: ConnectionState
  var open: ConnectionState.RequestID?
  var asked = 0
  var answered = 0
  var hasShutDown = false
  var hasClosed = false

  init(stream: [UInt8]) {
    self.stream = stream
    var limits = HTTPLimits()
    (limits.headBytes, limits.bodyBytes, limits.pipelineBytes, limits.outputBytes) = (500, 1000, 100, 6000)
    limits.discardBytes = 20
    state = ConnectionState(limits: SharedLimits(limits), at: now)
  }

  func happen(_ event: UInt8) {
    let size = Int(event >> 3)
    switch event & 7 {
    case 0, 1: read(size * size + 1)
    case 2: answer(size * 300)
    case 3: write(size * size * 8 + 1)
    case 4: pass(UInt64(size) * 1_000_000_000)
    case 5 where size < 4: state.peerFinished()
    case 6 where size < 2: state.stopKeepingAlive()
    case 6 where size < 4: state.drain(at: now)
    default: read(.max / 2)
    }
    process()
  }

  /// Everything comes to its end: no state may wait for ever.
  func end() {
    for _ in 0..<200 where !hasClosed {
      answer(10)
      guard let deadline = state.nextDeadline else { continue }
      now.instant = max(now.instant, deadline)
      state.tick(at: now)
      process()
      if let next = state.nextDeadline { precondition(next > now.instant, "a deadline that fires again") }
    }
    precondition(hasClosed && state.nextDeadline == nil && state.readInterest == .none)
    precondition(answered <= asked)
  }

  func read(_ size: Int) {
    guard index < stream.count, !hasClosed else { return }
    var position = index
    _ = state.read(stream, &position, to: min(stream.count, index + size), at: now) { perform($0, &$1) }
    index = position
  }

  func answer(_ size: Int) {
    guard let id = open else { return }
    open = nil
    answered += 1
    state.respond(to: id, with: Response(.ok, .json, body: [UInt8](repeating: 0x30, count: size)), at: now)
    process()
  }

  func write(_ size: Int) {
    let hadOutput = state.hasOutput
    var room = size
    state.flush(at: now) {
      perform($0, &$1)
    } write: { first, second in
      let count = min(room, first.count + second.count)
      room -= count
      return count
    }
    precondition(room < size || !hadOutput)
  }

  func pass(_ nanoseconds: UInt64) {
    now.instant.nanoseconds += nanoseconds
    if let deadline = state.nextDeadline, deadline <= now.instant { state.tick(at: now) }
  }

  func process() {
    state.process(at: now) { perform($0, &$1) }
  }

  func perform(_ action: consuming ConnectionState.Action, _ state: inout ConnectionState) {
    precondition(!hasClosed, "an action after the end")
    switch action {
    case .head(let head):
      precondition(open == nil && !hasShutDown)
      // Refuses every third path, before its body is read.
      if head.path.utf8.count % 3 == 2 {
        state.refuse(Refusal(head, .unmatched, Response(.notFound, .plainText, body: [0x30])), at: now)
      } else {
        state.proceed(to: .unmatched, at: now)
      }
    case .request(let id, let request):
      precondition(open == nil && !hasShutDown && request.body.count <= 1000)
      open = id
      asked += 1
    case .refused: precondition(!hasShutDown)
    case .acknowledge: precondition(!hasShutDown)
    case .reject(let rejection):
      precondition(open == nil && !hasShutDown)
      state.reject(with: Response(rejection.problem), at: now)
    case .shutdownWrite:
      precondition(!hasShutDown && !state.hasOutput)
      hasShutDown = true
    case .close: hasClosed = true
    }
  }
}
