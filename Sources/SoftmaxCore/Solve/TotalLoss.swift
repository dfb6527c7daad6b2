/// The reduced loss: one number over all items, rounded once.
struct TotalLoss {
  let problem: LossProblem
  /// D.
  let normaliser: ExactSum?

  init(_ problem: LossProblem, normaliser: ExactSum?) {
    self.problem = problem
    self.normaliser = normaliser
  }

  /// The loss from the sum of the items' terms, each times scale and T; and where that does not decide it, from the items
  /// anew, by ever more bits.
  /// - Throws: ``ComputationError/cancelled``.
  func settle(
    _ term: LossQuestions.Term?, _ execution: Execution, from stage: Stage, _ counts: inout StageCounts
  ) throws(ComputationError) -> Double {
    guard case .finite(let known) = term else { return term == nil ? 0 : .infinity }
    if stage < .big {
      counts.doubleDouble += 1
      if let loss = rounded(known, BallArithmetic.standard) { return loss }
      if let loss = try attempt(BallArithmetic.standard, known, execution) { return loss }
    }
    counts.big += 1
    var bits = 256
    counts.widest = max(counts.widest, bits)
    if let loss = try attempt(BigArithmetic.standard, known, execution) { return loss }
    while true {
      bits *= 2
      counts.widest = max(counts.widest, bits)
      var poll = Poll(execution)
      if let loss = try attempt(BigArithmetic.wide(bits: bits, &poll), known, execution) { return loss }
    }
  }

  /// Rounds the sum of all items' terms, if it is known well enough.
  private func rounded<A: Arithmetic>(_ sum: A.Real, _ arithmetic: A) -> Double? {
    let softmax = problem.softmax
    var denominator = arithmetic.whole(problem.labelSmoothing == 0 ? 1 : softmax.layout.classes)
    if softmax.temperature != 1 { denominator = denominator * arithmetic.exact(softmax.temperature) }
    if let normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    return (sum / denominator).rounded(to: softmax.format, isIrrational: true)
  }

  /// The loss from the items anew. What is known of their sum says how well each term has to be known.
  private func attempt<A: Arithmetic>(
    _ arithmetic: A, _ known: Ball, _ execution: Execution
  ) throws(ComputationError) -> Double? {
    let layout = problem.softmax.layout
    // A term this narrow adds no more to the sum's width than the sum's own roundings.
    let batchBits = Int.bitWidth - layout.batch.leadingZeroBitCount
    let narrow = known.magnitudeExponent - arithmetic.bits - batchBits
    let chunks = Chunks(layout, least: 64)
    let sum = try execution.reduce(chunks.count, join: +) { k throws(ComputationError) in
      var poll = Poll(execution)
      poll.isUnbounded = arithmetic.bits >= 256
      var sum = arithmetic.whole(0)
      for n in chunks[k] where problem.counts(n) {
        sum = sum + (try term(n, arithmetic, narrow: narrow, &poll))
      }
      return sum
    }
    return sum.flatMap { rounded($0, arithmetic) }
  }

  /// s times item n's loss, times scale and T. With more than 256 bits, only where 256 do not make it narrow enough.
  private func term<A: Arithmetic>(
    _ n: Int, _ arithmetic: A, narrow: Int, _ poll: inout Poll
  ) throws(ComputationError) -> A.Real {
    let slice = Slice(problem.softmax, item: n)
    if arithmetic.bits > 256 {
      let short = try term(slice, n, BigArithmetic.standard, &poll)
      if short.widthExponent <= narrow { return arithmetic.widened(short) }
    }
    return try term(slice, n, arithmetic, &poll)
  }

  private func term<A: Arithmetic>(
    _ slice: Slice, _ n: Int, _ arithmetic: A, _ poll: inout Poll
  ) throws(ComputationError) -> A.Real {
    var row = try Row(slice, arithmetic, &poll)
    let shares = Shares(problem, item: n)
    let total = try shares.total(arithmetic, &poll)
    // It is finite, since the sum is known to be.
    guard let scaled = try row.scaledLoss(shares, total: total, &poll) else { return arithmetic.whole(0) }
    return arithmetic.exact(problem.sampleWeight?[n] ?? 1) * scaled
  }
}
