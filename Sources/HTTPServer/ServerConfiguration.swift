public import HTTP

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
  /// Connections at once; beyond it only the reserve is accepted.
  public var connections: Int
  /// Connections beyond the cap, on which only routes that say so are answered (`Route.isServedBeyondCap`).
  public var reserveConnections = 32
  /// How long a connection of the reserve may take to say what it wants, to read its answer, and to end.
  public var reserveDeadline = Duration.seconds(2)
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

  /// What connections beyond the cap keep to: they must say at once what they want.
  var reserveLimits: HTTPLimits {
    var limits = limits
    let steps: [WritableKeyPath<HTTPLimits, Duration>] = [
      \.headDeadline, \.keepAlive, \.bodyGrace, \.writeGrace, \.lingerSilence, \.lingerTotal,
    ]
    for step in steps { limits[keyPath: step] = min(limits[keyPath: step], reserveDeadline) }
    return limits
  }
}
