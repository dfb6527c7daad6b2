internal import CLinux
internal import Dispatch
internal import Glibc
internal import HTTP
internal import Synchronization

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
