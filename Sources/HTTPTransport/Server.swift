internal import Dispatch
internal import Glibc
public import HTTPCore
internal import Synchronization

/// An address that could not be listened on.
public struct ListenError: Error, Sendable, CustomStringConvertible {
  public let address: Address
  public let cause: SystemError

  public var description: String { "cannot listen on \(address): \(cause.reason)" }
}

/// Whether the server would have new requests sent to it: what `/readyz` tells.
public final class ReadinessFlag: Sendable {
  private let ready = Atomic<Bool>(false)

  public init() {}

  public var isReady: Bool { ready.load(ordering: .relaxed) }
  func set(_ isReady: Bool) { ready.store(isReady, ordering: .relaxed) }
}

/// An HTTP/1.1 server: listeners that accept, loops that serve, a lane for large requests.
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
  private let readiness: ReadinessFlag
  private let running = Mutex(Running())
  private let queue = DispatchQueue(label: "softmaxd.server")

  /// - Parameters:
  ///   - configuration: where and how.
  ///   - readiness: what the handler's `/readyz` reads; the server sets it.
  ///   - handler: answers requests.
  ///   - observer: is told of them.
  public init(
    configuration: ServerConfiguration, readiness: ReadinessFlag = ReadinessFlag(), handler: any RequestHandler,
    observer: any ServerObserver = NoObserver()
  ) {
    self.configuration = configuration
    self.readiness = readiness
    services = LoopServices(
      configuration: configuration, handler: handler, observer: observer,
      lane: Lane(Lane.Bounds(width: configuration.laneWidth, waiting: configuration.laneQueue)),
      budget: BodyBudget(limit: max(configuration.bodyBytesInAll, configuration.limits.bodyBytes)),
      gate: ConnectionGate(cap: configuration.connections, reserve: configuration.reserveConnections))
  }

  /// Opens the ports and begins to serve; returns where.
  public func start() throws(ListenError) -> [Address] {
    let loops = try makeLoops()
    let inboxes = loops.map(\.inbox)
    var listeners: [Listener] = []
    for address in configuration.addresses {
      // Port 0 is chosen once, for the first address.
      let wanted = address.port == 0 ? address.with(port: listeners.first?.address.port ?? 0) : address
      do throws(SystemError) {
        listeners.append(
          try Listener(
            wanted, backlog: configuration.backlog, inboxes: inboxes, gate: services.gate, observer: services.observer))
      } catch {
        // Of localhost's two addresses one may not exist on this machine (IPv6 switched off).
        if !listeners.isEmpty, error.code == EADDRNOTAVAIL || error.code == EAFNOSUPPORT { continue }
        throw ListenError(address: wanted, cause: error)
      }
    }
    for loop in loops { loop.start() }
    for listener in listeners { listener.start() }
    running.withLock {
      $0.loops = loops
      $0.listeners = listeners
    }
    readiness.set(true)
    return listeners.map(\.address)
  }

  private func makeLoops() throws(ListenError) -> [EventLoop] {
    var loops: [EventLoop] = []
    for index in 0..<configuration.loops {
      do throws(SystemError) {
        loops.append(try EventLoop(index: index, services: services))
      } catch {
        throw ListenError(address: configuration.addresses[0], cause: error)
      }
    }
    return loops
  }

  /// Stops gently, and calls `done` when all is over: readiness is denied at once; after `drainDelay` the port closes,
  /// idle connections end, and the others after the answers under way, for which `drainTimeout` is waited.
  public func stop(then done: @escaping @Sendable () -> Void) {
    let (isFirst, isOver) = running.withLock { running in
      defer { running.isStopping = true }
      if !running.hasStopped { running.waiting.append(done) }
      return (!running.isStopping, running.hasStopped)
    }
    if isOver { done() }
    guard isFirst else { return }
    readiness.set(false)
    queue.asyncAfter(deadline: .now() + configuration.drainDelay.dispatchInterval) { self.drain() }
  }

  private func drain() {
    let (listeners, loops) = running.withLock { running in
      defer { running.listeners = [] }
      return (running.listeners, running.loops)
    }
    for listener in listeners { listener.stop() }
    for loop in loops { loop.inbox.post(.drain) }
    waitForConnections(until: Clock.now().advanced(by: configuration.drainTimeout))
  }

  /// Looks every few milliseconds: only at the end of a server's life.
  private func waitForConnections(until deadline: Instant) {
    if services.gate.count == 0 {
      finish()
    } else if Clock.now() >= deadline {
      for loop in running.withLock({ $0.loops }) { loop.inbox.post(.closeAll) }
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
