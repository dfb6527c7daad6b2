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

  /// How many numbers an output has.
  func count(of output: Output) -> Int {
    switch output.descriptor.content {
    case .numbers(let extent), .indices(let extent): shape(of: extent).volume
    case .derivation: DerivationStep.count(classes: geometry.classes)
    }
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

extension ValidatedRequest {
  /// Computes what was asked for and hands each output's numbers to `write`, row-major: the inputs are let go before
  /// anything is written, and the numbers as soon as they are written.
  /// - Throws: ``RequestError/cancelled``, also where `write` throws that.
  consuming func run(
    _ execution: Execution, _ write: (Output, [Double]) throws(ComputationError) -> Void
  ) throws(RequestError) {
    let (work, plan) = (work, plan)
    _ = consume self
    do throws(ComputationError) {
      var results = try (consume work).results(plan, execution)
      for place in results.indices {
        let numbers = results[place]
        results[place] = []
        try write(plan.outputs[place], numbers)
      }
    } catch {
      throw RequestError(error)
    }
  }

  /// Computes what was asked for, each output's numbers into the buffer at its place among the outputs.
  /// - Throws: ``RequestError/cancelled``.
  func run(_ execution: Execution, into buffers: ShortList<ResultBuffer>) throws(RequestError) {
    do throws(ComputationError) {
      try work.compute(plan, into: buffers, execution)
    } catch {
      throw RequestError(error)
    }
  }
}

extension RequestError {
  init(_ error: ComputationError) { self = error == .cancelled ? .cancelled : .inconsistency }
}

extension ValidatedRequest.Work {
  /// Each output's numbers; the inputs are let go.
  fileprivate consuming func results(
    _ plan: ResponsePlan, _ execution: Execution
  ) throws(ComputationError) -> ShortList<[Double]> {
    let counts = ShortList(count: plan.outputs.count) { plan.count(of: plan.outputs[$0]) }
    return try ResultBuffer.arrays(counts) { buffers throws(ComputationError) in
      try compute(plan, into: buffers, execution)
    }
  }

  /// Computes each output's numbers into the buffer at its place.
  func compute(
    _ plan: ResponsePlan, into buffers: ShortList<ResultBuffer>, _ execution: Execution
  ) throws(ComputationError) {
    func buffer(_ output: Output) -> ResultBuffer? { plan.outputs.firstIndex(of: output).map { buffers[$0] } }
    switch self {
    case .softmax(let problem):
      try problem.solve(plan.outputs.softmaxOutputs, into: buffers, execution)
    case .loss(let work):
      let own = LossBuffers(loss: buffer(.loss), perplexity: buffer(.perplexity), gradient: buffer(.gradient))
      if !own.isEmpty { try work.problem.lossAndGradient(upstream: work.upstream, into: own, execution) }
      if let buffer = buffer(.klDivergence) { try work.problem.klDivergence(into: buffer, execution) }
      if let buffer = buffer(.hessianVectorProduct) {
        guard let vector = work.vector else { throw .vectorDoesNotFit }
        try work.problem.hessianVectorProduct(vector, upstream: work.upstream, into: buffer, execution)
      }
      if let buffer = buffer(.derivation) {
        guard let target = work.derivedClass else { throw .targetDoesNotFit }
        try work.problem.softmax.derivation(target: target, into: buffer, execution)
      }
    }
  }
}

extension Sequence<Output> {
  /// What Softmax calls the outputs of /softmax among these.
  var softmaxOutputs: ShortList<SoftmaxOutput> {
    reduce(into: ShortList()) { list, output in output.descriptor.softmax.map { list.append($0) } }
  }
}
