import NumericJSON
import SoftmaxCore

extension Computation {
  /// Computes what was asked for and hands it to `writer`: the inputs are let go before anything is written, and each output's
  /// numbers as soon as they are written.
  /// - Throws: ``Refusal/cancelled``.
  consuming func run(_ execution: Execution, to writer: inout some AnswerWriter & ~Copyable) throws(Refusal) {
    let (work, plan) = (work, plan)
    _ = consume self
    do throws(ComputationError) {
      switch consume work {
      case .softmax(let problem): try plan.answer(consume problem, execution, to: &writer)
      case .loss(let work): try plan.answer(consume work, execution, to: &writer)
      }
    } catch {
      throw error == .cancelled ? .cancelled : .inconsistency
    }
  }
}

extension AnswerPlan {
  fileprivate func answer(
    _ problem: consuming SoftmaxProblem, _ execution: Execution, to writer: inout some AnswerWriter & ~Copyable
  ) throws(ComputationError) {
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
    var result = try problem.solve(wanted, execution)
    _ = consume problem
    for output in outputs {
      let numbers: [Double]?
      switch output {
      case .probabilities: numbers = result.probabilities.take()
      case .logProbabilities: numbers = result.logProbabilities.take()
      case .logSumExp: numbers = result.logSumExp.take()
      case .entropy: numbers = result.entropy.take()
      case .jacobian: numbers = result.jacobian.take()
      case .argmax:
        if let indices = result.argmax.take() { writer.write(output, indices, shape: shape(of: output)) }
        continue
      case .loss, .gradient, .derivation: continue
      }
      if let numbers { try writer.write(output, numbers, shape: shape(of: output)) }
    }
  }

  fileprivate func answer(
    _ work: consuming Computation.LossWork, _ execution: Execution, to writer: inout some AnswerWriter & ~Copyable
  ) throws(ComputationError) {
    let wantsLoss = outputs.contains(.loss)
    let wantsGradient = outputs.contains(.gradient)
    var result =
      wantsLoss || wantsGradient
      ? try work.problem.lossAndGradient(
        upstream: work.upstream, loss: wantsLoss, gradient: wantsGradient, execution) : nil
    var derivation: Derivation?
    if let target = work.derivedClass {
      derivation = try work.problem.softmax.derivation(target: target, execution)
    }
    _ = consume work
    for output in outputs {
      switch output {
      case .loss:
        if let loss = result?.loss.take() { try writer.write(output, loss, shape: shape(of: output)) }
      case .gradient:
        if let gradient = result?.gradient.take() { try writer.write(output, gradient, shape: shape(of: output)) }
      case .derivation:
        if let derivation { writer.write(output, derivation) }
      default: continue
      }
    }
  }
}
