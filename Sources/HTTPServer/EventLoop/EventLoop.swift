internal import CLinux
internal import Dispatch
internal import Glibc
internal import HTTP
internal import Synchronization

/// What the event loops of one server have in common.
struct LoopServices: Sendable {
  let configuration: ServerConfiguration
  /// What connections keep to, and those beyond the cap.
  let limits, limitsBeyondCap: SharedLimits
  let handler: any RequestHandler
  let observer: any ServerObserver
  let workPool: WorkPool
  let budget: MemoryBudget
  let limiter: ConnectionLimiter
}

/// A thread's share of the connections: a serial queue with an epoll set of its own.
///
/// One Dispatch source watches the epoll descriptor. Its handler serves what is ready, waits in the epoll set itself
/// for a moment, and returns to Dispatch only when nothing came. Dispatch's own way back costs more than a small
/// request: this serves 125,000 requests/s where a source for each connection reached 43,000 to 75,000, and one busy
/// client costs two thirds of the CPU that returning at once takes.
///
/// Requests that are ready at the same time are answered one after the other, then their answers are written together:
/// an answer waits at most 0.2 ms for others, and for the request in progress.
actor EventLoop {
  nonisolated let executor: SerialQueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
  nonisolated let mailbox: Mailbox
  nonisolated let index: Int

  let services: LoopServices
  let handler: any RequestHandler
  let observer: any ServerObserver
  let limits: SharedLimits
  /// Those of connections beyond the cap.
  let limitsBeyondCap: SharedLimits

  let inlineBudget: InlineTimeBudget
  /// Connections whose requests wait for this loop, in the order in which they came: those that it has not tried, and
  /// those that it has tried for a moment.
  var postponed: [Token] = []
  var triedBriefly: [Token] = []
  /// What the request that runs on this loop has reserved.
  let inlineMemory: MemoryReservation
  let inlineContext: RequestContext

  let epoll: EpollSet
  let buffer = ReadBuffer(size: 256 * 1024)
  let table = ConnectionTable()
  var wheel: TimerWheel
  /// The loop's one clock: read when a pass begins, and again after each request.
  private(set) var now: Moment
  /// When the pass began.
  private(set) var passBegan: Instant
  /// When the turn of the connection that is served ends: then it reads no further request.
  private var turnEnds = Instant(nanoseconds: 0)
  private var second: CurrentSecond

  let memory: LoopMemory
  /// When slow transfers were last looked for because memory is short, and when to look again.
  var lastMemoryCheck = Instant(nanoseconds: 0)
  var nextMemoryCheck = Instant.never
  /// When to count again, at the earliest, what the kernel holds.
  var nextRecount = Instant(nanoseconds: 0)
  /// When to look again, at the earliest, for connections that may be ended because there are too many.
  var nextPlaceCheck = Instant(nanoseconds: 0)
  /// Its connections beyond the cap, the oldest first; some may have ended.
  var beyondCap: [Token] = []

  /// The server is stopping: each connection ends with the answer to what has arrived.
  var isStopping = false

  private var source: (any DispatchSourceRead)?
  private var timer: (any DispatchSourceTimer)?
  /// When the timer is set to fire.
  private var timerFires = Instant.never

  private static let mailboxToken = UInt64.max
  /// How long the handler waits in the epoll set before it returns: longer than a busy client needs between two
  /// requests, and no longer than a timer's event or the end of the loop may wait.
  private static let waitMilliseconds: CInt = 20
  /// In how many passes the pool must have been idle until the loop no longer interrupts others: to change costs two
  /// system calls.
  private static let idlePassesBeforeBatch = 64

  init(index: Int, services: LoopServices) throws(SystemError) {
    self.index = index
    self.services = services
    handler = services.handler
    observer = services.observer
    limits = services.limits
    limitsBeyondCap = services.limitsBeyondCap
    executor = SerialQueueExecutor(label: "softmaxd.loop.\(index)")
    mailbox = try Mailbox()
    epoll = try EpollSet()
    second = CurrentSecond(at: Clock.now())
    now = Moment(instant: Clock.now(), date: second.date)
    passBegan = now.instant
    wheel = TimerWheel(startingAt: now.instant)
    memory = LoopMemory(services.budget)
    let inlineBudget = InlineTimeBudget(services.configuration.inlineTimeBudget.nanoseconds)
    let inlineMemory = MemoryReservation(services.budget)
    (self.inlineBudget, self.inlineMemory) = (inlineBudget, inlineMemory)
    inlineContext = RequestContext(
      isCancelled: { inlineBudget.checkExpired() },
      reserveMemory: { bytes in
        let grant = inlineMemory.resize(to: bytes)
        // A worker may wait until it is counted again what others hold.
        if grant == .notNow { inlineBudget.expire() }
        return grant
      })
    try epoll.add(mailbox.waker.descriptor, [.readable, .edge], token: Self.mailboxToken)
  }

  /// Begins to serve what is posted to the mailbox.
  nonisolated func start() {
    executor.queue.sync { assumeIsolated { $0.activate() } }
  }

  private func activate() {
    let source = DispatchSource.makeReadSource(fileDescriptor: epoll.descriptor, queue: executor.queue)
    source.setEventHandler { [self] in assumeIsolated { $0.serve() } }
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.setEventHandler { [self] in assumeIsolated { $0.timerFired() } }
    timer.schedule(deadline: .distantFuture)
    self.source = source
    self.timer = timer
    timer.activate()
    source.activate()
  }

  /// Ends the sources, so that the loop itself can end. Its connections must have been closed.
  nonisolated func stop() {
    executor.queue.async { self.assumeIsolated { $0.deactivate() } }
  }

  private func deactivate() {
    source?.cancel()
    timer?.cancel()
    source = nil
    timer = nil
  }

  // MARK: Events

  private func serve() {
    // Dispatch may run each call on another thread.
    var scheduling: ThreadScheduling?
    var idlePasses = Self.idlePassesBeforeBatch
    var lastCount = 0
    while true {
      let isPoolBusy = services.workPool.isBusy
      idlePasses = isPoolBusy ? 0 : min(idlePasses + 1, Self.idlePassesBeforeBatch)
      let wanted: ThreadScheduling = idlePasses < Self.idlePassesBeforeBatch ? .normal : .batch
      if wanted != scheduling {
        wanted.adopt()
        scheduling = wanted
      }
      var count = 0
      if isPoolBusy || lastCount > 1 {
        // Clients that sent several requests may send more; then nobody sleeps or has to be woken. And without this
        // some answers beside large requests came 80 to 220 ms late.
        count = epoll.wait(milliseconds: 0)
        if count == 0 { sched_yield() }
      }
      if count == 0 { count = epoll.wait(milliseconds: hasPostponed ? 0 : Self.waitMilliseconds) }
      guard count > 0 || hasPostponed else { return }
      lastCount = count
      beginPass()
      if count > 0 { handleEvents(count) }
      if hasPostponed { runPostponed() }
      // Under load this loop may not return for long, and the timer's own event waits for that.
      if now.instant >= timerFires { runTimers() }
    }
  }

  /// Handles the events of a wait, then writes the answers that came of them, those of 0.2 ms together.
  private func handleEvents(_ count: Int) {
    var (first, began) = (0, now.instant)
    for index in 0..<count {
      let (token, events) = epoll.event(index)
      if token == Self.mailboxToken {
        readMailbox()
      } else if let connection = table[Token(rawValue: token)] {
        handle(events, of: connection)
      }
      guard index == count - 1 || now.instant.nanoseconds(since: began) > Self.deferNanoseconds else { continue }
      for answered in first...index {
        if let connection = table[Token(rawValue: epoll.event(answered).token)] { writeDeferred(connection) }
      }
      (first, began) = (index + 1, now.instant)
    }
  }

  /// How long answers wait for others, to be written together.
  private static let deferNanoseconds: UInt64 = 200_000

  /// Reads the clocks; the date's text is made at most once a second, and by an idle loop not at all.
  private func beginPass() {
    let instant = Clock.now()
    if instant >= second.end { second = CurrentSecond(at: instant) }
    now = Moment(instant: instant, date: second.date)
    passBegan = instant
  }

  /// A connection is served.
  func beginTurn() { turnEnds = now.instant.advanced(by: Self.turnNanoseconds) }

  var isTurnOver: Bool { now.instant >= turnEnds }

  /// For how long a connection that sends one request after the other is served at once.
  private static let turnNanoseconds: UInt64 = 1_000_000

  /// Reads the clock again: a request has taken its time.
  func refreshClock() { now.instant = Clock.now() }

  private func readMailbox() {
    for message in mailbox.takeAll() {
      switch message {
      case .accepted(let descriptor, let isBeyondCap): open(Socket(owning: descriptor), wasBeyondCap: isBeyondCap)
      case .finished(let result): workFinished(result)
      case .freeMemory(let wanted): dropSlowTransfers(for: wanted)
      case .makeRoom(let wanted, let done):
        dropSlowTransfers(for: wanted)
        done.signal()
      case .stopKeepingAlive:
        isStopping = true
        for connection in table.all { connection.withState { state in state.stopKeepingAlive() } }
      case .drain: for connection in table.all { drain(connection) }
      case .closeAll: for connection in table.all { close(connection) }
      }
    }
  }

  // MARK: Timers

  /// Sees to it that `tick` is called once the connection's deadline has passed.
  func schedule(_ connection: Connection, _ state: inout ConnectionState) {
    guard let deadline = state.nextDeadline, let due = wheel.place(connection.token.slot, by: deadline) else { return }
    setTimer(noLaterThan: due)
  }

  func setTimer(noLaterThan instant: Instant) {
    if instant < timerFires { setTimer(instant) }
  }

  private func setTimer(_ instant: Instant) {
    timerFires = instant
    let deadline: DispatchTime =
      instant == .never ? .distantFuture : DispatchTime(uptimeNanoseconds: instant.nanoseconds)
    timer?.schedule(deadline: deadline, leeway: .milliseconds(50))
  }

  private func timerFired() {
    beginPass()
    runTimers()
    // No event may come for what a deadline has let wait.
    if hasPostponed { serve() }
  }

  private func runTimers() {
    while let slots = wheel.popDue(at: now.instant) {
      for slot in slots {
        guard let connection = table[slot] else { continue }
        connection.withState { state in
          if let deadline = state.nextDeadline, deadline <= now.instant {
            deadlinePassed(connection, &state)
          } else {
            schedule(connection, &state)
          }
        }
      }
    }
    if now.instant >= nextMemoryCheck { dropSlowTransfers() }
    setTimer(min(wheel.nextWake ?? .never, nextMemoryCheck))
  }

  private func deadlinePassed(_ connection: Connection, _ state: inout ConnectionState) {
    // The loop may be late for what has come in time.
    if !state.hasOutput { receive(connection, &state) }
    guard !connection.isClosed else { return }
    reportUnacknowledged(of: connection, &state)
    state.tick(at: now)
    advance(connection, &state)
  }
}

/// Runs an actor on a serial Dispatch queue, so that the queue's own events enter it by `assumeIsolated`.
///
/// DispatchSerialQueue, which is such an executor, does not exist on Linux.
final class SerialQueueExecutor: SerialExecutor {
  let queue: DispatchQueue

  init(label: String) {
    queue = DispatchQueue(label: label, qos: .userInitiated)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

  func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}

/// What other threads ask of an event loop.
enum LoopMessage: Sendable {
  /// A descriptor just accepted; the loop owns it from here.
  case accepted(CInt, isBeyondCap: Bool)
  /// A worker has finished a request.
  case finished(WorkResult)
  /// Memory is short, or a request of so many bytes finds no room: drop the transfers that take longest.
  case freeMemory(wanted: Int)
  /// A request would be refused for want of so many bytes: make room for them, then signal.
  case makeRoom(Int, DispatchSemaphore)
  /// The server is stopping: end each connection with the answer to what has arrived.
  case stopKeepingAlive
  /// The port has closed: end idle connections soon and the others after their answers.
  case drain
  /// Time is up: end all.
  case closeAll
}

/// What a worker has made of a request.
struct WorkResult: Sendable {
  /// Nanoseconds that it took.
  let duration: UInt64
  let token: Token
  let id: ConnectionState.RequestID
  let response: Response
  /// Held until the answer itself has been counted.
  let memory: MemoryReservation
}

/// An event loop's queue of messages. Whoever posts the first one wakes the loop by the eventfd in its epoll set, which
/// reports each waking once.
final class Mailbox: Sendable {
  private let messages = Mutex<[LoopMessage]>([])
  let waker: Waker

  init() throws(SystemError) {
    waker = try Waker()
  }

  func post(_ message: LoopMessage) {
    let isFirst = messages.withLock { messages in
      messages.append(message)
      return messages.count == 1
    }
    if isFirst { waker.wake() }
  }

  /// All messages, in the order posted.
  func takeAll() -> [LoopMessage] {
    messages.withLock { messages in
      var taken: [LoopMessage] = []
      swap(&taken, &messages)
      return taken
    }
  }
}

/// An eventfd: any thread makes an epoll set ready by it. Where the set reports edges nobody needs to read it.
struct Waker: ~Copyable, Sendable {
  let descriptor: CInt

  init() throws(SystemError) {
    descriptor = try retrying("eventfd") { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) }
  }

  deinit { _ = Glibc.close(descriptor) }

  func wake() {
    var one: UInt64 = 1
    // It can only fail when the counter is full, after 2^64 wakings.
    _ = unsafe Glibc.write(descriptor, &one, 8)
  }
}
