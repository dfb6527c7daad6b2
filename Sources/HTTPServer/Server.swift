internal import Dispatch
internal import Glibc
public import HTTP
internal import Synchronization

/// Why a server could not start.
public enum StartError: Error, Sendable, CustomStringConvertible {
  /// An address could not be listened on.
  case listen(SocketAddress, SystemError)
  /// The system refused what an event loop is made of.
  case loop(SystemError)
  /// No timer fires.
  case timer

  public var description: String {
    switch self {
    case .listen(let address, let cause): "cannot listen on \(address): \(cause.reason)"
    case .loop(let cause): "cannot make an event loop: \(cause)"
    case .timer: "no timer fires; raise the limits of open files (ulimit -n) and of threads (ulimit -u)"
    }
  }
}

/// An HTTP/1.1 server: listeners that accept, loops that serve, a work pool for large requests.
public final class Server: Sendable {
  private struct Running {
    var loops: [EventLoop] = []
    var listeners: [Listener] = []
    var isStopping = false
    var hasStopped = false
    /// Who wants to know when all is over.
    var waiting: [@Sendable () -> Void] = []
  }

  private let services: LoopServices
  let status: ServerStatus
  private let running = Mutex(Running())
  private let queue = DispatchQueue(label: "softmaxd.server")

  /// - Parameters:
  ///   - status: how the server runs, and what the handler's `/readyz` reads; the server sets it.
  ///   - handler: answers requests.
  ///   - observer: is told of them.
  public init(_ status: ServerStatus, handler: any RequestHandler, observer: any ServerObserver) {
    self.status = status
    services = LoopServices(
      configuration: status.configuration, limits: SharedLimits(status.configuration.limits),
      limitsBeyondCap: SharedLimits(status.configuration.limitsBeyondCap), handler: handler, observer: observer,
      workPool: status.workPool,
      budget: status.budget,
      limiter: ConnectionLimiter(
        cap: status.configuration.connections, beyondCap: status.configuration.connectionsBeyondCap))
  }

  private var configuration: ServerConfiguration { services.configuration }

  /// Opens the ports and begins to serve; returns where.
  public func start() throws(StartError) -> [SocketAddress] {
    let loops = try makeLoops()
    let mailboxes = loops.map(\.mailbox)
    var listeners: [Listener] = []
    for address in configuration.addresses {
      // Port 0 is chosen once, for the first address.
      let wanted = address.port == 0 ? address.with(port: listeners.first?.address.port ?? 0) : address
      do throws(SystemError) {
        listeners.append(
          try Listener(
            wanted, backlog: configuration.backlog, mailboxes: mailboxes, limiter: services.limiter,
            observer: services.observer))
      } catch {
        // One that need not be there is left out where the system does not know it (IPv6 switched off).
        let isUnknown = error.code == EADDRNOTAVAIL || error.code == EAFNOSUPPORT
        if isUnknown, configuration.optionalAddresses.contains(address), !listeners.isEmpty { continue }
        throw .listen(wanted, error)
      }
    }
    let lastAsked = Atomic<UInt64>(0)
    services.budget.whenAskedForRoom { wanted in
      // Asked for at each refusal; heard a hundred times a second.
      let now = Clock.now().nanoseconds
      guard now &- lastAsked.load(ordering: .relaxed) >= 10_000_000 else { return }
      lastAsked.store(now, ordering: .relaxed)
      for mailbox in mailboxes { mailbox.post(.freeMemory(wanted: wanted)) }
    }
    services.budget.whenMakingRoom { wanted in
      let done = DispatchSemaphore(value: 0)
      for mailbox in mailboxes { mailbox.post(.makeRoom(wanted, done)) }
      let deadline = DispatchTime.now() + Self.roomTime
      for _ in mailboxes where done.wait(timeout: deadline) == .timedOut { return }
    }
    try waitForTimer()
    for loop in loops { loop.start() }
    for listener in listeners { listener.start() }
    running.withLock {
      $0.loops = loops
      $0.listeners = listeners
    }
    status.set(isRunning: true)
    return listeners.map(\.address)
  }

  /// How long a worker waits for the loops to make room, before a request is refused for want of memory.
  private static let roomTime = DispatchTimeInterval.milliseconds(200)

  /// Dispatch opens a descriptor for its timers with the first that is not due yet when it looks. Where connections
  /// have taken all by then, no timer ever fires. So it gets one before any is accepted: once the second of two short
  /// ones has fired, it has looked at the long one.
  private func waitForTimer() throws(StartError) {
    let long = DispatchSource.makeTimerSource(queue: queue)
    long.schedule(deadline: .now() + .seconds(3600))
    long.activate()
    defer { long.cancel() }
    let fired = DispatchSemaphore(value: 0)
    for _ in 0..<2 {
      queue.asyncAfter(deadline: .now() + .milliseconds(1)) { fired.signal() }
      if fired.wait(timeout: .now() + .seconds(10)) == .timedOut { throw .timer }
    }
  }

  private func makeLoops() throws(StartError) -> [EventLoop] {
    var loops: [EventLoop] = []
    for index in 0..<configuration.loops {
      do throws(SystemError) {
        loops.append(try EventLoop(index: index, services: services))
      } catch {
        throw .loop(error)
      }
    }
    return loops
  }

  /// Stops gently, and calls `done` when all is over: readiness is denied at once, and each connection ends with the
  /// answer to what has arrived; after `drainDelay` the port closes, idle connections end a moment later, and the
  /// others after the answers under way, for which `drainTimeout` is waited.
  public func stop(then done: @escaping @Sendable () -> Void) {
    let (isFirst, isOver) = running.withLock { running in
      defer { running.isStopping = true }
      if !running.hasStopped { running.waiting.append(done) }
      return (!running.isStopping, running.hasStopped)
    }
    if isOver { done() }
    guard isFirst else { return }
    status.set(isRunning: false)
    for loop in running.withLock({ $0.loops }) { loop.mailbox.post(.stopKeepingAlive) }
    queue.asyncAfter(deadline: .now() + configuration.drainDelay.dispatchInterval) { self.closePorts() }
  }

  /// How long a client that has begun to connect may take to complete it.
  private static let handshakeTime = DispatchTimeInterval.milliseconds(100)

  private func closePorts() {
    for listener in running.withLock({ $0.listeners }) { listener.ignoreNewClients() }
    queue.asyncAfter(deadline: .now() + Self.handshakeTime) { self.drain() }
  }

  private func drain() {
    let (listeners, loops) = running.withLock { running in
      defer { running.listeners = [] }
      return (running.listeners, running.loops)
    }
    for listener in listeners { listener.stop() }
    for loop in loops { loop.mailbox.post(.drain) }
    waitForConnections(until: Clock.now().advanced(by: configuration.drainTimeout))
  }

  /// Looks every few milliseconds: only at the end of a server's life.
  private func waitForConnections(until deadline: Instant) {
    if services.limiter.count == 0 {
      finish()
    } else if Clock.now() >= deadline {
      for loop in running.withLock({ $0.loops }) { loop.mailbox.post(.closeAll) }
      queue.asyncAfter(deadline: .now() + .milliseconds(50)) { self.finish() }
    } else {
      queue.asyncAfter(deadline: .now() + .milliseconds(5)) { self.waitForConnections(until: deadline) }
    }
  }

  private func finish() {
    let (loops, waiting) = running.withLock { running in
      defer {
        running.loops = []
        running.waiting = []
        running.hasStopped = true
      }
      return (running.loops, running.waiting)
    }
    for loop in loops { loop.stop() }
    for done in waiting { done() }
  }
}

extension Duration {
  var dispatchInterval: DispatchTimeInterval { .nanoseconds(Int(clamping: nanoseconds)) }
}

/// Receives the events of a server, for metrics and logs.
///
/// The loops call it, at most once at a time for each `loop`: it must be quick and never wait.
public protocol ServerObserver: AnyObject, Sendable {
  func connectionOpened(loop: Int)
  func connectionClosed(loop: Int)
  /// A connection was turned away: before anything was read, or with its first request.
  func connectionRejected(_ reason: ConnectionRejection)
  /// A connection was ended before its time.
  func connectionDropped(_ reason: ConnectionDrop, loop: Int)
  /// A handler begins to work on a request.
  func requestBegan(_ request: RequestMetrics, loop: Int)
  /// A request that had begun is over without an answer: its client has gone.
  func requestAbandoned(_ request: RequestMetrics, loop: Int)
  /// A request that had begun has its answer.
  func requestCompleted(_ request: RequestMetrics, _ response: Response, loop: Int)
  /// A request was answered on its head alone; a short body has been dropped.
  func requestRefused(_ request: RequestMetrics, _ response: Response, loop: Int)
  /// What arrived broke a rule or a deadline and was answered without a handler; nil stands for a request whose head
  /// could not be read.
  func requestRejected(_ problem: ProblemDetails, _ request: RequestMetrics?, _ response: Response, loop: Int)
}

/// Why a connection was turned away.
public enum ConnectionRejection: String, Sendable, CaseIterable {
  /// It was beyond the cap.
  case connectionCap = "connection_cap"
  /// The process or the system has no descriptor left, or epoll takes no more (epoll_ctl(2): max_user_watches).
  case descriptors = "descriptors"
}

/// Why a connection was ended before its time.
public enum ConnectionDrop: String, Sendable, CaseIterable {
  /// The peer takes its answers more slowly than `HTTPLimits` ask for.
  case slowReader = "slow_reader"
  /// The peer takes or sends too slowly for what it holds while memory is short.
  case memory = "memory"
  /// Its peer had kept it waiting longer than others when a connection beyond the cap came; or it was beyond the cap
  /// itself, and the next came.
  case connectionCap = "connection_cap"
}

/// What was asked, how much was sent, and how long it took.
public struct RequestMetrics: Sendable {
  /// The request's head.
  public let head: RequestHead
  /// What the head leads to.
  public let route: Route
  /// The body's bytes, without a transfer coding.
  public let bodyBytes: Int
  /// When the head was whole.
  public let began: Instant
  /// When the answer was ready.
  public var ended: Instant

  /// - Parameters:
  ///   - head: the request's head.
  ///   - route: the route that the head was resolved to.
  ///   - bodyBytes: the body's bytes, without a transfer coding.
  ///   - began: when the head was whole.
  ///   - ended: when the answer was ready; nil before there is one.
  public init(_ head: RequestHead, _ route: Route, bodyBytes: Int, began: Instant, ended: Instant? = nil) {
    self.head = head
    self.route = route
    self.bodyBytes = bodyBytes
    self.began = began
    self.ended = ended ?? began
  }

  /// From the head to the answer.
  public var nanoseconds: UInt64 { ended.nanoseconds(since: began) }
}
