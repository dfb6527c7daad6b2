import Softmax

extension ValidatedRequest {
  /// Computes what was asked for and hands it to `encoder`: the inputs are let go before anything is written, and each
  /// output's numbers as soon as they are written.
  /// - Throws: ``RequestError/cancelled``.
  consuming func run(
    _ execution: Execution, to encoder: inout some OutputEncoder & ~Copyable
  ) throws(RequestError) {
    let (work, plan) = (work, plan)
    _ = consume self
    do throws(ComputationError) {
      var results = try Results(consume work, plan, execution)
      for output in plan.outputs {
        switch results.take(output) {
        case .numbers(let numbers): try encoder.write(output, numbers, shape: plan.shape(of: output))
        case .indices(let indices): encoder.write(output, indices, shape: plan.shape(of: output))
        case .derivation(let derivation): encoder.write(output, derivation)
        case nil: throw .targetDoesNotFit
        }
      }
    } catch {
      throw error == .cancelled ? .cancelled : .inconsistency
    }
  }
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

  init(_ work: consuming ValidatedRequest.Work, _ plan: ResponsePlan, _ execution: Execution) throws(ComputationError) {
    let outputs = plan.outputs
    switch consume work {
    case .softmax(let problem):
      softmax = try problem.solve(outputs.compactMap { $0.softmaxOutput(top: plan.topCount) }, execution)
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

extension Output {
  /// What Softmax calls an output of /softmax; nothing for those of the loss.
  /// - Parameter count: of how many classes those are that are not about all.
  func softmaxOutput(top count: Int = 1) -> SoftmaxOutput? {
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
