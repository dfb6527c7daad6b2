internal import CLinux
internal import Glibc

/// The events of a descriptor. Errors and hang-ups are always reported.
struct Readiness: OptionSet, Sendable {
  let rawValue: UInt32

  static let readable = Readiness(rawValue: EPOLLIN.rawValue)
  static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
  /// A reset, or both directions closed: there is nobody to answer.
  static let gone = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}

/// An epoll descriptor and room for the events of one wait.
///
/// Level-triggered: what was left unread is reported again, so one read for each event is enough.
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
  func add(_ descriptor: CInt, _ interest: Readiness, token: UInt64) throws(SystemError) {
    try control(EPOLL_CTL_ADD, descriptor, interest, token: token)
  }

  func modify(_ descriptor: CInt, _ interest: Readiness, token: UInt64) throws(SystemError) {
    try control(EPOLL_CTL_MOD, descriptor, interest, token: token)
  }

  private func control(
    _ operation: CInt, _ descriptor: CInt, _ interest: Readiness, token: UInt64
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
  func event(_ index: Int) -> (token: UInt64, readiness: Readiness) {
    precondition(index < capacity)
    let event = unsafe events[index]
    return unsafe (event.data.u64, Readiness(rawValue: event.events))
  }
}
