import Softmax

/// A request that cannot be wrong any more: what to compute, and what to answer in which order.
struct ValidatedRequest: Sendable {
  enum Work: Sendable {
    case softmax(SoftmaxProblem)
    case loss(LossWork)
  }

  struct LossWork: Sendable {
    let problem: LossProblem
    let upstream: [Double]?
    /// What the Hessian is multiplied by.
    let vector: [Double]?
    /// The target class when the derivation is asked for.
    let derivedClass: Int?
  }

  let work: Work
  let plan: ResponsePlan

  /// The same request with its outputs in another order.
  consuming func answering(_ outputs: OutputList) -> ValidatedRequest {
    ValidatedRequest(work: work, plan: plan.answering(outputs))
  }
}

/// What is answered to a request, without its numbers.
struct ResponsePlan: Sendable {
  let geometry: Geometry
  /// Not empty, no name twice, all known to the operation.
  let outputs: OutputList
  /// What every number is rounded to.
  let format: ResultFormat
  /// Whether there is a loss for each slice, not one for all.
  let hasLosses: Bool
  /// Of how many classes the outputs are that are not about all.
  var topCount = 1

  func answering(_ outputs: OutputList) -> ResponsePlan {
    ResponsePlan(geometry: geometry, outputs: outputs, format: format, hasLosses: hasLosses, topCount: topCount)
  }

  /// The shape of an output; a derivation, which has none, is of rows of the logits' shape.
  func shape(of output: Output) -> TensorShape {
    switch output.descriptor.content {
    case .numbers(let extent), .indices(let extent): shape(of: extent)
    case .derivation: geometry.shape
    }
  }

  private func shape(of extent: OutputDescriptor.Extent) -> TensorShape {
    switch extent {
    case .logits: geometry.shape
    case .batch: geometry.batchShape
    case .classesSquared: geometry.shape.doubling(axis: geometry.axis)
    case .top: geometry.shape.replacing(axis: geometry.axis, with: topCount)
    case .losses: hasLosses ? geometry.batchShape : []
    }
  }
}

/// Takes a computation's results one after the other, in the order asked for: what a wire implements to answer.
protocol OutputEncoder: ~Copyable {
  /// Takes numbers, row-major, of a shape; a single number for the shape [].
  /// - Throws: ``ComputationError/cancelled``, as the computation itself does.
  mutating func write(_ output: Output, _ values: [Double], shape: TensorShape) throws(ComputationError)
  /// Takes integers likewise.
  mutating func write(_ output: Output, _ values: [Int], shape: TensorShape)
  mutating func write(_ output: Output, _ derivation: Derivation)
}
