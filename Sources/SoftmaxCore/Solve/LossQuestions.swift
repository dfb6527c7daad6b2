/// One item's loss and gradient, as far as they are not rounded yet, and its term of a reduced loss.
struct LossQuestions: OpenQuestions {
  /// What becomes of the item's loss.
  enum LossUse {
    /// Nobody asked for it.
    case unused
    /// It is a result.
    case result
    /// It is a term of a sum.
    case term
  }

  /// An item's loss, times scale and T.
  enum Term {
    case finite(Ball)
    case infinite
  }

  let slice: Slice
  let shares: Shares
  let format: ResultFormat
  /// s.
  let sampleWeight: Double
  /// q.
  let upstream: Double
  /// D.
  let normaliser: ExactSum?
  let use: LossUse
  let wantsGradient: Bool
  /// Takes gradient i.
  let answer: (Int, Double) -> Void
  /// The item's loss where it is a result.
  private(set) var loss = 0.0
  /// s times the item's loss where it is a term of a sum.
  private(set) var term: Term?
  private var isLossOpen: Bool
  /// Classes whose gradient is open; `nil` while all are.
  private var open: [Int]?

  init(
    _ problem: LossProblem, item n: Int, upstream: Double, normaliser: ExactSum?, use: LossUse, gradient: Bool,
    _ answer: @escaping (Int, Double) -> Void
  ) {
    slice = Slice(problem.softmax, item: n)
    shares = Shares(problem, item: n)
    format = problem.softmax.format
    sampleWeight = problem.sampleWeight?[n] ?? 1
    self.upstream = upstream
    self.normaliser = normaliser
    self.use = use
    // A zero factor leaves the zeros that are there.
    wantsGradient = gradient && upstream != 0
    isLossOpen = use != .unused
    self.answer = answer
    if !wantsGradient { open = [] }
  }

  /// Says what is open: whether the loss is, and which classes' gradients.
  mutating func keepOpen(loss: Bool, gradientsWhere isOpen: (Int) -> Bool) {
    isLossOpen = loss
    if wantsGradient { open = (0..<slice.classes).filter(isOpen) }
  }

  var openCount: Int { (isLossOpen ? 1 : 0) + (open?.count ?? slice.classes) }

  mutating func attempt<A: Arithmetic>(_ arithmetic: A, _ poll: inout Poll) throws(ComputationError) {
    var row = try Row(slice, arithmetic, &poll)
    let total = try shares.total(arithmetic, &poll)
    if isLossOpen { try settleLoss(&row, total, &poll) }
    let divisor = normaliser.map(arithmetic.exact) ?? arithmetic.whole(1)
    let factor = GradientFactor(
      row, upstream: upstream, sampleWeight: sampleWeight, scale: shares.scale, normaliser: divisor)
    var left: [Int] = []
    func settle(_ i: Int) throws(ComputationError) {
      try poll.spend(arithmetic.costOfExponential / 4)
      let value = try row.gradient(i, share: shares.share(i, arithmetic), total: total, factor, &poll)
      if let result = value.rounded(to: format, isIrrational: !(slice.isLevel || slice.isMasked(i))) {
        answer(i, result)
      } else {
        left.append(i)
      }
    }
    if let open {
      for i in open { try settle(i) }
    } else {
      for i in 0..<slice.classes { try settle(i) }
    }
    open = left
  }

  private mutating func settleLoss<A: Arithmetic>(
    _ row: inout Row<A>, _ total: A.Real, _ poll: inout Poll
  ) throws(ComputationError) {
    let arithmetic = row.arithmetic
    guard let scaled = try row.scaledLoss(shares, total: total, &poll) else {
      loss = .infinity
      term = .infinite
      isLossOpen = false
      return
    }
    let weighted = arithmetic.exact(sampleWeight) * scaled
    if use == .term {
      term = .finite(weighted.ball)
      isLossOpen = false
    } else {
      let value = row.perTemperature(weighted) / arithmetic.whole(shares.scale)
      guard let result = value.rounded(to: format, isIrrational: true) else { return }
      loss = result
      isLossOpen = false
    }
  }
}
