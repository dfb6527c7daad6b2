import Dispatch
import Glibc
import HTTPTransport
import Synchronization

/// SIGTERM and SIGINT: the first stops the server gently, the second ends the program at once.
enum Signals {
  private static let count = Atomic<Int>(0)
  /// A source lives as long as something holds it. Written by the main thread alone, before the port opens.
  private nonisolated(unsafe) static var sources: [any DispatchSourceSignal] = []

  static func install(_ server: Server, then finish: @escaping @Sendable () -> Void) {
    // A client that has gone is an error of its own write, not the end of the program.
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGTERM, SIGINT] {
      // Dispatch sees a signal beside its disposition; the default one would end the program first.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: DispatchQueue(label: "softmaxd.signals"))
      source.setEventHandler { received(server, then: finish) }
      source.activate()
      unsafe sources.append(source)
    }
  }

  private static func received(_ server: Server, then finish: @escaping @Sendable () -> Void) {
    if count.add(1, ordering: .relaxed).oldValue > 0 { _exit(1) }
    server.stop {
      finish()
      // Not exit: it would run destructors beside threads that are still awake.
      _exit(0)
    }
  }
}
