/// The reduced loss, one number over all rows, rounded once, and its exponential where that is asked for.
struct UnresolvedTotal: UnresolvedOutputs {
  private let request: LossRequest
  private let execution: Execution
  /// What is known of the rows' sum: it says how precisely each row's term is needed.
  private let known: Ball
  /// Whether the loss is known to be irrational, or to be zero.
  private let isIrrational: Bool
  private(set) var loss: Double?
  private(set) var perplexity: Double?

  /// - Parameter known: the sum of the rows' terms.
  init(_ request: LossRequest, known: Ball, _ execution: Execution) {
    self.request = request
    self.known = known
    self.execution = execution
    isIrrational =
      request.isMeasureIrrationalWhateverTheRow
      || (0..<request.layout.batch).contains { n in
        request.problem.counts(row: n) && request.isMeasureIrrational(LogitsRow(request.problem.softmax, number: n))
      }
    let mean = mean(known, BallArithmetic.standard)
    loss = rounded(mean, BallArithmetic.standard)
    var poll = CancellationPoll()
    // A poll that never says no: nothing is thrown.
    perplexity =
      request.wantsPerplexity
      ? request.problem.wholePerplexity ?? (try? exponential(mean, BallArithmetic.standard, &poll)) : 1
  }

  var unresolvedCount: Int { loss == nil || perplexity == nil ? 1 : 0 }

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
    guard let sum else { return }
    let mean = mean(sum, arithmetic)
    if loss == nil { loss = rounded(mean, arithmetic) }
    if perplexity == nil { perplexity = try exponential(mean, arithmetic, &poll) }
  }

  /// The loss of a sum of terms.
  private func mean<A: Arithmetic>(_ sum: A.Real, _ arithmetic: A) -> A.Real {
    var denominator = request.scale(arithmetic)
    if let normaliser = request.normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    return sum / denominator
  }

  /// Rounds the loss, if it is known well enough.
  private func rounded<A: Arithmetic>(_ mean: A.Real, _ arithmetic: A) -> Double? {
    return arithmetic.nearest(
      to: mean, in: request.problem.softmax.format, isIrrational: isIrrational, mostBits: request.mostBitsOfMeasure)
  }

  /// Rounds e^loss, if it is known well enough. Of level rows it is a root of a whole number, which may be rational:
  /// but for ``LossProblem/wholePerplexity``, a value still open with so many bits is taken for the number it then
  /// looks like.
  private func exponential<A: Arithmetic>(
    _ mean: A.Real, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Double? {
    let ball = mean.ball
    guard ball.radius <= 0.25 * ball.high.magnitude || ball.high == 0 && ball.radius < .infinity else { return nil }
    // e^2048 is beyond every format, and the arithmetics' exponentials reach as far.
    if ball.magnitudeExponent >= 11 { return .infinity }
    let value = arithmetic.whole(1) / (try arithmetic.exponential(-mean, &poll))
    return arithmetic.nearest(
      to: value, in: request.problem.softmax.format, isIrrational: false, mostBits: mostBitsWithoutTheorem)
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
    let weights = TargetWeights(request.problem, row: n)
    var measure: A.Real?
    if request.problem.takesProbabilities {
      let functions = ProbabilitiesRow(
        request, row: n, probabilities: row.logits, weights: weights, arithmetic)
      measure = try functions.measure(&poll)
    } else {
      var functions = try SoftmaxRow(
        request, row: n, logits: row, weights: weights, arithmetic, &poll)
      measure = try functions.measure(&poll)
    }
    // It is finite, since the sum is known to be.
    return measure ?? arithmetic.whole(0)
  }
}
