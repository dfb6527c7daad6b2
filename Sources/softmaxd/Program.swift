import Allocation
import CLinux
import Glibc
import HTTP
import HTTPServer
import KernelDispatch
import SoftmaxService
import VectorKernels

/// The program: reads its options, makes the server and its handler, and serves until a signal.
@main
enum Program {
  static let version = "1.0.0"

  static func main() { run() }

  /// Does what the command line asks.
  private static func run() -> Never {
    Signals.letWritesFail()
    StandardStreams.open()
    // The runtime reads the arguments from /proc/self/cmdline. Where it cannot, it returns none, not even the program's
    // name. Then an option such as --token-file would be ignored silently.
    let arguments = CommandLine.arguments
    guard !arguments.isEmpty else { fail(1, "cannot read the command line from /proc/self/cmdline; mount /proc") }
    do throws(OptionError) {
      switch try Command.parse(Array(arguments.dropFirst()), environment: environment()) {
      case .help: end(Option.helpText)
      case .version: end("softmaxd \(version)\n")
      case .probe(let host, let port): Probe.run(host: host, port: port)
      case .serve(let settings):
        for complaint in Command.complaints(about: allVariables()) { warn(complaint) }
        serve(settings)
      }
    } catch {
      fail(2, error.description)
    }
  }

  private static func serve(_ settings: Settings) -> Never {
    // First, since the file may be a pipe that nobody writes to: a signal ends the wait.
    let token = token(settings)
    // Before any thread starts, and before the port opens: a process that sees it open may send a signal at once.
    Signals.hold()
    Allocation.keepMemoryWhileBusy()
    MemoryLimit.limitStacks()
    ProcessMetrics.noteStart()
    let configuration = configuration(settings)
    let status = ServerStatus(configuration)
    let telemetry = Telemetry(loops: configuration.loops, log: settings.log)
    let operations = OperationalEndpoints(
      service: Service(
        limits: settings.service,
        levels: KernelLevelPolicy(
          KernelLevel(x86_64: Int(clinux_x86_64_level())), slowsDown: clinux_wide_vectors_slow_down()),
        version: version, models: settings.models,
        otherPaths: OperationalEndpoints.Path.allCases.map(\.route.template.description),
        readiness: { status.readiness }),
      status: status, telemetry: telemetry, token: token, origins: settings.corsOrigins,
      hosts: settings.allowedHosts)
    let server = Server(status, handler: operations, observer: telemetry)
    do throws(StartError) {
      let lines = try server.start().map { "softmaxd listening on http://\($0)\n" }
      StandardStreams.announce(lines.joined())
    } catch {
      fail(1, error.description)
    }
    Signals.obey(server) { telemetry.log?.flush() }
  }

  static func configuration(_ settings: Settings) -> ServerConfiguration {
    let threads = ThreadLimit.available() ?? .max
    var loops =
      settings.loops
      ?? ServerConfiguration.loops(atMost: min(CPUQuota.available(), ServerConfiguration.mostLoops), threads: threads)
    let available =
      settings.maxMemory.map { (bytes: $0, cure: "raise --max-memory") } ?? MemoryLimit.available(loops: loops)
    if settings.loops == nil { loops = MemoryPlan.loops(atMost: loops, total: available.bytes) }
    let memory = MemoryPlan(total: available.bytes, loops: loops)
    let least = MemoryPlan.least(loops: loops)
    let lower = loops > 1 ? ", or lower --loops" : ""
    let fewestThreads = ServerConfiguration.fewestThreads(loops: loops)
    guard threads >= fewestThreads else {
      fail(
        1,
        "needs \(fewestThreads) threads at least, and the system allows \(threads); raise RLIMIT_NPROC (ulimit -u), "
          + "or the control group's pids.max\(lower)")
    }
    guard available.bytes >= least else {
      fail(1, "needs \(least) bytes of memory at least, and has \(available.bytes); \(available.cure)\(lower)")
    }
    var configuration = settings.server
    configuration.setLoops(loops)
    configuration.limitThreads(to: threads)
    configuration.addresses = []
    for host in settings.hosts {
      for address in SocketAddress.all(host: host, port: UInt16(clamping: settings.port)) ?? []
      where !configuration.addresses.contains(address) {
        configuration.addresses.append(address)
      }
    }
    if let overlap = SocketAddress.overlap(in: configuration.addresses) {
      fail(2, "--host \(overlap.all.host) listens on \(overlap.one.host) too: leave \(overlap.one.host) out")
    }
    // A machine without IPv6 has only one of localhost's two addresses.
    if settings.hosts.contains("localhost"), !settings.hosts.contains("::1") {
      configuration.optionalAddresses = configuration.addresses.filter { $0.host == "::1" }
    }
    configuration.memoryBytes = memory.shared
    configuration.limits.bodyBytes = min(configuration.limits.bodyBytes, memory.largestBody)
    let descriptors = Descriptors.raiseLimit()
    let addresses = configuration.addresses.count
    let cap = Descriptors.connectionCap(
      limit: descriptors, loops: loops, addresses: addresses, beyondCap: configuration.connectionsBeyondCap)
    guard cap >= 1 else {
      let fewest = descriptors - cap + 1
      fail(1, "needs \(fewest) open files at least, and the system allows \(descriptors); raise it (ulimit -n)\(lower)")
    }
    configuration.connections = min(settings.maxConnections ?? memory.connections, cap)
    return configuration
  }

  private static func token(_ settings: Settings) -> BearerToken? {
    guard let file = settings.tokenFile else { return nil }
    let limit = BearerToken.maximumFileBytes
    guard let bytes = FileReader.read(file, atMost: limit + 1) else {
      fail(1, "cannot read --token-file \(file): \(SystemError(call: "read", code: errno).reason)")
    }
    guard bytes.count <= limit else { fail(1, "--token-file \(file) has more than \(limit) bytes") }
    guard let token = BearerToken(fileContents: bytes) else {
      fail(
        1,
        "--token-file \(file) must hold one token, or two, one a line: "
          + "\(BearerToken.leastBytes) or more visible ASCII characters each")
    }
    return token
  }

  private static func environment() -> [String: String] {
    var result: [String: String] = [:]
    for variable in Option.all.flatMap({ [$0.variable, $0.commonVariable] }).compactMap(\.self) {
      // The environment does not change while it is read: no other thread runs yet.
      if let value = unsafe getenv(variable) { result[variable] = unsafe String(cString: value) }
    }
    return result
  }

  /// Each as `NAME=VALUE`; none where /proc does not tell.
  private static func allVariables() -> [String] {
    (FileReader.text("/proc/self/environ", atMost: 1 << 20) ?? "").split(separator: "\0").map(String.init)
  }

  /// The text on stdout, and a code that says whether it is there.
  private static func end(_ text: String) -> Never {
    if let error = StandardStreams.write(text, to: StandardStreams.output) {
      fail(1, "cannot write to standard output: \(error.reason)")
    }
    exit(0)
  }

  /// One line on stderr.
  private static func warn(_ text: String) {
    StandardStreams.write("softmaxd: \(text)\n", to: StandardStreams.error)
  }

  /// One line on stderr, and a code that says it went wrong.
  static func fail(_ code: CInt, _ text: String) -> Never {
    warn(text)
    exit(code)
  }
}

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
  /// Has a write that cannot be done end with an error, and not the program: to a client or a reader that has gone
  /// (SIGPIPE), and to a file that may not grow (SIGXFSZ). Call it before anything is written.
  static func letWritesFail() {
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
  }

  /// Blocks the signals, until ``obey(_:then:)`` takes them. Call it before any other thread starts: threads inherit
  /// the signal mask (pthread_sigmask(3)).
  static func hold() {
    var held = set([SIGTERM, SIGINT, SIGHUP])
    unsafe pthread_sigmask(SIG_BLOCK, &held, nil)
  }

  /// Waits for signals until the program ends.
  static func obey(_ server: Server, then finish: @escaping @Sendable () -> Void) -> Never {
    // nohup(1) ignores SIGHUP, but a blocked signal stays pending all the same (signal(7)).
    let first = next(isIgnored(SIGHUP) ? [SIGTERM, SIGINT] : [SIGTERM, SIGINT, SIGHUP])
    let name = first == SIGTERM ? "SIGTERM" : first == SIGINT ? "SIGINT" : "SIGHUP"
    StandardStreams.announce("softmaxd stopping on \(name)\n")
    server.stop {
      finish()
      // Not exit, which would run destructors while other threads still run.
      _exit(0)
    }
    // When a terminal ends, both its shell and the kernel may send SIGHUP: only the first one counts.
    _ = next([SIGTERM, SIGINT])
    _exit(1)
  }

  /// Returns when one of `numbers` has arrived: that one. Ends the program if the system does not allow waiting.
  private static func next(_ numbers: [CInt]) -> CInt {
    var wanted = set(numbers)
    var number: CInt = 0
    while true {
      let code = unsafe sigwait(&wanted, &number)
      if code == 0 { return number }
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
