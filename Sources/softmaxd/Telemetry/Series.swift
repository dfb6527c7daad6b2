import Synchronization

/// A histogram with fixed bounds that one thread writes and any may read.
///
/// Written by a load and a store, not by an atomic addition: nobody else writes, and a reader that is one request
/// behind is no worse off.
final class Histogram<let count: Int>: Sendable {
  private let buckets = InlineArray<count, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)

  /// Counts `value` in bucket `index`; the last one has no upper bound.
  func record(_ value: UInt64, bucket index: Int) {
    Counter.add(1, to: buckets[index])
    Counter.add(value, to: sum)
  }

  func read(into totals: inout HistogramTotals) {
    for index in 0..<count { totals.buckets[index] &+= buckets[index].load(ordering: .relaxed) }
    totals.sum &+= sum.load(ordering: .relaxed)
  }
}

struct HistogramTotals {
  var buckets: [UInt64]
  var sum: UInt64 = 0

  init(buckets count: Int) { buckets = Array(repeating: 0, count: count) }
}

enum Counter {
  static func add(_ amount: UInt64, to counter: borrowing Atomic<UInt64>) {
    counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }
}

/// What is measured of the requests with one method, route and status.
final class Series: Sendable {
  /// Upper bounds in nanoseconds: those that OpenTelemetry advises for http.server.request.duration.
  static let durationBounds: [UInt64] = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000].map {
    $0 * 1_000_000
  }
  /// Upper bounds in bytes.
  static let sizeBounds: [UInt64] = [
    0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26,
  ]

  let duration = Histogram<15>()
  let requestBytes = Histogram<11>()
  let responseBytes = Histogram<11>()

  func record(nanoseconds: UInt64, requestBytes received: Int, responseBytes sent: Int) {
    duration.record(nanoseconds, bucket: Self.bucket(of: nanoseconds, in: Self.durationBounds))
    let received = UInt64(clamping: received)
    requestBytes.record(received, bucket: Self.bucket(of: received, in: Self.sizeBounds))
    let sent = UInt64(clamping: sent)
    responseBytes.record(sent, bucket: Self.bucket(of: sent, in: Self.sizeBounds))
  }

  /// The first bucket that holds `value`.
  private static func bucket(of value: UInt64, in bounds: [UInt64]) -> Int {
    var index = 0
    while index < bounds.count, value > bounds[index] { index += 1 }
    return index
  }
}
