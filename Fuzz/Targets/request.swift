import HTTP
import NumericJSON
import SoftmaxService

/// A whole request to a whole response: the first byte chooses the endpoint, the rest is the body. Whatever comes, the
/// answer is one of four statuses, its body is JSON, and a second asking gets the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let choice = bytes.first else { return 0 }
  let path = choice == UInt8(ascii: "3") ? "/check" : ["/softmax", "/loss", "/gradient"][Int(choice) % 3]
  let head = RequestHead(.post, path)
  let service = Service(limits: Limits(logits: 512, jacobianClasses: 16))
  let request = Request(head: head, route: Service.routes.route(of: head.path), body: Array(bytes.dropFirst()))
  let answer = service.respond(to: request, in: RequestContext())
  precondition([200, 400, 413, 422].contains(answer.status.code))
  precondition(isJSON(answer.body))
  precondition(service.respond(to: request, in: RequestContext()).body == answer.body)
  return 0
}

private func isJSON(_ text: [UInt8]) -> Bool {
  var reader = JSONReader(text.span)
  do {
    try reader.skipValue()
    try reader.finish()
    return true
  } catch {
    return false
  }
}
