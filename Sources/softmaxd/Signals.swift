import Glibc
import HTTPTransport

/// SIGTERM and SIGINT: the first stops the server gently, the second ends the program at once.
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
    var stops = stops
    unsafe pthread_sigmask(SIG_BLOCK, &stops, nil)
  }

  /// Waits for signals for the rest of the program's life.
  static func obey(_ server: Server, then finish: @escaping @Sendable () -> Void) -> Never {
    next()
    server.stop {
      finish()
      // Not exit: it would run destructors beside threads that are still awake.
      _exit(0)
    }
    next()
    _exit(1)
  }

  private static func next() {
    var stops = stops
    var number: Int32 = 0
    while unsafe sigwait(&stops, &number) != 0 {}
  }

  private static var stops: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    return set
  }
}
