import Softmax

/// Requests of which one output goes where the logits are, in the memory of the body that they came in.
extension ValidatedRequest {
  /// Smaller logits cost less than what this saves.
  private static let leastBytes = 64 * 1024

  /// How one output goes where the logits are.
  struct Overwriting {
    /// Its place among the outputs.
    let place: Int
    /// How many of its numbers have memory of their own: the first ones, whole rows.
    let ownCount: Int
  }

  /// The output that may go where the logits are; nil where none may.
  var overwriting: Overwriting? {
    let places = plan.outputs.indices.filter { plan.outputs[$0].descriptor.hasClassAxis }
    guard places.count == 1, let place = places.first else { return nil }
    switch work {
    case .softmax(let problem):
      guard problem.logits.byteCount >= Self.leastBytes, problem.mayBeOverwritten else { return nil }
      return Overwriting(place: place, ownCount: 0)
    case .loss(let work):
      guard plan.outputs.allSatisfy({ $0 == .gradient || $0 == .loss }),
        work.problem.softmax.logits.byteCount >= Self.leastBytes,
        let rows = work.problem.rowsNotOverwritten(besideLoss: plan.outputs.contains(.loss))
      else { return nil }
      return Overwriting(place: place, ownCount: rows * work.problem.softmax.layout.classes)
    }
  }

  /// Calls what it is given with buffers for the outputs before some place, and for the numbers there that have memory
  /// of their own; and with buffers for the outputs behind it.
  typealias WithBuffers = (
    _ compute: (ShortList<ResultBuffer>, ShortList<ResultBuffer>) throws(ComputationError) -> Void
  ) throws(ComputationError) -> Void

  /// Computes what was asked for: what ``overwriting`` says where the logits are, the rest into buffers.
  /// - Returns: the body that the logits were in, and where in it.
  /// - Throws: ``RequestError/cancelled``.
  consuming func run(
    _ execution: Execution, others withBuffers: WithBuffers
  ) throws(RequestError) -> (array: [UInt8], places: Range<Int>) {
    let (work, plan) = (work, plan)
    _ = consume self
    let bytes: (array: [UInt8], places: Range<Int>)?
    do throws(ComputationError) {
      bytes = try (consume work).overwrite { work, buffer throws(ComputationError) in
        try withBuffers { before, behind throws(ComputationError) in
          try work.compute(plan, into: before.joined(buffer, behind), execution)
        }
      }
    } catch {
      throw RequestError(error)
    }
    guard let bytes else { throw .inconsistency }
    return bytes
  }
}

extension ValidatedRequest.Work {
  /// Calls `body` with the work and with a buffer that is in its logits' place: ``SoftmaxProblem/overwrite(_:by:)``.
  fileprivate consuming func overwrite(
    by body: (Self, ResultBuffer) throws(ComputationError) -> Void
  ) throws(ComputationError) -> (array: [UInt8], places: Range<Int>)? {
    switch consume self {
    case .softmax(let problem):
      return try SoftmaxProblem.overwrite(consume problem) { problem, buffer throws(ComputationError) in
        try body(.softmax(problem), buffer)
      }
    case .loss(let work):
      let upstream = work.upstream
      let problem = (consume work).problem
      return try LossProblem.overwrite(consume problem) { problem, buffer throws(ComputationError) in
        let work = ValidatedRequest.LossWork(problem: problem, upstream: upstream, vector: nil, derivedClass: nil)
        try body(.loss(work), buffer)
      }
    }
  }
}

extension ShortList<ResultBuffer> {
  /// These, of which the last one goes on where the logits are, and behind them some others.
  fileprivate func joined(_ overLogits: ResultBuffer, _ others: ShortList<ResultBuffer>) -> ShortList<ResultBuffer> {
    ShortList(count: count + others.count) { place in
      place < count - 1 ? self[place] : place < count ? overLogits.beginning(in: self[place]) : others[place - count]
    }
  }
}
