import HTTP
import SoftmaxService

let service = Service()

/// Asks the handler as a connection does: decided on by the head first, then answered.
func ask(_ head: RequestHead, _ body: [UInt8] = [], of service: Service = service) -> Response {
  let framing: BodyFraming = head.method == .post ? .length(body.count) : .none
  let head = RequestHead(head.method, head.path, fields: head.fields, framing: framing)
  return answer(toHead: head, of: service)
    ?? service.respond(
      to: Request(head: head, route: Service.routes.route(of: head.path), body: body), in: RequestContext())
}

func post(_ path: String, _ body: String, of service: Service = service) -> Response {
  ask(RequestHead(.post, path, fields: [.contentType: "application/json"]), Array(body.utf8), of: service)
}

func get(_ path: String) -> Response { ask(RequestHead(.get, path)) }

func text(_ response: Response) -> String { String(decoding: response.body, as: UTF8.self) }

/// The answer that a head alone gets, or nil when its body is wanted.
func answer(toHead head: RequestHead, of service: Service = service) -> Response? {
  guard var refusal = service.refusal(of: head, at: Service.routes.route(of: head.path)) else { return nil }
  service.decorate(&refusal, for: head, at: head.path)
  return refusal
}

/// A response's body with the parts that are sent from elsewhere.
func wholeBody(_ response: Response) -> [UInt8] { response.body + response.bodyParts.flatMap(\.bytes) }
