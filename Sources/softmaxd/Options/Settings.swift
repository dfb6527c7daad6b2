import HTTPCore

/// All that can be set from outside, with its defaults. `Option.all` says how each is called.
struct Settings: Sendable, Equatable {
  var hosts = ["127.0.0.1"]
  var port = 8080
  /// Nil: as many as there are processors, or the control group's quota rounded up.
  var loops: Int?

  var limits = HTTPLimits()
  var maxLogits = 8_388_608
  var maxJacobianClasses = 1_024
  /// Nil: as many as the limit of descriptors leaves room for.
  var maxConnections: Int?
  var queue = 128
  /// Nil: what the control group, RLIMIT_AS or else the machine leaves to this process.
  var maxMemory: Int?
  var requestTimeout = Duration.seconds(30)

  var drainDelay = Duration.zero
  var drainTimeout = Duration.seconds(30)

  var log = LogChoice.off
  var corsOrigins: [String] = []
  /// In lower case, without ports; none: any.
  var allowedHosts: [String] = []
  var tokenFile: String?
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
