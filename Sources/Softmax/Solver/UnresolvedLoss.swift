internal import VectorKernels

/// One row's loss and gradient, as far as they are not rounded yet, and its term of a reduced loss.
struct UnresolvedLoss: UnresolvedOutputs {
  private let request: LossRequest
  private let number: Int
  private let row: LogitsRow
  private let weights: TargetWeights
  private let buffers: LossBuffers
  /// The row's loss where it is a term of a sum.
  private(set) var term: LossTerm?
  private var isLossOpen: Bool
  /// How many derivatives are open: they are NaN where they stand, and nothing is kept for each.
  private var openDerivatives = 0
  /// What exponential sums are made of, from 256 bits on.
  private var quotients: DerivativeQuotients?

  /// - Parameters:
  ///   - unresolved: the row, and whether its loss is open.
  ///   - areResultsKnown: the gradients that are open are NaN in the buffer; else all are.
  init(
    _ request: LossRequest, _ unresolved: UnresolvedRow, areResultsKnown: Bool,
    into buffers: LossBuffers
  ) {
    self.request = request
    self.buffers = buffers
    number = unresolved.number
    row = LogitsRow(request.problem.softmax, unresolved)
    weights = TargetWeights(request.problem, row: number)
    isLossOpen = request.use != .unused && unresolved.isLossOpen
    // A zero factor leaves the zeros that are there.
    guard let gradient = buffers.gradient, request.upstream(row: number) != 0 else { return }
    for i in 0..<row.classes {
      let position = request.layout.position(row: number, class: i)
      if let known = known(i) {
        gradient[position] = known
      } else if !areResultsKnown || gradient[position].isNaN {
        gradient[position] = .nan
        openDerivatives += 1
      }
    }
  }

  /// A derivative that is known without arithmetic: -q u_i/p_i where p_i was given as 0.
  private func known(_ i: Int) -> Double? {
    guard request.problem.takesProbabilities, row.logits[i] == 0 else { return nil }
    if weights.isZero(i) { return 0 }
    return request.upstream(row: number) < 0 ? .infinity : -.infinity
  }

  var unresolvedCount: Int { (isLossOpen ? 1 : 0) + openDerivatives }

  /// Writes those open derivatives for which `result` has one, which is asked once for equal classes in a row.
  private mutating func resolveDerivatives(
    _ result: (Int) throws(ComputationError) -> Double?
  ) throws(ComputationError) {
    guard openDerivatives > 0, let gradient = buffers.gradient else { return }
    var last: (class: Int, result: Double?)?
    for i in 0..<row.classes {
      let position = request.layout.position(row: number, class: i)
      guard gradient[position].isNaN else { continue }
      let own: Double?
      if let last, areEqual(last.class, i) { own = last.result } else { own = try result(i) }
      last = (i, own)
      guard let own else { continue }
      gradient[position] = own
      openDerivatives -= 1
    }
  }

  /// Whether two classes have the same derivative, since all that it is made of is equal.
  private func areEqual(_ i: Int, _ j: Int) -> Bool {
    guard row.logits[i] == row.logits[j] else { return false }
    if let weight = weights.weight, weight[i] != weight[j] { return false }
    if case .hessianProduct(let vector) = request.derivative {
      return vector[request.layout.position(row: number, class: i)]
        == vector[request.layout.position(row: number, class: j)]
    }
    switch weights.kind {
    case .index(let y): return i != y && j != y
    case .probabilities(let t): return t[i] == t[j]
    case .teacher(let teacher): return teacher.logits[i] == teacher.logits[j]
    }
  }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    if arithmetic.bits >= 256 { try resolveZeros(&poll) }
    guard unresolvedCount > 0 else { return }
    if request.problem.takesProbabilities {
      var functions = ProbabilitiesRow(
        request, row: number, probabilities: row.logits, weights: weights, arithmetic)
      try resolve(&functions, arithmetic, &poll)
    } else {
      var functions = try SoftmaxRow(
        request, row: number, logits: row, weights: weights, arithmetic, &poll)
      try resolve(&functions, arithmetic, &poll)
    }
  }

  private mutating func resolve<Functions: RowFunctions>(
    _ functions: inout Functions, _ arithmetic: Functions.A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    if isLossOpen { try resolveMeasure(&functions, arithmetic, &poll) }
    let format = request.problem.softmax.format
    try resolveDerivatives { [request, row, weights, quotients] i throws(ComputationError) in
      try poll.spend(arithmetic.costOfOutput)
      let value = try functions.derivative(i, &poll)
      let isIrrational = request.isDerivativeIrrational(i, of: row, weights)
      if let result = value.rounded(to: format, isIrrational: isIrrational) { return result }
      return try quotients?.quotient(i)?.nearest(to: value, bits: arithmetic.bits, in: format, &poll)
    }
  }

  /// Finds derivatives that are exactly zero, once.
  private mutating func resolveZeros(_ poll: inout CancellationPoll) throws(ComputationError) {
    guard quotients == nil, openDerivatives > 0, !request.problem.takesProbabilities else { return }
    let quotients = try DerivativeQuotients(request, row: number, row, weights: weights, &poll)
    self.quotients = quotients
    try resolveDerivatives { i throws(ComputationError) in
      try poll.spend(2_000)
      return try quotients.isZero(i, &poll) ? 0 : nil
    }
  }

  private mutating func resolveMeasure<Functions: RowFunctions>(
    _ functions: inout Functions, _ arithmetic: Functions.A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let measure = try functions.measure(&poll)
    switch request.use {
    case .unused: break
    case .term: term = measure.map { .finite($0.ball) } ?? .infinite
    case .result:
      var result: Double? = .infinity
      if let measure {
        result = (measure / request.scale(arithmetic)).rounded(
          to: request.problem.softmax.format, isIrrational: request.isMeasureIrrational(row))
      }
      guard let result else { return }
      buffers.loss?[number] = result
    }
    isLossOpen = false
  }
}

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
  /// Once it is asked for.
  private var bound: PerplexityBound??

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
    loss = rounded(mean)
    if request.wantsPerplexity {
      withoutCancellation { poll throws(ComputationError) in
        try resolvePerplexity(mean, BallArithmetic.standard, &poll)
      }
    } else {
      perplexity = 1
    }
  }

  var unresolvedCount: Int { loss == nil || perplexity == nil ? 1 : 0 }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let layout = request.layout
    // A term this narrow adds no more to the sum's width than the sum's own roundings.
    let batchBits = Int.bitWidth - layout.batch.leadingZeroBitCount
    let isKnown = known.radius < .infinity
    let narrow = isKnown ? known.magnitudeExponent - arithmetic.bits - batchBits : .min
    let chunks = ParallelChunks(layout, least: 64)
    let isUnbounded = poll.isUnbounded
    let sum = try execution.reduce(chunks.count, join: +) { k throws(ComputationError) in
      var poll = CancellationPoll(execution)
      poll.isUnbounded = isUnbounded
      defer { poll.report() }
      var sum = arithmetic.whole(0)
      for n in chunks[k] where request.problem.counts(row: n) {
        sum = sum + (try term(row: n, arithmetic, narrow: narrow, &poll))
      }
      return sum
    }
    guard let sum else { return }
    let mean = mean(sum, arithmetic)
    if loss == nil { loss = rounded(mean) }
    if perplexity == nil { try resolvePerplexity(mean, arithmetic, &poll) }
  }

  /// The loss of a sum of terms.
  private func mean<A: Arithmetic>(_ sum: A.Real, _ arithmetic: A) -> A.Real {
    var denominator = request.scale(arithmetic)
    if let normaliser = request.normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    return sum / denominator
  }

  /// Rounds the loss, if it is known well enough.
  private func rounded(_ mean: some Enclosure) -> Double? {
    mean.rounded(to: request.problem.softmax.format, isIrrational: isIrrational)
  }

  /// Rounds e^loss, if it is known well enough, or if its exact bound decides.
  private mutating func resolvePerplexity<A: Arithmetic>(
    _ mean: A.Real, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let ball = mean.ball
    // Known to a quarter, or no more than that it is from zero on and less than 2^11.
    let isFromZero =
      ball.high == 0 && ball.radius < .infinity && ball.exponent &+ Int(ball.radius.exponent) < 11
    guard ball.radius <= 0.25 * ball.high.magnitude || isFromZero else { return }
    // e^1536 is beyond every format.
    guard ball.magnitudeExponent < 11 else {
      perplexity = .infinity
      return
    }
    let value = arithmetic.whole(1) / (try arithmetic.power(-mean, &poll))
    let format = request.problem.softmax.format
    perplexity = value.rounded(to: format, isIrrational: false)
    guard perplexity == nil, arithmetic.bits >= 256 else { return }
    if bound == nil { bound = .some(try PerplexityBound(request, &poll)) }
    perplexity = bound??.nearest(to: value, in: format)
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

/// What e^loss of all rows is at least, exactly: where that is half-way between two numbers, it decides the rounding.
///
/// e^loss = Π S_n^(A_n) e^B with A_n = s_n U_n / D, and no term of B is negative. Of a row with N_n largest logits S_n
/// is at least N_n, so that e^loss is at least Π N_n^(A_n). It is that where all rows that count are level, and else
/// more. By unique factorisation the product is a number m where it holds each prime as often as m does.
struct PerplexityBound {
  private typealias Sum = ExponentialSum

  /// For each prime, Σ s_n U_n times how often it divides N_n.
  private var powers: [Int: ExponentialSum.Coefficient] = [:]
  /// D.
  private var divisor: ExponentialSum.Coefficient
  /// Whether e^loss is the bound itself.
  private var isReached = true
  /// What the powers and D are multiplied by, so that no share of a row is a fraction.
  private var common = 1

  /// `nil` where the loss has other terms, or weights that are not rational.
  ///
  /// The focal factor (1 - 1/N)^γ of a level row is rational for a whole γ. A row with one class adds nothing.
  init?(_ request: LossRequest, _ poll: inout CancellationPoll) throws(ComputationError) {
    let problem = request.problem
    guard problem.zLoss == 0, !problem.takesProbabilities else { return nil }
    divisor = Sum.exact(problem.weightScale)
    if let normaliser = request.normaliser { divisor = Sum.product(divisor, Sum.exact(normaliser)) }
    let spread = problem.exactSpread
    for n in 0..<problem.softmax.layout.batch where problem.counts(row: n) {
      try poll.spend(2_000 + 10 * problem.softmax.layout.classes)
      let row = LogitsRow(problem.softmax, number: n)
      guard row.finite > 1 else { continue }
      let weights = TargetWeights(problem, row: n)
      guard var total = try weights.exactTotal(of: weights.teacherGroups, spread: spread, &poll) else { return nil }
      guard total.sum.sign != 0 else { continue }
      if !row.isLevel { isReached = false }
      if problem.focalGamma > 0 {
        guard row.isLevel, problem.focalGamma <= 62, let gamma = Int(exactly: problem.focalGamma) else { return nil }
        for _ in 0..<gamma {
          let (count, overflow) = total.count.multipliedReportingOverflow(by: row.finite)
          if overflow { return nil }
          total = (Sum.product(total.sum, row.finite - 1), count)
        }
      }
      guard let share = share(of: total.count) else { return nil }
      let weight = Sum.product(Sum.product(total.sum, share), Sum.exact(problem.weight(ofRow: n)))
      for (prime, count) in Self.factors(of: row.logits.count { $0 == row.maximum }) {
        let power = Sum.product(weight, count)
        powers[prime] = powers[prime].map { Sum.sum($0, power) } ?? power
      }
    }
    divisor = Sum.product(divisor, common)
  }

  /// `common` over a count, which is made to divide it; `nil` where it would be too large.
  private mutating func share(of count: Int) -> Int? {
    var (divisor, rest) = (count, common)
    while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
    let (product, overflow) = common.multipliedReportingOverflow(by: count / divisor)
    if overflow { return nil }
    if product != common { powers = powers.mapValues { Sum.product($0, product / common) } }
    common = product
    return common / count
  }

  /// The number of the format nearest to e^loss, which `value` encloses, if the bound is half-way between two.
  func nearest<Real: Enclosure>(to value: Real, in format: BinaryFormat) -> Double? {
    let ends = value.ends(in: format)
    guard let middle = format.boundary(between: ends.0, ends.1), isBound(middle) else { return nil }
    return isReached ? format.nearest(to: middle, tie: .toEven) : ends.1
  }

  /// Whether the bound is m, a positive number of at most 64 bits.
  private func isBound(_ m: ExponentialSum.Coefficient) -> Bool {
    let top = m.limbs[m.limbs.count - 1]
    var odd = top >> UInt64(top.trailingZeroBitCount)
    func holds(_ prime: Int, _ count: Int) -> Bool {
      (powers[prime] ?? Sum.exact(0)) == Sum.product(divisor, count)
    }
    guard holds(2, m.exponent - 64 + top.trailingZeroBitCount) else { return false }
    for prime in powers.keys where prime != 2 {
      var count = 0
      while odd.isMultiple(of: UInt64(prime)) {
        odd /= UInt64(prime)
        count += 1
      }
      guard holds(prime, count) else { return false }
    }
    return odd == 1
  }

  /// The prime factors of a positive number, and how often it has each.
  private static func factors(of number: Int) -> [(prime: Int, count: Int)] {
    var (rest, divisor) = (number, 2)
    var factors: [(prime: Int, count: Int)] = []
    while rest > 1 {
      if divisor * divisor > rest { divisor = rest }
      var count = 0
      while rest.isMultiple(of: divisor) {
        rest /= divisor
        count += 1
      }
      if count > 0 { factors.append((divisor, count)) }
      divisor += 1
    }
    return factors
  }
}
