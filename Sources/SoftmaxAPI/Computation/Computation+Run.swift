import SoftmaxCore

extension Computation {
  /// Computes what was asked for, and lets go of the inputs.
  /// - Throws: ``Refusal/cancelled``.
  consuming func run(_ execution: Execution) throws(Refusal) -> Answer {
    do throws(ComputationError) {
      switch work {
      case .softmax(let problem): return try answer(of: problem, execution)
      case .loss(let problem, let upstream, let target):
        return try answer(of: problem, upstream: upstream, derivationOf: target, execution)
      }
    } catch {
      throw error == .cancelled ? .cancelled : .inconsistency
    }
  }

  private func answer(of problem: SoftmaxProblem, _ execution: Execution) throws(ComputationError) -> Answer {
    var wanted: SoftmaxOutputs = []
    for output in outputs {
      switch output {
      case .probabilities: wanted.insert(.probabilities)
      case .logProbabilities: wanted.insert(.logProbabilities)
      case .logSumExp: wanted.insert(.logSumExp)
      case .entropy: wanted.insert(.entropy)
      case .argmax: wanted.insert(.argmax)
      case .jacobian: wanted.insert(.jacobian)
      case .loss, .gradient, .derivation: break
      }
    }
    let result = try problem.solve(wanted, execution)
    var answer = Answer(outputs: [], format: problem.format)
    answer.outputs.reserveCapacity(outputs.count)
    for output in outputs {
      let value: Answer.Value? =
        switch output {
        case .probabilities: result.probabilities.map { .numbers($0, shape: shape) }
        case .logProbabilities: result.logProbabilities.map { .numbers($0, shape: shape) }
        case .logSumExp: result.logSumExp.map { .numbers($0, shape: batchShape) }
        case .entropy: result.entropy.map { .numbers($0, shape: batchShape) }
        case .argmax: result.argmax.map { .integers($0, shape: batchShape) }
        case .jacobian:
          result.jacobian.map { .numbers($0, shape: [problem.layout.classes, problem.layout.classes]) }
        case .loss, .gradient, .derivation: nil
        }
      if let value { answer.outputs.append((output, value)) }
    }
    return answer
  }

  private func answer(
    of problem: LossProblem, upstream: [Double]?, derivationOf target: Int?, _ execution: Execution
  ) throws(ComputationError) -> Answer {
    var result: LossResult?
    let wantsLoss = outputs.contains(.loss)
    let wantsGradient = outputs.contains(.gradient)
    if wantsLoss || wantsGradient {
      result = try problem.lossAndGradient(
        upstream: upstream, loss: wantsLoss, gradient: wantsGradient, execution)
    }
    var answer = Answer(outputs: [], format: problem.softmax.format)
    answer.outputs.reserveCapacity(outputs.count)
    for output in outputs {
      switch output {
      case .loss:
        guard let loss = result?.loss else { continue }
        answer.outputs.append((output, .numbers(loss, shape: problem.reduction == .none ? batchShape : [])))
      case .gradient:
        guard let gradient = result?.gradient else { continue }
        answer.outputs.append((output, .numbers(gradient, shape: shape)))
      case .derivation:
        guard let target else { continue }
        answer.outputs.append((output, .derivation(try problem.softmax.derivation(target: target, execution))))
      default: continue
      }
    }
    return answer
  }
}
