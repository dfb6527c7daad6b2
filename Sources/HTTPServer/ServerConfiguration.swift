public import HTTP
internal import Synchronization

/// How a server runs. What an operator may set is here or in `limits`; what was measured once stands where it is used.
public struct ServerConfiguration: Sendable, Hashable {
  /// Where to listen. Port 0 takes a free one, the same for each address.
  public var addresses: [SocketAddress]
  /// Those among them that are left out where the system does not know them, as long as another is there.
  public var optionalAddresses: [SocketAddress] = []
  /// Event loops; each is a thread that is busy when it has something to do.
  public var loops: Int
  /// Dispatch gives the loops and the listeners 255 threads at most, and a loop that has none serves nobody.
  public static let mostLoops = 200
  /// What each connection keeps to.
  public var limits: HTTPLimits
  /// Connections at once; beyond it those that have waited longest make places, else only a few more are accepted.
  public var connections: Int
  /// How long a connection beyond the cap may take to say what it wants, to read its answer, and to end.
  public var timeoutBeyondCap = Duration.seconds(2)
  /// How long a peer may keep its connection waiting before the place is given to a connection beyond the cap.
  public var placeGrace = Duration.seconds(1)
  /// Connections that the kernel holds until they are accepted.
  public var backlog = 1024

  /// Large requests computed at once.
  public var workers: Int
  /// Requests that wait for a worker; beyond it, 503.
  public var workQueueLimit = 128
  /// Requests of much unbounded work that have yielded to others; beyond it, 503. Each keeps a thread and its memory.
  public private(set) var mostYielded = WorkPool.mostYielded
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

  /// A server with as many workers as loops; what is not named here has its default.
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

  /// The most threads that a server of this many loops has at once: the loops and as many workers, as many again where
  /// one request computes on all cores, the expensive requests and those that have let others go first, and Dispatch's
  /// own.
  public static func mostThreads(loops: Int) -> Int { fewestThreads(loops: loops) + WorkPool.mostYielded }

  /// The same where no request may let others go first. With fewer threads loops may stand still: where no thread can
  /// be made, Dispatch waits for one in the thread that asks.
  public static func fewestThreads(loops: Int) -> Int { 3 * loops + WorkPool.mostExpensiveWaiting + 1 + 8 }

  /// So many of `loops` as that number of threads suffices for, at least one.
  public static func loops(atMost loops: Int, threads: Int) -> Int {
    max(1, min(loops, (threads - fewestThreads(loops: 0)) / 3))
  }

  /// Has no more than `threads` threads at once.
  public mutating func limitThreads(to threads: Int) {
    mostYielded = max(0, min(WorkPool.mostYielded, threads - Self.fewestThreads(loops: loops)))
  }

  /// Connections beyond the cap for which no place could be made. On them only routes that say so are answered
  /// (`Route.isServedBeyondCap`).
  public var connectionsBeyondCap: Int { max(32, 2 * loops) }

  /// How many connections beyond the cap each loop may hold; all of them hold half of ``connectionsBeyondCap``, and the
  /// other half is for those that no loop has taken up yet.
  var connectionsBeyondCapOfLoop: Int { connectionsBeyondCap / (2 * loops) }

  /// What connections beyond the cap keep to: they must say at once what they want.
  var limitsBeyondCap: HTTPLimits {
    var limits = limits
    let steps: [WritableKeyPath<HTTPLimits, Duration>] = [
      \.headTimeout, \.idleTimeout, \.bodyTimeout, \.writeTimeout, \.lingerSilence, \.lingerTotal,
    ]
    for step in steps { limits[keyPath: step] = min(limits[keyPath: step], timeoutBeyondCap) }
    return limits
  }
}

/// The state of a server of one configuration, as `/readyz` and `/metrics` report it.
public final class ServerStatus: Sendable {
  let configuration: ServerConfiguration
  let budget: MemoryBudget
  let workPool: WorkPool
  private let running = Atomic<Bool>(false)

  /// The state before the server starts.
  public init(_ configuration: ServerConfiguration) {
    self.configuration = configuration
    budget = MemoryBudget(
      limit: configuration.memoryBytes, longestTransfer: configuration.limits.writeTotalTimeout.nanoseconds)
    workPool = WorkPool(
      workers: configuration.workers, queueLimit: configuration.workQueueLimit, mostYielded: configuration.mostYielded)
  }

  /// Whether the server has started and is not stopping.
  public var isRunning: Bool { running.load(ordering: .relaxed) }
  /// Whether connections and requests hold so much that large requests find no room.
  public var isShortOfMemory: Bool { budget.isExhausted }
  /// Bytes that connections and requests hold.
  public var heldBytes: Int { budget.heldBytes }
  /// Bytes that they may hold.
  public var heldBytesLimit: Int { budget.limit }
  /// The most connections at once.
  public var connectionsLimit: Int { configuration.connections }
  /// The event loops that serve them.
  public var loops: Int { configuration.loops }
  /// The most bytes that a body may have.
  public var bodyBytesLimit: Int { configuration.limits.bodyBytes }
  /// Requests that wait for a worker.
  public var queueLength: Int { workPool.queueLength }

  func set(isRunning: Bool) { running.store(isRunning, ordering: .relaxed) }
}
