import HTTPCore
import Synchronization

/// What one loop counts. Only its own thread writes; a scrape reads all loops' counters and adds them up.
@safe final class LoopCounters: Sendable {
  /// How many of the places below are in use; a test holds it to their number.
  static let seriesCount = MetricLabels.methods.count * MetricLabels.routes.count * MetricLabels.statuses.count
  var seriesRoom: Int { unsafe series.count }
  var methodRoom: Int { began.count }

  let opened = Atomic<UInt64>(0)
  let closed = Atomic<UInt64>(0)
  let abandoned = Atomic<UInt64>(0)
  /// By method.
  let began = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  let ended = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  /// By method, route and status; made when first needed, and kept for the program's life.
  ///
  /// Unmanaged, because AtomicLazyReference looks its metadata up at each load, in the runtime's tables, for longer
  /// than all the counting takes.
  private let series = unsafe InlineArray<4096, Atomic<Unmanaged<Series>?>> { _ in unsafe Atomic(nil) }

  static func index(method: Int, route: Route, status: Int) -> Int {
    (method * MetricLabels.routes.count + route.id) * MetricLabels.statuses.count + status
  }

  /// Only for the loop's own thread: nobody else makes a series.
  func series(at index: Int) -> Series {
    if let series = existingSeries(at: index) { return series }
    let made = Series()
    // Safe: retained here and never released.
    unsafe series[index].store(Unmanaged.passRetained(made), ordering: .releasing)
    return made
  }

  func existingSeries(at index: Int) -> Series? {
    unsafe series[index].load(ordering: .acquiring)?.takeUnretainedValue()
  }
}
