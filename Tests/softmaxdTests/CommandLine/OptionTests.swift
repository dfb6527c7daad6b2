import HTTP
import HTTPServer
import SoftmaxService
import Testing

@testable import softmaxd

/// Each option by its flag and by its variable, and each sentence that refuses one.
@Suite struct OptionTests {
  private func settings(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Settings? {
    guard case .serve(let settings) = try Command.parse(arguments, environment: environment) else { return nil }
    return settings
  }

  /// Name, a good value, how it is shown, and bad values.
  static let table: [(name: String, good: String, shown: String, bad: [String])] = [
    ("host", "::1", "::1", ["", "example.org", "127.0.0.1:80", "127.0.0.1,", "127.0.0.1,x"]),
    ("host", "0.0.0.0, ::,localhost", "0.0.0.0,::,localhost", []),
    (
      "host", "223.255.255.255,fe80::1,ff::1", "223.255.255.255,fe80::1,ff::1",
      [
        "255.255.255.255", "224.0.0.1", "239.255.255.255", "ff02::1", "ff0e:0::1", "::ffff:224.0.0.1",
        "127.0.0.1,ff02::1",
      ]
    ),
    ("port", "0", "0", ["65536", "-1", "+5", "http", "", " 80", "8_0", "tcp"]),
    ("loops", "200", "200", ["0", "201", "many"]),
    ("max-body", "1000", "1000", ["0", "1073741825", "64MiB"]),
    ("max-head", "8192", "8192", ["255", "x"]),
    ("max-fields", "50", "50", ["0", "10001"]),
    ("max-target", "100", "100", ["15", "1048577"]),
    ("max-logits", "10", "10", ["0", "1e6"]),
    ("max-jacobian-classes", "16", "16", ["0", "16385"]),
    ("max-connections", "auto", "auto", ["0", "all"]),
    ("max-queue", "0", "0", ["-1", "1000001"]),
    ("max-memory", "auto", "auto", ["0", "33554431", "2g"]),
    ("max-memory", "33554432", "33554432", []),
    ("head-timeout", "0.25", "0.25", ["0", "-1", "86401", "1.0001", ".5", "5s", "1.", "1.2.3"]),
    ("body-timeout", "1.5", "1.5", ["0"]),
    ("min-body-rate", "0", "0", ["-1"]),
    ("request-timeout", "60", "60", ["0", ""]),
    ("write-timeout", "7", "7", ["0"]),
    ("min-write-rate", "10", "10", ["x"]),
    ("write-total-timeout", "60", "60", ["0"]),
    ("idle-timeout", "75.125", "75.125", ["0"]),
    ("drain-delay", "0", "0", ["-0.1"]),
    ("drain-timeout", "0", "0", ["x"]),
    ("log", "requests", "requests", ["on", "0", "-1"]),
    ("log", "100", "100", []),
    ("log", "off", "off", []),
    (
      "cors-origin", "https://a.example,http://localhost:3000", "https://a.example,http://localhost:3000",
      [
        "a.example", "https://a.example/path", "https://", ",", "*,https://a.example",
        // What no browser sends.
        "https://a.example/", "HTTPS://a.example", "https://A.example", "https://a.example:443", "http://a.example:80",
        "https://a.example:0443", "https://a.example:", "https://a.example:0", "https://a.example:65536",
        "https://a.example:x", "https://u@a.example", "https://ä.example", "https://a..example", "https://a.example?",
        "https://[::1", "https://[x]", "https://[::1]x", "https://[::FF]", "https://[::1.2.3.4]", "https://[::1]:",
        "https://a%20b", "https://*.a.example", "://a.example", "1s://a.example",
        "null",
        "https://a.example ,,",
      ]
    ),
    (
      "cors-origin", "https://a.example:80,http://[::1]:3000,app+x-1://b_c",
      "https://a.example:80,http://[::1]:3000,app+x-1://b_c",
      []
    ),
    (
      "allowed-hosts", "A.example,127.0.0.1, ::0001,[2001:DB8:0::1],::FFFF:1.2.3.4",
      "a.example,127.0.0.1,[::1],[2001:db8::1],[::ffff:1.2.3.4]",
      ["a.example:80", ",", "a.example,", "http://a.example", "a b", "*", "[::1]:80", "ä.example"]
    ),
    ("allowed-hosts", "", "", []),
    ("cors-origin", "*", "*", []),
    (
      "model-name", "my-softmax,my.loss=loss", "my-softmax=softmax,my.loss=loss",
      ["softmax", "a,a", "a=b", "a=", "=loss", ",", "a/b", "stats", "a=loss=loss"]
    ),
    ("model-name", "", "", []),
    ("token-file", "/run/secrets/token", "/run/secrets/token", []),
  ]

  @Test(arguments: table) func aFlagSetsItsPlace(name: String, good: String, shown: String, bad: [String]) throws {
    let option = try #require(Option.all.first { $0.name == name })
    for arguments in [["--\(name)", good], ["--\(name)=\(good)"]] {
      let settings = try #require(try settings(arguments))
      #expect(option.show(settings) == shown)
    }
  }

  @Test(arguments: table) func aVariableSetsItsPlace(name: String, good: String, shown: String, bad: [String]) throws {
    let option = try #require(Option.all.first { $0.name == name })
    let settings = try #require(try settings([], [option.variable: good]))
    #expect(option.show(settings) == shown)
  }

  @Test(arguments: table) func badValuesAreRefused(name: String, good: String, shown: String, bad: [String]) throws {
    let option = try #require(Option.all.first { $0.name == name })
    for value in bad {
      #expect(throws: OptionError.badValue(source: option.flag, value: value, expectation: option.expectation)) {
        try Command.parse([option.flag, value], environment: [:])
      }
      // Compose files give variables that are not set as empty ones.
      guard !value.isEmpty else { continue }
      #expect(throws: OptionError.badValue(source: option.variable, value: value, expectation: option.expectation)) {
        try Command.parse([], environment: [option.variable: value])
      }
    }
    #expect(try settings([], [option.variable: ""]) == Settings())
  }

  @Test func everyOptionIsInTheTableAbove() {
    #expect(Set(Self.table.map(\.name)) == Set(Option.all.map(\.name)))
    #expect(Set(Option.all.map(\.name)).count == Option.all.count)
  }

  @Test func defaultsAreWhatTheOptionsShowAndTake() throws {
    let defaults = try #require(try settings([]))
    #expect(defaults == Settings())
    #expect(defaults.hosts == ["127.0.0.1"])
    #expect(defaults.port == 8080)
    for option in Option.all {
      var settings = Settings()
      #expect(option.set(&settings, option.show(defaults)))
      #expect(settings == defaults)
    }
  }

  @Test func aFlagWinsOverItsVariableAndTheLastFlagOverTheFirst() throws {
    let environment = ["SOFTMAXD_PORT": "1000", "SOFTMAXD_MAX_BODY": "7"]
    let settings = try #require(try settings(["--port", "2000", "--port=3000"], environment))
    #expect(settings.port == 3000)
    #expect(settings.server.limits.bodyBytes == 7)
  }

  @Test("A variable in whose place a flag stands is not looked at")
  func aFlagStandsForABadVariable() throws {
    let environment = ["PORT": "http", "SOFTMAXD_MAX_BODY": "x"]
    let both = try #require(try settings(["--port", "0", "--max-body=7"], environment))
    #expect(both.port == 0 && both.server.limits.bodyBytes == 7)
    let error = #expect(throws: OptionError.self) { try settings(["--port", "0"], environment) }
    #expect(error?.description.hasPrefix("SOFTMAXD_MAX_BODY is \"x\"") == true)
  }

  /// The other flags keep to what was said last.
  @Test func aListMayBeGivenInSeveralFlags() throws {
    let arguments = [
      "--host", "0.0.0.0", "--host=::", "--cors-origin", "http://a,http://b", "--cors-origin", "http://c",
    ]
    let settings = try #require(try settings(arguments, ["SOFTMAXD_HOST": "127.0.0.1"]))
    #expect(settings.hosts == ["0.0.0.0", "::"])
    #expect(settings.corsOrigins == ["http://a", "http://b", "http://c"])
    #expect(Program.configuration(settings).addresses.map(\.description) == ["0.0.0.0:8080", "[::]:8080"])
    #expect(Program.configuration(settings).optionalAddresses.isEmpty)
    #expect(throws: OptionError.self) { try Command.parse(["--host", "::1", "--host", "x"], environment: [:]) }
  }

  @Test func kubernetesOwnVariableIsNotOurs() throws {
    #expect(try settings([], ["SOFTMAXD_PORT": "tcp://10.0.0.1:8080"])?.port == 8080)
    #expect(try settings([], ["SOFTMAXD_PORT": "tcp://10.0.0.1:8080", "PORT": "1234"])?.port == 1234)
  }

  @Test("A variable that is misspelt is told the nearest, and those of service links are passed over")
  func unknownVariables() {
    let complaints = Command.complaints(about: [
      "SOFTMAXD_TOKEN_FLIE=/run/token", "SOFTMAXD_ZZZZZZZZZ=", "SOFTMAXD_PORT=80", "SOFTMAXD=/softmaxd", "PATH=/bin",
      "SOFTMAXD_URL=http://127.0.0.1:8080",
      "SOFTMAXD_SERVICE_HOST=10.0.0.1", "SOFTMAXD_SERVICE_PORT=80", "SOFTMAXD_SERVICE_PORT_HTTP=80",
      "SOFTMAXD_PORT_80_TCP=tcp://10.0.0.1:80", "SOFTMAXD_PORT_80_TCP_PROTO=tcp", "SOFTMAXD_PORT_80_TCP_PORT=80",
      "SOFTMAXD_PORT_80_TCP_ADDR=10.0.0.1", "SOFTMAXD_PREDICTOR_PORT=tcp://10.0.0.1:80", "",
    ])
    #expect(
      complaints == [
        "SOFTMAXD_TOKEN_FLIE sets no option; did you mean SOFTMAXD_TOKEN_FILE?",
        "SOFTMAXD_ZZZZZZZZZ sets no option; --help lists the options",
      ])
  }

  @Test("PORT tells the port where nothing else does")
  func thePlatformsPort() throws {
    #expect(try settings([], ["PORT": "1234"])?.port == 1234)
    #expect(try settings([], ["PORT": "1234", "SOFTMAXD_PORT": "1000"])?.port == 1000)
    #expect(try settings(["--port", "2000"], ["PORT": "1234"])?.port == 2000)
    let error = #expect(throws: OptionError.self) { try settings([], ["PORT": "http"]) }
    #expect(error?.description.hasPrefix("PORT is \"http\"") == true)
  }

  @Test("KServe writes --model_name, with the service's name alone")
  func kservesModelName() throws {
    let names = try settings(["--model_name=my-softmax", "--model-name", "g=gradient"])?.models.added
    #expect(names == ["my-softmax=softmax", "g=gradient"])
  }

  @Test(arguments: [
    (["--prot", "80"], "unknown option --prot; did you mean --port?"),
    (["--max-logit", "5"], "unknown option --max-logit; did you mean --max-logits?"),
    (["--frobnicate-everything"], "unknown option --frobnicate-everything; --help lists the options"),
    (["-p", "80"], "unknown option -p; --help lists the options"),
    (["serve"], "unexpected argument \"serve\"; --help lists the options"),
    (["--"], "unknown option --; --help lists the options"),
    (["--port"], "--port needs a value"),
    (["--probe=1"], "--probe takes no value"),
    (["--port", "70000"], "--port is \"70000\", but must be a whole number from 0 to 65535"),
    (
      ["--host", "x"],
      "--host is \"x\", but must be IPv4 or IPv6 addresses, none of multicast or broadcast, or localhost, "
        + "separated by commas"
    ),
    (
      ["--idle-timeout", "0"],
      "--idle-timeout is \"0\", but must be seconds from 0.001 to 86400, with at most three decimals"
    ),
  ])
  func eachErrorIsOneClearSentence(arguments: [String], sentence: String) {
    do {
      _ = try Command.parse(arguments, environment: [:])
      Issue.record("\(arguments) was taken")
    } catch {
      #expect(error.description == sentence)
    }
  }

  @Test("Help and the version win over whatever else is wrong, and a probe goes where the server would listen")
  func otherCommands() throws {
    #expect(try Command.parse(["--help"], environment: [:]) == .help)
    #expect(try Command.parse(["-h"], environment: [:]) == .help)
    #expect(try Command.parse(["--version"], environment: [:]) == .version)
    #expect(try Command.parse(["--help"], environment: ["SOFTMAXD_PORT": "x"]) == .help)
    #expect(
      try Command.parse(["--probe", "--port", "9"], environment: ["SOFTMAXD_HOST": "0.0.0.0"])
        == .probe(host: "0.0.0.0", port: 9))
  }

  @Test func whatIsSetReachesTheServer() {
    var settings = Settings()
    settings.hosts = ["localhost"]
    (settings.port, settings.loops, settings.maxConnections, settings.server.workQueueLimit) = (1, 3, 5, 7)
    settings.maxMemory = 1 << 30
    (settings.server.limits.fieldCount, settings.server.requestTimeout) = (9, .seconds(13))
    (settings.server.drainDelay, settings.server.drainTimeout) = (.seconds(15), .seconds(17))
    let configuration = Program.configuration(settings)
    #expect(configuration.addresses.map(\.description) == ["127.0.0.1:1", "[::1]:1"])
    #expect(configuration.optionalAddresses.map(\.description) == ["[::1]:1"])
    #expect(configuration.loops == 3 && configuration.workers == 3)
    #expect(configuration.connections == 5 && configuration.workQueueLimit == 7)
    #expect(
      configuration.limits.fieldCount == 9 && configuration.memoryBytes == MemoryPlan(total: 1 << 30, loops: 3).shared)
    #expect(configuration.requestTimeout == .seconds(13))
    #expect(configuration.drainDelay == .seconds(15) && configuration.drainTimeout == .seconds(17))
  }

  @Test func helpNamesEveryOption() {
    for option in Option.all {
      #expect(Option.helpText.contains("  \(option.flag) \(option.placeholder)"))
    }
    for part in ["[67108864; 1 to 1073741824]", "[auto; 1 to 200]", "[30; 0.001 to 86400]", "[0; 0 to 86400]"] {
      #expect(Option.helpText.contains(part), "\(part)")
    }
  }
}
