import Softmax
import VectorKernels

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
    let vector: Numbers?
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

extension ValidatedRequest.Work {
  /// Bytes that the inputs take, and what `threads` threads keep of the rows that they compute.
  func memory(threads: Int) -> Int {
    switch self {
    case .softmax(let problem): return problem.logits.byteCount + problem.bytesAtWork(threads: threads)
    case .loss(let work):
      let (problem, softmax) = (work.problem, work.problem.softmax)
      let target =
        switch problem.target {
        case .indices(let indices): indices.count * MemoryLayout<Int>.stride
        case .probabilities(let numbers), .logits(let numbers): numbers.byteCount
        }
      return softmax.logits.byteCount + target + (work.vector?.byteCount ?? 0) + softmax.bytesAtWork(threads: threads)
    }
  }
}

/// What is answered to a request, without its numbers.
struct ResponsePlan: Sendable {
  let geometry: Geometry
  /// Not empty, no name twice, all known to the operation.
  let outputs: OutputList
  /// What every number is rounded to.
  let format: BinaryFormat
  /// Whether there is a loss for each slice, not one for all.
  let hasLosses: Bool
  /// How many classes the outputs `top_…` are about.
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

extension ValidatedRequest {
  /// Computes what was asked for and hands it to `encoder`: the inputs are let go before anything is written, and each
  /// output's numbers as soon as they are written.
  /// - Throws: ``RequestError/cancelled``.
  consuming func run(
    _ execution: Execution, to encoder: inout some OutputEncoder & ~Copyable
  ) throws(RequestError) {
    let (work, plan) = (work, plan)
    _ = consume self
    var results = Results()
    do throws(ComputationError) {
      try results.compute(consume work, plan, execution)
    } catch {
      throw RequestError(error)
    }
    for output in plan.outputs {
      switch results.take(output) {
      case .numbers(let numbers):
        do throws(ComputationError) {
          try encoder.write(output, numbers, shape: plan.shape(of: output))
        } catch {
          throw RequestError(error)
        }
      case .indices(let indices): encoder.write(output, indices, shape: plan.shape(of: output))
      case .derivation(let derivation): encoder.write(output, derivation)
      case nil: throw .inconsistency
      }
    }
  }
}

extension ValidatedRequest {
  /// Computes what was asked for, each output's numbers into the buffer at its place among the outputs. There is no
  /// buffer for a derivation.
  /// - Throws: ``RequestError/cancelled``.
  func run(_ execution: Execution, into buffers: ShortList<ResultBuffer>) throws(RequestError) {
    do throws(ComputationError) {
      switch work {
      case .softmax(let problem): try plan.solve(problem, into: buffers, execution)
      case .loss(let work):
        let own = plan.lossBuffers(buffers)
        if !own.isEmpty { try work.problem.lossAndGradient(upstream: work.upstream, into: own, execution) }
        if let buffer = plan.buffer(for: .klDivergence, of: buffers) {
          try work.problem.klDivergence(into: buffer, execution)
        }
        if let buffer = plan.buffer(for: .hessianVectorProduct, of: buffers), let vector = work.vector {
          try work.problem.hessianVectorProduct(vector, upstream: work.upstream, into: buffer, execution)
        }
      }
    } catch {
      throw RequestError(error)
    }
  }
}

extension RequestError {
  init(_ error: ComputationError) { self = error == .cancelled ? .cancelled : .inconsistency }
}

/// What has been computed and not yet been written.
private struct Results: ~Copyable {
  enum Value {
    case numbers([Double])
    case indices([Int])
    case derivation(Derivation)
  }

  private var softmax: SoftmaxResult?
  private var loss: LossResult?
  private var derivation: Derivation?
  private var klDivergence: [Double]?
  private var hessianVectorProduct: [Double]?

  mutating func compute(
    _ work: consuming ValidatedRequest.Work, _ plan: ResponsePlan, _ execution: Execution
  ) throws(ComputationError) {
    let outputs = plan.outputs
    switch consume work {
    case .softmax(let problem):
      softmax = try problem.solve(plan.outputs.softmaxOutputs(top: plan.topCount), execution)
    case .loss(let work):
      let (wantsLoss, wantsGradient) = (outputs.contains(.loss), outputs.contains(.gradient))
      let wantsPerplexity = outputs.contains(.perplexity)
      if wantsLoss || wantsGradient || wantsPerplexity {
        loss = try work.problem.lossAndGradient(
          upstream: work.upstream, loss: wantsLoss, gradient: wantsGradient, perplexity: wantsPerplexity, execution)
      }
      if outputs.contains(.klDivergence) { klDivergence = try work.problem.klDivergence(execution) }
      if outputs.contains(.hessianVectorProduct), let vector = work.vector {
        hessianVectorProduct = try work.problem.hessianVectorProduct(vector, upstream: work.upstream, execution)
      }
      if let target = work.derivedClass {
        derivation = try work.problem.softmax.derivation(target: target, execution)
      }
    }
  }

  /// An output's value, once; nil where it was not computed.
  mutating func take(_ output: Output) -> Value? {
    switch output {
    case .probabilities: softmax?.probabilities.take().map(Value.numbers)
    case .logProbabilities: softmax?.logProbabilities.take().map(Value.numbers)
    case .logSumExp: softmax?.logSumExp.take().map(Value.numbers)
    case .entropy: softmax?.entropy.take().map(Value.numbers)
    case .argmax: softmax?.argmax.take().map(Value.indices)
    case .jacobian: softmax?.jacobian.take().map(Value.numbers)
    case .topIndices: softmax?.topIndices.take().map(Value.indices)
    case .topProbabilities: softmax?.topProbabilities.take().map(Value.numbers)
    case .topLogProbabilities: softmax?.topLogProbabilities.take().map(Value.numbers)
    case .loss: loss?.loss.take().map(Value.numbers)
    case .perplexity: loss?.perplexity.take().map { .numbers([$0]) }
    case .gradient: loss?.gradient.take().map(Value.numbers)
    case .derivation: derivation.take().map(Value.derivation)
    case .klDivergence: klDivergence.take().map(Value.numbers)
    case .hessianVectorProduct: hessianVectorProduct.take().map(Value.numbers)
    }
  }
}

extension ResponsePlan {
  func solve(
    _ problem: SoftmaxProblem, into buffers: ShortList<ResultBuffer>, _ execution: Execution
  ) throws(ComputationError) {
    try problem.solve(outputs.softmaxOutputs(top: topCount), into: buffers, execution)
  }

  /// The buffer of an output, of those for all outputs; nil where it is not asked for.
  fileprivate func buffer(for output: Output, of buffers: ShortList<ResultBuffer>) -> ResultBuffer? {
    outputs.firstIndex(of: output).map { buffers[$0] }
  }

  /// Where the loss and what belongs to it go, of buffers for all outputs.
  func lossBuffers(_ buffers: ShortList<ResultBuffer>) -> LossBuffers {
    LossBuffers(
      loss: buffer(for: .loss, of: buffers), perplexity: buffer(for: .perplexity, of: buffers),
      gradient: buffer(for: .gradient, of: buffers))
  }
}

extension Sequence<Output> {
  /// What Softmax calls the outputs of /softmax among these.
  /// - Parameter count: how many classes the outputs `top_…` are about.
  func softmaxOutputs(top count: Int = 1) -> ShortList<SoftmaxOutput> {
    reduce(into: ShortList()) { list, output in output.softmaxOutput(top: count).map { list.append($0) } }
  }
}

extension Output {
  /// What Softmax calls an output of /softmax; nothing for those of the loss.
  /// - Parameter count: how many classes the outputs `top_…` are about.
  fileprivate func softmaxOutput(top count: Int) -> SoftmaxOutput? {
    switch self {
    case .probabilities: .probabilities
    case .logProbabilities: .logProbabilities
    case .logSumExp: .logSumExp
    case .entropy: .entropy
    case .argmax: .argmax
    case .jacobian: .jacobian
    case .topIndices: .topIndices(count)
    case .topProbabilities: .topProbabilities(count)
    case .topLogProbabilities: .topLogProbabilities(count)
    case .loss, .perplexity, .gradient, .derivation, .klDivergence, .hessianVectorProduct: nil
    }
  }
}
