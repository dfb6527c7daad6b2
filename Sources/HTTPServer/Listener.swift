internal import CLinux
internal import Dispatch
internal import Glibc
internal import HTTP
internal import Synchronization

/// Accepts connections on one address and gives them to the event loops, one after the other.
actor Listener {
  nonisolated let executor: SerialQueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
  /// Where it listens: with the port that the system chose, if it was asked to.
  nonisolated let address: SocketAddress

  private let socket: Socket
  private let backlog: Int
  private let mailboxes: [Mailbox]
  private let limiter: ConnectionLimiter
  private let observer: any ServerObserver
  private var source: (any DispatchSourceRead)?
  private var next = 0
  private var isResting = false
  /// Given up for a moment when there is no descriptor left, so that a connection can be accepted and turned away
  /// rather than left to wait.
  private var spare: CInt

  init(
    _ address: SocketAddress, backlog: Int, mailboxes: [Mailbox], limiter: ConnectionLimiter,
    observer: any ServerObserver
  ) throws(SystemError) {
    socket = try Self.listen(address, backlog: backlog)
    self.backlog = backlog
    self.address = address.port == 0 ? address.with(port: try Self.port(of: socket)) : address
    self.mailboxes = mailboxes
    self.limiter = limiter
    self.observer = observer
    spare = Self.openSpare()
    executor = SerialQueueExecutor(label: "softmaxd.accept")
  }

  deinit { if spare >= 0 { _ = Glibc.close(spare) } }

  private static func listen(_ address: SocketAddress, backlog: Int) throws(SystemError) -> Socket {
    let socket = try Socket.stream(family: address.isIPv6 ? AF_INET6 : AF_INET)
    try socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
    // Else an IPv6 socket would take the IPv4 port as well, and the second of localhost's two would find it taken.
    if address.isIPv6 { try socket.setOption(CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    let descriptor = socket.descriptor
    _ = try unsafe address.withSocketAddress { pointer, length throws(SystemError) in
      try retrying("bind") { unsafe bind(descriptor, pointer, length) }
    }
    try retrying("listen") { Glibc.listen(descriptor, CInt(clamping: backlog)) }
    return socket
  }

  private static func port(of socket: borrowing Socket) throws(SystemError) -> UInt16 {
    var address = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let descriptor = socket.descriptor
    try retrying("getsockname") {
      unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe UnsafeMutableRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
          unsafe getsockname(descriptor, rebound, &length)
        }
      }
    }
    // Both families have the port in the same place.
    return UInt16(bigEndian: address.sin6_port)
  }

  private static func openSpare() -> CInt { unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }

  /// Begins to accept.
  nonisolated func start() {
    executor.queue.sync { assumeIsolated { $0.activate() } }
  }

  private func activate() {
    let source = DispatchSource.makeReadSource(fileDescriptor: socket.descriptor, queue: executor.queue)
    // Bounded, so that a flood of connections cannot keep a stop waiting.
    source.setEventHandler { [self] in assumeIsolated { $0.accept(atMost: 512) } }
    self.source = source
    source.activate()
  }

  /// Ignores clients that begin to connect from now on: each will try again, and find the port closed or a new
  /// server's. What has begun before is still completed and accepted. When a port closes at once, the system resets
  /// connections that their clients have opened and not yet been accepted, and a request sent on one of them is lost.
  nonisolated func ignoreNewClients() {
    executor.queue.sync { assumeIsolated { $0.socket.dropSYN() } }
  }

  /// Accepts what has arrived, then no more. The port closes when the listener ends.
  nonisolated func stop() {
    executor.queue.sync {
      assumeIsolated {
        // Dispatch does not let a suspended source go.
        $0.endRest()
        $0.accept(atMost: $0.backlog + 1, isLast: true)
        $0.endRest()
        $0.source?.cancel()
        $0.source = nil
      }
    }
  }

  // MARK: Accepting

  /// The descriptor of a connection that has arrived, or -1.
  private func acceptOne() -> CInt {
    accept4(socket.descriptor, nil, nil, CInt(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
  }

  /// - Parameter isLast: nothing is left waiting for a place.
  private func accept(atMost limit: Int, isLast: Bool = false) {
    var hasAccepted = false
    for _ in 0..<limit {
      // The loops make places as they take connections up. A probe must not be turned away because they have not yet.
      if limiter.isFull, !isLast { return rest(milliseconds: 1) }
      let descriptor = acceptOne()
      guard descriptor >= 0 else {
        switch errno {
        // Signals, and connections that ended before they were accepted (accept(2), "Error handling").
        case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
          ENETUNREACH, EPERM:
          continue
        case EAGAIN:
          return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
          turnAwayForWantOfDescriptors()
        default:
          rest()
        }
        return
      }
      hasAccepted = true
      let connection = Socket(owning: descriptor)
      switch limiter.admit() {
      case .normal: handOut(connection, isBeyondCap: false)
      case .beyondCap: handOut(connection, isBeyondCap: true)
      case .refused:
        turnAway(connection)
        observer.connectionRejected(.connectionCap)
      }
    }
    // Nothing but errors: the system may forbid the call itself (EPERM), which accepts nothing however often it is
    // made.
    if !hasAccepted { rest() }
  }

  private func handOut(_ connection: consuming Socket, isBeyondCap: Bool) {
    connection.sendWithoutDelay()
    mailboxes[next].post(.accepted(connection.release(), isBeyondCap: isBeyondCap))
    next = next + 1 == mailboxes.count ? 0 : next + 1
  }

  /// Accepts with the spare descriptor what waits, says no, and rests.
  private func turnAwayForWantOfDescriptors() {
    if spare >= 0 {
      _ = Glibc.close(spare)
      for _ in 0..<64 {
        let descriptor = acceptOne()
        guard descriptor >= 0 else { break }
        turnAway(Socket(owning: descriptor))
        observer.connectionRejected(.descriptors)
      }
    }
    spare = Self.openSpare()
    rest()
  }

  /// Accepts nothing for a moment: what keeps it from accepting lasts, and to ask again at once would only burn the
  /// processor.
  private func rest(milliseconds: Int = 100) {
    guard let source, !isResting else { return }
    source.suspend()
    isResting = true
    executor.queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.assumeIsolated { $0.endRest() } }
  }

  private func endRest() {
    guard isResting else { return }
    isResting = false
    source?.resume()
  }

  /// Answers a connection that cannot be served, without a request to answer.
  private func turnAway(_ connection: borrowing Socket) {
    let answer = Response(ProblemType.overloaded.usual).lastMessage(date: CurrentSecond(at: Clock.now()).date)
    // A fresh connection's buffer takes it, and if not there is nothing more to do.
    _ = connection.write(answer.span, Span())
    connection.shutdownWrite()
  }
}

/// Counts the server's connections and bounds their number.
final class ConnectionLimiter: Sendable {
  enum Admission {
    case normal
    /// Beyond the cap: unless a place can be made, only routes that say so are answered.
    case beyondCap
    case refused
  }

  private let open = Atomic<Int>(0)
  private let cap: Int
  private let beyondCap: Int

  init(cap: Int, beyondCap: Int) {
    self.cap = cap
    self.beyondCap = beyondCap
  }

  /// Counts a connection unless it is refused.
  func admit() -> Admission {
    let others = open.add(1, ordering: .relaxed).oldValue
    if others < cap { return .normal }
    if others < cap + beyondCap { return .beyondCap }
    release()
    return .refused
  }

  func release() { open.subtract(1, ordering: .relaxed) }

  var count: Int { open.load(ordering: .relaxed) }

  /// Whether more connections than the cap are open.
  var isBeyondCap: Bool { count > cap }

  /// Whether the next connection would be refused.
  var isFull: Bool { count >= cap + beyondCap }
}
