import Allocation
import Glibc
import HTTP
import HTTPServer
import Synchronization

extension Telemetry {
  /// All metrics in Prometheus's text format 0.0.4, under the names that OpenTelemetry's semantic conventions give
  /// them (HTTP server metrics; units spelt out as Prometheus has them).
  func exposition(_ status: ServerStatus) -> [UInt8] {
    var text = MetricText()
    build(&text)
    durations(&text)
    sizes(&text)
    requests(&text)
    work(status, &text)
    connections(status, &text)
    memory(status, &text)
    process(&text)
    return text.bytes
  }

  private func build(_ text: inout MetricText) {
    text.metric(
      "softmaxd_build_info", "gauge", "1, with what is running as labels.",
      samples: [("version=\"\(Program.version)\",architecture=\"\(Self.architecture)\"", "1")])
  }

  private static var architecture: String {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #else
      "other"
    #endif
  }

  private func durations(_ text: inout MetricText) {
    let name = "http_server_request_duration_seconds"
    text.family(name, "histogram", "From a request's head to its answer.")
    let bounds = MetricText.endsOfBuckets(Bounds.durations.span, scale: 1_000_000_000)
    for index in 0..<LoopCounters.durationsCount {
      let found = loops.compactMap { $0.durations.existing(at: index) }
      guard !found.isEmpty else { continue }
      let (place, status) = index.quotientAndRemainder(dividingBy: MetricLabels.statuses.count)
      let labels = Self.labels(place) + ",http_response_status_code=\"\(MetricLabels.statuses[status])\""
      text.histogram(name, labels, bounds: bounds, scale: 1_000_000_000, of: found) {
        $0.read(into: &$1)
      }
    }
  }

  private func sizes(_ text: inout MetricText) {
    sizes("request", "Bodies received, without their transfer coding.", &text) { $0.received.read(into: &$1) }
    sizes("response", "Bodies sent.", &text) { $0.sent.read(into: &$1) }
  }

  private func sizes(
    _ kind: String, _ help: String, _ text: inout MetricText, read: (Sizes, inout HistogramTotals) -> Void
  ) {
    let name = "http_server_\(kind)_body_size_bytes"
    text.family(name, "histogram", help)
    let bounds = MetricText.endsOfBuckets(Bounds.sizes.span, scale: 1)
    for index in 0..<LoopCounters.sizesCount {
      let found = loops.compactMap { $0.sizes.existing(at: index) }
      guard !found.isEmpty else { continue }
      text.histogram(name, Self.labels(index), bounds: bounds, scale: 1, of: found, read: read)
    }
  }

  private func requests(_ text: inout MetricText) {
    text.metric(
      "http_server_active_requests", "gauge", "Requests being answered.",
      samples: MetricLabels.methods.enumerated().compactMap { method, name in
        let began = sum { $0.began[method].load(ordering: .relaxed) }
        let ended = sum { $0.ended[method].load(ordering: .relaxed) }
        return began > 0 ? ("http_request_method=\"\(name)\"", String(Int64(began) - Int64(ended))) : nil
      })
    text.counter(
      "softmaxd_requests_abandoned_total", "Requests whose client went before the answer.",
      sum { $0.abandoned.load(ordering: .relaxed) })
    let rejected = rejectedRequests.withLock { $0 }
    text.counter(
      "softmaxd_requests_rejected_total", "Requests that broke a rule or a deadline, by reason.",
      byReason: rejected.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  private func work(_ status: ServerStatus, _ text: inout MetricText) {
    text.gauge("softmaxd_queue_length", "Requests that wait for a worker.", status.queueLength)
    text.gauge("softmaxd_loops", "Event loops that serve connections.", status.loops)
    text.gauge("softmaxd_draining", "1 once the server has begun to stop, else 0.", status.isRunning ? 0 : 1)
  }

  private func connections(_ status: ServerStatus, _ text: inout MetricText) {
    let opened = sum { $0.opened.load(ordering: .relaxed) }
    let closed = sum { $0.closed.load(ordering: .relaxed) }
    text.gauge("softmaxd_connections", "Connections open.", Int64(opened) - Int64(closed))
    text.gauge("softmaxd_connections_limit", "Connections that there may be at once.", status.connectionsLimit)
    text.counter("softmaxd_connections_accepted_total", "Connections accepted.", opened)
    let (rejected, dropped) = (rejectedConnections.withLock { $0 }, droppedConnections.withLock { $0 })
    text.counter(
      "softmaxd_connections_rejected_total", "Connections turned away, by reason.",
      byReason: ConnectionRejection.allCases.map { ($0.rawValue, rejected[$0, default: 0]) })
    text.counter(
      "softmaxd_connections_dropped_total", "Connections ended before their time, by reason.",
      byReason: ConnectionDrop.allCases.map { ($0.rawValue, dropped[$0, default: 0]) })
  }

  private func memory(_ status: ServerStatus, _ text: inout MetricText) {
    text.gauge("softmaxd_memory_held_bytes", "Memory that connections and requests hold.", status.heldBytes)
    text.gauge("softmaxd_memory_limit_bytes", "Memory that connections and requests may hold.", status.heldBytesLimit)
    text.gauge("softmaxd_body_limit_bytes", "The most bytes that a body may have.", status.bodyBytesLimit)
  }

  private func process(_ text: inout MetricText) {
    let usage = ProcessMetrics.read()
    text.counter(
      "process_cpu_seconds_total", "Processor time, user and system.",
      usage.cpuMicroseconds.inDecimals(scale: 1_000_000))
    text.gauge("process_resident_memory_bytes", "Resident memory in bytes.", usage.residentBytes)
    text.gauge(
      "process_start_time_seconds", "When the process began, in seconds since 1970.",
      usage.startMilliseconds.inDecimals(scale: 1000))
    text.gauge("process_open_fds", "File descriptors open now.", usage.openDescriptors)
    text.gauge("process_max_fds", "The most file descriptors that may be open.", usage.descriptorLimit)
  }

  private func sum(_ value: (LoopCounters) -> UInt64) -> UInt64 { loops.reduce(0) { $0 &+ value($1) } }

  /// Of a method and a route, by `LoopCounters.sizesIndex`.
  private static func labels(_ place: Int) -> String {
    let (method, route) = place.quotientAndRemainder(dividingBy: MetricLabels.routes.count)
    let text = "http_request_method=\"\(MetricLabels.methods[method])\""
    return route == Route.unmatched.id ? text : text + ",http_route=\"\(MetricLabels.routes[route])\""
  }
}

/// Text in Prometheus's exposition format.
struct MetricText {
  private(set) var bytes: [UInt8] = []

  /// A metric and its samples.
  mutating func metric(_ name: String, _ type: String, _ help: String, samples: [(labels: String, value: String)]) {
    family(name, type, help)
    for (labels, value) in samples { sample(name, labels, value) }
  }

  mutating func gauge(_ name: String, _ help: String, _ value: some LosslessStringConvertible) {
    metric(name, "gauge", help, samples: [("", String(value))])
  }

  mutating func counter(_ name: String, _ help: String, _ value: some LosslessStringConvertible) {
    metric(name, "counter", help, samples: [("", String(value))])
  }

  mutating func counter(_ name: String, _ help: String, byReason counts: [(reason: String, count: UInt64)]) {
    metric(name, "counter", help, samples: counts.map { ("reason=\"\($0.reason)\"", String($0.count)) })
  }

  /// The beginning of a metric, whose samples follow.
  mutating func family(_ name: String, _ type: String, _ help: String) {
    put("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n")
  }

  private mutating func sample(_ name: String, _ labels: String, _ value: String) {
    put(labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n")
  }

  /// How the labels of a histogram's buckets end, made once for all the histograms with these bounds.
  static func endsOfBuckets(_ bounds: Span<UInt64>, scale: UInt64) -> [String] {
    var ends: [String] = []
    for place in bounds.indices { ends.append("\(bounds[place].inDecimals(scale: scale))\"} ") }
    return ends + ["+Inf\"} "]
  }

  /// One histogram, added up from those of several loops.
  ///
  /// - Parameters:
  ///   - name: the metric's.
  ///   - labels: all but the buckets' own.
  ///   - bounds: what ``endsOfBuckets(_:scale:)`` makes of the upper bounds.
  ///   - scale: by how much the sum is divided.
  ///   - parts: each loop's.
  ///   - read: adds a part to the totals.
  mutating func histogram<Part>(
    _ name: String, _ labels: String, bounds: [String], scale: UInt64, of parts: [Part],
    read: (Part, inout HistogramTotals) -> Void
  ) {
    var totals = HistogramTotals(buckets: bounds.count)
    for part in parts { read(part, &totals) }
    var count: UInt64 = 0
    let beginning = "\(name)_bucket{\(labels),le=\""
    for (bucket, bound) in zip(totals.buckets, bounds) {
      count &+= bucket
      put(beginning)
      put(bound)
      put(String(count))
      put("\n")
    }
    sample(name + "_sum", labels, totals.sum.inDecimals(scale: scale))
    sample(name + "_count", labels, String(count))
  }

  private mutating func put(_ text: String) { bytes.append(text.utf8.span) }
}

extension UInt64 {
  /// `self / scale` in decimals; `scale` is a power of ten.
  func inDecimals(scale: UInt64) -> String {
    let (whole, rest) = quotientAndRemainder(dividingBy: scale)
    guard rest != 0 else { return String(whole) }
    var digits = String(rest + scale).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
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
    figures.residentBytes = mappedMemory?.resident ?? 0
    figures.descriptorLimit = UInt64(Descriptors.limit?.rlim_cur ?? 0)
    figures.openDescriptors = openDescriptors()
    figures.startMilliseconds = start
    return figures
  }

  /// The address space in use, and what of it is resident, in bytes.
  static var mappedMemory: (mapped: Int, resident: Int)? {
    // proc_pid_statm(5): size, resident, … in pages.
    guard let text = FileReader.text("/proc/self/statm", atMost: 256) else { return nil }
    let pages = text.split(separator: " ").prefix(2).compactMap { Int($0) }
    let size = Int(sysconf(CInt(_SC_PAGESIZE)))
    return pages.count == 2 ? (pages[0] * size, pages[1] * size) : nil
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
    let now = Clock.wall()
    return UInt64(clamping: now.seconds) * 1000 + now.nanoseconds / 1_000_000
  }()
}
