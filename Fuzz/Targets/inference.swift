import HTTP
import NumericJSON
import SoftmaxService

/// A whole infer request to a whole answer: the first byte chooses the model and what the header's length says, two
/// more may be that length, the rest is the body. Whatever comes, the status is one of three, an error is an object
/// with one text, an answer's bytes are as many as its JSON says, and a second asking gets the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard bytes.count >= 3 else { return 0 }
  let body = Array(bytes.dropFirst(3))
  let model = ["softmax", "loss", "gradient", "check"][Int(bytes[0] & 3)]
  let length: String? =
    switch bytes[0] >> 2 & 3 {
    case 0: nil
    case 1: "\(Int(bytes[1]) | Int(bytes[2]) << 8)"
    case 2: "\(endOfJSON(body) ?? 0)"
    default: "0"
    }
  let fields: Fields = length.map { [.inferenceHeaderContentLength: $0] } ?? [:]
  let head = RequestHead(.post, "/v2/models/\(model)/infer", fields: fields)
  let service = Service(limits: Limits(logits: 512, jacobianClasses: 16))
  let request = Request(head: head, route: Service.routes.route(of: head.path), body: body)
  let answer = service.respond(to: request, in: RequestContext())
  switch answer.status.code {
  case 200: precondition(isWhole(answer))
  case 400, 413: precondition(isError(answer.body))
  default: preconditionFailure("status \(answer.status.code)")
  }
  let again = service.respond(to: request, in: RequestContext())
  precondition(again.body == answer.body && again.bodyParts.flatMap(\.bytes) == answer.bodyParts.flatMap(\.bytes))
  return 0
}

/// Whether the bytes after the JSON are those that it names.
private func isWhole(_ answer: Response) -> Bool {
  let length = answer.fields[.inferenceHeaderContentLength].flatMap { Int($0) }
  precondition(length.map { $0 % 8 == 0 } ?? true)
  let json = Array(answer.body.prefix(length ?? answer.bodyCount))
  var named = 0
  var reader = JSONReader(json.span)
  do {
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      guard name == "outputs" else {
        try reader.skipValue()
        continue
      }
      try reader.beginArray()
      while try reader.nextElement() {
        try reader.beginObject()
        while let member = try reader.nextMember()?.text {
          guard member == "parameters" else {
            try reader.skipValue()
            continue
          }
          try reader.beginObject()
          while try reader.nextMember() != nil { named += Int(try reader.readNumber().value) }
        }
      }
    }
    try reader.finish()
    return named == answer.bodyCount - json.count
  } catch {
    return false
  }
}

private func isError(_ text: [UInt8]) -> Bool {
  var reader = JSONReader(text.span)
  do {
    try reader.beginObject()
    guard try reader.nextMember()?.text == "error", !(try reader.readString().isEmpty) else { return false }
    guard try reader.nextMember() == nil else { return false }
    try reader.finish()
    return true
  } catch {
    return false
  }
}

private func endOfJSON(_ bytes: [UInt8]) -> Int? {
  var reader = JSONReader(bytes.span, takesNonFiniteWords: true)
  do {
    try reader.skipValue()
    return reader.offset
  } catch {
    return nil
  }
}
