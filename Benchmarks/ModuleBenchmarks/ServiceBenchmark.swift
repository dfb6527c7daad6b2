import CLinux
import HTTP
import KernelDispatch
import VectorKernels
import SoftmaxService
import Softmax

/// Whole requests through the handler, without a socket: µs a request, and ns a logit.
func benchmarkService() {
  let service = Service(
    levels: KernelLevelPolicy(
      KernelLevel(x86_64: Int(clinux_x86_64_level())), slowsDown: clinux_wide_vectors_slow_down()))
  for input in RequestInput.all { benchmark(input, service) }
}

private struct RequestInput {
  let name: String
  let request: Request
  let logits: Int

  init(_ name: String, _ path: String, shape: (Int, Int), _ rest: (Int) -> String) {
    self.name = name
    logits = shape.0 * shape.1
    var numbers = RandomNumbers()
    let rows = (0..<shape.0).map { _ in
      "[" + (0..<shape.1).map { _ in (numbers.normal() * 4).description }.joined(separator: ", ") + "]"
    }
    let tensor = shape.0 == 1 ? rows[0] : "[" + rows.joined(separator: ", ") + "]"
    let body = Array("{\"logits\": \(tensor)\(rest(shape.1))}".utf8)
    let head = RequestHead(
      .post, path, fields: [.contentType: "application/json"], framing: .length(body.count))
    request = Request(head: head, route: Service.routes.route(of: path), body: body)
  }

  static var all: [RequestInput] {
    [
      RequestInput("/softmax of 10", "/softmax", shape: (1, 10)) { _ in "" },
      RequestInput("/gradient of 1,000", "/gradient", shape: (1, 1000)) { ", \"target\": \($0 / 2)" },
      RequestInput("/gradient of 64 x 1,000", "/gradient", shape: (64, 1000)) { _ in
        ", \"target\": \(Array(0..<64))"
      },
      RequestInput("/softmax of 131,072", "/softmax", shape: (1, 131_072)) { _ in "" },
      RequestInput("/softmax, 3 faults", "/softmax", shape: (1, 10)) { _ in ", \"axis\": 7, \"dim\": 0, \"dtype\": 1" },
    ]
  }
}

private func benchmark(_ input: RequestInput, _ service: Service) {
  let context = RequestContext()
  let repetitions = max(1, 1000 / input.logits)
  let time =
    nanoseconds {
      for _ in 0..<repetitions {
        guard service.refusal(of: input.request.head, at: input.request.route) == nil else { return }
        keep(service.respond(to: input.request, in: context).body.count)
      }
    } / Double(repetitions)
  let logit = time / Double(input.logits)
  print("api  \(input.name): \((time / 10).rounded() / 100) us, \((logit * 10).rounded() / 10) ns a logit")
}
