import Allocation
import Dispatch
import HTTP
import HTTPServer
import Synchronization

/// One line of JSON for each request, or for one in N, on standard error.
///
/// The loops only append whole lines to a buffer, which a queue of its own writes. When standard error is slower than
/// the requests, the buffer stays bounded: lines are dropped, and a line says how many.
final class AccessLog: Sendable {
  private struct Buffer {
    var bytes: [UInt8] = []
    var dropped = 0
    var isBeingWritten = false
    var untilNext = 0
  }

  private let every: Int
  private let buffer = Mutex(Buffer())
  private let queue = DispatchQueue(label: "softmaxd.log", qos: .utility)
  private let limit = 1 << 20

  /// Nil when nothing is to be logged.
  init?(_ choice: LogChoice) {
    switch choice {
    case .off: return nil
    case .requests: every = 1
    case .sampled(let count): every = count
    }
  }

  /// - Parameters:
  ///   - request: nil where its head could not be read.
  ///   - response: its answer.
  ///   - loop: who answered.
  func record(_ request: RequestMetrics?, _ response: Response, loop: Int) {
    append {
      let method = request?.head.method
      var line = LogLine(
        method: method?.name ?? MetricLabels.methods[MetricLabels.otherMethod], status: response.status.code)
      if let request {
        line.add("route", request.route.label.description)
        line.add("request_bytes", request.bodyBytes)
        line.add("response_bytes", method == .head ? 0 : response.bodyCount)
        line.add("duration_us", Int(clamping: request.nanoseconds / 1000))
      }
      if let problem = response.problem { line.add("problem", problem.type.name) }
      if let id = response.fields[.xRequestID] { line.add("request_id", id) }
      if let parent = response.fields[.traceparent] { line.add("traceparent", parent) }
      line.add("loop", loop)
      return line.finish()
    }
  }

  private func append(_ makeLine: () -> [UInt8]) {
    let isWanted: Bool = buffer.withLock { buffer in
      guard buffer.untilNext == 0 else {
        buffer.untilNext -= 1
        return false
      }
      buffer.untilNext = every - 1
      if buffer.bytes.count >= limit { buffer.dropped += 1 }
      return buffer.bytes.count < limit
    }
    guard isWanted else { return }
    // Made without the lock, so that no loop waits for another's line.
    let line = makeLine()
    let mustStart: Bool = buffer.withLock { buffer in
      buffer.bytes.append(contentsOf: line)
      defer { buffer.isBeingWritten = true }
      return !buffer.isBeingWritten
    }
    if mustStart { queue.async { self.writeAll() } }
  }

  /// Returns when everything logged has been written, or after a second: a reader that has stopped must not keep the
  /// server from ending.
  func flush() { queue.run(within: .seconds(1)) { self.writeAll() } }

  private func writeAll() {
    while true {
      let (bytes, dropped) = buffer.withLock { buffer in
        let taken = (buffer.bytes, buffer.dropped)
        buffer.bytes = []
        buffer.dropped = 0
        if taken.0.isEmpty { buffer.isBeingWritten = false }
        return taken
      }
      if bytes.isEmpty { return }
      StandardStreams.write(String(decoding: bytes, as: UTF8.self), to: StandardStreams.error)
      if dropped > 0 { StandardStreams.write("{\"dropped_log_lines\":\(dropped)}\n", to: StandardStreams.error) }
    }
  }
}

/// A line being built, as a JSON object.
struct LogLine {
  private var bytes: [UInt8] = []

  init(method: String, status: Int) {
    bytes.reserveCapacity(320)
    bytes.append(contentsOf: "{\"time\":\"\(Self.time())\",\"method\":\"\(method)\",\"status\":\(status)".utf8)
  }

  mutating func add(_ name: StaticString, _ value: Int) {
    bytes.append(contentsOf: ",\"\(name)\":\(value)".utf8)
  }

  mutating func add(_ name: StaticString, _ value: String) {
    bytes.append(contentsOf: ",\"\(name)\":".utf8)
    bytes.append(jsonString: value)
  }

  consuming func finish() -> [UInt8] {
    bytes.append(contentsOf: "}\n".utf8)
    return bytes
  }

  /// Now, as RFC 3339 with milliseconds.
  private static func time() -> String {
    let now = Clock.wall()
    let time = CivilTime(unixSeconds: now.seconds)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let milliseconds = String(now.nanoseconds / 1_000_000 + 1000).dropFirst()
    return "\(time.year)-\(two(time.month))-\(two(time.day))"
      + "T\(two(time.hour)):\(two(time.minute)):\(two(time.second)).\(milliseconds)Z"
  }
}
