import HTTP
import HTTPServer
import SoftmaxService

extension Option {
  /// All options, in the order of `--help`.
  static let all: [Option] = [
    .list(
      "host", "ADDRESSES", "IPv4 or IPv6 addresses, or localhost, separated by commas", sets: \.hosts,
      parse: parseHosts,
      help: "Addresses to listen on: IPv4, IPv6, or localhost for both loopbacks; several with commas."),
    // Knative and other platforms tell a container its port in PORT.
    .integer(
      "port", "PORT", 0...65_535, sets: \.port, help: "Port to listen on; 0 takes a free one and says which.",
      commonVariable: "PORT"),
    .automatic(
      "loops", "N", 1...1024, sets: \.loops,
      help: "Event loops, and large requests computed at once; auto: processors, or the cgroup's quota rounded up."),

    .integer(
      "max-body", "BYTES", 1...1_073_741_824, sets: \.server.limits.bodyBytes, help: "Largest body; beyond: 413."),
    .integer(
      "max-head", "BYTES", 256...1_048_576, sets: \.server.limits.headBytes, help: "Largest request head; beyond: 431."),
    .integer(
      "max-fields", "N", 1...10_000, sets: \.server.limits.fieldCount, help: "Most fields in a head; beyond: 431."),
    .integer(
      "max-target", "BYTES", 16...1_048_576, sets: \.server.limits.targetBytes,
      help: "Longest request target; beyond: 414."),
    .integer(
      "max-logits", "N", 1...134_217_728, sets: \.service.logits, help: "Most logits in a request; beyond: 413."),
    .integer(
      "max-jacobian-classes", "N", 1...16_384, sets: \.service.jacobianClasses,
      help: "Most classes for which a Jacobian, classes squared, is answered."),
    .automatic(
      "max-connections", "N", 1...10_000_000, sets: \.maxConnections,
      help: "Connections at once; beyond it only /livez is answered; auto: what the limit of descriptors allows."),
    .integer(
      "max-queue", "N", 0...1_000_000, sets: \.server.workQueueLimit,
      help: "Large requests that wait to be computed; beyond: 503."),
    .automatic(
      "max-memory", "BYTES", MemoryPlan.least...1_125_899_906_842_624, sets: \.maxMemory,
      help:
        "Memory of the whole process, from which other bounds derive; auto: the cgroup's limit, RLIMIT_AS, "
        + "or half the machine's."
    ),

    .seconds(
      "head-timeout", sets: \.server.limits.headDeadline, help: "From a head's first byte to its last; beyond: 408."),
    .seconds(
      "body-timeout", sets: \.server.limits.bodyGrace,
      help: "Longest silence in a body, and its head start; beyond: 408."),
    .integer(
      "min-body-rate", "BYTES", 0...1_000_000_000, sets: \.server.limits.bodyBytesPerSecond,
      help: "Bytes a second that a body must bring after its head start; less: 408."),
    .seconds(
      "request-timeout", sets: \.server.requestTimeout, help: "From a whole request to its answer; beyond: 503."),
    .seconds(
      "write-timeout", sets: \.server.limits.writeGrace, help: "Longest silence of a reader; beyond, it is dropped."),
    .integer(
      "min-write-rate", "BYTES", 0...1_000_000_000, sets: \.server.limits.writeBytesPerSecond,
      help: "Bytes a second that a reader must take after its head start; less, and it is dropped."),
    .seconds(
      "write-total-timeout", sets: \.server.limits.writeTotal,
      help: "Longest time for writing what waits on a connection, after the head start; beyond, it is dropped."),
    .seconds(
      "idle-timeout", sets: \.server.limits.keepAlive, help: "How long a connection may wait for its next request."),

    .seconds(
      "drain-delay", atLeast: .zero, sets: \.server.drainDelay,
      help: "At SIGTERM: how long to go on serving while /readyz already answers 503."),
    .seconds(
      "drain-timeout", atLeast: .zero, sets: \.server.drainTimeout,
      help: "And then: how long to wait for the answers under way."),

    Option(
      name: "log", placeholder: "off|requests|N",
      help: "Log each request, or one in N, as a line of JSON on stderr.",
      expectation: "off, requests, or a whole number from 1 to 1000000000",
      set: { settings, text in
        switch text {
        case "off": settings.log = .off
        case "requests": settings.log = .requests
        default:
          guard let count = parseInteger(text), count >= 1, count <= 1_000_000_000 else { return false }
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
      help: "More names of models at /v2, each NAME=softmax, =loss or =gradient; NAME alone is softmax's.",
      expectation: "names that are not taken, each NAME or NAME=MODEL, separated by commas",
      set: { settings, text in
        settings.models = ModelNames()
        return text.isEmpty || elements(text).allSatisfy { settings.models.add($0) }
      },
      show: { $0.models.added.joined(separator: ",") }, isList: true),
    Option(
      name: "token-file", placeholder: "FILE",
      help: "File with the bearer token that POST requests and /metrics must carry; empty: none.",
      expectation: "a file's path",
      set: { settings, text in
        settings.tokenFile = text.isEmpty ? nil : text
        return true
      },
      show: { $0.tokenFile ?? "" }),
  ]

  private static func parseHosts(_ text: String) -> [String]? {
    let hosts = elements(text)
    return !hosts.isEmpty && hosts.allSatisfy(isHost) ? hosts : nil
  }

  /// Names and addresses as Host has them, in lower case; an IPv6 address may come without its brackets.
  private static func parseAllowedHosts(_ text: String) -> [String]? {
    if text.isEmpty { return [] }
    var hosts: [String] = []
    for element in elements(text) {
      let host = element.lowercased()
      if SocketAddress(host: host, port: 0)?.isIPv6 == true {
        hosts.append(host.hasPrefix("[") ? host : "[\(host)]")
      } else if WebOrigin.isName(host) {
        hosts.append(host)
      } else {
        return nil
      }
    }
    return hosts
  }

  /// The elements of a list, without the spaces around them.
  static func elements(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { element in
      var element = element.drop { $0 == " " }
      while element.last == " " { element.removeLast() }
      return String(element)
    }
  }
}
