import NumericJSON
import SoftmaxCore

extension Endpoint {
  /// A JSON body's JSON answer: read, validate, compute, write, each step letting go of what the one before it made.
  func answer(
    toJSON body: consuming [UInt8], limits: Limits, execution: Execution, memory: WorkingMemory
  ) throws(Refusal) -> [UInt8] {
    try memory.ask(toRead: body.span)
    let request = try JSONRequest.read(body.span, for: self, limits: limits, execution: execution)
    _ = consume body
    let computation = try (consume request).validated(for: self, limits: limits)
    try memory.ask(toCarryOut: computation.plan)
    var answer = JSONAnswer(computation.plan, execution)
    try (consume computation).run(execution, to: &answer)
    return answer.finish()
  }
}
