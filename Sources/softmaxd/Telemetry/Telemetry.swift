import HTTPCore
import HTTPTransport
import Synchronization

/// Counts what the server does, and writes its log.
final class Telemetry: ServerObserver {
  let loops: [LoopCounters]
  /// Answers of the parser's own, by the problem's name: a handful of names, each a rule that was broken.
  let rejections = Mutex<[String: UInt64]>([:])
  let refusedForCap = Atomic<UInt64>(0)
  let refusedForDescriptors = Atomic<UInt64>(0)
  let log: AccessLog?

  init(loops count: Int, log choice: LogChoice) {
    loops = (0..<count).map { _ in LoopCounters() }
    log = AccessLog(choice)
  }

  func connectionOpened(loop: Int) { Counter.add(1, to: loops[loop].opened) }
  func connectionClosed(loop: Int) { Counter.add(1, to: loops[loop].closed) }

  func connectionRefused(_ reason: ConnectionRefusal) {
    switch reason {
    case .connectionCap: refusedForCap.add(1, ordering: .relaxed)
    case .descriptors: refusedForDescriptors.add(1, ordering: .relaxed)
    }
  }

  func requestBegan(_ head: RequestHead, loop: Int) {
    Counter.add(1, to: loops[loop].began[Labels.method(head.method)])
  }

  func requestAbandoned(_ head: RequestHead, loop: Int) {
    Counter.add(1, to: loops[loop].ended[Labels.method(head.method)])
    Counter.add(1, to: loops[loop].abandoned)
  }

  func requestAnswered(_ head: RequestHead, _ response: Response, _ exchange: Exchange, loop: Int) {
    Counter.add(1, to: loops[loop].ended[Labels.method(head.method)])
    record(head, response, exchange, loop)
  }

  func requestRefused(_ head: RequestHead, _ response: Response, _ exchange: Exchange, loop: Int) {
    record(head, response, exchange, loop)
  }

  private func record(_ head: RequestHead, _ response: Response, _ exchange: Exchange, _ loop: Int) {
    let route = Labels.route(head.path)
    let index = LoopCounters.index(
      method: Labels.method(head.method), route: route, status: Labels.status(response.status))
    let sent = head.method == .head ? 0 : response.body.count
    loops[loop].series(at: index).record(
      nanoseconds: exchange.nanoseconds, requestBytes: exchange.requestBytes, responseBytes: sent)
    log?.record(head, response, exchange, route: Labels.routes[route], loop: loop)
  }

  func requestRejected(_ problem: Problem, loop: Int) {
    // Not on the path of any request that is served: its connection is about to be closed.
    rejections.withLock { $0[problem.name, default: 0] += 1 }
    let index = LoopCounters.index(
      method: Labels.otherMethod, route: Labels.noRoute, status: Labels.status(problem.status))
    loops[loop].series(at: index).record(nanoseconds: 0, requestBytes: 0, responseBytes: 0)
    log?.record(problem, loop: loop)
  }
}
