import HTTPCore
import HTTPTransport
import Synchronization

extension Telemetry {
  /// All metrics in Prometheus's text format 0.0.4, under the names that OpenTelemetry's semantic conventions give
  /// them (HTTP server metrics; units spelt out as Prometheus has them).
  func exposition(_ status: ServerStatus) -> [UInt8] {
    var text = MetricText()
    requests(&text)
    connections(&text)
    memory(status, &text)
    process(&text)
    return text.bytes
  }

  private func requests(_ text: inout MetricText) {
    let families:
      [(name: String, help: String, bounds: [UInt64], scale: UInt64, path: (Series, inout HistogramTotals) -> Void)] = [
        (
          "http_server_request_duration_seconds", "From a request's head to its answer.", Series.durationBounds,
          1_000_000_000, { $0.duration.read(into: &$1) }
        ),
        (
          "http_server_request_body_size_bytes", "Bodies received, without their transfer coding.", Series.sizeBounds,
          1,
          { $0.requestBytes.read(into: &$1) }
        ),
        (
          "http_server_response_body_size_bytes", "Bodies sent.", Series.sizeBounds, 1,
          { $0.responseBytes.read(into: &$1) }
        ),
      ]
    for family in families {
      text.family(family.name, "histogram", family.help)
      for index in 0..<LoopCounters.seriesCount {
        let found = loops.compactMap { $0.existingSeries(at: index) }
        guard !found.isEmpty else { continue }
        var totals = HistogramTotals(buckets: family.bounds.count + 1)
        for series in found { family.path(series, &totals) }
        text.histogram(family.name, Self.labels(index), bounds: family.bounds, scale: family.scale, totals)
      }
    }
    text.family("http_server_active_requests", "gauge", "Requests being answered.")
    for (method, name) in MetricLabels.methods.enumerated() {
      let began = sum { $0.began[method].load(ordering: .relaxed) }
      let ended = sum { $0.ended[method].load(ordering: .relaxed) }
      if began > 0 {
        text.sample(
          "http_server_active_requests", "http_request_method=\"\(name)\"", String(Int64(began) - Int64(ended)))
      }
    }
    text.family("softmaxd_requests_abandoned_total", "counter", "Requests whose client went before the answer.")
    text.sample("softmaxd_requests_abandoned_total", "", String(sum { $0.abandoned.load(ordering: .relaxed) }))
    text.family("softmaxd_requests_rejected_total", "counter", "Requests that broke a rule or a deadline, by reason.")
    for (reason, count) in rejections.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      text.sample("softmaxd_requests_rejected_total", "reason=\"\(reason)\"", String(count))
    }
  }

  private func connections(_ text: inout MetricText) {
    let opened = sum { $0.opened.load(ordering: .relaxed) }
    let closed = sum { $0.closed.load(ordering: .relaxed) }
    text.family("softmaxd_connections", "gauge", "Connections open.")
    text.sample("softmaxd_connections", "", String(Int64(opened) - Int64(closed)))
    text.family("softmaxd_connections_accepted_total", "counter", "Connections accepted.")
    text.sample("softmaxd_connections_accepted_total", "", String(opened))
    text.family("softmaxd_connections_rejected_total", "counter", "Connections turned away, by reason.")
    for (reason, count) in [
      (ConnectionRefusal.connectionCap, refusedForCap.load(ordering: .relaxed)),
      (.descriptors, refusedForDescriptors.load(ordering: .relaxed)),
    ] {
      text.sample("softmaxd_connections_rejected_total", "reason=\"\(reason.rawValue)\"", String(count))
    }
  }

  private func memory(_ status: ServerStatus, _ text: inout MetricText) {
    text.family("softmaxd_connections_dropped_total", "counter", "Connections ended because their peers were too slow.")
    for (reason, count) in [
      (ConnectionDrop.slowReader, droppedSlowReaders.load(ordering: .relaxed)),
      (.memory, droppedForMemory.load(ordering: .relaxed)),
    ] {
      text.sample("softmaxd_connections_dropped_total", "reason=\"\(reason.rawValue)\"", String(count))
    }
    text.family("softmaxd_memory_held_bytes", "gauge", "Memory that connections and requests hold.")
    text.sample("softmaxd_memory_held_bytes", "", String(status.heldBytes))
    text.family("softmaxd_memory_limit_bytes", "gauge", "Memory that connections and requests may hold.")
    text.sample("softmaxd_memory_limit_bytes", "", String(status.heldBytesLimit))
  }

  private func process(_ text: inout MetricText) {
    let usage = ProcessMetrics.read()
    text.family("process_cpu_seconds_total", "counter", "Processor time, user and system.")
    text.sample("process_cpu_seconds_total", "", MetricText.decimal(usage.cpuMicroseconds, scale: 1_000_000))
    text.family("process_resident_memory_bytes", "gauge", "Memory held.")
    text.sample("process_resident_memory_bytes", "", String(usage.residentBytes))
    text.family("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.")
    text.sample("process_start_time_seconds", "", MetricText.decimal(usage.startMilliseconds, scale: 1000))
    text.family("process_max_fds", "gauge", "The limit of open descriptors.")
    text.sample("process_max_fds", "", String(usage.descriptorLimit))
  }

  private func sum(_ value: (LoopCounters) -> UInt64) -> UInt64 { loops.reduce(0) { $0 &+ value($1) } }

  private static func labels(_ index: Int) -> String {
    let (rest, status) = index.quotientAndRemainder(dividingBy: MetricLabels.statuses.count)
    let (method, route) = rest.quotientAndRemainder(dividingBy: MetricLabels.routes.count)
    var text = "http_request_method=\"\(MetricLabels.methods[method])\""
    if route != Route.unmatched.id { text += ",http_route=\"\(MetricLabels.routes[route])\"" }
    return text + ",http_response_status_code=\"\(MetricLabels.statuses[status])\""
  }
}

/// Text in Prometheus's exposition format.
struct MetricText {
  private(set) var bytes: [UInt8] = []

  mutating func family(_ name: String, _ type: String, _ help: String) {
    put("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n")
  }

  mutating func sample(_ name: String, _ labels: String, _ value: String) {
    put(labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n")
  }

  mutating func histogram(
    _ name: String, _ labels: String, bounds: [UInt64], scale: UInt64, _ totals: HistogramTotals
  ) {
    var count: UInt64 = 0
    for (bound, bucket) in zip(bounds, totals.buckets) {
      count &+= bucket
      sample(name + "_bucket", labels + ",le=\"\(Self.decimal(bound, scale: scale))\"", String(count))
    }
    count &+= totals.buckets[bounds.count]
    sample(name + "_bucket", labels + ",le=\"+Inf\"", String(count))
    sample(name + "_sum", labels, Self.decimal(totals.sum, scale: scale))
    sample(name + "_count", labels, String(count))
  }

  /// `value / scale` in decimals; `scale` is a power of ten.
  static func decimal(_ value: UInt64, scale: UInt64) -> String {
    let (whole, rest) = value.quotientAndRemainder(dividingBy: scale)
    guard rest != 0 else { return String(whole) }
    var digits = String(rest + scale).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
  }

  private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
