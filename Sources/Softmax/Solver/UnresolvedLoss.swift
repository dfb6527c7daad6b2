/// One row's loss and gradient, as far as they are not rounded yet, and its term of a reduced loss.
struct UnresolvedLoss: UnresolvedOutputs {
  private let request: LossRequest
  private let number: Int
  private let row: LogitsRow
  private let weights: TargetWeights
  private let buffer: ConcurrentOutputBuffer<Double>
  /// The row's loss where it is a term of a sum.
  private(set) var term: LossTerm?
  private var isLossOpen: Bool
  /// Classes whose derivative is open.
  private var openClasses: [Int]
  /// Of these, those that exponential sums have shown to be rational, or to be irrational.
  private var rationalClasses: [Int: ExponentialSum.Ratio] = [:]
  private var irrationalClasses: Set<Int> = []

  /// - Parameters:
  ///   - unresolved: the row, and whether its loss is open.
  ///   - areResultsKnown: the gradients that are open are NaN in the buffer; else all are.
  init(
    _ request: LossRequest, _ unresolved: UnresolvedRow, areResultsKnown: Bool,
    into buffer: ConcurrentOutputBuffer<Double>
  ) {
    self.request = request
    self.buffer = buffer
    number = unresolved.number
    row = LogitsRow(request.problem.softmax, number: number)
    weights = TargetWeights(request.problem, row: number)
    isLossOpen = request.use != .unused && unresolved.isLossOpen
    openClasses = []
    // A zero factor leaves the zeros that are there.
    guard request.wantsGradient, request.upstream(row: number) != 0 else { return }
    openClasses = (0..<row.classes).filter { i in
      let position = request.gradientPosition(row: unresolved.number, i)
      guard let known = known(i) else { return !areResultsKnown || buffer[position].isNaN }
      buffer[position] = known
      return false
    }
  }

  /// A derivative that is known without arithmetic: -q u_i/p_i where p_i was given as 0.
  private func known(_ i: Int) -> Double? {
    guard request.problem.takesProbabilities, row.logits[i] == 0 else { return nil }
    if weights.isZero(i) { return 0 }
    return request.upstream(row: number) < 0 ? .infinity : -.infinity
  }

  var unresolvedCount: Int { (isLossOpen ? 1 : 0) + openClasses.count }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    if request.problem.takesProbabilities {
      var functions = ProbabilitiesRow(
        request, row: number, probabilities: row.logits, weights: weights, arithmetic)
      try resolve(&functions, arithmetic, &poll)
    } else {
      var functions = try SoftmaxRow(
        request, row: number, logits: row, weights: weights, arithmetic, &poll)
      try resolve(&functions, arithmetic, &poll)
      if arithmetic.bits >= 256 { try resolveExactly(functions, arithmetic, &poll) }
    }
  }

  private mutating func resolve<Functions: RowFunctions>(
    _ functions: inout Functions, _ arithmetic: Functions.A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    if isLossOpen { try resolveMeasure(&functions, arithmetic, &poll) }
    var left: [Int] = []
    for i in openClasses {
      try poll.spend(arithmetic.costOfExponential / 4)
      let result = arithmetic.nearest(
        to: try functions.derivative(i, &poll), in: request.problem.softmax.format,
        isIrrational: irrationalClasses.contains(i) || request.isDerivativeIrrational(i, of: row, weights),
        mostBits: request.mostBitsOfDerivative)
      if let result {
        buffer[request.gradientPosition(row: number, i)] = result
      } else {
        left.append(i)
      }
    }
    openClasses = left
  }

  /// What exponential sums say of the derivatives that are still open, where they can.
  private mutating func resolveExactly<A: Arithmetic>(
    _ functions: SoftmaxRow<A>, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    guard !openClasses.isEmpty, arithmetic.bits == 256 || !rationalClasses.isEmpty else { return }
    if arithmetic.bits == 256 {
      let exact = ExactDerivative(request, row: number, row, weights)
      for i in openClasses {
        switch try exact.verdict(i, &poll) {
        case .zero:
          buffer[request.gradientPosition(row: number, i)] = 0
          rationalClasses[i] = (ExponentialSum.exact(0), ExponentialSum.exact(1))
        case .difference(let ratio): rationalClasses[i] = ratio
        case .irrational: irrationalClasses.insert(i)
        case .unknown: break
        }
      }
    }
    openClasses.removeAll { i in
      guard let ratio = rationalClasses[i] else { return false }
      let value = functions.gradient(ofDifference: ratio)
      guard let result = value.rounded(to: request.problem.softmax.format, isIrrational: false) else { return false }
      buffer[request.gradientPosition(row: number, i)] = result
      return true
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
        result = arithmetic.nearest(
          to: measure / request.scale(arithmetic), in: request.problem.softmax.format,
          isIrrational: request.isMeasureIrrational(row), mostBits: request.mostBitsOfMeasure)
      }
      guard let result else { return }
      buffer[request.lossPosition(row: number)] = result
    }
    isLossOpen = false
  }
}
