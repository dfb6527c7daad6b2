/// The lines of openapi.yaml as keys from the root and what follows the last key: enough to hold the document against
/// the program without a YAML parser. Mappings stand on lines of their own, deeper ones indented further.
struct Outline {
  struct Line {
    let path: [String]
    let value: String
    var key: String { path.last ?? "" }
  }

  private(set) var lines: [Line] = []

  init(_ document: String) {
    var keys: [(indent: Int, name: String)] = []
    for line in document.split(separator: "\n") {
      let indent = line.prefix { $0 == " " }.count
      let rest = line.dropFirst(indent)
      while let last = keys.last, last.indent >= indent { keys.removeLast() }
      if rest.hasPrefix("- ") {
        lines.append(Line(path: keys.map(\.name) + ["-"], value: String(rest.dropFirst(2))))
      } else if let colon = rest.firstIndex(of: ":") {
        keys.append((indent, String(rest[..<colon].filter { $0 != "'" })))
        lines.append(
          Line(path: keys.map(\.name), value: String(rest[rest.index(after: colon)...].drop { $0 == " " })))
      }
    }
  }

  /// The lines under a path, whose keys they omit.
  func under(_ path: String...) -> [Line] {
    lines.filter { $0.path.starts(with: path) && $0.path.count > path.count }
      .map { Line(path: Array($0.path.dropFirst(path.count)), value: $0.value) }
  }

  /// What follows a key.
  func value(_ path: String...) -> String? { lines.first { $0.path == path }?.value }

  /// The elements of a list, written in brackets or one a line.
  func list(_ path: String...) -> [String] {
    let inBrackets = lines.first { $0.path == path }?.value ?? ""
    guard inBrackets.isEmpty else {
      return inBrackets.dropFirst().dropLast().split(separator: ", ").map(String.init)
    }
    return lines.filter { $0.path == path + ["-"] }.map(\.value)
  }
}

/// The examples of openapi.yaml: an example's `value` is JSON on one line.
struct OpenAPIExamples {
  /// An example's keys from the document's root, and its text.
  struct Example {
    let path: [String]
    let text: String
    var name: String { path.last ?? "" }
  }

  /// Those under `value`.
  let values: [Example]
  /// Those under `x-request-body`, in single quotes: a request's text that is no JSON.
  let bodies: [Example]

  init(_ outline: Outline) {
    values = outline.lines.filter { $0.key == "value" && $0.path.contains("examples") }
      .map { Example(path: $0.path.dropLast(), text: $0.value) }
    bodies = outline.lines.filter { $0.key == "x-request-body" }
      .map { Example(path: $0.path.dropLast(), text: String($0.value.dropFirst().dropLast())) }
  }
}
