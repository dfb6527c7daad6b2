/// The examples of openapi.yaml, found by a simple rule: a mapping's keys stand on lines of their own, deeper ones indented
/// further, and an example's `value` is JSON on one line.
struct OpenAPIExamples {
  /// An example's keys from the document's root, and its JSON text.
  struct Example {
    let path: [String]
    let text: String
    var name: String { path.last ?? "" }
  }

  /// Those under `value`.
  var values: [Example] = []
  /// Those under `x-request-body`, in single quotes: a request's text that is no JSON.
  var bodies: [Example] = []

  init(_ document: String) {
    var keys: [(indent: Int, name: String)] = []
    for line in document.split(separator: "\n") {
      let indent = line.prefix { $0 == " " }.count
      let rest = line.dropFirst(indent)
      while let last = keys.last, last.indent >= indent { keys.removeLast() }
      let path = keys.map(\.name)
      if rest.hasPrefix("value: {") {
        values.append(Example(path: path, text: String(rest.dropFirst("value: ".count))))
      } else if rest.hasPrefix("x-request-body: '") {
        bodies.append(Example(path: path, text: String(rest.dropFirst("x-request-body: '".count).dropLast())))
      } else if rest.hasSuffix(":") {
        keys.append((indent, String(rest.dropLast().filter { $0 != "'" })))
      }
    }
  }
}
