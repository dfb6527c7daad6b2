import Synchronization

/// What one loop counts. Only its own thread writes; a scrape reads all loops' counters and adds them up.
final class LoopCounters: Sendable {
  /// How many of the places below are in use; a test holds it to their number.
  static let seriesCount = Labels.methods.count * Labels.routes.count * Labels.statuses.count
  static let seriesRoom = 4096
  static let methodRoom = 16

  let opened = Atomic<UInt64>(0)
  let closed = Atomic<UInt64>(0)
  let abandoned = Atomic<UInt64>(0)
  /// By method.
  let began = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  let ended = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  /// By method, route and status; made when first needed.
  private let series = InlineArray<4096, AtomicLazyReference<Series>> { _ in AtomicLazyReference() }

  static func index(method: Int, route: Int, status: Int) -> Int {
    (method * Labels.routes.count + route) * Labels.statuses.count + status
  }

  func series(at index: Int) -> Series { series[index].load() ?? series[index].storeIfNil(Series()) }

  func existingSeries(at index: Int) -> Series? { series[index].load() }
}
