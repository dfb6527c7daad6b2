internal import CLinux
internal import Glibc
package import HTTP

/// The events of a descriptor. Errors and hang-ups are always reported.
struct EpollEvents: OptionSet, Sendable {
  let rawValue: UInt32

  static let readable = EpollEvents(rawValue: EPOLLIN.rawValue)
  static let writable = EpollEvents(rawValue: EPOLLOUT.rawValue)
  /// Reported once, however long it lasts.
  static let edge = EpollEvents(rawValue: EPOLLET.rawValue)
  /// A reset: there is nobody to answer.
  static let error = EpollEvents(rawValue: EPOLLERR.rawValue)
  /// Both sides have finished. Where edges are reported: once, and again when the peer has taken all.
  static let hangUp = EpollEvents(rawValue: EPOLLHUP.rawValue)
}

/// An epoll descriptor and room for the events of one wait.
///
/// Level-triggered unless asked otherwise: what was left unread is reported again, so one read an event is enough.
@safe struct EpollSet: ~Copyable {
  let descriptor: CInt
  /// A plain pointer, not a buffer's `baseAddress`: glibc 2.41 declares that epoll_wait takes no null.
  private let events: UnsafeMutablePointer<epoll_event>
  private let capacity: Int

  init(capacity: Int = 256) throws(SystemError) {
    descriptor = try retrying("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) }
    unsafe events = .allocate(capacity: capacity)
    unsafe events.initialize(repeating: epoll_event(), count: capacity)
    self.capacity = capacity
  }

  deinit {
    unsafe events.deallocate()
    _ = Glibc.close(descriptor)
  }

  /// Watches `descriptor`; its events will carry `token`.
  func add(_ descriptor: CInt, _ interest: EpollEvents, token: UInt64) throws(SystemError) {
    try control(EPOLL_CTL_ADD, descriptor, interest, token: token)
  }

  func modify(_ descriptor: CInt, _ interest: EpollEvents, token: UInt64) throws(SystemError) {
    try control(EPOLL_CTL_MOD, descriptor, interest, token: token)
  }

  private func control(
    _ operation: CInt, _ descriptor: CInt, _ interest: EpollEvents, token: UInt64
  ) throws(SystemError) {
    var event = unsafe epoll_event()
    unsafe event.events = interest.rawValue
    unsafe event.data.u64 = token
    try retrying("epoll_ctl") { unsafe epoll_ctl(self.descriptor, operation, descriptor, &event) }
  }

  /// How many descriptors are ready after at most `milliseconds`; an interrupted wait counts as none.
  func wait(milliseconds: CInt) -> Int {
    max(0, Int(unsafe epoll_wait(descriptor, events, CInt(capacity), milliseconds)))
  }

  /// One event of the last `wait`.
  func event(_ index: Int) -> (token: UInt64, events: EpollEvents) {
    precondition(index < capacity)
    let event = unsafe events[index]
    return unsafe (event.data.u64, EpollEvents(rawValue: event.events))
  }
}

/// The clocks as the loops read them.
package enum Clock {
  /// CLOCK_MONOTONIC: what deadlines are measured on.
  package static func now() -> Instant {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
  }

  /// Nanoseconds for which the calling thread has had a processor. To ask takes up to a microsecond.
  package static func threadTime() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// Seconds since 1970 and the nanoseconds into the current one.
  package static func wall() -> (seconds: Int64, nanoseconds: UInt64) {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return (Int64(time.tv_sec), UInt64(time.tv_nsec))
  }
}

/// A second of the wall clock with its date's text, which all moments in it share.
struct CurrentSecond {
  let date: HTTPDate
  /// When it is over.
  let end: Instant

  /// The second in which `instant`, the present, lies.
  init(at instant: Instant) {
    let wall = Clock.wall()
    date = HTTPDate(unixSeconds: wall.seconds)
    end = Instant(nanoseconds: instant.nanoseconds &+ (1_000_000_000 &- wall.nanoseconds))
  }
}

/// How the kernel schedules an event loop's thread (sched(7)).
///
/// On a machine that clients share, a loop that interrupts the client that woke it gets requests one by one: 8.7 µs of
/// CPU for a request of ten logits. A loop that does not interrupt gets a dozen at a time: 7.6 µs. Beside threads that
/// compute for long the loop must interrupt: half of all answers then took 0.5 ms, against 1.1 ms without.
enum ThreadScheduling {
  /// SCHED_BATCH: wakes without interrupting whoever runs.
  case batch
  /// SCHED_OTHER, the usual one: wakes at once beside long computations.
  case normal

  /// Has the calling thread scheduled so. False where the system forbids it, or an operator has chosen a policy of
  /// another kind (chrt(1)); then things stay as they are.
  @discardableResult
  func adopt() -> Bool {
    guard [SCHED_NORMAL, SCHED_BATCH].contains(sched_getscheduler(0)) else { return false }
    var parameters = sched_param()
    return unsafe sched_setscheduler(0, self == .batch ? SCHED_BATCH : SCHED_NORMAL, &parameters) == 0
  }
}

/// A system call that failed, and why.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The call's name: `bind`.
  public let call: String
  /// The value of `errno`.
  public let code: Int32

  /// An error of a call, with the value of `errno`.
  public init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// The system's own words: `Address already in use`.
  public var reason: String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }

  public var description: String { "\(call): \(reason)" }
}

/// Makes a system call, again when a signal interrupted it, and turns -1 into an error.
///
/// `close` must not come here: Linux has released the descriptor even when it says EINTR.
@inline(__always)
@discardableResult
package func retrying<Number: SignedInteger>(
  _ name: StaticString, _ call: () -> Number
) throws(SystemError) -> Number {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw SystemError(call: name.description, code: code) }
  }
}
