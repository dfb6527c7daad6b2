import EmbeddedFiles
import HTTP
import NumericJSON
import Softmax

/// What `GET /` answers: what this is and how to call it, made from the catalogue.
struct IndexPage: Sendable {
  private let before: [UInt8]
  private let after: [UInt8]

  /// - Parameter otherPaths: what stands beside the service's own paths.
  init(limits: Limits, version: String, otherPaths: [String]) {
    let models = Operation.allCases.map(\.modelName).joined(separator: ",")
    before = Array(
      """
      softmaxd\(version.isEmpty ? "" : " \(version)"): softmax, softmax cross-entropy and its gradient over HTTP.
      Each result is the true value, rounded once: to binary64, or to the format that "dtype" names.

        curl http://
      """.utf8)
    after = Array(
      """
      /gradient -d '{"logits": [40, 0], "target": 0}'
        {"loss":4.248354255291589e-18,"gradient":[-4.248354255291589e-18,4.248354255291589e-18]}


      \(Operation.allCases.map(Self.description).joined())\
      logits are nested arrays of rank 1 to \(TensorShape.maximumRank), at most \(limits.logits) numbers; "-Infinity" (a \
      string) masks a class.
      "outputs": [...] chooses what is answered, and in which order.

      POST /v2/models/{\(models)}/infer  the same by the Open Inference Protocol, in JSON or binary
      GET /openapi.yaml, GET /openapi.json  the whole contract (OpenAPI 3.1)
      GET /problems  each type of error, with its cure
      \(otherPaths.map { "GET \($0)" }.joined(separator: ", "))  for those who run the service

      """.utf8)
  }

  /// The text for a client that reached the service under an authority: `localhost:8080`. One of other characters than
  /// hosts and ports have is not repeated, since the text is a command for a shell.
  func text(authority: String?) -> [UInt8] {
    let isPlain = authority?.utf8.allSatisfy { byte in
      ASCII.isAlphanumeric(byte) || ".-_:[]".utf8.contains(byte)
    }
    return before + Array((isPlain == true ? authority ?? "" : "localhost:8080").utf8) + after
  }

  private static func description(of operation: Operation) -> String {
    let parameters = operation.parameters.map(\.descriptor).map {
      $0.name + ($0.defaultJSON.map { " (\($0))" } ?? "")
    }
    return """
      POST \(operation.path): \(operation.summary)
        inputs      \(inputs(of: operation))
        parameters  \(parameters.joined(separator: ", "))
        \(outputs(of: operation))


      """
  }

  private static func outputs(of operation: Operation) -> String {
    guard operation.returnsTensors else {
      return "candidate   your numbers: \(CheckedOutput.allCases.map(\.name).joined(separator: ", "))"
    }
    var defaults = names(operation.defaultOutputs)
    if operation.knows(.parameter(.topK)) { defaults += ", or \(names(operation.defaultOutputsOfTop)) with top_k" }
    for output in operation.outputsWithInputs {
      if let input = output.descriptor.needsInput { defaults += ", and \(output.name) with \(input.name)" }
    }
    return "outputs     \(names(operation.outputs)); by default \(defaults)"
  }

  private static func names(_ outputs: some Sequence<Output>) -> String {
    outputs.map(\.name).joined(separator: ", ")
  }

  private static func inputs(of operation: Operation) -> String {
    let required = operation.requiredInputs.map { input in
      [input.name, operation.alternative(to: input)?.name].compactMap(\.self).joined(separator: " or ")
    }
    let optional = operation.optionalInputs.filter { $0.descriptor.insteadOf == nil }.map(\.name)
    return (required + (optional.isEmpty ? [] : ["optional: " + optional.joined(separator: ", ")]))
      .joined(separator: "; ")
  }
}

/// What `GET /problems` and `GET /problems/<name>` answer.
enum ProblemPages {
  /// All types.
  static let all: [UInt8] = {
    var writer = JSONWriter(capacity: 16 * 1024)
    writer.object { writer in
      writer.array("problems") { writer in
        for type in ProblemType.all { write(type, to: &writer) }
      }
    }
    return writer.finish()
  }()

  static func text(of type: ProblemType) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    write(type, to: &writer)
    return writer.finish()
  }

  private static func write(_ type: ProblemType, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("type", type.uri)
      writer.member("title", type.title)
      writer.member("status", type.status.code)
      writer.member("description", type.explanation)
      writer.member("cure", type.cure)
      writer.member("example", type.example)
      if let retryAfter = type.retryAfter { writer.member("retry_after", retryAfter) }
    }
  }
}

/// The contract, openapi.yaml, as it was when the program was built.
enum Contract {
  static let yaml = unsafe bytes(of: embedded_openapi_yaml)
  static let json = unsafe bytes(of: embedded_openapi_json)
}

/// What `GET /` answers to browsers, whose style and script stand at paths of their own.
enum BrowserPage {
  static let markup = unsafe bytes(of: embedded_page_html)
  static let style = unsafe bytes(of: embedded_page_css)
  static let script = unsafe bytes(of: embedded_page_js)
  /// Its Content Security Policy (CSP Level 3): styles and scripts of this service, requests to it, and nothing else.
  static let policy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    // No text can become markup or a program, whatever a script does with it (Trusted Types).
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].joined(separator: "; ")
}

private func bytes(of file: embedded_file) -> [UInt8] {
  unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
}
