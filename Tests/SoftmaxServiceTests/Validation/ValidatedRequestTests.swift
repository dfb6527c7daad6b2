import Softmax
import VectorKernels
import Testing

@testable import SoftmaxService

struct ValidatedRequestTests {
  /// Of a large request the inputs are a good part of the memory: they must not wait for the answer's text.
  @Test func theInputsAreLetGoBeforeTheFirstOutputIsWritten() throws {
    let geometry = Geometry(shape: [3], axis: 0)
    let plan = ResponsePlan(
      geometry: geometry, outputs: OutputList([.loss, .gradient, .derivation]), format: .binary64, hasLosses: false)
    weak var problem: LossProblem?
    var request = try Self.request(plan, &problem)
    var written: [Output] = []
    try request.take()?.run(Execution()) { output, numbers, _ in
      written.append(output)
      #expect(numbers.count == plan.count(of: output))
      #expect(problem == nil)
    }
    #expect(written == Array(plan.outputs))
  }

  private static func request(_ plan: ResponsePlan, _ made: inout LossProblem?) throws -> ValidatedRequest? {
    let softmax = try SoftmaxProblem(logits: [1, 2, 3], layout: plan.geometry.layout)
    let problem = try LossProblem(softmax: softmax, target: .indices([1]))
    made = problem
    let work = ValidatedRequest.LossWork(problem: problem, upstream: nil, vector: nil, derivedClass: 1)
    return ValidatedRequest(plan: plan, work: .loss(work))
  }
}
