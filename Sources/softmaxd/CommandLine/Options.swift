import HTTP
import HTTPServer
import SoftmaxService

/// Everything that an option sets. `Option.all` names the options.
struct Settings: Sendable, Equatable {
  var hosts = ["127.0.0.1"]
  var port = 8080
  /// Nil: as many as there are processors, or the control group's quota rounded up.
  var loops: Int?
  /// Nil: as many as the limit of descriptors and the memory allow.
  var maxConnections: Int?
  /// Nil: the limit of the control group or RLIMIT_AS, else half of the machine's memory.
  var maxMemory: Int?

  /// The server's bounds. Their defaults are declared with it; its addresses, loops, connections and memory follow from
  /// the settings above.
  var server = ServerConfiguration(addresses: [])
  /// What a request may ask for.
  var service = Limits()

  var log = LogChoice.off
  var corsOrigins: [String] = []
  /// In lower case, without ports. Empty: any host.
  var allowedHosts: [String] = []
  var tokenFile: String?
  /// The names of the Open Inference Protocol's models.
  var models = ModelNames()
}

/// Which requests are logged.
enum LogChoice: Sendable, Equatable {
  case off
  case requests
  /// One in this many.
  case sampled(Int)
}

/// One option: its flag and environment variable, its values, its help, and the setting that it changes.
struct Option: Sendable {
  /// Without the dashes: `max-body`.
  let name: String
  /// What `--help` shows for the value: `BYTES`.
  let placeholder: String
  let help: String
  /// What a value must be, for the error message: `a whole number from 0 to 65535`.
  let expectation: String
  /// Changes the setting; false when the value is not what `expectation` says.
  let set: @Sendable (inout Settings, String) -> Bool
  /// The setting's value, as it is written on the command line.
  let show: @Sendable (Settings) -> String
  /// Whether the value is a list, separated by commas: then the flag may be given more than once.
  var isList = false
  /// A variable that counts where the option's own is not set.
  var commonVariable: String?
  /// The least and the most of a value that is a number, as `--help` shows them after the default.
  var range: String?

  var flag: String { "--" + name }
  /// How each option's variable begins.
  static let variablePrefix = "SOFTMAXD_"
  var variable: String {
    Self.variablePrefix + String(decoding: name.utf8.map { $0 == 0x2D ? 0x5F : $0 &- 0x20 }, as: UTF8.self)
  }
}

extension Option {
  /// A whole number.
  static func integer(
    _ name: String, _ placeholder: String, _ range: ClosedRange<Int>,
    sets path: any WritableKeyPath<Settings, Int> & Sendable, help: String, commonVariable: String? = nil
  ) -> Option {
    Option(
      name: name, placeholder: placeholder, help: help, expectation: expectation(range),
      set: { settings, text in
        guard let value = parseInteger(text), range.contains(value) else { return false }
        settings[keyPath: path] = value
        return true
      },
      show: { String($0[keyPath: path]) }, commonVariable: commonVariable, range: text(of: range))
  }

  /// A whole number, or `auto`.
  static func automatic(
    _ name: String, _ placeholder: String, _ range: ClosedRange<Int>,
    sets path: any WritableKeyPath<Settings, Int?> & Sendable, help: String
  ) -> Option {
    Option(
      name: name, placeholder: placeholder, help: help, expectation: "auto or " + expectation(range),
      set: { settings, text in
        if text == "auto" {
          settings[keyPath: path] = nil
          return true
        }
        guard let value = parseInteger(text), range.contains(value) else { return false }
        settings[keyPath: path] = value
        return true
      },
      show: { $0[keyPath: path].map { String($0) } ?? "auto" }, range: text(of: range))
  }

  /// Values separated by commas.
  ///
  /// - Parameter parse: reads the whole list; nil when it is not what `expectation` says.
  static func list(
    _ name: String, _ placeholder: String, _ expectation: String,
    sets path: any WritableKeyPath<Settings, [String]> & Sendable, parse: @escaping @Sendable (String) -> [String]?,
    help: String
  ) -> Option {
    Option(
      name: name, placeholder: placeholder, help: help, expectation: expectation,
      set: { settings, text in
        guard let values = parse(text) else { return false }
        settings[keyPath: path] = values
        return true
      },
      show: { $0[keyPath: path].joined(separator: ",") }, isList: true)
  }

  /// Seconds, with at most three decimals.
  static func seconds(
    _ name: String, atLeast least: Duration = .milliseconds(1),
    sets path: any WritableKeyPath<Settings, Duration> & Sendable, help: String
  ) -> Option {
    let range = "\(showSeconds(least)) to \(showSeconds(mostSeconds))"
    return Option(
      name: name, placeholder: "SECONDS", help: help,
      expectation: "seconds from \(range), with at most three decimals",
      set: { settings, text in
        guard let value = parseSeconds(text), value >= least, value <= mostSeconds else { return false }
        settings[keyPath: path] = value
        return true
      },
      show: { showSeconds($0[keyPath: path]) }, range: range)
  }

  private static let mostSeconds = Duration.seconds(86_400)

  private static func expectation(_ range: ClosedRange<Int>) -> String { "a whole number from \(text(of: range))" }

  private static func text(of range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

  /// Digits only: what `Int` also accepts (`+5`) is more likely a mistake.
  static func parseInteger(_ text: String) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
    return Int(text)
  }

  static func parseSeconds(_ text: String) -> Duration? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parseInteger(String(parts[0])), whole <= 1_000_000_000 else { return nil }
    guard parts.count == 2 else { return .seconds(whole) }
    let decimals = String(parts[1])
    guard decimals.utf8.count <= 3, let thousandths = parseInteger(decimals) else { return nil }
    let scale = [0, 100, 10, 1][decimals.utf8.count]
    return .seconds(whole) + .milliseconds(thousandths * scale)
  }

  static func showSeconds(_ duration: Duration) -> String {
    (duration.nanoseconds / 1_000_000).inDecimals(scale: 1000)
  }
}

extension Option {
  /// All options, in the order of `--help`.
  static let all: [Option] = [
    .list(
      "host", "ADDRESSES",
      "IPv4 or IPv6 addresses, none of multicast or broadcast, or localhost, separated by commas",
      sets: \.hosts, parse: parseHosts,
      help: "Addresses to listen on: IPv4, IPv6, or localhost for both loopbacks; several with commas."),
    // Knative and other platforms tell a container its port in PORT.
    .integer(
      "port", "PORT", 0...65_535, sets: \.port, help: "Port to listen on; 0 takes a free one and says which.",
      commonVariable: "PORT"),
    .automatic(
      "loops", "N", 1...ServerConfiguration.mostLoops, sets: \.loops,
      help: "Event loops, and large requests computed at once; auto: processors, or the cgroup's quota rounded up."),

    .integer(
      "max-body", "BYTES", 1...1_073_741_824, sets: \.server.limits.bodyBytes, help: "Largest body; beyond: 413."),
    .integer(
      "max-head", "BYTES", 256...1_048_576, sets: \.server.limits.headBytes,
      help: "Largest request head; beyond: 431."),
    .integer(
      "max-fields", "N", 1...10_000, sets: \.server.limits.fieldCount, help: "Most fields in a head; beyond: 431."),
    .integer(
      "max-target", "BYTES", 16...1_048_576, sets: \.server.limits.targetBytes,
      help: "Longest request target; beyond: 414."),
    .integer(
      "max-logits", "N", 1...134_217_728, sets: \.service.logits, help: "Most logits in a request; beyond: 413."),
    .integer(
      "max-jacobian-classes", "N", 1...16_384, sets: \.service.jacobianClasses,
      help: "Most classes for which a Jacobian is answered; it has classes squared numbers, at most --max-logits."),
    .automatic(
      "max-connections", "N", 1...10_000_000, sets: \.maxConnections,
      help:
        "Connections at once; beyond it the slowest end, and where none is slow only /livez is answered; "
        + "auto: what memory and descriptors allow."
    ),
    .integer(
      "max-queue", "N", 0...1_000_000, sets: \.server.workQueueLimit,
      help: "Requests that wait for a worker; beyond: 503; 0: none waits."),
    .automatic(
      "max-memory", "BYTES", MemoryPlan.least...1_125_899_906_842_624, sets: \.maxMemory,
      help: "Memory of the whole process, from which other bounds derive; "
        + "auto: the cgroup's limit, RLIMIT_AS, or half the machine's."),

    .seconds(
      "head-timeout", sets: \.server.limits.headTimeout, help: "From a head's first byte to its last; beyond: 408."),
    .seconds(
      "body-timeout", sets: \.server.limits.bodyTimeout,
      help: "Longest silence in a body, and its grace period; beyond: 408."),
    .integer(
      "min-body-rate", "BYTES", 0...1_000_000_000, sets: \.server.limits.bodyBytesPerSecond,
      help: "Bytes a second that a body must bring after its grace period; less: 408; 0: any."),
    .seconds(
      "request-timeout", sets: \.server.requestTimeout, help: "From a whole request to its answer; beyond: 503."),
    .seconds(
      "write-timeout", sets: \.server.limits.writeTimeout, help: "Longest silence of a reader; beyond, it is dropped."),
    .integer(
      "min-write-rate", "BYTES", 0...1_000_000_000, sets: \.server.limits.writeBytesPerSecond,
      help: "Bytes a second that a reader must take after its grace period; less, and it is dropped; 0: any."),
    .seconds(
      "write-total-timeout", sets: \.server.limits.writeTotalTimeout,
      help: "Longest time for writing what waits on a connection, after the grace period; beyond, it is dropped."),
    .seconds(
      "idle-timeout", sets: \.server.limits.idleTimeout, help: "How long a connection may wait for its next request."),

    .seconds(
      "drain-delay", atLeast: .zero, sets: \.server.drainDelay,
      help: "At SIGTERM: how long to go on serving while /readyz already answers 503."),
    .seconds(
      "drain-timeout", atLeast: .zero, sets: \.server.drainTimeout,
      help: "And then: how long to wait for the answers under way."),

    Option(
      name: "log", placeholder: "off|requests|N",
      help: "Log each request, or one in N, as a line of JSON on stderr.",
      expectation: "off, requests, or " + expectation(logged),
      set: { settings, text in
        switch text {
        case "off": settings.log = .off
        case "requests": settings.log = .requests
        default:
          guard let count = parseInteger(text), logged.contains(count) else { return false }
          settings.log = count == 1 ? .requests : .sampled(count)
        }
        return true
      },
      show: { settings in
        switch settings.log {
        case .off: "off"
        case .requests: "requests"
        case .sampled(let count): String(count)
        }
      }),
    .list(
      "cors-origin", "ORIGINS", "* or origins as browsers send them, such as https://example.org, separated by commas",
      sets: \.corsOrigins, parse: WebOrigin.parseList,
      help: "Origins whose pages may call the service, separated by commas, or * for all; empty: none."),
    .list(
      "allowed-hosts", "HOSTS", "host names or addresses without ports, such as example.org, separated by commas",
      sets: \.allowedHosts, parse: parseAllowedHosts,
      help: "Hosts that requests may name, separated by commas, against DNS rebinding; else 421; empty: any."),
    Option(
      name: "model-name", placeholder: "NAMES",
      help:
        "More names of models at /v2, each NAME=MODEL, MODEL being \(ModelNames.renamable); NAME alone is softmax's.",
      expectation: "names that are not taken, each NAME or NAME=MODEL, separated by commas; "
        + "NAME is of letters, digits, -, _ and ., and MODEL is \(ModelNames.renamable)",
      set: { settings, text in
        settings.models = ModelNames()
        return text.isEmpty || elements(text).allSatisfy { settings.models.add($0) }
      },
      show: { $0.models.added.joined(separator: ",") }, isList: true),
    Option(
      name: "token-file", placeholder: "FILE",
      help: "File with the bearer token, or two, that POST requests and /metrics must carry; empty: none.",
      expectation: "a file's path",
      set: { settings, text in
        settings.tokenFile = text.isEmpty ? nil : text
        return true
      },
      show: { $0.tokenFile ?? "" }),
  ]

  /// Of how many requests one may be logged.
  private static let logged = 1...1_000_000_000

  private static func parseHosts(_ text: String) -> [String]? {
    let hosts = elements(text)
    return !hosts.isEmpty && hosts.allSatisfy(canBeConnectedTo) ? hosts : nil
  }

  /// The system listens on addresses of groups too, to which TCP cannot connect: multicast (RFC 5771 §3, RFC 4291 §2.7)
  /// and the broadcast to all.
  private static func canBeConnectedTo(_ host: String) -> Bool {
    SocketAddress.all(host: host, port: 0)?.allSatisfy { address in
      let first = address.host.prefix { $0 != "." && $0 != ":" }
      if address.isIPv6 { return !(first.utf8.count == 4 && first.hasPrefix("ff")) }
      return !(224...239).contains(Int(first) ?? 0) && address.host != "255.255.255.255"
    } ?? false
  }

  /// Names and addresses as Host has them, in lower case; an IPv6 address may come without its brackets.
  private static func parseAllowedHosts(_ text: String) -> [String]? {
    if text.isEmpty { return [] }
    var hosts: [String] = []
    for element in elements(text) {
      let host = element.lowercased()
      if let address = SocketAddress(host: host, port: 0), address.isIPv6 {
        // `[::1]` for `::0001`, as browsers write it; of those with an IPv4 address inside they write only digits.
        let isMixed = address.host.contains(".")
        hosts.append(isMixed && host.hasPrefix("[") ? host : "[\(isMixed ? host : address.host)]")
      } else if HostName.isValid(host) {
        hosts.append(host)
      } else {
        return nil
      }
    }
    return hosts
  }

  /// The elements of a list, without the white space around them.
  static func elements(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmingWhitespace) }
  }
}

extension Substring {
  /// Without spaces and tabs at either end.
  fileprivate var trimmingWhitespace: Substring {
    var rest = self
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return rest
  }
}
