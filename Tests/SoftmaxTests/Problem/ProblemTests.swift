import Softmax
import Testing

/// A problem that cannot be wrong refuses what would make it so.
@Suite("Problems")
struct ProblemTests {
  private let pair = Layout(shape: [2, 2], axis: 1)

  @Test func layoutsFollowTheAxis() {
    let shape = [2, 3, 4]
    #expect(Layout(shape: shape, axis: 0) == Layout(shape: [1, 2, 12], axis: 1))
    let middle = Layout(shape: shape, axis: 1)
    #expect(middle.outer == 2 && middle.classes == 3 && middle.inner == 4)
    #expect(middle.batch == 8 && middle.count == 24)
    #expect(Layout(shape: [5], axis: 0).batch == 1)
  }

  @Test func logitsAndTemperature() {
    func refuses(_ logits: [Double], _ temperature: Double, _ error: ProblemError) {
      #expect(throws: error) { try SoftmaxProblem(logits: logits, layout: pair, temperature: temperature) }
    }
    refuses([1, 2, 3], 1, .logitsCount)
    refuses([1, .nan, 3, 4], 1, .logitNotFinite)
    refuses([1, 2, .infinity, 4], 1, .logitNotFinite)
    refuses([1, 2, -.infinity, -.infinity], 1, .everyClassMasked)
    for temperature in [0, -1, .infinity, .nan] { refuses([1, 2, 3, 4], temperature, .temperature) }
  }

  private func loss(
    _ target: Target, weight: [Double]? = nil, sampleWeight: [Double]? = nil, ignoreIndex: Int = -100,
    smoothing: Double = 0, divisor: Double? = nil
  ) throws -> LossProblem {
    try LossProblem(
      softmax: SoftmaxProblem(logits: [1, 2, 3, 4], layout: pair), target: target, weight: weight,
      sampleWeight: sampleWeight, ignoreIndex: ignoreIndex, labelSmoothing: smoothing, divisor: divisor)
  }

  @Test func targets() throws {
    #expect(throws: ProblemError.targetCount) { try loss(.indices([0])) }
    #expect(throws: ProblemError.targetOutOfRange) { try loss(.indices([0, 2])) }
    #expect(throws: ProblemError.targetOutOfRange) { try loss(.indices([-1, 0])) }
    #expect(throws: ProblemError.targetCount) { try loss(.probabilities([0, 1])) }
    #expect(throws: ProblemError.targetProbability) { try loss(.probabilities([0, 1, -0.5, 1])) }
    #expect(throws: ProblemError.targetProbability) { try loss(.probabilities([0, 1, 0, .infinity])) }
    #expect(throws: ProblemError.ignoreIndexWithProbabilities) {
      try loss(.probabilities([0, 1, 0, 1]), ignoreIndex: 0)
    }
    _ = try loss(.indices([7, 1]), ignoreIndex: 7)
    _ = try loss(.indices([0, 1]), ignoreIndex: 0)
  }

  @Test func weights() throws {
    let target = Target.indices([0, 1])
    #expect(throws: ProblemError.weightCount) { try loss(target, weight: [1, 1, 1]) }
    #expect(throws: ProblemError.weight) { try loss(target, weight: [1, -1]) }
    #expect(throws: ProblemError.weight) { try loss(target, weight: [.nan, 1]) }
    #expect(throws: ProblemError.sampleWeightCount) { try loss(target, sampleWeight: [1]) }
    #expect(throws: ProblemError.sampleWeight) { try loss(target, sampleWeight: [1, .infinity]) }
    for smoothing in [-0.1, 1.1, .nan] {
      #expect(throws: ProblemError.labelSmoothing) { try loss(target, smoothing: smoothing) }
    }
    for divisor in [0, -1, .infinity, .nan] {
      #expect(throws: ProblemError.divisor) { try loss(target, divisor: divisor) }
    }
    #expect(throws: ProblemError.zeroNormaliser) { try loss(target, weight: [0, 0]) }
    _ = try loss(target, weight: [0, 0], divisor: .leastNonzeroMagnitude)
  }

  @Test func derivationsNeedOneSliceAndAClassOfIt() throws {
    let one = try SoftmaxProblem(logits: [1, -.infinity], layout: Layout(shape: [2], axis: 0))
    let two = try SoftmaxProblem(logits: [1, 2, 3, 4], layout: pair)
    for (problem, target) in [(one, 1), (one, 2), (one, -1), (two, 0)] {
      #expect(throws: ComputationError.targetDoesNotFit) { try problem.derivation(target: target, Execution()) }
    }
  }
}

struct TensorShapeTests {
  @Test("A shape is its extents, and loses one with an axis", arguments: [[], [3], [2, 3], [1, 2, 3, 4, 5, 6, 7, 8]])
  func shapesAreTheirExtents(_ extents: [Int]) throws {
    let shape = try #require(TensorShape(extents))
    #expect(shape.array == extents && Array(shape) == extents && shape.description == extents.description)
    #expect(shape.volume == extents.reduce(1, *) && shape.isEmpty == extents.isEmpty)
    #expect(shape.span.count == extents.count && TensorShape(extents + [Int](repeating: 1, count: 9)) == nil)
    for axis in extents.indices {
      var rest = extents
      rest.remove(at: axis)
      #expect(shape[axis] == extents[axis])
      #expect(shape.removing(axis: axis) == TensorShape(rest))
    }
  }
}
