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
  /// Classes whose gradient is open.
  private var openClasses: [Int]

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
      !areResultsKnown || buffer[request.gradientPosition(row: unresolved.number, i)].isNaN
    }
  }

  var unresolvedCount: Int { (isLossOpen ? 1 : 0) + openClasses.count }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    var sums = try SoftmaxSums(row, arithmetic, &poll)
    let loss = try RowLoss(request.problem, weights, &sums, &poll)
    if isLossOpen { try resolveLoss(&sums, loss, &poll) }
    let problem = request.problem
    let factor = GradientFactor(sums, request, row: number)
    var left: [Int] = []
    for i in openClasses {
      try poll.spend(arithmetic.costOfExponential / 4)
      let value = try sums.gradient(i, weight: weights.weight(i, arithmetic), loss, factor, &poll)
      let result = arithmetic.nearest(
        to: value, in: problem.softmax.format, isIrrational: problem.isGradientIrrational(i, of: row, weights),
        mostBits: problem.mostBits)
      if let result {
        buffer[request.gradientPosition(row: number, i)] = result
      } else {
        left.append(i)
      }
    }
    openClasses = left
  }

  private mutating func resolveLoss<A: Arithmetic>(
    _ sums: inout SoftmaxSums<A>, _ loss: RowLoss<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let arithmetic = sums.arithmetic
    let problem = request.problem
    let scaled = try sums.scaledLoss(loss, &poll)
    let weighted = scaled.map { arithmetic.exact(problem.sampleWeight?[number] ?? 1) * $0 }
    switch request.use {
    case .unused: break
    case .term: term = weighted.map { .finite($0.ball) } ?? .infinite
    case .result:
      var result: Double? = .infinity
      if let weighted {
        result = arithmetic.nearest(
          to: weighted / problem.lossScale(arithmetic), in: problem.softmax.format,
          isIrrational: problem.isLossIrrational(row), mostBits: problem.mostBits)
      }
      guard let result else { return }
      buffer[request.lossPosition(row: number)] = result
    }
    isLossOpen = false
  }
}
