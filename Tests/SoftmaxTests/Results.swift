import Testing

@testable import Softmax

/// Results in arrays; what is not asked for is nil.
struct SoftmaxResult: Equatable {
  var numbers: [SoftmaxOutput: [Double]] = [:]

  var probabilities: [Double]? { numbers[.probabilities] }
  var logProbabilities: [Double]? { numbers[.logProbabilities] }
  var logSumExp: [Double]? { numbers[.logSumExp] }
  var entropy: [Double]? { numbers[.entropy] }
  var argmax: [Int]? { numbers[.argmax]?.map { Int($0) } }
  var jacobian: [Double]? { numbers[.jacobian] }
  var topIndices: [Int]? { numbers[.topIndices]?.map { Int($0) } }
  var topProbabilities: [Double]? { numbers[.topProbabilities] }
  var topLogProbabilities: [Double]? { numbers[.topLogProbabilities] }
}

struct LossResult: Equatable {
  var loss: [Double]?
  var perplexity: Double?
  var gradient: [Double]?
}

extension SoftmaxProblem {
  func solve(
    _ outputs: ShortList<SoftmaxOutput>, top: Int = 1, _ execution: Execution, from stage: Stage = .vector,
    counting counter: StageCounter? = nil
  ) throws(ComputationError) -> SoftmaxResult {
    let numbers = try numbers(of: outputs, top: top, execution.from(stage, counting: counter))
    return SoftmaxResult(numbers: Dictionary(zip(outputs, numbers)) { first, _ in first })
  }

  func derivation(
    target: Int, _ execution: Execution, from stage: Stage = .vector, counting counter: StageCounter? = nil
  ) throws(ComputationError) -> [DerivationStep: [Double]] {
    let numbers = try ResultBuffer.array(DerivationStep.count(classes: layout.classes)) {
      buffer throws(ComputationError) in
      try derivation(target: target, into: buffer, execution.from(stage, counting: counter))
    }
    return Dictionary(
      uniqueKeysWithValues: DerivationStep.allCases.map { ($0, Array(numbers[$0.range(classes: layout.classes)])) })
  }
}

extension LossProblem {
  func lossAndGradient(
    upstream: [Double]?, loss: Bool, gradient: Bool, perplexity: Bool = false, _ execution: Execution,
    from stage: Stage = .vector, counting counter: StageCounter? = nil
  ) throws(ComputationError) -> LossResult {
    let asked = [loss, perplexity && reduction != .none, gradient]
    let sizes = [lossCount, 1, softmax.layout.count]
    let places = asked.indices.filter { asked[$0] }
    var numbers: [[Double]?] = [nil, nil, nil]
    let found = try ResultBuffer.arrays(ShortList(count: places.count) { sizes[places[$0]] }) {
      buffers throws(ComputationError) in
      func buffer(_ place: Int) -> ResultBuffer? { places.firstIndex(of: place).map { buffers[$0] } }
      try lossAndGradient(
        upstream: upstream, into: LossBuffers(loss: buffer(0), perplexity: buffer(1), gradient: buffer(2)),
        execution.from(stage, counting: counter))
    }
    for (place, array) in zip(places, found) { numbers[place] = array }
    return LossResult(loss: numbers[0], perplexity: numbers[1]?.first, gradient: numbers[2])
  }

  func klDivergence(
    _ execution: Execution, from stage: Stage = .vector, counting counter: StageCounter? = nil
  ) throws(ComputationError) -> [Double] {
    try ResultBuffer.array(lossCount) { buffer throws(ComputationError) in
      try klDivergence(into: buffer, execution.from(stage, counting: counter))
    }
  }

  func hessianVectorProduct(
    _ vector: Numbers, upstream: [Double]?, _ execution: Execution, from stage: Stage = .vector,
    counting counter: StageCounter? = nil
  ) throws(ComputationError) -> [Double] {
    try ResultBuffer.array(softmax.layout.count) { buffer throws(ComputationError) in
      try hessianVectorProduct(vector, upstream: upstream, into: buffer, execution.from(stage, counting: counter))
    }
  }
}

extension ResultBuffer {
  static func array(
    _ count: Int, _ body: (ResultBuffer) throws(ComputationError) -> Void
  ) throws(ComputationError) -> [Double] {
    try arrays([count]) { buffers throws(ComputationError) in try body(buffers[0]) }[0]
  }
}
