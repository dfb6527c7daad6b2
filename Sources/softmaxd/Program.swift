import CLinux
import Glibc
import HTTPCore
import HTTPTransport
import Kernels
import SoftmaxAPI

/// The program from its first line to its last.
enum Program {
  static let version = "1.0.0"

  /// Does what the command line asks; never returns.
  static func run() -> Never {
    Files.openStandardStreams()
    // The runtime reads the arguments from /proc/self/cmdline, and gives none, not even the program's name, where it
    // cannot. An option such as --token-file must not vanish in silence.
    let arguments = CommandLine.arguments
    guard !arguments.isEmpty else { fail(1, "cannot read the command line from /proc/self/cmdline; mount /proc") }
    do throws(OptionError) {
      switch try Command.parse(Array(arguments.dropFirst()), environment: environment()) {
      case .help: end(0, Option.helpText)
      case .version: end(0, "softmaxd \(version)\n")
      case .probe(let host, let port): Probe.run(host: host, port: port)
      case .serve(let settings): serve(settings)
      }
    } catch {
      fail(2, error.description)
    }
  }

  private static func serve(_ settings: Settings) -> Never {
    // Before the port opens, and before any thread starts: whoever sees it open may also stop the server.
    Signals.hold()
    Memory.configure()
    ProcessFigures.noteStart()
    let configuration = configuration(settings)
    let status = ServerStatus(configuration)
    let telemetry = Telemetry(loops: configuration.loops, log: settings.log)
    let operations = Operations(
      service: SoftmaxService(
        limits: Limits(logits: settings.maxLogits, jacobianClasses: settings.maxJacobianClasses),
        levels: KernelLevelPolicy(
          KernelLevel(x86_64: Int(clinux_x86_64_level())), slowsDown: clinux_wide_vectors_slow_down()),
        version: version),
      status: status, telemetry: telemetry, token: token(settings), origins: settings.corsOrigins,
      hosts: settings.allowedHosts)
    let server = Server(
      configuration: configuration, status: status, handler: operations, observer: telemetry)
    do throws(StartError) {
      for address in try server.start() { write(1, "softmaxd listening on http://\(address)\n") }
    } catch {
      fail(1, error.description)
    }
    Signals.obey(server) { telemetry.log?.flush() }
  }

  static func configuration(_ settings: Settings) -> ServerConfiguration {
    let limit = Descriptors.raiseLimit()
    let loops = settings.loops ?? Processors.available()
    var configuration = ServerConfiguration(
      addresses: settings.hosts.flatMap { Address.all(host: $0, port: UInt16(clamping: settings.port)) ?? [] },
      loops: loops, limits: settings.limits)
    // A machine without IPv6 has only one of localhost's two addresses.
    if settings.hosts.contains("localhost"), !settings.hosts.contains("::1") {
      configuration.optionalAddresses = configuration.addresses.filter { $0.host == "::1" }
    }
    let cap = Descriptors.connectionCap(limit: limit, loops: loops, reserve: configuration.reserveConnections)
    let memory = MemoryPlan(total: settings.maxMemory ?? MemoryLimit.available(loops: loops), loops: loops)
    configuration.memoryBytes = memory.shared
    configuration.limits.bodyBytes = min(settings.limits.bodyBytes, memory.largestBody)
    configuration.connections = min(settings.maxConnections ?? memory.connections, cap)
    configuration.laneQueue = settings.queue
    configuration.requestDeadline = settings.requestTimeout
    configuration.drainDelay = settings.drainDelay
    configuration.drainTimeout = settings.drainTimeout
    return configuration
  }

  private static func token(_ settings: Settings) -> BearerToken? {
    guard let file = settings.tokenFile else { return nil }
    let limit = BearerToken.maximumFileBytes
    guard let bytes = Files.read(file, atMost: limit + 1) else { fail(1, "cannot read --token-file \(file)") }
    guard bytes.count <= limit else { fail(1, "--token-file \(file) has more than \(limit) bytes") }
    guard let token = BearerToken(fileContents: bytes) else {
      fail(1, "--token-file \(file) must hold one token: 16 or more visible ASCII characters without spaces")
    }
    return token
  }

  // MARK: The world outside

  private static func environment() -> [String: String] {
    var result: [String: String] = [:]
    for option in Option.all {
      if let value = unsafe getenv(option.variable) { result[option.variable] = unsafe String(cString: value) }
    }
    return result
  }

  static func write(_ descriptor: CInt, _ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // A terminal, or the other end of a pipe, may have been made not to block: what was begun is finished all the same.
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&ready, 1, -1)
      } else if errno != EINTR {
        return
      }
    }
  }

  static func end(_ code: CInt, _ text: String) -> Never {
    write(1, text)
    exit(code)
  }

  /// One line on stderr, and a code that says it went wrong.
  static func fail(_ code: CInt, _ text: String) -> Never {
    write(2, "softmaxd: \(text)\n")
    exit(code)
  }
}
