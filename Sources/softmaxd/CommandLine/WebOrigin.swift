/// The origin of a page, as browsers write it in the field Origin (RFC 6454 §6.1, Fetch §3.1).
enum WebOrigin {
  /// `*`, or origins separated by commas; nil when one of them is none that a browser sends: it would never match.
  static func parseList(_ text: String) -> [String]? {
    if text.isEmpty { return [] }
    if text == "*" { return ["*"] }
    let origins = Option.elements(text)
    return origins.allSatisfy(isValid) ? origins : nil
  }

  /// `scheme://host[:port]` in lower case, without a path, and without the port that the scheme implies.
  static func isValid(_ text: String) -> Bool {
    guard let separator = text.firstRange(of: "://") else { return false }
    let scheme = text[..<separator.lowerBound]
    guard let first = scheme.utf8.first, isLetter(first),
      scheme.utf8.allSatisfy({ isLetter($0) || isDigit($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E })
    else { return false }
    let authority = text[separator.upperBound...]
    let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
    guard authority.hasPrefix(host), isHost(String(host)) else { return false }
    let rest = authority.dropFirst(host.count)
    return rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst(), of: scheme)
  }

  private static func isHost(_ text: String) -> Bool {
    guard text.hasPrefix("[") else { return isName(text) }
    return text.utf8.dropFirst().dropLast().allSatisfy { isDigit($0) || (0x61...0x66).contains($0) || $0 == 0x3A }
      && Option.isHost(text)
  }

  /// A host's name or IPv4 address: labels of lower-case letters, digits, hyphens and underscores.
  static func isName(_ text: String) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && label.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x2D || $0 == 0x5F }
    }
  }

  private static func isPort(_ text: Substring, of scheme: Substring) -> Bool {
    guard let port = Option.parseInteger(String(text)), (1...65_535).contains(port), text.first != "0" else {
      return false
    }
    return port != ["http": 80, "https": 443, "ws": 80, "wss": 443][scheme]
  }

  private static func isLetter(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
