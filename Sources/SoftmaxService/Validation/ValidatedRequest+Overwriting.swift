import Softmax

/// Requests of which one output goes where the logits are, in the memory of the body that they came in.
extension ValidatedRequest {
  /// Smaller logits cost less than what this saves.
  private static let leastBytes = 64 * 1024

  /// The place, among the outputs, of the one that may go where the logits are; nil where none may.
  var overwritingPlace: Int? {
    let places = plan.outputs.indices.filter { plan.outputs[$0].descriptor.hasClassAxis }
    guard places.count == 1, let place = places.first, !plan.outputs.contains(.derivation) else { return nil }
    switch work {
    case .softmax(let problem):
      return problem.logits.byteCount >= Self.leastBytes && problem.mayBeOverwritten ? place : nil
    case .loss(let work):
      let isAlone = plan.outputs.allSatisfy { $0 == .gradient || $0 == .loss && plan.hasLosses }
      let problem = work.problem
      return isAlone && problem.softmax.logits.byteCount >= Self.leastBytes && problem.mayBeOverwritten ? place : nil
    }
  }

  /// Calls what it is given with buffers for the outputs before some place and for those behind it.
  typealias WithBuffers = (
    _ compute: (PerOutput<ResultBuffer>, PerOutput<ResultBuffer>) throws(ComputationError) -> Void
  ) throws(ComputationError) -> Void

  /// Computes what was asked for: the output at ``overwritingPlace`` where the logits are, the others into buffers.
  /// - Returns: the output's bytes.
  /// - Throws: ``RequestError/cancelled``.
  consuming func run(
    _ execution: Execution, overwriting place: Int, others withBuffers: WithBuffers
  ) throws(RequestError) -> ArraySlice<UInt8> {
    let (work, plan) = (work, plan)
    _ = consume self
    do throws(ComputationError) {
      let bytes: ArraySlice<UInt8>?
      switch consume work {
      case .softmax(let problem):
        bytes = try SoftmaxProblem.overwrite(problem) { problem, own throws(ComputationError) in
          try withBuffers { before, behind throws(ComputationError) in
            try plan.solve(problem, into: before.joined(own, behind), execution)
          }
        }
      case .loss(let work):
        let upstream = work.upstream
        let problem = (consume work).problem
        bytes = try LossProblem.overwrite(consume problem) { problem, own throws(ComputationError) in
          try withBuffers { before, behind throws(ComputationError) in
            let buffers = plan.lossBuffers(before.joined(own, behind))
            try problem.lossAndGradient(upstream: upstream, into: buffers, execution)
          }
        }
      }
      guard let bytes else { throw .targetDoesNotFit }
      return bytes
    } catch {
      throw RequestError(error)
    }
  }
}

extension PerOutput<ResultBuffer> {
  /// These, one more, and some others, in this order.
  fileprivate func joined(_ own: ResultBuffer, _ others: PerOutput<ResultBuffer>) -> PerOutput<ResultBuffer> {
    PerOutput(count: count + 1 + others.count) { place in
      place < count ? self[place] : place == count ? own : others[place - count - 1]
    }
  }
}
