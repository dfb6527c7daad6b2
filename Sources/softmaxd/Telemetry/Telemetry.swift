import Glibc
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
  let droppedForCap = Atomic<UInt64>(0)
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
    case .connectionCap: droppedForCap.add(1, ordering: .relaxed)
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
    let counters = loops[loop]
    Counter.add(1, to: counters.ended[request.head.method.place])
    record(request, response, by: counters, loop)
  }

  func requestRefused(_ request: RequestMetrics, _ response: Response, loop: Int) {
    record(request, response, by: loops[loop], loop)
  }

  private func record(_ request: RequestMetrics, _ response: Response, by counters: LoopCounters, _ loop: Int) {
    let sent = request.head.method == .head ? 0 : response.bodyCount
    counters.record(
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

/// What the system knows of this process.
struct ProcessMetrics {
  var cpuMicroseconds: UInt64 = 0
  var residentBytes = 0
  var descriptorLimit: UInt64 = 0
  var openDescriptors = 0
  /// Since 1970.
  var startMilliseconds: UInt64 = 0

  static func read() -> ProcessMetrics {
    var figures = ProcessMetrics()
    var usage = rusage()
    if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
      figures.cpuMicroseconds =
        UInt64(clamping: usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
        + UInt64(clamping: usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }
    // proc_pid_statm(5): size, resident, … in pages.
    if let bytes = FileReader.read("/proc/self/statm", atMost: 256) {
      let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ")
      if parts.count > 1 { figures.residentBytes = (Int(parts[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) }
    }
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      figures.descriptorLimit = UInt64(limit.rlim_cur)
    }
    figures.openDescriptors = openDescriptors()
    figures.startMilliseconds = start
    return figures
  }

  /// How many entries /proc/self/fd has. Linux tells it as the folder's size since 6.2; before that they are counted.
  private static func openDescriptors() -> Int {
    var status = stat()
    if unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { _ = unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Without ".", ".." and the folder's own.
    return max(0, count - 3)
  }

  /// Takes now for the time of the start.
  static func noteStart() { _ = start }

  private static let start: UInt64 = {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(clamping: now.tv_sec) * 1000 + UInt64(clamping: now.tv_nsec / 1_000_000)
  }()
}
