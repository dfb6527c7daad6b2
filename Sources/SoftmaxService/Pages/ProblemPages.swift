import HTTP
import NumericJSON

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
