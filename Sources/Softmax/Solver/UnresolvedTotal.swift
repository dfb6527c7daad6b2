/// The reduced loss: one number over all rows, rounded once.
struct UnresolvedTotal: UnresolvedOutputs {
  private let request: LossRequest
  private let execution: Execution
  /// What is known of the rows' sum: it says how precisely each row's term is needed.
  private let known: Ball
  /// Whether the loss is known to be irrational, or to be zero.
  private let isIrrational: Bool
  private(set) var loss: Double?

  /// - Parameter known: the sum of the rows' terms.
  init(_ request: LossRequest, known: Ball, _ execution: Execution) {
    self.request = request
    self.known = known
    self.execution = execution
    let problem = request.problem
    isIrrational =
      problem.isLossIrrationalWhateverTheRow
      || (0..<request.layout.batch).contains { n in
        problem.counts(row: n) && problem.isLossIrrational(LogitsRow(problem.softmax, number: n))
      }
    loss = rounded(known, BallArithmetic.standard)
  }

  var unresolvedCount: Int { loss == nil ? 1 : 0 }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let layout = request.layout
    // A term this narrow adds no more to the sum's width than the sum's own roundings.
    let batchBits = Int.bitWidth - layout.batch.leadingZeroBitCount
    let narrow = known.magnitudeExponent - arithmetic.bits - batchBits
    let chunks = ParallelChunks(layout, least: 64)
    let isUnbounded = poll.isUnbounded
    let sum = try execution.reduce(chunks.count, join: +) { k throws(ComputationError) in
      var poll = CancellationPoll(execution)
      poll.isUnbounded = isUnbounded
      var sum = arithmetic.whole(0)
      for n in chunks[k] where request.problem.counts(row: n) {
        sum = sum + (try term(row: n, arithmetic, narrow: narrow, &poll))
      }
      return sum
    }
    loss = sum.flatMap { rounded($0, arithmetic) }
  }

  /// Rounds a sum of terms, if it is known well enough.
  private func rounded<A: Arithmetic>(_ sum: A.Real, _ arithmetic: A) -> Double? {
    let problem = request.problem
    var denominator = problem.lossScale(arithmetic)
    if let normaliser = request.normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    return arithmetic.nearest(
      to: sum / denominator, in: problem.softmax.format, isIrrational: isIrrational, mostBits: problem.mostBits)
  }

  /// Row n's term. With more than 256 bits, only where 256 do not make it narrow enough.
  private func term<A: Arithmetic>(
    row n: Int, _ arithmetic: A, narrow: Int, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    let row = LogitsRow(request.problem.softmax, number: n)
    if arithmetic.bits > 256 {
      let short = try term(of: row, number: n, IntervalArithmetic.standard, &poll)
      if short.widthExponent <= narrow { return arithmetic.widened(short) }
    }
    return try term(of: row, number: n, arithmetic, &poll)
  }

  private func term<A: Arithmetic>(
    of row: LogitsRow, number n: Int, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    var sums = try SoftmaxSums(row, arithmetic, &poll)
    let weights = TargetWeights(request.problem, row: n)
    let loss = try RowLoss(request.problem, weights, &sums, &poll)
    // It is finite, since the sum is known to be.
    guard let scaled = try sums.scaledLoss(loss, &poll) else { return arithmetic.whole(0) }
    return arithmetic.exact(request.problem.sampleWeight?[n] ?? 1) * scaled
  }
}
