import HTTP

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

  var flag: String { "--" + name }
  var variable: String {
    "SOFTMAXD_" + String(decoding: name.utf8.map { $0 == 0x2D ? 0x5F : $0 &- 0x20 }, as: UTF8.self)
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
      show: { String($0[keyPath: path]) }, commonVariable: commonVariable)
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
      show: { $0[keyPath: path].map { String($0) } ?? "auto" })
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
    Option(
      name: name, placeholder: "SECONDS", help: help,
      expectation: "seconds from \(showSeconds(least)) to 86400, with at most three decimals",
      set: { settings, text in
        guard let value = parseSeconds(text), value >= least, value <= .seconds(86_400) else { return false }
        settings[keyPath: path] = value
        return true
      },
      show: { showSeconds($0[keyPath: path]) })
  }

  private static func expectation(_ range: ClosedRange<Int>) -> String {
    "a whole number from \(range.lowerBound) to \(range.upperBound)"
  }

  /// Digits only: what `Int` also accepts (`+5`) is more likely a mistake.
  static func parseInteger(_ text: String) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
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
    let (seconds, attoseconds) = duration.components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    guard milliseconds != 0 else { return String(seconds) }
    var digits = String(milliseconds + 1000).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(seconds).\(digits)"
  }
}
