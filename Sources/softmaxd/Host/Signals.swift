import Glibc
import HTTPServer

/// SIGTERM, SIGINT and SIGHUP: the first one stops the server gently, a second SIGTERM or SIGINT ends the program at
/// once.
///
/// They are blocked in every thread, and the main thread, which has nothing else to do, takes them one by one with
/// `sigwait`. A Dispatch source would lose signals that arrive before it listens, some time after `activate`: a third
/// of the SIGTERMs sent on the first line of output were lost.
///
/// `unsafe` for system calls that read or fill a structure during the call only, and for comparing a handler with
/// SIG_IGN, which is a number in the type of a function pointer.
enum Signals {
  /// Blocks the signals, until ``obey(_:then:)`` takes them. Call it before any other thread starts: threads inherit
  /// the signal mask (pthread_sigmask(3)).
  static func hold() {
    // Writing to a client that has gone is an error of that write, not the end of the program.
    signal(SIGPIPE, SIG_IGN)
    var held = set([SIGTERM, SIGINT, SIGHUP])
    unsafe pthread_sigmask(SIG_BLOCK, &held, nil)
  }

  /// Waits for signals until the program ends.
  static func obey(_ server: Server, then finish: @escaping @Sendable () -> Void) -> Never {
    // nohup(1) ignores SIGHUP, but a blocked signal stays pending all the same (signal(7)).
    next(isIgnored(SIGHUP) ? [SIGTERM, SIGINT] : [SIGTERM, SIGINT, SIGHUP])
    server.stop {
      finish()
      // Not exit, which would run destructors while other threads still run.
      _exit(0)
    }
    // When a terminal ends, both its shell and the kernel may send SIGHUP: only the first one counts.
    next([SIGTERM, SIGINT])
    _exit(1)
  }

  /// Returns when one of `numbers` has arrived. Ends the program if the system does not allow waiting.
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
