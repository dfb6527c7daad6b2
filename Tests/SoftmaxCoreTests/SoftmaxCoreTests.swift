import SoftmaxCore
import Testing

@Suite("SoftmaxCore")
struct SoftmaxCoreTests {
  @Test func confidentPredictionKeepsItsLossAndGradient() throws {
    let softmax = try SoftmaxProblem(logits: [40, 0], layout: Layout(shape: [2], axis: 0))
    let problem = try LossProblem(softmax: softmax, target: .indices([0]))
    let result = try problem.lossAndGradient(upstream: nil, loss: true, gradient: true, Execution())
    #expect(result.loss == [4.248354255291589e-18])
    #expect(result.gradient == [-4.248354255291589e-18, 4.248354255291589e-18])
  }
}
