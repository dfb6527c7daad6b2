import NumericJSON
import SoftmaxCore

extension Computation {
  /// Computes what was asked for and hands it to `writer`, each output's numbers let go as soon as they are written.
  /// - Throws: ``Refusal/cancelled``.
  consuming func run(_ execution: Execution, to writer: inout some AnswerWriter & ~Copyable) throws(Refusal) {
    do throws(ComputationError) {
      switch work {
      case .softmax(let problem): try answer(problem, execution, to: &writer)
      case .loss(let work): try answer(work, execution, to: &writer)
      }
    } catch {
      throw error == .cancelled ? .cancelled : .inconsistency
    }
  }

  /// The shape of an output; a derivation, which has none, is of rows of the logits' shape.
  func shape(of output: Output) -> TensorShape {
    switch output {
    case .probabilities, .logProbabilities, .gradient, .derivation: geometry.shape
    case .logSumExp, .entropy, .argmax: geometry.batchShape
    case .jacobian: [geometry.classes, geometry.classes]
    case .loss: if case .loss(let work) = work, work.problem.reduction == .none { geometry.batchShape } else { [] }
    }
  }

  private func answer(
    _ problem: SoftmaxProblem, _ execution: Execution, to writer: inout some AnswerWriter & ~Copyable
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
      if let numbers { writer.write(output, numbers, shape: shape(of: output)) }
    }
  }

  private func answer(
    _ work: LossWork, _ execution: Execution, to writer: inout some AnswerWriter & ~Copyable
  ) throws(ComputationError) {
    let wantsLoss = outputs.contains(.loss)
    let wantsGradient = outputs.contains(.gradient)
    var result =
      wantsLoss || wantsGradient
      ? try work.problem.lossAndGradient(
        upstream: work.upstream, loss: wantsLoss, gradient: wantsGradient, execution) : nil
    for output in outputs {
      switch output {
      case .loss:
        if let loss = result?.loss.take() { writer.write(output, loss, shape: shape(of: output)) }
      case .gradient:
        if let gradient = result?.gradient.take() { writer.write(output, gradient, shape: shape(of: output)) }
      case .derivation:
        guard let target = work.derivedClass else { continue }
        writer.write(output, try work.problem.softmax.derivation(target: target, execution))
      default: continue
      }
    }
  }
}
