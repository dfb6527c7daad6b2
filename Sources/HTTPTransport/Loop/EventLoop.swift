internal import Dispatch
internal import Glibc
internal import HTTPCore

/// What the loops of one server have in common.
struct LoopServices: Sendable {
  let configuration: ServerConfiguration
  let handler: any RequestHandler
  let observer: any ServerObserver
  let lane: Lane
  let budget: MemoryBudget
  let gate: ConnectionGate
}

/// A thread's worth of connections: a serial queue with an epoll set of its own.
///
/// One Dispatch source watches the epoll descriptor itself. Its handler takes what is ready until nothing is, gives the
/// processor away once (without that, some answers beside large requests came 80 to 220 ms late), then sleeps in the set
/// itself for a moment, and only when that moment has brought nothing returns to Dispatch, whose way back costs more than a
/// small request: measured at 125,000 requests/s where a source for each connection reached 43,000 to 75,000, and with one
/// busy client at two thirds of the CPU that returning at once takes. What is ready is first read, then answered, then written
/// (``Arrivals``).
actor EventLoop {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
  nonisolated let inbox: Inbox
  nonisolated let index: Int

  let services: LoopServices
  let handler: any RequestHandler
  let observer: any ServerObserver
  let slice = LoopSlice()
  /// What the request that is computed on this loop has asked for.
  let inlineMemory: MemoryReservation
  let sliceNanoseconds: UInt64
  let limits: HTTPLimits
  /// Those of connections beyond the cap.
  let reserveLimits: HTTPLimits
  let loopContext: RequestContext
  let epoll: EpollSet
  let buffer = ReadBuffer(size: 256 * 1024)
  var table = ConnectionTable()
  var wheel: TimerWheel
  private var second: CurrentSecond
  /// The clock as last read: at a look's begin or a request's end.
  var lastClock = Instant(nanoseconds: 0)
  var memory: LoopMemory
  /// When the transfers were last looked at for want of memory, and when to look again.
  var lastRelief = Instant(nanoseconds: 0)
  var nextRelief = Instant(nanoseconds: .max)

  /// The server is stopping: each connection ends with its next answer.
  var isStopping = false

  private var source: (any DispatchSourceRead)?
  private var timer: (any DispatchSourceTimer)?
  /// When the timer is set to fire.
  private(set) var wake = Instant(nanoseconds: .max)

  private static let inboxToken = UInt64.max
  /// How long the handler sleeps in the epoll set before it returns: longer than a busy client thinks, and no longer than
  /// a timer's event or the end of the loop may wait.
  private static let lingerMilliseconds: CInt = 20

  /// How long answers wait for others, to be written together.
  static let gatherNanoseconds: UInt64 = 200_000

  init(index: Int, services: LoopServices) throws(SystemError) {
    self.index = index
    self.services = services
    handler = services.handler
    observer = services.observer
    executor = LoopExecutor(label: "softmaxd.loop.\(index)")
    inbox = try Inbox()
    epoll = try EpollSet()
    let start = Clock.now()
    wheel = TimerWheel(startingAt: start)
    second = CurrentSecond(at: start)
    sliceNanoseconds = services.configuration.loopSlice.nanoseconds
    limits = services.configuration.limits
    reserveLimits = services.configuration.reserveLimits
    memory = LoopMemory(services.budget)
    let slice = slice
    let inlineMemory = MemoryReservation(services.budget)
    self.inlineMemory = inlineMemory
    loopContext = RequestContext(
      isCancelled: { slice.isOver() }, reserveMemory: { inlineMemory.resize(to: $0) })
    try epoll.add(inbox.waker.descriptor, .readable, token: Self.inboxToken)
  }

  /// Begins to serve what is posted to the inbox.
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
    var scheduling: Scheduling?
    var lastCount = 0
    var arrivals = Arrivals()
    while true {
      let wanted: Scheduling = services.lane.isBusy ? .prompt : .patient
      // One client alone has nothing more to hand over: then the sleep is the look.
      let mayYield = wanted == .prompt || lastCount > 1
      var count = mayYield ? epoll.wait(milliseconds: 0) : 0
      if count == 0 {
        if mayYield { sched_yield() }
        if wanted != scheduling {
          wanted.adopt()
          scheduling = wanted
        }
        count = epoll.wait(milliseconds: Self.lingerMilliseconds)
        if count == 0 { return }
      }
      lastCount = count
      let now = moment()
      lastClock = now.instant
      for index in 0..<count {
        let (token, readiness) = epoll.event(index)
        if token == Self.inboxToken {
          // A message may have a connection read on.
          answer(&arrivals, now)
          readInbox(now)
        } else if let connection = table[Token(rawValue: token)] {
          ready(connection, readiness, &arrivals, now)
        }
      }
      answer(&arrivals, now)
      // Under load this loop may not return for long, and the timer's own event waits for that.
      if now.instant >= wake { runTimers(now) }
    }
  }

  /// The present, with a date that is made at most once a second, and by an idle loop not at all.
  private func moment() -> Moment {
    let instant = Clock.now()
    if instant >= second.end { second = CurrentSecond(at: instant) }
    return Moment(instant: instant, date: second.date)
  }

  private func readInbox(_ now: Moment) {
    for message in inbox.take() {
      switch message {
      case .accepted(let descriptor, let isReserve): open(Socket(owning: descriptor), isReserve, now)
      case .answer(let token, let id, let response, let reservation):
        // Until the answer has been counted in its stead.
        withExtendedLifetime(reservation) { laneAnswered(token, id, response, now) }
      case .relieve: relieve(now)
      case .stopKeepingAlive:
        isStopping = true
        for connection in table.all { connection.withState { state in state.stopKeepingAlive() } }
      case .drain: drain(now)
      case .closeAll: for connection in table.all { close(connection) }
      }
    }
  }

  private func drain(_ now: Moment) {
    for connection in table.all {
      connection.withState { state in
        // What has arrived by now has been accepted, and is answered.
        receive(connection, &state, now)
        guard !connection.isClosed else { return }
        state.drain(at: now)
        turn(connection, &state, now)
      }
    }
  }

  // MARK: Timers

  /// Sees to it that `tick` is called once the connection's deadline has passed. Most calls change nothing: the
  /// deadline moved away from an entry that is in the wheel already.
  func schedule(_ connection: Connection, _ state: inout ConnectionState) {
    guard let deadline = state.nextDeadline, deadline < connection.due else { return }
    let slot = connection.token.slot
    let step = wheel.step(for: deadline)
    let due = Instant(nanoseconds: step * wheel.granularity)
    connection.due = due
    guard step < table.step(of: slot) else { return }
    table.setStep(step, of: slot)
    wheel.insert(slot, at: step)
    if due < wake { setTimer(due) }
  }

  private func timerFired() { runTimers(moment()) }

  private func runTimers(_ now: Moment) {
    while let due = wheel.popDue(at: now.instant) {
      for slot in due.entries where table.step(of: slot) == due.step {
        table.setStep(.max, of: slot)
        guard let connection = table[slot] else { continue }
        connection.due = Instant(nanoseconds: .max)
        connection.withState { state in
          if let deadline = state.nextDeadline, deadline <= now.instant {
            state.tick(at: now)
            turn(connection, &state, now)
          } else {
            schedule(connection, &state)
          }
        }
      }
    }
    if now.instant >= nextRelief { relieve(now) }
    setTimer(min(wheel.nextWake ?? Instant(nanoseconds: .max), nextRelief))
  }

  func setTimer(_ instant: Instant) {
    wake = instant
    let deadline: DispatchTime =
      instant.nanoseconds == .max ? .distantFuture : DispatchTime(uptimeNanoseconds: instant.nanoseconds)
    timer?.schedule(deadline: deadline, leeway: .milliseconds(50))
  }
}
