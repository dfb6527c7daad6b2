import Glibc
import HTTPTransport

/// SIGTERM, SIGINT and SIGHUP: the first stops the server gently, a second SIGTERM or SIGINT ends the program at once.
///
/// They are blocked in every thread and taken one by one by `sigwait` on the main thread, which has nothing else to do. A
/// Dispatch source would lose those that come before it listens, some time after `activate`: a third of the SIGTERMs sent
/// on the first line of output went nowhere.
enum Signals {
  /// Keeps the signals until ``obey(_:then:)`` asks for them. Before any other thread is started: a thread inherits what
  /// is blocked (pthread_sigmask(3)).
  static func hold() {
    // A client that has gone is an error of its own write, not the end of the program.
    signal(SIGPIPE, SIG_IGN)
    var held = set([SIGTERM, SIGINT, SIGHUP])
    unsafe pthread_sigmask(SIG_BLOCK, &held, nil)
  }

  /// Waits for signals for the rest of the program's life.
  static func obey(_ server: Server, then finish: @escaping @Sendable () -> Void) -> Never {
    // nohup(1) has SIGHUP ignored; one that is blocked is kept all the same (signal(7)).
    next(isIgnored(SIGHUP) ? [SIGTERM, SIGINT] : [SIGTERM, SIGINT, SIGHUP])
    server.stop {
      finish()
      // Not exit: it would run destructors beside threads that are still awake.
      _exit(0)
    }
    // The end of a terminal may send SIGHUP twice, from its shell and from the kernel: only the first one counts.
    next([SIGTERM, SIGINT])
    _exit(1)
  }

  /// Returns once one of `numbers` has come. Ends the program where the system does not let it wait.
  private static func next(_ numbers: [CInt]) {
    var wanted = set(numbers)
    var number: CInt = 0
    while true {
      let code = unsafe sigwait(&wanted, &number)
      if code == 0 { return }
      if code != EINTR { Program.fail(1, "cannot wait for signals: \(SystemError(call: "sigwait", code: code))") }
    }
  }

  private static func isIgnored(_ number: CInt) -> Bool {
    var action = sigaction()
    guard unsafe sigaction(number, nil, &action) == 0 else { return false }
    return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func set(_ numbers: [CInt]) -> sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in numbers { unsafe sigaddset(&set, number) }
    return set
  }
}
