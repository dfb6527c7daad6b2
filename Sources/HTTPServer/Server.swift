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

  public var description: String {
    switch self {
    case .listen(let address, let cause): "cannot listen on \(address): \(cause.reason)"
    case .loop(let cause): "cannot make an event loop: \(cause)"
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

  private let configuration: ServerConfiguration
  private let services: LoopServices
  let status: ServerStatus
  private let running = Mutex(Running())
  private let queue = DispatchQueue(label: "softmaxd.server")

  /// - Parameters:
  ///   - configuration: where and how.
  ///   - status: what the handler's `/readyz` reads; the server sets it. Of the same configuration.
  ///   - handler: answers requests.
  ///   - observer: is told of them.
  public init(
    configuration: ServerConfiguration, status: ServerStatus? = nil, handler: any RequestHandler,
    observer: any ServerObserver = NoObserver()
  ) {
    self.configuration = configuration
    let status = status ?? ServerStatus(configuration)
    self.status = status
    services = LoopServices(
      configuration: configuration, handler: handler, observer: observer,
      workPool: status.workPool, budget: status.budget,
      limiter: ConnectionLimiter(cap: configuration.connections, reserve: configuration.reserveConnections))
  }

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
    services.budget.whenShort {
      // Asked for at each refusal; heard a hundred times a second.
      let now = Clock.now().nanoseconds
      guard now &- lastAsked.load(ordering: .relaxed) >= 10_000_000 else { return }
      lastAsked.store(now, ordering: .relaxed)
      for mailbox in mailboxes { mailbox.post(.freeMemory) }
    }
    for loop in loops { loop.start() }
    for listener in listeners { listener.start() }
    running.withLock {
      $0.loops = loops
      $0.listeners = listeners
    }
    status.set(isRunning: true)
    return listeners.map(\.address)
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

  /// Stops gently, and calls `done` when all is over: readiness is denied at once, and each connection ends with its
  /// next answer; after `drainDelay` the port closes, idle connections end a moment later, and the others after the
  /// answers under way, for which `drainTimeout` is waited.
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

/// How a server runs. Every bound is here or in `limits`.
public struct ServerConfiguration: Sendable, Hashable {
  /// Where to listen. Port 0 takes a free one, the same for each address.
  public var addresses: [SocketAddress]
  /// Those among them that are left out where the system does not know them, as long as another is there.
  public var optionalAddresses: [SocketAddress] = []
  /// Event loops; each is a thread that is busy when it has something to do.
  public var loops: Int
  /// What each connection keeps to.
  public var limits: HTTPLimits
  /// Connections at once; beyond it those that have waited longest make places, else only the reserve is accepted.
  public var connections: Int
  /// How long a connection of the reserve may take to say what it wants, to read its answer, and to end.
  public var reserveTimeout = Duration.seconds(2)
  /// How long a peer may keep its connection waiting before the place is given to a connection beyond the cap.
  public var placeGrace = Duration.seconds(1)
  /// Connections that the kernel holds until they are accepted.
  public var backlog = 1024

  /// Large requests computed at once.
  public var workers: Int
  /// Large requests that wait for a worker; beyond it, 503.
  public var workQueueLimit = 128
  /// What a connection costs that holds nothing else: its state, and the socket in the kernel, which counts in a
  /// control group too.
  public static let bytesPerConnection = 8 * 1024
  /// Bytes that connections and the requests being answered may hold in all, beside the program itself.
  public var memoryBytes = 512 * 1024 * 1024
  /// How long a loop computes by itself before it hands a request to the work pool.
  public var inlineTimeBudget = Duration.milliseconds(2)
  /// From a whole request to its answer; beyond it the work is told to stop, which the handler answers with 503.
  public var requestTimeout = Duration.seconds(30)

  /// At a stop: how long to go on serving while readiness is denied already.
  public var drainDelay = Duration.zero
  /// And then: how long to wait for answers under way.
  public var drainTimeout = Duration.seconds(30)

  public init(addresses: [SocketAddress], loops: Int = 1, connections: Int = 1024, limits: HTTPLimits = HTTPLimits()) {
    self.addresses = addresses
    self.loops = max(1, loops)
    self.workers = max(1, loops)
    self.connections = max(1, connections)
    self.limits = limits
  }

  /// As many loops, and as many requests computed at once.
  public mutating func setLoops(_ count: Int) {
    loops = max(1, count)
    workers = loops
  }

  /// Connections beyond the cap for which no place could be made. On them only routes that say so are answered
  /// (`Route.isServedBeyondCap`).
  public var reserveConnections: Int { max(32, 2 * loops) }

  /// How many of the reserve each loop keeps: half of it in all. The other half is for those that no loop has taken up
  /// yet.
  var reserveConnectionsOfLoop: Int { reserveConnections / (2 * loops) }

  /// What connections beyond the cap keep to: they must say at once what they want.
  var reserveLimits: HTTPLimits {
    var limits = limits
    let steps: [WritableKeyPath<HTTPLimits, Duration>] = [
      \.headTimeout, \.idleTimeout, \.bodyTimeout, \.writeTimeout, \.lingerSilence, \.lingerTotal,
    ]
    for step in steps { limits[keyPath: step] = min(limits[keyPath: step], reserveTimeout) }
    return limits
  }
}

/// The state of a server, as `/readyz` and `/metrics` report it.
public final class ServerStatus: Sendable {
  let budget: MemoryBudget
  let workPool: WorkPool
  private let running = Atomic<Bool>(false)

  public init(_ configuration: ServerConfiguration) {
    budget = MemoryBudget(
      limit: configuration.memoryBytes, longestTransfer: configuration.limits.writeTotalTimeout.nanoseconds)
    workPool = WorkPool(workers: configuration.workers, queueLimit: configuration.workQueueLimit)
  }

  /// Whether the server has started and is not stopping.
  public var isRunning: Bool { running.load(ordering: .relaxed) }
  /// Whether connections and requests hold so much that large requests find no room.
  public var isShortOfMemory: Bool { budget.isExhausted }
  /// Bytes that connections and requests hold, and may hold.
  public var heldBytes: Int { budget.heldBytes }
  public var heldBytesLimit: Int { budget.limit }
  /// Large requests that wait to be computed.
  public var queueLength: Int { workPool.queueLength }

  func set(isRunning: Bool) { running.store(isRunning, ordering: .relaxed) }
}
