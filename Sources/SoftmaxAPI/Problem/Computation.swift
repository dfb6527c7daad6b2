import SoftmaxCore

/// A request that cannot be wrong any more: what to compute, and what to answer in which order.
struct Computation: Sendable {
  enum Work: Sendable {
    case softmax(SoftmaxProblem)
    case loss(LossWork)
  }

  struct LossWork: Sendable {
    let problem: LossProblem
    let upstream: [Double]?
    /// The target class when the derivation is asked for.
    let derivedClass: Int?
  }

  let work: Work
  let plan: AnswerPlan
}

/// What is answered to a computation, without its numbers.
struct AnswerPlan: Sendable {
  let geometry: Geometry
  /// Not empty, no name twice, all known to the endpoint.
  let outputs: [Output]
  /// What every number is rounded to.
  let format: ResultFormat
  /// Whether there is a loss for each slice, not one for all.
  let hasLosses: Bool

  /// The shape of an output; a derivation, which has none, is of rows of the logits' shape.
  func shape(of output: Output) -> TensorShape {
    switch output {
    case .probabilities, .logProbabilities, .gradient, .derivation: geometry.shape
    case .logSumExp, .entropy, .argmax: geometry.batchShape
    case .jacobian: [geometry.classes, geometry.classes]
    case .loss: hasLosses ? geometry.batchShape : []
    }
  }
}

/// A validated request's logits in terms of their axes.
struct Geometry: Sendable {
  /// The logits' shape, rank 1 to 8.
  let shape: TensorShape
  /// The class axis, in `0..<shape.count`.
  let axis: Int
  /// The shape without the class axis; [] for rank 1.
  let batchShape: TensorShape
  let layout: Layout

  init(shape: TensorShape, axis: Int) {
    self.shape = shape
    self.axis = axis
    batchShape = shape.removing(axis: axis)
    layout = Layout(shape: shape, axis: axis)
  }

  var rank: Int { shape.count }
  var classes: Int { layout.classes }

  /// The indices of a flat row-major position in a tensor of a shape.
  static func indices(of position: Int, in shape: TensorShape) -> [Int] {
    var rest = position
    var indices = Array(shape)
    for level in shape.indices.reversed() {
      indices[level] = rest % shape[level]
      rest /= shape[level]
    }
    return indices
  }
}
