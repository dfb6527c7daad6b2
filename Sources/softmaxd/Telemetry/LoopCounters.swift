import Synchronization

/// What one loop counts. Only its own thread writes; a scrape reads all loops' counters and adds them up.
final class LoopCounters: Sendable {
  static let seriesCount = 10 * 12 * 22

  let opened = Atomic<UInt64>(0)
  let closed = Atomic<UInt64>(0)
  let abandoned = Atomic<UInt64>(0)
  /// By method.
  let began = InlineArray<10, Atomic<UInt64>> { _ in Atomic(0) }
  let ended = InlineArray<10, Atomic<UInt64>> { _ in Atomic(0) }
  /// By method, route and status; made when first needed.
  private let series = InlineArray<2640, AtomicLazyReference<Series>> { _ in AtomicLazyReference() }

  static func index(method: Int, route: Int, status: Int) -> Int {
    (method * Labels.routes.count + route) * Labels.statuses.count + status
  }

  func series(at index: Int) -> Series { series[index].load() ?? series[index].storeIfNil(Series()) }

  func existingSeries(at index: Int) -> Series? { series[index].load() }
}
