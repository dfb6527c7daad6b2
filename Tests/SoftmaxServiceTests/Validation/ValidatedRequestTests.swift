import Softmax
import VectorKernels
import Testing

@testable import SoftmaxService

struct ValidatedRequestTests {
  /// Looks, at each output that it is handed, whether the problem is still there.
  private struct Witness: OutputEncoder {
    weak var problem: LossProblem?
    var written: [Output] = []
    var sawProblem = false

    init(_ problem: LossProblem) { self.problem = problem }

    mutating func write(_ output: Output, _ values: [Double], shape: TensorShape) { note(output) }
    mutating func write(_ output: Output, _ values: [Int], shape: TensorShape) { note(output) }
    mutating func write(_ output: Output, _ derivation: Derivation) { note(output) }

    private mutating func note(_ output: Output) {
      written.append(output)
      sawProblem = sawProblem || problem != nil
    }
  }

  /// Of a large request the inputs are a good part of the memory: they must not wait for the answer's text.
  @Test func theInputsAreLetGoBeforeTheFirstOutputIsWritten() throws {
    let geometry = Geometry(shape: [3], axis: 0)
    let plan = ResponsePlan(
      geometry: geometry, outputs: OutputList([.loss, .gradient, .derivation]), format: .binary64, hasLosses: false)
    var (computation, witness) = try Self.computation(plan)
    try computation.take()?.run(Execution(), to: &witness)
    #expect(witness.written == Array(plan.outputs))
    #expect(!witness.sawProblem)
  }

  private static func computation(_ plan: ResponsePlan) throws -> (ValidatedRequest?, Witness) {
    let softmax = try SoftmaxProblem(logits: [1, 2, 3], layout: plan.geometry.layout)
    let problem = try LossProblem(softmax: softmax, target: .indices([1]))
    let work = ValidatedRequest.LossWork(problem: problem, upstream: nil, vector: nil, derivedClass: 1)
    return (ValidatedRequest(work: .loss(work), plan: plan), Witness(problem))
  }
}
