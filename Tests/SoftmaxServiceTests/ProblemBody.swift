import HTTP
import NumericJSON

/// A problem body as a client reads it.
struct ProblemBody {
  struct NotAProblem: Error {}

  var type = ""
  var title = ""
  var status = 0
  var detail = ""
  var offset: Int?
  var errors: [(pointer: String, detail: String)] = []

  init(_ response: Response) throws {
    var reader = JSONReader(response.body.span)
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      switch name {
      case "type": type = try reader.readString()
      case "title": title = try reader.readString()
      case "status": status = Int(try reader.readNumber().value)
      case "detail": detail = try reader.readString()
      case "offset": offset = Int(try reader.readNumber().value)
      case "errors":
        try reader.beginArray()
        while try reader.nextElement() {
          var error = (pointer: "", detail: "")
          try reader.beginObject()
          while let name = try reader.nextMember()?.text {
            if name == "pointer" {
              error.pointer = try reader.readString()
            } else {
              error.detail = try reader.readString()
            }
          }
          errors.append(error)
        }
      default: throw NotAProblem()
      }
    }
    try reader.finish()
    guard status == response.status.code, !title.isEmpty, !detail.isEmpty else { throw NotAProblem() }
  }
}
