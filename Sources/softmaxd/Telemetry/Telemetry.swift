import HTTP
import HTTPServer
import Synchronization

/// Counts what the server does, and writes its log.
final class Telemetry: ServerObserver {
  let loops: [LoopCounters]
  /// Requests that broke a rule or a deadline, by the problem's name, of which there are few.
  let rejections = Mutex<[String: UInt64]>([:])
  let refusedForCap = Atomic<UInt64>(0)
  let refusedForDescriptors = Atomic<UInt64>(0)
  let droppedSlowReaders = Atomic<UInt64>(0)
  let droppedForMemory = Atomic<UInt64>(0)
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

  func connectionDropped(_ reason: ConnectionDrop, loop: Int) {
    switch reason {
    case .slowReader: droppedSlowReaders.add(1, ordering: .relaxed)
    case .memory: droppedForMemory.add(1, ordering: .relaxed)
    }
  }

  func requestBegan(_ request: RequestMetrics, loop: Int) {
    Counter.add(1, to: loops[loop].began[request.head.method.place])
  }

  func requestAbandoned(_ request: RequestMetrics, loop: Int) {
    Counter.add(1, to: loops[loop].ended[request.head.method.place])
    Counter.add(1, to: loops[loop].abandoned)
  }

  func requestAnswered(_ request: RequestMetrics, _ response: Response, loop: Int) {
    Counter.add(1, to: loops[loop].ended[request.head.method.place])
    record(request, response, loop)
  }

  func requestRefused(_ request: RequestMetrics, _ response: Response, loop: Int) {
    record(request, response, loop)
  }

  private func record(_ request: RequestMetrics, _ response: Response, _ loop: Int) {
    let sent = request.head.method == .head ? 0 : response.body.count
    loops[loop].record(
      method: request.head.method.place, route: request.route, status: MetricLabels.status(response.status),
      (request.nanoseconds, request.bodyBytes, sent))
    log?.record(request, response, loop: loop)
  }

  func requestRejected(_ problem: Problem, loop: Int) {
    // A lock is fine here: no request that is served comes this way, and the connection is about to close.
    rejections.withLock { $0[problem.type.name, default: 0] += 1 }
    loops[loop].record(
      method: MetricLabels.otherMethod, route: .unmatched, status: MetricLabels.status(problem.type.status), (0, 0, 0))
    log?.record(problem, loop: loop)
  }
}
