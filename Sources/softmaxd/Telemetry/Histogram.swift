import Synchronization

/// A histogram with fixed bounds that one thread writes and any may read.
///
/// Written by a load and a store, not by an atomic addition: nobody else writes, and a reader that is one request
/// behind is no worse off.
final class Histogram<let count: Int>: Sendable {
  private let buckets = InlineArray<count, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)

  static var bucketCount: Int { count }

  /// Counts `value` in the first bucket whose upper bound it does not exceed; the last bucket has none.
  func record(_ value: UInt64, bounds: Span<UInt64>) {
    var index = 0
    while index < bounds.count, value > bounds[index] { index += 1 }
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

/// Upper bounds of histograms' buckets; the last bucket has none.
///
/// In place, not in arrays, whose reference counts all loops would share.
enum Bounds {
  /// In nanoseconds: those that OpenTelemetry advises for http.server.request.duration, and others below them, since
  /// most requests here take some microseconds.
  static let durations: InlineArray<18, UInt64> = [
    25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
    100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
  ]
  /// In bytes.
  static let sizes: InlineArray<6, UInt64> = [1 << 10, 1 << 13, 1 << 16, 1 << 19, 1 << 22, 1 << 25]
}

/// How long the requests with one method, route and status took.
typealias Durations = Histogram<19>

/// How large the bodies of the requests with one method and route were, and those of their answers.
///
/// Whatever the status: it says little of sizes, and would make several times as many lines of them.
final class Sizes: Sendable {
  typealias Bytes = Histogram<7>

  let received = Bytes()
  let sent = Bytes()
}
