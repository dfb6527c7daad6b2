import HTTP
import HTTPServer
import Synchronization

/// Counts what the server does, and writes its log.
final class Telemetry: ServerObserver {
  let loops: [LoopCounters]
  // Locks are fine here: no request that is served comes this way, and the connection is about to close.
  /// Requests that broke a rule or a deadline, by the problem's name, of which there are few.
  let rejectedRequests = Mutex<[String: UInt64]>([:])
  let rejectedConnections = Mutex<[ConnectionRejection: UInt64]>([:])
  let droppedConnections = Mutex<[ConnectionDrop: UInt64]>([:])
  let log: AccessLog?
  /// What the last scrape got.
  private let scraped = Mutex(SharedText())

  init(loops count: Int, log choice: LogChoice) {
    loops = (0..<count).map { _ in LoopCounters() }
    log = AccessLog(choice)
  }

  func connectionOpened(loop: Int) { Counter.add(1, to: loops[loop].opened) }
  func connectionClosed(loop: Int) { Counter.add(1, to: loops[loop].closed) }

  func connectionRejected(_ reason: ConnectionRejection) {
    rejectedConnections.withLock { $0[reason, default: 0] += 1 }
  }

  func connectionDropped(_ reason: ConnectionDrop, loop: Int) {
    droppedConnections.withLock { $0[reason, default: 0] += 1 }
  }

  func requestBegan(_ request: RequestMetrics, loop: Int) {
    Counter.add(1, to: loops[loop].began[request.head.method.rawValue])
  }

  func requestAbandoned(_ request: RequestMetrics, loop: Int) {
    Counter.add(1, to: loops[loop].ended[request.head.method.rawValue])
    Counter.add(1, to: loops[loop].abandoned)
  }

  func requestCompleted(_ request: RequestMetrics, _ response: Response, loop: Int) {
    let counters = loops[loop]
    Counter.add(1, to: counters.ended[request.head.method.rawValue])
    count(request, response, by: counters, isOfHead: false)
    log?.record(request, response, loop: loop)
  }

  func requestRefused(_ request: RequestMetrics, _ response: Response, loop: Int) {
    count(request, response, by: loops[loop], isOfHead: true)
    log?.record(request, response, loop: loop)
  }

  func requestRejected(_ problem: ProblemDetails, _ request: RequestMetrics?, _ response: Response, loop: Int) {
    rejectedRequests.withLock { $0[problem.type.name, default: 0] += 1 }
    if let request {
      count(request, response, by: loops[loop], isOfHead: true)
    } else {
      let status = MetricLabels.status(response.status)
      loops[loop].record(method: MetricLabels.otherMethod, route: .unmatched, status: status, (0, 0, 0))
    }
    log?.record(request, response, loop: loop)
  }

  /// Only what is POSTed where that is taken counts by its route, and of what the client did wrong only what was found
  /// in a whole request: anyone can have every route say every status to every method, and each is a histogram for the
  /// life of the process.
  ///
  /// - Parameter isOfHead: whether no handler has answered the whole request.
  private func count(_ request: RequestMetrics, _ response: Response, by counters: LoopCounters, isOfHead: Bool) {
    let (method, status) = (request.head.method, response.status)
    let isWork = method == .post && request.route.methods.contains(method)
    let isEarlyError = isOfHead && (400..<500).contains(status.code)
    counters.record(
      method: method.rawValue, route: isWork && !isEarlyError ? request.route : .unmatched,
      status: MetricLabels.status(status),
      (request.nanoseconds, request.bodyBytes, method == .head ? 0 : response.bodyCount))
  }

  /// What a scrape gets: all metrics, or the text that the last one got if making them takes too much of the time.
  func scrape(_ status: ServerStatus) -> [UInt8] {
    let asked = Clock.now()
    return scraped.withLock { $0.text(askedAt: asked, clock: Clock.now) { exposition(status) } }
  }
}

/// A text that takes long to make. It is made anew for who asks, but in one part of sixteen of the time at most; those
/// beyond it get the last one.
struct SharedText {
  private static let share: UInt64 = 16
  /// For how long, in nanoseconds, texts may have been made too often.
  private static let patience: UInt64 = 1_000_000_000

  private var last: [UInt8] = []
  private var began = Instant(nanoseconds: 0)
  /// Until when the texts made so far have used up their share of the time.
  private var usedUp = Instant(nanoseconds: 0)

  /// - Parameters:
  ///   - asked: when it was asked for, perhaps while another made it.
  ///   - clock: tells the time.
  ///   - make: makes the text.
  mutating func text(askedAt asked: Instant, clock: () -> Instant, make: () -> [UInt8]) -> [UInt8] {
    let now = clock()
    guard began < asked, usedUp.nanoseconds(since: now) < Self.patience || last.isEmpty else { return last }
    last = make()
    began = now
    let taken = clock().nanoseconds(since: now)
    usedUp = max(usedUp, now).advanced(by: taken &* Self.share)
    return last
  }
}

/// A histogram with fixed bounds that one loop writes and any thread may read.
///
/// Written by a load and a store, not by an atomic addition: nobody else writes, and a reader that is one request
/// behind is no worse off.
final class Histogram<let boundsCount: Int>: Sendable {
  private let buckets = InlineArray<boundsCount, Atomic<UInt64>> { _ in Atomic(0) }
  /// The values that are above each bound.
  private let beyond = Atomic<UInt64>(0)
  private let sum = Atomic<UInt64>(0)
  /// The buckets' upper bounds, beside what is counted.
  private let bounds: InlineArray<boundsCount, UInt64>

  init(_ bounds: InlineArray<boundsCount, UInt64>) { self.bounds = bounds }

  /// Counts `value` in the first bucket whose upper bound it does not exceed.
  func record(_ value: UInt64) {
    Counter.add(value, to: sum)
    for index in 0..<boundsCount where value <= bounds[index] { return Counter.add(1, to: buckets[index]) }
    Counter.add(1, to: beyond)
  }

  func read(into totals: inout HistogramTotals) {
    for index in 0..<boundsCount { totals.buckets[index] &+= buckets[index].load(ordering: .relaxed) }
    totals.buckets[boundsCount] &+= beyond.load(ordering: .relaxed)
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

/// Upper bounds of histograms' buckets; one more bucket has none.
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
typealias Durations = Histogram<18>

/// How large the bodies of the requests with one method and route were, and those of their answers.
///
/// Whatever the status: it says little about sizes, and their lines would be several times as many.
final class Sizes: Sendable {
  typealias Bytes = Histogram<6>

  let received = Bytes(Bounds.sizes)
  let sent = Bytes(Bounds.sizes)
}

/// What one loop counts. Only its own thread writes; a scrape reads all loops' counters and adds them up.
final class LoopCounters: Sendable {
  let opened = Atomic<UInt64>(0)
  let closed = Atomic<UInt64>(0)
  let abandoned = Atomic<UInt64>(0)
  /// By method.
  let began = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  let ended = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
  /// By method, route and status.
  let durations = LazyObjects<Durations>(durationsCount) { Durations(Bounds.durations) }
  /// By method and route.
  let sizes = LazyObjects<Sizes>(sizesCount) { Sizes() }

  static let sizesCount = MetricLabels.methods.count * MetricLabels.routes.count
  static let durationsCount = sizesCount * MetricLabels.statuses.count

  static func sizesIndex(method: Int, route: Route) -> Int { method * MetricLabels.routes.count + route.id }

  static func durationsIndex(method: Int, route: Route, status: Int) -> Int {
    sizesIndex(method: method, route: route) * MetricLabels.statuses.count + status
  }

  /// Counts an answer. Only for the loop's own thread.
  func record(method: Int, route: Route, status: Int, _ figures: (nanoseconds: UInt64, received: Int, sent: Int)) {
    durations.use(Self.durationsIndex(method: method, route: route, status: status)) { durations in
      durations.record(figures.nanoseconds)
    }
    sizes.use(Self.sizesIndex(method: method, route: route)) { sizes in
      sizes.received.record(UInt64(clamping: figures.received))
      sizes.sent.record(UInt64(clamping: figures.sent))
    }
  }
}

/// Objects that are made when first needed, by one loop, and kept for the program's life; any thread may look for
/// them.
///
/// Unmanaged, because AtomicLazyReference looks its metadata up at each load, in the runtime's tables, for longer than
/// all the counting takes.
@safe struct LazyObjects<Object: AnyObject & Sendable>: ~Copyable, Sendable {
  // Safe: never changed, and what it points to is atomic.
  private nonisolated(unsafe) let objects: UnsafeMutableBufferPointer<Atomic<Unmanaged<Object>?>>
  private let make: @Sendable () -> Object

  init(_ count: Int, _ make: @escaping @Sendable () -> Object) {
    unsafe objects = .allocate(capacity: count)
    for index in 0..<count { unsafe objects.initializeElement(at: index, to: Atomic(nil)) }
    self.make = make
  }

  deinit { unsafe objects.deallocate() }

  /// Hands out the one at `index`, made now if need be: only for the one loop.
  func use(_ index: Int, _ body: (Object) -> Void) {
    // Safe: retained when made and never released.
    if let object = unsafe objects[index].load(ordering: .acquiring) {
      return unsafe object._withUnsafeGuaranteedRef(body)
    }
    let made = make()
    unsafe objects[index].store(Unmanaged.passRetained(made), ordering: .releasing)
    body(made)
  }

  func existing(at index: Int) -> Object? {
    unsafe objects[index].load(ordering: .acquiring)?.takeUnretainedValue()
  }
}

/// The values of metric labels: few, whatever clients send.
enum MetricLabels {
  /// OpenTelemetry calls an unknown method `_OTHER`; here the parser has already refused it.
  static let methods = Method.allCases.map(\.name) + ["_OTHER"]
  static let otherMethod = methods.count - 1

  /// By the routes' ids; the first is for unknown paths.
  static let routes = OperationalEndpoints.routes.routes.map(\.label.description)

  static let statuses = Status.allCases.map(\.code)

  static func status(_ status: Status) -> Int { statuses.firstIndex(of: status.code) ?? 0 }
}
