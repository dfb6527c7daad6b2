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

/// What the command line asks for.
enum Command: Sendable, Equatable {
  case serve(Settings)
  /// Ask the server at this host, the first of several, and port whether it lives.
  case probe(host: String, port: Int)
  case help
  case version
}
