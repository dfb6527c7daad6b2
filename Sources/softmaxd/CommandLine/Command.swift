import HTTPServer
import SoftmaxService

/// What the command line asks for.
enum Command: Sendable, Equatable {
  case serve(Settings)
  /// Ask the server at this host, the first of several, and port whether it lives.
  case probe(host: String, port: Int)
  case help
  case version
}

/// What is wrong with the command line or the environment.
enum OptionError: Error, Equatable, CustomStringConvertible {
  case unknownFlag(String, nearest: String?)
  case unexpectedArgument(String)
  case missingValue(flag: String)
  case unexpectedValue(flag: String)
  /// `source`: the flag or the environment variable.
  case badValue(source: String, value: String, expectation: String)

  var description: String {
    switch self {
    case .unknownFlag(let flag, let nearest?): "unknown option \(flag); did you mean \(nearest)?"
    case .unknownFlag(let flag, nil): "unknown option \(flag); --help lists the options"
    case .unexpectedArgument(let text): "unexpected argument \"\(text)\"; --help lists the options"
    case .missingValue(let flag): "\(flag) needs a value"
    case .unexpectedValue(let flag): "\(flag) takes no value"
    case .badValue(let source, let value, let expectation): "\(source) is \"\(value)\", but must be \(expectation)"
    }
  }
}

/// The flags without a value, in the order of `--help`.
private enum PlainFlag: String, CaseIterable {
  case probe = "--probe"
  case version = "--version"
  case help = "--help"

  var help: String {
    switch self {
    case .probe: "Ask the server on --host and --port whether it lives; exit 0 if it does, else 1."
    case .version: "Print the version."
    case .help: "Print this."
    }
  }
}

extension Command {
  /// Reads the command line. An option that is not given there comes from the environment, else it has its default.
  ///
  /// - Parameter arguments: without the program's name.
  static func parse(_ arguments: [String], environment: [String: String]) throws(OptionError) -> Command {
    var settings = Settings()
    // A bad variable is reported only after the flags, so that --help works beside it, and a flag in its place.
    var variableErrors = read(environment, into: &settings)
    var probes = false
    var lists: [String: String] = [:]
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
        if argument == "-h" { return .help }
        throw argument.hasPrefix("-") && argument.utf8.count > 1
          ? .unknownFlag(argument, nearest: nil) : .unexpectedArgument(argument)
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let flag = String(parts[0])
      var value = parts.count == 2 ? String(parts[1]) : nil
      if let plain = PlainFlag(rawValue: flag) {
        guard value == nil else { throw .unexpectedValue(flag: flag) }
        switch plain {
        case .help: return .help
        case .version: return .version
        case .probe: probes = true
        }
        continue
      }
      // KServe and others write --model_name.
      let name = flag.replacing("_", with: "-")
      guard let option = Option.all.first(where: { $0.flag == name }) else {
        throw .unknownFlag(flag, nearest: nearestFlag(to: flag))
      }
      if value == nil { value = rest.popFirst() }
      guard var value else { throw .missingValue(flag: flag) }
      if option.isList {
        if let before = lists[name] { value = "\(before),\(value)" }
        lists[name] = value
      }
      guard option.set(&settings, value) else {
        throw .badValue(source: flag, value: value, expectation: option.expectation)
      }
      variableErrors.removeAll { $0.option == name }
    }
    if let first = variableErrors.first { throw first.error }
    return probes ? .probe(host: settings.hosts[0], port: settings.port) : .serve(settings)
  }

  /// Sets what the environment says, and returns what is wrong with it, by the flags of the options.
  private static func read(
    _ environment: [String: String], into settings: inout Settings
  ) -> [(option: String, error: OptionError)] {
    var errors: [(option: String, error: OptionError)] = []
    for option in Option.all {
      for variable in [option.variable, option.commonVariable] {
        // Compose files give variables that are not set as empty ones.
        guard let variable, let value = environment[variable], !value.isEmpty else { continue }
        // Kubernetes sets SOFTMAXD_PORT=tcp://… in each pod when a Service is named softmaxd.
        if option.name == "port", value.hasPrefix("tcp://") { continue }
        if !option.set(&settings, value) {
          errors.append(
            (option.flag, .badValue(source: variable, value: value, expectation: option.expectation)))
        }
        break
      }
    }
    return errors
  }

  /// A sentence about each variable that begins as the options' own do and is none of them.
  ///
  /// - Parameter environment: all variables, each as `NAME=VALUE`.
  static func complaints(about environment: [String]) -> [String] {
    let prefix = Option.variablePrefix
    return environment.compactMap { entry in
      let name = String(entry.prefix { $0 != "=" })
      // The clients among the examples take the server's address in a variable of their own.
      guard name.hasPrefix(prefix), name != prefix + "URL", !Option.all.contains(where: { $0.variable == name }) else {
        return nil
      }
      // What Kubernetes sets in each pod for Services named softmaxd or softmaxd-… (enableServiceLinks).
      let linkNames = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"]
      if linkNames.contains(where: { name.contains($0) }) || entry.contains("=tcp://") { return nil }
      let nearest = NameSuggestion.nearest(
        to: String(name.dropFirst(prefix.utf8.count)), among: Option.all,
        name: { String($0.variable.dropFirst(prefix.utf8.count)) })
      return "\(name) sets no option; " + (nearest.map { "did you mean \($0.variable)?" } ?? "--help lists the options")
    }
  }

  private static func nearestFlag(to flag: String) -> String? {
    NameSuggestion.nearest(
      to: flag, among: Option.all.map(\.flag) + PlainFlag.allCases.map(\.rawValue), name: { $0 })
  }
}

extension Option {
  /// What `--help` prints.
  static var helpText: String {
    let defaults = Settings()
    var text = """
      Usage: softmaxd [OPTIONS]

      Answers /softmax, /loss, /gradient and /check over HTTP/1.1, each number correctly rounded.
      --NAME VALUE and --NAME=VALUE mean the same. Of an option given twice the last value counts; lists are joined.
      In brackets stands the default, and after it what a number may be. Seconds have at most three decimals.
      Each option can also be given as an environment variable: --max-body as SOFTMAXD_MAX_BODY, and --port as PORT too.

      """
    func line(_ left: String, _ right: String) {
      text += "  " + left + String(repeating: " ", count: max(2, 34 - left.utf8.count)) + right + "\n"
    }
    for option in all {
      let value = option.show(defaults)
      let notes = [value.isEmpty ? nil : value, option.range].compactMap(\.self).joined(separator: "; ")
      line("\(option.flag) \(option.placeholder)", notes.isEmpty ? option.help : "\(option.help) [\(notes)]")
    }
    for flag in PlainFlag.allCases { line(flag.rawValue, flag.help) }
    return text
  }
}
