import HTTP
import NumericJSON
import Softmax

/// What `GET /` answers: what this is and how to call it, made from the catalogue.
struct IndexPage: Sendable {
  private let before: [UInt8]
  private let after: [UInt8]

  init(limits: Limits, version: String) {
    before = Array(
      """
      softmaxd\(version.isEmpty ? "" : " \(version)"): softmax, softmax cross-entropy and its gradient over HTTP.
      Each number in an answer is correctly rounded: the binary64 nearest to the true value.

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

      GET /openapi.yaml, GET /openapi.json  the whole contract (OpenAPI 3.1)
      GET /problems  each type of error, with its cure
      GET /livez, GET /readyz, GET /healthz, GET /metrics  for those who run the service

      """.utf8)
  }

  /// The text for a client that reached the service under an authority: `localhost:8080`.
  func text(authority: String?) -> [UInt8] { before + Array((authority ?? "localhost:8080").utf8) + after }

  private static func description(of operation: Operation) -> String {
    let parameters = operation.parameters.map(\.descriptor).map {
      $0.hasDefault ? "\($0.name) (\($0.defaultText))" : $0.name
    }
    return """
      POST \(operation.path): \(operation.summary)
        inputs      \(inputs(of: operation))
        parameters  \(parameters.joined(separator: ", "))
        \(outputs(of: operation))


      """
  }

  private static func outputs(of operation: Operation) -> String {
    guard operation.answersTensors else {
      return "candidate   your numbers: \(Output.checkable.map(\.name).joined(separator: ", "))"
    }
    let defaults = operation.defaultOutputs.map(\.name).joined(separator: ", ")
    return "outputs     \(operation.outputs.map(\.name).joined(separator: ", ")); by default \(defaults)"
  }

  private static func inputs(of operation: Operation) -> String {
    let required = operation.requiredInputs.map(\.name).joined(separator: ", ")
    let optional = operation.optionalInputs.map(\.name).joined(separator: ", ")
    return optional.isEmpty ? required : "\(required); if wanted \(optional)"
  }
}

/// What `GET /problems` and `GET /problems/<name>` answer.
enum ProblemPages {
  /// All types.
  static let all: [UInt8] = {
    var writer = JSONWriter(capacity: 16 * 1024)
    writer.beginObject()
    writer.name("problems")
    writer.beginArray()
    for type in ProblemType.all { write(type, to: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.finish()
  }()

  static func text(of type: ProblemType) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    write(type, to: &writer)
    return writer.finish()
  }

  private static func write(_ type: ProblemType, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("type")
    writer.string(type.uri)
    writer.name("title")
    writer.string(type.title)
    writer.name("status")
    writer.integer(type.status.code)
    writer.name("description")
    writer.string(type.explanation)
    writer.name("cure")
    writer.string(type.cure)
    writer.name("example")
    writer.string(type.example)
    if let retryAfter = type.retryAfter {
      writer.name("retry_after")
      writer.integer(retryAfter)
    }
    writer.endObject()
  }
}
