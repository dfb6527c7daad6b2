internal import HTTPCore
internal import Synchronization

/// What other threads tell a loop.
enum LoopMessage: Sendable {
  /// A descriptor just accepted; the loop owns it from here.
  case accepted(CInt, isReserve: Bool)
  /// The lane's answer.
  case answer(Token, ConnectionState.RequestID, Response, MemoryReservation)
  /// Memory is short: drop the transfers that take longest.
  case relieve
  /// The server is stopping: end each connection with its next answer.
  case stopKeepingAlive
  /// The port has closed: end idle connections soon and the others after their answers.
  case drain
  /// Time is up: end all.
  case closeAll
}

/// A loop's letter box. Whoever puts the first letter into it wakes the loop by the eventfd in its epoll set.
final class Inbox: Sendable {
  private let letters = Mutex<[LoopMessage]>([])
  let waker: Waker

  init() throws(SystemError) {
    waker = try Waker()
  }

  func post(_ message: LoopMessage) {
    let isFirst = letters.withLock { letters in
      letters.append(message)
      return letters.count == 1
    }
    if isFirst { waker.wake() }
  }

  /// All letters, in the order posted.
  func take() -> [LoopMessage] {
    waker.clear()
    return letters.withLock { letters in
      var taken: [LoopMessage] = []
      swap(&taken, &letters)
      return taken
    }
  }
}
