import HTTP
import Synchronization

/// What one loop counts. Only its own thread writes; a scrape reads all loops' counters and adds them up.
final class LoopCounters: Sendable {
  let opened = Atomic<UInt64>(0)
  let closed = Atomic<UInt64>(0)
  let abandoned = Atomic<UInt64>(0)
  /// By method.
  let began = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  let ended = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  /// By method, route and status.
  let durations = Places<8192, Durations> { Durations() }
  /// By method and route.
  let sizes = Places<512, Sizes> { Sizes() }

  /// How many of the places are in use; a test holds them to their number.
  static let sizesCount = MetricLabels.methods.count * MetricLabels.routes.count
  static let durationsCount = sizesCount * MetricLabels.statuses.count
  var methodRoom: Int { began.count }

  static func sizesIndex(method: Int, route: Route) -> Int { method * MetricLabels.routes.count + route.id }

  static func durationsIndex(method: Int, route: Route, status: Int) -> Int {
    sizesIndex(method: method, route: route) * MetricLabels.statuses.count + status
  }

  /// Counts an answer. Only for the loop's own thread.
  func record(method: Int, route: Route, status: Int, _ figures: (nanoseconds: UInt64, received: Int, sent: Int)) {
    durations[Self.durationsIndex(method: method, route: route, status: status)]
      .record(figures.nanoseconds, bounds: Bounds.durations.span)
    let sizes = sizes[Self.sizesIndex(method: method, route: route)]
    sizes.received.record(UInt64(clamping: figures.received), bounds: Bounds.sizes.span)
    sizes.sent.record(UInt64(clamping: figures.sent), bounds: Bounds.sizes.span)
  }
}

/// Objects that are made when first needed, by one thread, and kept for the program's life; any thread may look for
/// them.
///
/// Unmanaged, because AtomicLazyReference looks its metadata up at each load, in the runtime's tables, for longer than
/// all the counting takes.
@safe struct Places<let room: Int, Object: AnyObject & Sendable>: ~Copyable, Sendable {
  private let places = unsafe InlineArray<room, Atomic<Unmanaged<Object>?>> { _ in unsafe Atomic(nil) }
  private let make: @Sendable () -> Object

  init(_ make: @escaping @Sendable () -> Object) { self.make = make }

  var count: Int { room }

  /// The one at `index`, made now if need be: only for the one thread.
  subscript(index: Int) -> Object {
    if let object = existing(at: index) { return object }
    let made = make()
    // Safe: retained here and never released.
    unsafe places[index].store(Unmanaged.passRetained(made), ordering: .releasing)
    return made
  }

  func existing(at index: Int) -> Object? {
    unsafe places[index].load(ordering: .acquiring)?.takeUnretainedValue()
  }
}
